"""Looks that teach: rows drawn by chance, small strata more densely than large ones, each with a known probability.

Rows of m lie on a circle of length 1, strata side by side and the rows of each in an order that chance gave. A row of a
stratum of N takes a piece of the length s = c N^(a - 1), so that a stratum takes c N^a. Draw k hits the row at

    (u + k g) mod 1,    u uniform in [0, 1),    g = (sqrt(5) - 1) / 2,

and a row that was hit before makes no look. A golden step spreads any number of draws evenly over the circle, and with
that over the strata, however many they are: a review may stop at any time. And since u is uniform, so is each draw. A
row is hit by at least one of D draws if u lies in one of D pieces of its length s, whose starts leave gaps d_1 … d_D:

    P(hit) = sum_k min(s, d_k),

exactly, which is D s until pieces touch. Answers weighted by its inverse speak for all m rows without bias (Horvitz and
Thompson, JASA 1952).

The power a lies between 1, all rows alike, and 1/2, where strata count by the root of their size. After 100 answers
a judge taught with 3/4 named 72 % of the other rows of wrench_trec rightly, with 1/2 70 %; on wrench_semeval they do
alike.
"""

from dataclasses import dataclass

import numpy as np

from mislabel.decisions.limits import binomial_limits

POWER = 0.75
GOLDEN = (5**0.5 - 1) / 2
MOST_DRAWS = 1 << 17  # more than a person looks at; rows that none of them hits come last
FOLLOWED = 0.9  # of the rows, some of which a person may pass over
HEAVIEST = 4.0  # times the mean


@dataclass(frozen=True, eq=False)
class Looks:
    """The rows in the order in which they are drawn.

    Attributes
    ----------
    rows : (m,) int64
    share : (m,) float64
        Of the circle, for each of these: how probable it is that one draw hits it.
    draws : (m,) int64
        How many draws there were when it came, its own among them.
    """

    rows: np.ndarray
    share: np.ndarray
    draws: np.ndarray

    def weights(self, reached: int) -> np.ndarray:
        """One over the probability of a look, for each of the first `reached` ones, (reached,) float64."""
        if reached in (0, len(self.rows)):
            return np.ones(reached)  # all rows are sure to come
        return 1 / inclusion(self.share[:reached], int(self.draws[reached - 1]))


@dataclass(frozen=True)
class Share:
    """An estimated share of all rows, with a 95 % interval."""

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def draw_looks(strata: np.ndarray, seed: int, power: float = POWER) -> Looks:
    """Draw all rows, the same for the same seed.

    Parameters
    ----------
    strata : (m,) int
        A name of each row's stratum; those with neighbouring names lie side by side.
    power : float
        a.
    """
    random, m = np.random.default_rng(seed), len(strata)
    if not m:
        return Looks(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=np.int64))
    _, stratum, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    share = sizes[stratum] ** (power - 1.0)
    share /= share.sum()
    circle = np.lexsort((random.permutation(m), stratum))
    points = (random.random() + golden_steps(min(4 * m, MOST_DRAWS))) % 1
    hit = np.minimum(np.searchsorted(np.cumsum(share[circle]), points, side="right"), m - 1)
    places, first = np.unique(hit, return_index=True)
    by_time = np.argsort(first)
    never = np.ones(m, dtype=bool)
    never[places] = False
    rows = np.concatenate([circle[places[by_time]], random.permutation(circle[never])])
    draws = np.concatenate([first[by_time] + 1, np.full(int(never.sum()), len(points))])
    return Looks(rows, share[rows], draws)


def even_looks(rows: np.ndarray) -> Looks:
    """Looks at rows (m,) int64 in an order that chance gave, all alike."""
    m = len(rows)
    return Looks(rows, np.full(m, 1 / max(m, 1)), np.arange(1, m + 1))


def golden_steps(count: int) -> np.ndarray:
    """Where draws fall that start at 0, (count,) float64."""
    return (np.arange(count) * GOLDEN) % 1


def inclusion(share: np.ndarray, draws: int) -> np.ndarray:
    """How probable it is that at least one of some draws hits a piece of each length `share`, (k,) float64."""
    starts = np.sort(golden_steps(draws))
    gaps = np.sort(np.diff(starts, append=starts[0] + 1))
    smaller = np.searchsorted(gaps, share)
    return np.minimum(np.append(0, np.cumsum(gaps))[smaller] + share * (draws - smaller), 1.0)


def followed(decided: np.ndarray) -> int:
    """How many of the looks were taken: up to the last decided one before which nearly all are decided.

    Parameters
    ----------
    decided : (m,) bool
        Of the rows in the order of looks. Rows decided from another list lie scattered in it and reach nothing.
    """
    share = np.cumsum(decided) / np.arange(1, len(decided) + 1)
    reached = np.flatnonzero(decided & (share >= FOLLOWED))
    return int(reached[-1]) + 1 if len(reached) else 0


def bounded(weights: np.ndarray) -> np.ndarray:
    """Weights with mean 1 of which none is above four times the mean before, (k,) float64: no look decides alone."""
    if not len(weights):
        return weights
    held = np.minimum(weights, HEAVIEST * weights.mean())
    return held / held.mean()


def weighted_share(holds: np.ndarray, weights: np.ndarray) -> Share:
    """The share of all rows of which something holds, from some of them.

    The limits are exact ones of a binomial share, of as many rows as the weighted ones are worth, (sum w)^2 / sum w^2
    (Kish, 1965; Korn and Graubard, 1998).

    Parameters
    ----------
    holds : (k,) bool
        k >= 1.
    weights : (k,) float
        Above 0: one over the probability of each row.
    """
    worth = float(weights.sum() ** 2 / np.square(weights).sum())
    estimate = float(weights[holds].sum() / weights.sum()) if not holds.all() else 1.0
    return Share(estimate, *binomial_limits(worth, worth * estimate))
