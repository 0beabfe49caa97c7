"""The modalities by name: those that come with this package, and those of others."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points

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
    known = _known()
    if name not in known and name in unusable_modalities():
        raise InputError(unusable_modalities()[name])
    if name not in known:
        raise InputError(f"no modality {name!r} is known here{alternatives(name, known)}")
    return known[name]


def modality_names() -> tuple[str, ...]:
    """The names of all modalities; those of this package come first."""
    return tuple(_known())


def unusable_modalities() -> dict[str, str]:
    """Why modalities that other packages announce cannot be used, as a sentence, by name."""
    return _installed()[1]


def _known() -> dict[str, Modality]:
    return {**_included(), **_installed()[0], **_REGISTERED}


@cache
def _included() -> dict[str, Modality]:
    from mislabel.modalities.features.modality import FEATURES  # here, since they import this folder
    from mislabel.modalities.image.modality import IMAGE
    from mislabel.modalities.text.modality import TEXT

    return {kind.name: kind for kind in (TEXT, IMAGE, FEATURES)}


@cache
def _installed() -> tuple[dict[str, Modality], dict[str, str]]:
    """The modalities of other packages, and of those that cannot be used, why."""
    usable: dict[str, Modality] = {}
    unusable: dict[str, str] = {}
    for point in entry_points(group=ENTRY_POINTS):
        package = point.dist.name if point.dist else point.value
        try:
            kind = _load(point)
        except (Exception, SystemExit) as error:  # one package of others must not take every command away
            unusable[point.name] = (
                f"modality {point.name!r} of the package {package} cannot be used ({type(error).__name__}: {error}): "
                "repair or uninstall that package"
            )
            continue
        if kind.name not in _included():
            usable[kind.name] = kind
    return usable, unusable


def _load(point: EntryPoint) -> Modality:
    """The modality that an entry point names; raises whatever is wrong with it."""
    kind = point.load()
    if not isinstance(kind, Modality):
        raise TypeError(f"{point.value} is no instance of a class that derives from mislabel.modalities.Modality")
    lacking = [name for name in ("name", "words", "help") if not hasattr(kind, name)]
    if lacking:
        raise TypeError(f"{point.value} lacks {', '.join(lacking)}")
    if not kind.name.isidentifier():
        raise TypeError(f"{point.value} is called {kind.name!r}, needed a word of letters, digits and _")
    return kind
