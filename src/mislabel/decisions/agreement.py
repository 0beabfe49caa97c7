"""How far two reviewers agree on the rows that both decided, each without having seen what the other said."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mislabel.decisions.events import NAMED, Event, Kind
from mislabel.decisions.limits import binomial_limits


@dataclass(frozen=True)
class Verdicts:
    """What two reviewers said of one row.

    Attributes
    ----------
    said : dict
        By reviewer, in the order in which they decided: "label" and the label, or the kind of a decision without one
        and None.
    settled : bool
        Whether somebody decided the row again after that.
    """

    said: dict[str, tuple[Kind, Any]]
    settled: bool

    @property
    def differ(self) -> bool:
        return len(set(self.said.values())) > 1

    @property
    def in_dispute(self) -> bool:
        """Whether they differ and nobody has settled it."""
        return self.differ and not self.settled


def verdicts_of(standing: Iterable[Event]) -> Verdicts | None:
    """What two reviewers said of a row on their own; None where not two named ones decided it.

    The first one may have changed their mind until the second decided. What comes later, of anybody, settles the row.

    Parameters
    ----------
    standing : iterable of Event
        Decisions on the row that were not undone, in the order in which they were made.
    """
    said: dict[str, tuple[Kind, Any]] = {}
    settled = False
    for event in standing:
        if len(said) == 2:
            settled = True
        elif event.reviewer is not None:
            decision = event.decision
            said[event.reviewer] = ("label", decision.label) if decision.kind in NAMED else (decision.kind, None)
    return Verdicts(said, settled) if len(said) == 2 else None


@dataclass(frozen=True)
class Agreement:
    """Cohen's kappa of two reviewers.

    Attributes
    ----------
    rows, agreed : int
        Rows that both decided, and those of which they said the same.
    kappa : float or None
        0 for what chance would give, 1 where they always agree; None where both said one thing of all rows, as
        chance does.
    low, high : float or None
        95 % interval: of the exact one of the share agreed on, with the agreement by chance as it was found.
    """

    rows: int
    agreed: int
    kappa: float | None
    low: float | None
    high: float | None


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> Agreement:
    """The agreement of two reviewers on n >= 1 rows (Cohen, 1960)."""
    n = len(first)
    agreed = sum(one == other for one, other in zip(first, second, strict=True))
    by_chance = sum(first.count(word) * second.count(word) for word in set(first)) / n**2
    if by_chance == 1:
        return Agreement(n, agreed, None, None, None)
    low, high = ((share - by_chance) / (1 - by_chance) for share in binomial_limits(n, agreed))
    return Agreement(n, agreed, (agreed / n - by_chance) / (1 - by_chance), low, high)
