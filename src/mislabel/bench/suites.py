"""A suite says in a short file what is compared on which data; some come with the package, others are a user's own."""

import hashlib
import json
import re
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from mislabel.errors import InputError, alternatives, one_of
from mislabel.modalities import modality_names

AGGREGATES = ("majority", "least_covering", "dawid_skene")  # how votes become one label: `bench/one_label.py`
SHIPPED = Path(__file__).parent / "suites"
BUILTIN = ("digits", "messages", "iris", "wine", "breast_cancer")
INPUT = ("modality", "column")  # of a source; a file says both in one line


@dataclass(frozen=True)
class Source:
    """One data set of a suite.

    Attributes
    ----------
    name : str
    builtin : one of BUILTIN, optional
        Data that come with the package, or with scikit-learn.
    files : tuple of str
        Tables below --data-dir, read one after the other.
    hub : dict
        Where the Hugging Face hub has the same data: ``name``, and the columns that are called something else there.
    modality : str
        The name of that of the input.
    column : str
        The name of the input column, or the pattern of several; in the file it stands behind the name of the modality,
        as in `mislabel train`.
    label : str
        Column of the gold labels.
    given : str, optional
        Column of labels with real errors; rows where it says nothing (null, negative) do not train.
    sources : str, optional
        Columns of what several sources say of a row, as `mislabel train --sources`; rows of which nobody says anything
        do not train. The given labels are what they come to.
    aggregate : str, optional
        With `sources`: one of `AGGREGATES`, by which they become one given label,
        which is then all that a method gets.
    source_kind : str, optional
        As `mislabel train --source-kind`.
    describe : str, optional
        TOML file below --data-dir of what its classes mean, as in `mislabel train --describe`.
    noise : dict
        Errors to plant where there are no real ones: kind, rate and the other options of `mislabel corrupt`.
    train_rows, test_rows : int
        Rows to draw with the seed; 0 takes all.
    classes : tuple of str
        Names for labels that are codes 0 to K - 1, the gold and the given ones; empty where labels stay as they are.
    trusted : int
        Training rows to draw with the seed, whose gold label the methods get as a trusted one.
    run : dict
        Settings of the runs on these data, over those of the suite.
    """

    name: str
    builtin: str | None = None
    files: tuple[str, ...] = ()
    hub: dict[str, str] = field(default_factory=dict)
    modality: str = ""
    column: str = ""
    label: str = "label"
    given: str | None = None
    sources: str | None = None
    aggregate: str | None = None
    source_kind: str | None = None
    describe: str | None = None
    noise: dict[str, Any] = field(default_factory=dict)
    train_rows: int = 0
    test_rows: int = 0
    classes: tuple[str, ...] = ()
    trusted: int = 0
    run: dict[str, Any] = field(default_factory=dict)

    def as_written(self) -> dict[str, Any]:
        """What the file says, less what is as it would be without a word."""
        unset, stated = Source(""), {**asdict(self), self.modality: self.column}
        changed = {name: value for name, value in stated.items() if value != getattr(unset, name, None)}
        return {name: value for name, value in changed.items() if name not in INPUT}


@dataclass(frozen=True)
class Suite:
    """What is compared on what. `run` holds settings of `mislabel train` that all cells share."""

    name: str
    title: str
    data: tuple[Source, ...]
    methods: tuple[str, ...] = ("all",)
    seeds: int = 1
    run: dict[str, Any] = field(default_factory=dict)
    notes: str = ""

    @property
    def fingerprint(self) -> str:
        """Changes with whatever changes a result; which methods, seeds and data sets are run does not."""
        content = {"data": [source.as_written() for source in self.data], "run": self.run}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def with_run(self, **settings: Any) -> "Suite":
        """The same with settings that win over the file's, those for single data sets included."""
        given = {name: value for name, value in settings.items() if value is not None}
        _check_run(given, "settings")
        data = tuple(
            replace(source, run={k: v for k, v in source.run.items() if k not in given}) for source in self.data
        )
        return replace(self, run=self.run | given, data=data)

    def with_data(self, names: list[str]) -> tuple[Source, ...]:
        """The data sets of these names, all for none.

        Raises
        ------
        InputError
            For a name that the suite does not have.
        """
        known = {source.name: source for source in self.data}
        for name in names:
            if name not in known:
                raise InputError(f"suite {self.name} has no data {name!r}{alternatives(name, known)}")
        return tuple(known[name] for name in names) if names else self.data


