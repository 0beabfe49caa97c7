"""The modalities by name: those that come with this package, and those of others."""

from functools import cache
from importlib.metadata import entry_points

from mislabel.errors import InputError, alternatives
from mislabel.modalities.base import Modality

ENTRY_POINTS = "mislabel.modalities"  # where a package of others names its object
_REGISTERED: dict[str, Modality] = {}


def register(modality: Modality) -> Modality:
    """Make a modality known by its name; one that was registered under this name before is replaced.

    Raises
    ------
    InputError
        If the name cannot be that of an option, or is that of a modality of this package.
    """
    if not modality.name.isidentifier() or modality.name in _included():
        raise InputError(
            f"a modality cannot be called {modality.name!r}: needed is a word of letters, digits and _ that is not "
            f"one of {', '.join(_included())}"
        )
    _REGISTERED[modality.name] = modality
    return modality


def modality(name: str) -> Modality:
    """The modality of this name.

    Raises
    ------
    InputError
        If there is none, as where a run was made with a package that is not installed here.
    """
    known = {**_included(), **_installed(), **_REGISTERED}
    if name not in known:
        raise InputError(f"no modality {name!r} is known here{alternatives(name, known)}")
    return known[name]


def modality_names() -> tuple[str, ...]:
    """The names of all modalities; those of this package come first."""
    return tuple({**_included(), **_installed(), **_REGISTERED})


@cache
def _included() -> dict[str, Modality]:
    from mislabel.modalities.features.modality import FEATURES  # here, since they import this folder
    from mislabel.modalities.image.modality import IMAGE
    from mislabel.modalities.text.modality import TEXT

    return {kind.name: kind for kind in (TEXT, IMAGE, FEATURES)}


@cache
def _installed() -> dict[str, Modality]:
    installed = (point.load() for point in entry_points(group=ENTRY_POINTS))
    return {kind.name: kind for kind in installed if kind.name not in _included()}
