"""Limits against exact enumeration, and against another library."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.stats import binomtest

from mislabel.decisions.limits import binomial_limits, hypergeometric_limits


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
