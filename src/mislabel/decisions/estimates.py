"""How many labels are wrong and how precise the list is, estimated from rows that chance chose.

A *probe* is a row shown because chance chose it, each of the judged rows that are not decided yet being as likely as
any other. Nothing else is assumed: list and probes may come in any mixture, and a person may decide rows in any order,
many at a time, and with an eye to what was found before. Two things follow from that.

The beginning of the list, as far as the person has worked through it, is known, with the probes that fell into it, and
is no part of what is estimated: the list would have come by these rows whatever chance did. (To count them as probes
among the rows that the list has not reached gives too many wrong labels: they come from the top of the list.)

Of the remaining rows, R are undecided when a probe comes, and W of all are wrong, `known` of which have been found. The
probe is wrong with probability (W - known) / R. So with probes in runs b between which the person decided other rows,
m_b probes in each and S wrong ones in all, E[S] = sum_b m_b (W - known_b) / R_b, which is solved for W: without other
decisions it is R S / m, else the sequential estimate of Des Raj (JASA 1956; for active testing: Farquhar, Gal and
Rainforth, ICLR 2021), each probe speaking for what was undecided when it came.

The interval inverts exact tests at 2.5 % a side: of the hypergeometric distribution where the probes are one run, and
of the binomial else, which is wider than draws without replacement need (Hoeffding, JASA 1963). It holds for a moment
fixed beforehand: who goes on until it looks well gets what they looked for. And it holds for probes that were decided:
those passed over for good, because they are hard to tell, are missing from it; calling them unsure is not.

*Wrong* is what a person called wrong. Rows of which a person could not tell count as looked at and as not called wrong,
with probes as with all others: to leave them out would take the undecided rows for ones of which everybody can tell.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaincinv
from scipy.stats import hypergeom

from mislabel.decisions.store import HERE, Event, replay

UNDECIDED, RIGHT, WRONG, UNSURE = -1, 0, 1, 2
SIDE = 0.025  # error on either side of an interval
MOST_DEPTHS = 40


@dataclass(frozen=True, eq=False)
class Looks:
    """What is known of n judged rows, in the order of the list: the place in these arrays is the rank, 0 = worst.

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


