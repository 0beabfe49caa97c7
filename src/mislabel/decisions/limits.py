"""Exact 95 % limits of how many rows are wrong, from tests at 2.5 % a side; and of the difference of two shares."""

from collections.abc import Callable

import numpy as np
from scipy.special import betaincinv
from scipy.stats import hypergeom, norm

SIDE = 0.025  # error on either side of an interval


def binomial_limits(drawn: float, wrong: float) -> tuple[float, float]:
    """Limits of a share of which `wrong` of `drawn` >= 1 independent draws came (Clopper and Pearson, 1934).

    Weighted draws may be worth a number that is not whole.
    """
    # At an end of its range a side is no beta quantile.
    low = betaincinv(wrong, drawn - wrong + 1, SIDE) if wrong else 0.0
    high = betaincinv(wrong + 1, drawn - wrong, 1 - SIDE) if wrong < drawn else 1.0
    return low, high


def hypergeometric_limits(rows: np.ndarray, drawn: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Limits of how many of some rows are wrong when `wrong` of `drawn` are, drawn without replacement.

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
        accepted = holds(middle)
        end, begin = np.where(accepted, middle, end), np.where(accepted | (begin == end), begin, middle + 1)
    return begin


def paired_limits(gained: float, lost: float, pairs: float) -> tuple[float, float]:
    """A 95 % interval of the difference of two shares on the same rows, adjusted so that nothing is sure of few rows.

    Bonett and Price (2012): one row more that gained, one more that lost.

    Parameters
    ----------
    gained, lost : float
        Rows of which only the second, and only the first, holds.
    pairs : float
        Rows.
    """
    gained, lost, pairs = (gained + 1) / (pairs + 2), (lost + 1) / (pairs + 2), pairs + 2
    middle = gained - lost
    reach = float(norm.ppf(1 - SIDE)) * ((gained + lost - middle**2) / pairs) ** 0.5
    return middle - reach, middle + reach
