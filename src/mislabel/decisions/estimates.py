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

from dataclasses import dataclass

import numpy as np

from mislabel.decisions.reviewed import UNDECIDED, UNSURE, WRONG, ReviewedRows, worked_through
from mislabel.decisions.sampling import ProbeSample, limits_of_wrong, probe_sample

MOST_DEPTHS = 40


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
    decided, wrong, unsure : int
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
    decided: int
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


def count_wrong(rows: ReviewedRows, reached: np.ndarray | None = None) -> Depth:
    """How many of all n >= 1 judged rows are wrong; see `precision_curve`."""
    return precision_curve(rows, np.array([len(rows)]), reached)[0]


def depths(n: int, most: int = MOST_DEPTHS) -> np.ndarray:
    """At most `most` depths in even ratios, the last of them n >= 1, (k,) int64, growing."""
    return np.unique(np.round(np.geomspace(min(10, n), n, most)).astype(np.int64))


def precision_curve(rows: ReviewedRows, at: np.ndarray | None = None, reached: np.ndarray | None = None) -> list[Depth]:
    """For growing depths, how many of the first rows of the list are wrong.

    Parameters
    ----------
    rows : ReviewedRows
        n >= 1.
    at : (k,) int, optional
        Depths in [1, n]; those of `depths` by default.
    reached : (n,) bool, optional
        More decided rows that the person was to see whatever chance chose, as `reached_in` gives them for an order
        that was worked through. They are taken as known as well, which makes the interval narrower.
    """
    at = depths(len(rows)) if at is None else np.asarray(at, dtype=np.int64)
    ranks = np.flatnonzero(rows.state != UNDECIDED)
    known = ranks < worked_through(rows.state, rows.probe)
    if reached is not None:
        known |= reached[ranks]
    by_time = ranks[~known][np.argsort(rows.when[ranks[~known]], kind="stable")]
    probe, wrong = rows.probe[by_time], rows.state[by_time] == WRONG
    samples: list[ProbeSample] = []
    counts: list[tuple[int, int, int, int]] = []
    depths_asked: list[int] = at.tolist()
    for depth in depths_asked:
        decided = int(np.searchsorted(ranks, depth))
        inside, states = by_time < depth, rows.state[ranks[:decided]]
        samples.append(probe_sample(probe[inside], wrong[inside], depth - int(np.count_nonzero(known[:decided]))))
        counts.append((depth, decided, int((states == WRONG).sum()), int((states == UNSURE).sum())))
    lows, highs = (side.tolist() for side in limits_of_wrong(samples))
    return [
        _depth(*count, sample, low, high) for count, sample, low, high in zip(counts, samples, lows, highs, strict=True)
    ]


def _depth(depth: int, decided: int, wrong: int, unsure: int, sample: ProbeSample, low: float, high: float) -> Depth:
    """`low` and `high` are the limits of W, to which the wrong rows among the known ones are added here."""
    most, wrong_known = wrong + depth - decided, wrong - sample.decided_wrong
    unbounded = None
    if decided == depth:
        unbounded = float(wrong)
    elif sample.probes:
        unbounded = wrong_known + (sample.wrong + sample.offset) / sample.slope
    estimate = None if unbounded is None else min(max(unbounded, wrong), most)
    limits = wrong_known + np.ceil(low), wrong_known + np.floor(high)
    low, high = (int(min(max(limit, wrong), most)) for limit in limits)
    return Depth(depth, estimate, low, high, decided, wrong, unsure, sample.probes, sample.wrong, unbounded)