def looks_from(history: Iterable[Event], rank_of: Callable[[list[Any]], np.ndarray], n: int) -> Looks:
    """Looks of n judged rows from the events of a store, in the order in which they were made.

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
    looks = Looks(np.full(n, UNDECIDED, dtype=np.int8), np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64))
    for id, rank in zip(ids, ranks.tolist(), strict=True):
        if rank >= 0:
            wrong = standing[id].decision.wrong
            looks.state[rank] = UNSURE if wrong is None else WRONG if wrong else RIGHT
            # Of an earlier run's probes only those are judged rows still of which the person could not tell: no sample.
            looks.probe[rank] = first[id].decision.probe and first[id].source in HERE
            looks.when[rank] = first[id].number
    return looks


@dataclass(frozen=True)
class Depth:
    """The first `depth` rows of the list: how many of them are wrong.

    Attributes
    ----------
    depth : int
    estimate : float or None
        Wrong rows, not below those found and not above those that can be; None where undecided rows are left and no
        probe speaks for them.
    low, high : int
        95 % interval; without probes what is certain.
    looked, wrong, unsure : int
        Decided rows, those called wrong, and those of which a person could not tell.
    probes, probes_wrong : int
        Probes that the estimate rests on, those behind the known beginning of the list, and the wrong ones.
    unbounded : float or None
        The estimate before it is held within what is certain, which brings it nearer to the truth: this one is right
        on average. They differ only where a person decided rows elsewhere than down the list.
    """

    depth: int
    estimate: float | None
    low: int
    high: int
    looked: int
    wrong: int
    unsure: int
    probes: int
    probes_wrong: int
    unbounded: float | None = None

    @property
    def precision(self) -> float | None:
        """The estimate as a share of the rows."""
        return None if self.estimate is None else self.estimate / self.depth

    @property
    def precision_interval(self) -> tuple[float, float]:
        return self.low / self.depth, self.high / self.depth


@dataclass(frozen=True)
class Found:
    """The decided beginning of the list, exactly: its length, its wrong rows, and those that nobody could tell."""

    depth: int
    wrong: int
    unsure: int


def count_wrong(looks: Looks, reached: np.ndarray | None = None) -> Depth:
    """How many of all n >= 1 judged rows are wrong; see `precision_curve`."""
    return precision_curve(looks, np.array([len(looks.state)]), reached)[0]


def found_so_far(looks: Looks) -> Found:
    """What the list has given up to the first row that is not decided."""
    undecided = looks.state == UNDECIDED
    state = looks.state[: undecided.argmax() if undecided.any() else len(undecided)]
    return Found(len(state), int((state == WRONG).sum()), int((state == UNSURE).sum()))


def depths(n: int, most: int = MOST_DEPTHS) -> np.ndarray:
    """At most `most` depths in even ratios, the last of them n >= 1, (k,) int64, growing."""
    return np.unique(np.round(np.geomspace(min(10, n), n, most)).astype(np.int64))


def beginning_of(order: np.ndarray, looks: Looks) -> np.ndarray:
    """What a person has worked through of another order than that of the list, (n,) bool by rank.

    Parameters
    ----------
    order : (m,) int
        Ranks in that order, which must not depend on what was decided.
    """
    reached = np.zeros(len(looks.state), dtype=bool)
    reached[order[: _worked_through(looks.state[order], looks.probe[order])]] = True
    return reached


def precision_curve(looks: Looks, at: np.ndarray | None = None, reached: np.ndarray | None = None) -> list[Depth]:
    """For growing depths, how many of the first rows of the list are wrong.

    Parameters
    ----------
    looks : Looks
        Of n >= 1 rows.
    at : (k,) int, optional
        Depths in [1, n]; those of `depths` by default.
    reached : (n,) bool, optional
        More decided rows that the person was to see whatever chance chose, as `beginning_of` gives them for an order
        that was worked through. They are taken as known as well, which makes the interval narrower.
    """
    at = depths(len(looks.state)) if at is None else np.asarray(at, dtype=np.int64)
    ranks = np.flatnonzero(looks.state != UNDECIDED)
    known = ranks < _worked_through(looks.state, looks.probe)
    if reached is not None:
        known |= reached[ranks]
    by_time = ranks[~known][np.argsort(looks.when[ranks[~known]], kind="stable")]
    probe, wrong = looks.probe[by_time], looks.state[by_time] == WRONG
    samples: list[_Sample] = []
    counts: list[tuple[int, int, int, int]] = []
    for depth in at.tolist():
        looked = int(np.searchsorted(ranks, depth))
        inside, states = by_time < depth, looks.state[ranks[:looked]]
        samples.append(_sample(probe[inside], wrong[inside], depth - int(np.count_nonzero(known[:looked]))))
        counts.append((depth, looked, int((states == WRONG).sum()), int((states == UNSURE).sum())))
    lows, highs = (side.tolist() for side in _limits(samples))
    return [_depth(*count, one, low, high) for count, one, low, high in zip(counts, samples, lows, highs, strict=True)]


@dataclass(frozen=True)
class _Sample:
    """What probes say of W wrong rows outside the known ones: E[wrong] = W * slope - offset, `probes` of them drawn.

    `found` of the W are decided; `one_run` holds how many rows were undecided and how many wrong ones known before the
    probes, where these are one run.
    """

    probes: int
    wrong: int
    found: int
    slope: float
    offset: float
    one_run: tuple[int, int] | None


def _sample(probe: np.ndarray, wrong: np.ndarray, population: int) -> _Sample:
    """From decided rows in the order of time, (m,) bool each, of a population that holds them and undecided rows."""
    found = int(wrong.sum())
    _, first, size = np.unique(np.cumsum(~probe)[probe], return_index=True, return_counts=True)
    if not len(first):
        return _Sample(0, 0, found, 0.0, 0.0, None)
    start = np.flatnonzero(probe)[first]  # of each run of probes, and so the number of rows decided before it
    undecided, known = population - start, np.cumsum(np.append(0, wrong))[start]
    return _Sample(
        probes=int(size.sum()),
        wrong=int(wrong[probe].sum()),
        found=found,
        slope=float((size / undecided).sum()),
        offset=float((size * known / undecided).sum()),
        one_run=(int(undecided[0]), int(known[0])) if len(first) == 1 else None,
    )


def _depth(depth: int, looked: int, wrong: int, unsure: int, sample: _Sample, low: float, high: float) -> Depth:
    """`low` and `high` are the limits of W, to which the wrong rows among the known ones are added here."""
    most, beside = wrong + depth - looked, wrong - sample.found
    free = None
    if looked == depth:
        free = float(wrong)
    elif sample.probes:
        free = beside + (sample.wrong + sample.offset) / sample.slope
    estimate = None if free is None else min(max(free, wrong), most)
    low, high = (int(min(max(value, wrong), most)) for value in (beside + np.ceil(low), beside + np.floor(high)))
    return Depth(depth, estimate, low, high, looked, wrong, unsure, sample.probes, sample.wrong, free)


def _limits(samples: list[_Sample]) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limits of W, (k,) float64 each, for each sample; minus and plus infinity without probes."""
    low, high = np.full(len(samples), -np.inf), np.full(len(samples), np.inf)
    runs = [place for place, one in enumerate(samples) if one.one_run is not None]
    if runs:
        undecided, known = np.array([samples[place].one_run for place in runs]).T
        drawn, wrong = np.array([(samples[place].probes, samples[place].wrong) for place in runs]).T
        fewest, most = hypergeometric_limits(undecided, drawn, wrong)
        low[runs], high[runs] = known + fewest, known + most
    for place, one in enumerate(samples):
        if one.probes and one.one_run is None:
            # Clopper and Pearson; at an end of its range a side is no beta quantile.
            share = (
                betaincinv(one.wrong, one.probes - one.wrong + 1, SIDE) if one.wrong else 0.0,
                betaincinv(one.wrong + 1, one.probes - one.wrong, 1 - SIDE) if one.wrong < one.probes else 1.0,
            )
            low[place], high[place] = ((one.probes * side + one.offset) / one.slope for side in share)
    # Rounding must not push a whole number beyond itself.
    return low - 1e-9 * np.maximum(1, np.abs(low)), high + 1e-9 * np.maximum(1, np.abs(high))


