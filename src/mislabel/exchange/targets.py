"""The targets of an export by name: a file of this folder each, and those that are registered by hand.

A target is a class that registers itself:

    @register
    class Argilla:
        name = "argilla"
        help = "records of Argilla"

        def check(self, output, take_suggestions): ...
        def write(self, corrected, folder, output): ...

One of this package has its line in `OWN` too, so that the command line lists it without importing it.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mislabel.errors import one_of

if TYPE_CHECKING:  # the command line lists the targets, and starts without pandas
    from mislabel.exchange.corrected import Corrected
    from mislabel.run.folder import RunFolder

# In the order in which they are listed; each is a module of this package, with _ for -.
OWN = {
    "table": "the data and two columns more",
    "label-studio": "tasks, as .json",
    "cleanlab": "a table with its column names too",
}


class Target(Protocol):
    """One form of export.

    Attributes
    ----------
    name : str
        As a caller asks for it.
    help : str
        Half a sentence for the command line.
    """

    name: str
    help: str

    def check(self, output: Path, take_suggestions: float | None) -> None:
        """Check the options before the data are read.

        Raises
        ------
        InputError
            If they are none for this target, or `output` cannot be written.
        """
        ...

    def write(self, corrected: "Corrected", folder: "RunFolder", output: Path) -> dict[str, Any]:
        """Write the data at once, with mode 0600.

        Returns
        -------
        dict
            What the export returns beside the counts.
        """
        ...


T = TypeVar("T", bound=type[Any])

_REGISTERED: dict[str, Target] = {}


def register(kind: T) -> T:
    """Make a class, which needs no arguments, a target that can be asked for by its name.

    Raises
    ------
    ValueError
        If the name is taken.
    """
    name = kind.name
    owner = _owner(name)
    if owner not in (None, kind.__module__):
        raise ValueError(f"the name {name!r} of a target is taken by {owner}: choose another")
    _REGISTERED[name] = kind()
    return kind


def target(name: str) -> Target:
    """The target of this name.

    Raises
    ------
    InputError
        If there is none, with the nearest and all names.
    """
    one_of("kind", name, targets())
    if name not in _REGISTERED:
        import_module(_module(name))
    return _REGISTERED[name]


def targets() -> dict[str, str]:
    """The help of every target by its name; those of this package come first."""
    return {**OWN, **{name: kind.help for name, kind in _REGISTERED.items() if name not in OWN}}


def _owner(name: str) -> str | None:
    """The module that registered the name; None where it is free."""
    if name in OWN:
        return _module(name)
    return type(_REGISTERED[name]).__module__ if name in _REGISTERED else None


def _module(name: str) -> str:
    return f"{__package__}.{name.replace('-', '_')}"
