"""What was decided of the judged rows, in the order of the list, from the events of a store."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mislabel.decisions.events import OF_THIS_RUN, Event, replay

UNDECIDED, RIGHT, WRONG, UNSURE = -1, 0, 1, 2


@dataclass(frozen=True, eq=False)
class ReviewedRows:
    """What is known of n judged rows. The index in these arrays is the rank in the list, 0 = worst.

    Attributes
    ----------
    state : (n,) int8
        UNDECIDED, RIGHT, WRONG or UNSURE: what holds now.
    probe : (n,) bool
        Whether the row was a probe of this review when it was first decided. It stays one if it is decided again from
        the list.
    when : (n,) int64
        Grows with the time of a row's first decision; without meaning where it is undecided.
    """

    state: np.ndarray
    probe: np.ndarray
    when: np.ndarray

    def __len__(self) -> int:
        return len(self.state)


def reviewed_rows(history: Iterable[Event], rank_of: Callable[[list[Any]], np.ndarray], n: int) -> ReviewedRows:
    """What the events of a store, in the order in which they were made, say of n judged rows.

    Parameters
    ----------
    rank_of : callable
        Gives the rank of each id among the judged rows, -1 for ids that are none of them.
    """
    events = list(history)
    first: dict[Any, Event] = {}
    for event in events:
        if event.undoes is None:
            first.setdefault(event.decision.id, event)
    standing = replay(events)
    ids = list(standing)
    ranks = np.asarray(rank_of(ids), dtype=np.int64)
    rows = ReviewedRows(np.full(n, UNDECIDED, dtype=np.int8), np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64))
    for id, rank in zip(ids, ranks.tolist(), strict=True):
        if rank >= 0:
            wrong = standing[id].decision.wrong
            rows.state[rank] = UNSURE if wrong is None else WRONG if wrong else RIGHT
            # Of an earlier run's probes only those are judged rows still of which the person could not tell: no sample.
            rows.probe[rank] = first[id].decision.probe and first[id].source in OF_THIS_RUN
            rows.when[rank] = first[id].number
    return rows


@dataclass(frozen=True)
class Beginning:
    """The decided beginning of the list, exactly: its length, its wrong rows, and those that nobody could tell."""

    depth: int
    wrong: int
    unsure: int


def decided_beginning(rows: ReviewedRows) -> Beginning:
    """What the list has given up to the first row that is not decided."""
    state = rows.state[: _first_undecided(rows.state)]
    return Beginning(len(state), int((state == WRONG).sum()), int((state == UNSURE).sum()))


def worked_through(state: np.ndarray, probe: np.ndarray) -> int:
    """How far an order was followed: up to the last row decided from it before the first row that is not decided.

    Probes just behind it do not count: how far the order counts as followed must not depend on which probes were drawn.

    Parameters
    ----------
    state, probe : (m,) arrays
        As in `ReviewedRows`, in that order.
    """
    listed = np.flatnonzero(~probe[: _first_undecided(state)])
    return int(listed[-1]) + 1 if len(listed) else 0


def reached_in(order: np.ndarray, rows: ReviewedRows) -> np.ndarray:
    """The rows that were worked through in another order than that of the list, (n,) bool by rank.

    Parameters
    ----------
    order : (m,) int
        Ranks in that order, which must not depend on what was decided.
    """
    reached = np.zeros(len(rows), dtype=bool)
    reached[order[: worked_through(rows.state[order], rows.probe[order])]] = True
    return reached


def _first_undecided(state: np.ndarray) -> int:
    undecided = state == UNDECIDED
    return int(undecided.argmax()) if undecided.any() else len(state)
