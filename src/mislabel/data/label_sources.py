"""Several labels a row: who gave them, what each says of every row, and what kind of source each is.

A source is a rule, which says one class where it fires; a person; or a model, such as an LLM. It abstains where it says
nothing: null, empty, or -1.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

import numpy as np

from mislabel.data.order import recoded
from mislabel.errors import InputError, one_of, some_ids

Kind = Literal["rule", "person", "model"]
COMPLETE = 0.95  # of the rows with votes: a source among rules that says several classes and covers so many is a model
NEARLY_ALL = 0.995  # of the rows with votes, on which a label that is made from the sources is one of them


@dataclass(frozen=True, eq=False)
class Sources:
    """What S sources say of n rows.

    Attributes
    ----------
    names : list of str
        Each once.
    votes : (n, S) int16 or int32
        Codes of classes, -1 where a source abstains.
    kinds : list of str
        "rule", "person" or "model".
    shares : dict
        Of sources that give soft labels, by name: their shares of the classes, (n, K) float32, whose rows sum to 1 or,
        where the source abstains, to 0; classes that came later have none. `votes` holds the likeliest class.
    consensus : dict, optional
        How the given labels were made of the votes, as `mislabel.data.consensus.agree` tells it; None where they were
        given beside.
    """

    names: list[str]
    votes: np.ndarray
    kinds: list[Kind]
    shares: dict[str, np.ndarray] = field(default_factory=dict)
    consensus: dict[Any, Any] | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def said(self) -> np.ndarray:
        """Where each speaks, (n, S) bool."""
        return self.votes >= 0

    def are(self, kind: Kind) -> np.ndarray:
        """Which are of a kind, (S,) bool."""
        return np.array([each == kind for each in self.kinds], dtype=bool)

    def counts(self, n_classes: int) -> np.ndarray:
        """How many say each class of each row, (n, n_classes) int64; of soft labels the likeliest class counts."""
        row, source = np.nonzero(self.said)
        cells = row * n_classes + self.votes[row, source]
        return np.bincount(cells, minlength=len(self.votes) * n_classes).reshape(len(self.votes), n_classes)

    def shares_of_votes(self, n_classes: int) -> np.ndarray:
        """How many say each class of each row, a soft label in parts, (n, n_classes) float64."""
        number = self.counts(n_classes).astype(np.float64)
        for source in range(len(self)):
            soft = self.soft(source, n_classes)
            if soft is not None:
                rows = np.flatnonzero(self.votes[:, source] >= 0)
                number[rows, self.votes[rows, source]] -= 1
                number += soft
        return number

    def rows(self, rows: np.ndarray) -> "Sources":
        """What they say of some rows (m,) int64."""
        return replace(self, votes=self.votes[rows], shares={name: each[rows] for name, each in self.shares.items()})

    def take(self, sources: np.ndarray) -> "Sources":
        """Some of the sources (s,) int64."""
        names, kinds = ([each[int(source)] for source in sources] for each in (self.names, self.kinds))
        shares = {name: each for name, each in self.shares.items() if name in names}
        return replace(self, names=names, votes=self.votes[:, sources], kinds=kinds, shares=shares)

    def recoded(self, ranks: np.ndarray) -> "Sources":
        """The same after classes were put in another order."""
        shares = {}
        for name, each in self.shares.items():
            shares[name] = np.zeros((len(each), max(int(ranks.max()) + 1, each.shape[1])), dtype=each.dtype)
            shares[name][:, recoded(np.arange(each.shape[1]), ranks)] = each
        return replace(self, votes=recoded(self.votes, ranks).astype(self.votes.dtype), shares=shares)

    def soft(self, source: int, n_classes: int) -> np.ndarray | None:
        """The shares of one source, (n, n_classes) float32; None where it says one class a row."""
        shares = self.shares.get(self.names[source])
        if shares is None:
            return None
        return np.pad(shares, ((0, 0), (0, max(n_classes - shares.shape[1], 0))))[:, :n_classes]

    def silent(self) -> np.ndarray:
        """Those that never speak, (s,) int64."""
        return np.flatnonzero(~self.said.any(0))

    def repeated(self) -> dict[int, int]:
        """Those that say on every row what an earlier one of their kind says, with that one; silent ones aside."""
        first: dict[tuple[str, bytes, bytes], int] = {}
        found = {}
        for source in np.flatnonzero(self.said.any(0)).tolist():
            shares = self.shares.get(self.names[source], np.empty(0))
            key = self.kinds[source], np.ascontiguousarray(self.votes[:, source]).tobytes(), shares.tobytes()
            if key in first:
                found[source] = first[key]
            else:
                first[key] = source
        return found

    def distinct(self) -> "Sources":
        """Without those that never speak or repeat another."""
        gone = {*self.silent().tolist(), *self.repeated()}
        return self.take(np.array([source for source in range(len(self)) if source not in gone], dtype=np.int64))

    def holding(self, codes: np.ndarray) -> bool:
        """Whether labels (n,) seem to be made from these sources: wherever one speaks they are what one of them says.

        Such labels are no further evidence.
        """
        spoken = self.said.any(1)
        if not spoken.any() or (codes[~spoken] >= 0).any():
            return False
        among = (self.votes[spoken] == codes[spoken, None]).any(1) | (codes[spoken] < 0)
        return bool(among.mean() >= NEARLY_ALL)

    def with_label(self, codes: np.ndarray, name: str) -> "Sources":
        """The same and given labels (n,) as one more source, which counts as a person."""
        votes = np.column_stack([self.votes, codes]).astype(self.votes.dtype)
        return replace(self, names=[*self.names, name], votes=votes, kinds=[*self.kinds, "person"])


def kinds_of(names: Sequence[str], votes: np.ndarray, said: str | None, *, soft: Collection[str] = ()) -> list[Kind]:
    """What kind each source is.

    Who says one class alone is a rule, and who says several a person; but where all others are rules, one that covers
    nearly all rows is a model.

    Parameters
    ----------
    names : S names
    votes : (n, S) int
    said : str, optional
        Patterns of names and their kind, which win: ``"rule_*=rule,anna=person"``.
    soft : names
        Who give soft labels, and so say several classes.

    Raises
    ------
    InputError
        If a pattern fits no name, or a kind is none.
    """
    several = [
        name in soft or len(np.unique(column[column >= 0])) > 1 for name, column in zip(names, votes.T, strict=True)
    ]
    kinds: list[Kind] = ["person" if many else "rule" for many in several]
    if sum(several) == 1 and len(names) > 1:
        only = several.index(True)
        spoken = votes[(votes >= 0).any(1)]  # held-out rows may have no votes
        if len(spoken) and (spoken[:, only] >= 0).mean() >= COMPLETE:
            kinds[only] = "model"
    for pattern, kind in _patterns(said):
        fitting = [number for number, name in enumerate(names) if fnmatchcase(name, pattern)]
        if not fitting:
            raise InputError(f"--source-kind: no source is called {pattern!r}; there are {some_ids(names)}")
        for number in fitting:
            if kind == "rule" and several[number]:
                raise InputError(
                    f"--source-kind: {names[number]!r} says several classes, and a rule says one: give it as person or "
                    "model, or split it into a rule a class"
                )
            kinds[number] = kind
    return kinds


def _patterns(said: str | None) -> list[tuple[str, Kind]]:
    found = []
    for part in (said or "").split(","):
        if not part.strip():
            continue
        pattern, equals, kind = (each.strip() for each in part.rpartition("="))
        if not equals:
            raise InputError(f"--source-kind: {part.strip()!r} says no kind; write NAME=KIND, such as 'rule_*=rule'")
        one_of(f"--source-kind: {pattern}", kind, get_args(Kind))
        found.append((pattern, kind))
    return found


def source_notes(sources: Sources) -> list[str]:
    """What a user should know of the sources before anything is fitted, as sentences."""
    count = {kind: int(sources.are(kind).sum()) for kind in get_args(Kind)}
    words = {"rule": "rules", "person": "people", "model": "models"}
    several = ", ".join(f"{number} {words[kind] if number > 1 else kind}" for kind, number in count.items() if number)
    mean = float(sources.said.sum(1).mean())
    notes = [f"Sources: {len(sources)} ({several}), {mean:.1f} labels a row."]
    silent = sources.silent()
    if len(silent):
        notes.append(f"Sources that never speak, left out: {some_ids([sources.names[each] for each in silent])}.")
    repeated = sources.repeated()
    if repeated:
        pairs = [f"{sources.names[each]} = {sources.names[first]}" for each, first in repeated.items()]
        notes.append(f"Sources that say what another says on every row, counted once: {some_ids(pairs)}.")
    if sources.shares:
        notes.append(
            f"Sources with soft labels: {some_ids(list(sources.shares))}. Every share is heard; where one class a row "
            "is told, it is the likeliest."
        )
    return notes