def hypergeometric_limits(rows: np.ndarray, drawn: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exact 95 % limits of how many of some rows are wrong when `wrong` of `drawn` are, drawn without replacement.

    Parameters
    ----------
    rows, drawn, wrong : (k,) int
        wrong <= drawn <= rows.

    Returns
    -------
    low, high : (k,) int64
        The numbers of wrong rows that neither of two one-sided tests at 2.5 % refuses.
    """
    # P(at least so many | K) grows with K, P(at most so many | K) falls: the first K accepted, and the last.
    low = _first(lambda count: hypergeom.sf(wrong - 1, rows, count, drawn) > SIDE, wrong, rows - drawn + wrong)
    beyond = _first(lambda count: hypergeom.cdf(wrong, rows, count, drawn) <= SIDE, wrong, rows - drawn + wrong + 1)
    return low, beyond - 1


def _first(holds: Callable[[np.ndarray], np.ndarray], begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The first whole number in [begin, end] from which on something holds, by bisection; `end` is taken to do."""
    begin, end = begin.astype(np.int64), end.astype(np.int64)
    while (begin < end).any():
        middle = (begin + end) // 2
        yes = holds(middle)
        end, begin = np.where(yes, middle, end), np.where(yes | (begin == end), begin, middle + 1)
    return begin


def _worked_through(state: np.ndarray, probe: np.ndarray) -> int:
    """How far an order was followed: up to the last row decided from it before the first row that is not decided.

    Probes just behind it do not count: how far the order is taken to have come must not hang on what chance drew.
    """
    undecided = state == UNDECIDED
    stop = int(undecided.argmax()) if undecided.any() else len(state)
    listed = np.flatnonzero(~probe[:stop])
    return int(listed[-1]) + 1 if len(listed) else 0
