"""Limits against exact enumeration, and against another library."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.stats import binomtest, multinomial

from mislabel.decisions.limits import binomial_limits, hypergeometric_limits, paired_limits


def test_hypergeometric_limits_are_those_of_exact_tests():
    def tail(rows, count, drawn, accepted):
        ways = sum(comb(count, k) * comb(rows - count, drawn - k) for k in accepted)
        return Fraction(ways, comb(rows, drawn))

    for rows in (1, 7, 23):
        for drawn in range(1, rows + 1):
            for wrong in range(drawn + 1):
                kept = [
                    count
                    for count in range(rows + 1)
                    if tail(rows, count, drawn, range(wrong, drawn + 1)) > Fraction(1, 40)
                    and tail(rows, count, drawn, range(wrong + 1)) > Fraction(1, 40)
                ]
                low, high = hypergeometric_limits(*(np.array([value]) for value in (rows, drawn, wrong)))
                assert (int(low[0]), int(high[0])) == (kept[0], kept[-1])


def test_binomial_limits_are_those_of_exact_tests():
    for drawn in (1, 2, 9, 60):
        for wrong in range(drawn + 1):
            exact = binomtest(wrong, drawn).proportion_ci(0.95, method="exact")
            assert binomial_limits(drawn, wrong) == pytest.approx((exact.low, exact.high), abs=1e-9)


@pytest.mark.parametrize(("gained", "lost"), [(0.02, 0.02), (0.1, 0.05), (0.3, 0.1), (0.0, 0.0), (0.0, 0.2)])
def test_limits_of_a_difference_hold_it_over_all_outcomes(gained, lost):
    """Every outcome of 40 pairs, by its probability."""
    n, held = 40, 0.0
    for more in range(n + 1):
        for less in range(n - more + 1):
            low, high = paired_limits(more, less, n)
            if low <= gained - lost <= high:
                held += multinomial.pmf([more, less, n - more - less], n, [gained, lost, 1 - gained - lost])
    assert held >= 0.95


def test_no_difference_among_few_rows_is_not_sure():
    low, high = paired_limits(0, 0, 30)
    assert low == -high
    assert 0.04 < high < 0.1
