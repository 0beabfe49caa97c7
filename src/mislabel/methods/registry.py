"""The methods by name: those of this package, those that other packages bring, and those registered by hand.

A method registers itself, by a decorator in its file:

    @register("ido", paper="Zhang et al., NeurIPS 2025", when="labels are partly wrong", group="thorough")
    @dataclass(frozen=True)
    class IDO: ...

A package of others names the module in its metadata, as an entry point of the group `mislabel.methods`:

    [project.entry-points."mislabel.methods"]
    bootstrapping = "their_package.bootstrapping"
"""

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from mislabel.errors import InputError, alternatives
from mislabel.methods.method import check_method

GROUP = "mislabel.methods"
# In the order in which they are listed; each is a module of this package, or in that of its paper.
OWN = (
    "ce", "panel", "ido", "dygen", "npc", "gce", "sce", "elr", "mixup", "forward", "co_teaching", "jocor",
    "co_regularization", "m_correction", "divide_mix", "selfmix", "unicon", "disc", "sed", "sop", "cosine", "lccn",
    "divide_lccn", "turn", "loss_reweighting", "osa", "nmtune", "rlap",
)  # fmt: skip
SHARED = {"divide_lccn": "lccn"}  # by one paper

# By what the labels look like, in the order in which they are listed, with the words for each.
GROUPS = {
    "right": "Labels are right, or few are wrong",
    "written": "Rules, an LLM or people wrote the labels",
    "random": "Labels are wrong at random, in the time of plain training",
    "thorough": "Labels are wrong at random, with more time",
    "confused": "Classes are taken for each other",
    "other": "Other labels",  # a method whose author does not say
}

M = TypeVar("M", bound=type[Any])


@dataclass(frozen=True)
class Entry:
    """A line of `mislabel methods`.

    Attributes
    ----------
    make : class
        Makes the method from its options.
    paper, when : str
        Where it was published, and when to use it.
    group : str
        Of GROUPS.
    """

    make: type[Any]
    paper: str
    when: str
    group: str = "other"

    def __post_init__(self) -> None:
        if self.group not in GROUPS:
            raise ValueError(f"group {self.group!r} is not known{alternatives(self.group, GROUPS)}")

    def cost(self, *, numeric: bool = False) -> float:
        """What the defaults cost at least, in multiples of plain training; `numeric` inputs are pixels or features.

        Raises
        ------
        InputError
            If the method, that of another package, cannot make its stages.
        """
        from mislabel.training.cost import cost

        try:
            stages = self.make().stages()
        except Exception as error:
            raise InputError(
                f"{_path(self.make)} cannot make its stages ({type(error).__name__}: {error}): repair or uninstall it, "
                "or choose another method"
            ) from error
        return cost(stages, numeric=numeric) / cost(METHODS["ce"].make().stages())

    def describe_cost(self) -> str:
        """The cost in words: one number, or that of texts and that of numeric inputs."""
        each = [f"{self.cost(numeric=numeric):.1f}".removesuffix(".0") for numeric in (False, True)]
        return f"{each[0]} x" if each[0] == each[1] else f"{each[0]} to {each[1]} x"


class Methods(MutableMapping[str, Entry]):
    """Entries by name. Names are known at once; a method is imported when its entry is asked for."""

    def __init__(self) -> None:
        self.registered: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys([*OWN, *sorted(_entry_points()), *self.registered])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in OWN or name in self.registered or name in _entry_points()

    def __getitem__(self, name: str) -> Entry:
        """The entry of a method.

        Raises
        ------
        KeyError
            If no method has this name.
        InputError
            If it belongs to another package and cannot be loaded.
        """
        if name not in self.registered and name in OWN:
            import_module(_module(name))
        elif name not in self.registered:
            self._load(name, _entry_points()[name])
        return self.registered[name]

    def __setitem__(self, name: str, entry: Entry) -> None:
        check_method(entry.make)
        self.registered[name] = entry

    def __delitem__(self, name: str) -> None:
        del self.registered[name]

    def _load(self, name: str, points: list[EntryPoint]) -> None:
        """Import a method of another package, which registers itself."""
        packages = ", ".join(point.dist.name if point.dist else point.value for point in points)
        if len(points) > 1:
            raise InputError(f"method {name!r} comes with several packages, {packages}: uninstall all but one")
        try:
            points[0].load()
        except (Exception, SystemExit) as error:  # whatever is wrong there, the user has to know where
            raise InputError(
                f"method {name!r} of the package {packages} cannot be loaded ({type(error).__name__}: {error}): repair "
                "or uninstall that package, or choose another method"
            ) from error
        if name not in self.registered:
            raise InputError(
                f"method {name!r} is announced by the package {packages}, but {points[0].value} does not register it: "
                f"it needs the decorator @register({name!r}, ...) there"
            )


METHODS = Methods()


def register(name: str, *, paper: str, when: str, group: str = "other") -> Callable[[M], M]:
    """Make a class a method that can be asked for by name.

    Parameters
    ----------
    name : str
        Free, or that of the same class.
    paper : str
        Authors, venue and number of the paper.
    when : str
        Half a sentence: when to use it.
    group : str
        What labels it is for, one of GROUPS.

    Raises
    ------
    TypeError
        If the class is no method; the message says what it lacks.
    ValueError
        If the name is taken, or no group has this name.
    """

    def decorate(kind: M) -> M:
        check_method(kind)
        owner = _owner(name)
        if owner not in (None, kind.__module__, _path(kind)):
            raise ValueError(f"the method name {name!r} is taken by {owner}: choose another")
        METHODS[name] = Entry(kind, paper, when, group)
        return kind

    return decorate


def _module(name: str) -> str:
    """Where a method of this package is."""
    return f"{__package__}.{SHARED.get(name, name)}"


def _owner(name: str) -> str | None:
    """The owner of a name: the module of a method of this package, or a registered class; None where it is free."""
    if name in OWN:
        return _module(name)
    return _path(METHODS.registered[name].make) if name in METHODS.registered else None


def _path(kind: type[Any]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def method_entry(name: str) -> Entry:
    """The method of this name.

    Raises
    ------
    InputError
        If there is none, with the nearest or all names; or if it belongs to another package and cannot be loaded.
    """
    if name not in METHODS:
        raise InputError(f"method {name!r} is not known{alternatives(name, METHODS)}")
    return METHODS[name]


def _entry_points() -> dict[str, list[EntryPoint]]:
    """The methods of other packages by name, from their metadata alone, without names that this package has."""
    announced: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        if point.name not in OWN:
            announced.setdefault(point.name, []).append(point)
    return announced