def shipped_suites() -> list[str]:
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def read_suite(name: str) -> Suite:
    """A suite that comes with the package, by name, or a .toml file of one's own.

    Raises
    ------
    InputError
        If there is none, or it cannot be read as one.
    """
    own = name.endswith(".toml")
    if not own and name not in shipped_suites():
        raise InputError(f"no suite {name!r}{alternatives(name, shipped_suites())}, or give the path of a .toml file")
    path = Path(name) if own else SHIPPED / f"{name}.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no suite file {path}; suites that ship: {', '.join(shipped_suites())}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is no TOML file: {error}") from error
    sources = content.pop("data", [])
    if not isinstance(sources, list) or not sources:
        raise InputError(f"{path.name} names no data: give at least one [[data]] with a name")
    data = tuple(_source(source, path.name) for source in sources)
    twice = {source.name for source in data if sum(other.name == source.name for other in data) > 1}
    if twice:
        raise InputError(f"{path.name} has data called {min(twice)!r} more than once: give each its own name")
    suite = _read(Suite, {"title": path.stem, **content, "name": path.stem, "data": data}, path.name)
    if isinstance(suite.seeds, bool) or not isinstance(suite.seeds, int) or suite.seeds < 1:
        raise InputError(f"{path.name}: seeds is {suite.seeds!r}, needed a whole number of at least 1")
    _check_run(suite.run, f"{path.name}, [run]")
    return suite


def _source(content: dict[str, Any], file: str) -> Source:
    where = f"{file}, data {content.get('name', '?')}"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", str(content.get("name", ""))):
        raise InputError(f"{where}: each [[data]] needs a name of letters, digits, - and _")
    if isinstance(content.get("files"), str):
        content = content | {"files": [content["files"]]}
    inputs = [(name, value) for name, value in content.items() if name in modality_names()]
    rest = {name: value for name, value in content.items() if name not in dict(inputs)}
    known = [*modality_names(), *(setting.name for setting in fields(Source) if setting.name not in INPUT)]
    source = _read(Source, rest, where, known)
    if source.builtin is not None:
        one_of(f"{where}: builtin", source.builtin, BUILTIN)
    if source.builtin is None and not source.files and not source.hub:
        raise InputError(f"{where}: where are the data? Give files (below --data-dir), hub, or builtin")
    if len(inputs) != 1:
        *most, last = modality_names()
        raise InputError(f"{where}: what is the input? Give exactly one of {', '.join(most)} and {last}")
    source = replace(source, modality=inputs[0][0], column=inputs[0][1])
    if sum(map(bool, (source.given, source.sources, source.noise))) != 1:
        raise InputError(
            f"{where}: give one of given (a column with real errors), sources (several) and noise (errors to plant)"
        )
    if source.aggregate is not None:
        one_of(f"{where}: aggregate", source.aggregate, AGGREGATES)
    if source.noise and "kind" not in source.noise:
        raise InputError(f"{where}: noise needs a kind, as `mislabel corrupt --kind`")
    _check_labels(source, where)
    _check_run(source.run, f"{where}, run")
    return source


def _check_labels(source: Source, where: str) -> None:
    """Raise InputError for names of classes that are none, or a number of trusted labels that is none."""
    names = source.classes
    if not isinstance(names, tuple) or any(not isinstance(name, str) or not name.strip() for name in names):
        raise InputError(
            f'{where}: classes is {names!r}, needed a list of names for the codes 0, 1, ...: ["no", "yes"]'
        )
    if len(names) == 1 or len(set(names)) < len(names):
        raise InputError(f"{where}: classes is {list(names)!r}, needed at least two names, each of them once")
    rows = source.trusted
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 0:
        raise InputError(f"{where}: trusted is {rows!r}, needed a whole number of training rows")


def _read(cls: type[Any], content: dict[str, Any], where: str, known: list[str] | None = None) -> Any:
    known = known or [setting.name for setting in fields(cls)]
    for name in content:
        if name not in known:
            raise InputError(f"{where}: unknown key {name!r}{alternatives(name, known)}")
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in content.items()})


def _check_run(settings: dict[str, Any], where: str) -> None:
    """Settings are those of a run, less what makes one cell different from another."""
    from mislabel.run.settings import RunConfig

    elsewhere = ("method", "options", "seed", "recipe", "describe")
    known = [setting.name for setting in fields(RunConfig) if setting.name not in elsewhere]
    for name in settings:
        if name not in known:
            raise InputError(f"{where}: unknown setting {name!r}{alternatives(name, known)}")
    RunConfig(**settings)
