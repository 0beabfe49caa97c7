"""What the next rows of a review are expected to bring, from what the last ones brought."""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv
from scipy.stats import binom

from mislabel.decisions.limits import SIDE

ROWS = 50  # of those to come, and of those behind
FEWEST = 20  # decided rows below which nothing was measured
STEPS = 400  # at which the unknown rate is looked at


@dataclass(frozen=True)
class Expected:
    """How many of the next n rows have a wrong label.

    Attributes
    ----------
    rows : int
        n.
    stated : float
        As their probabilities say.
    last, last_wrong : int
        Rows decided last, and those of them that were wrong.
    number, low, high : float or None
        As these tell, with a 95 % interval; None where they are too few.
    """

    rows: int
    stated: float
    last: int
    last_wrong: int
    number: float | None = None
    low: int | None = None
    high: int | None = None


def expected_wrong(next_p: np.ndarray, last_p: np.ndarray, last_wrong: np.ndarray) -> Expected:
    """How many of the next rows are wrong, by their probabilities and by how far these held for the last rows.

    The share theta of wrong ones behind has the posterior Beta(w + 1/2, m - w + 1/2) of Jeffreys' prior. Ahead it is
    taken to be theta times the ratio of the mean probabilities, at most 1, so that a list whose probabilities fall
    brings less and less; the number of n rows is binomial with it. Its mean and its limits are those of this mixture.

    Parameters
    ----------
    next_p : (n,) float
        Probabilities that the given label is wrong.
    last_p : (m,) float
        Of the rows decided last.
    last_wrong : (m,) bool
    """
    n, m, wrong = len(next_p), len(last_p), int(last_wrong.sum())
    known = Expected(n, float(next_p.sum()), m, wrong)
    if m < FEWEST or not n or not last_p.sum():
        return known
    theta = betaincinv(wrong + 0.5, m - wrong + 0.5, (np.arange(STEPS) + 0.5) / STEPS)
    ahead = np.minimum(theta * next_p.mean() / last_p.mean(), 1.0)
    below = binom.cdf(np.arange(n + 1)[:, None], n, ahead).mean(axis=1)
    low, high = (int(np.searchsorted(below, side)) for side in (SIDE, 1 - SIDE))
    return Expected(n, known.stated, m, wrong, float(n * ahead.mean()), low, min(high, n))
