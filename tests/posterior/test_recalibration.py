"""Recalibration by checked rows: against a general optimiser, and on probabilities that are wrong in a known way."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from mislabel.posterior.recalibration import OFFSET_PULL, SLOPE_PULL, recalibrate


def drawn(seed, n, offset, slope):
    """Stated probabilities, and what is wrong by expit(offset + slope logit p)."""
    random = np.random.default_rng(seed)
    p = random.beta(0.5, 1.5, n)
    return p, random.random(n) < expit(offset + slope * logit(np.clip(p, 1e-3, 1 - 1e-3)))


@pytest.mark.parametrize(("seed", "n"), [(0, 10), (1, 60), (2, 500)])
def test_it_is_the_minimum(seed, n):
    p, wrong = drawn(seed, n, -1.0, 0.7)
    odds = logit(np.clip(p, 1e-3, 1 - 1e-3))

    def loss(weights):
        told = weights[0] + weights[1] * odds
        lost = np.logaddexp(0, told).sum() - told[wrong].sum()
        return lost + OFFSET_PULL / 2 * weights[0] ** 2 + SLOPE_PULL / 2 * (weights[1] - 1) ** 2

    wanted = minimize(loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10}).x
    found = recalibrate(p, wrong)
    assert (found.offset, found.slope) == pytest.approx(wanted, abs=1e-4)
    assert found.checked == n


def test_probabilities_that_are_too_high_come_down():
    p, wrong = drawn(4, 100, -2.0, 1.0)
    every, truth = drawn(5, 20_000, -2.0, 1.0)
    after = recalibrate(p, wrong)(every)
    assert abs(every.mean() - truth.mean()) > 0.1
    assert abs(after.mean() - truth.mean()) < 0.04


@pytest.mark.parametrize("wrong", [np.zeros(30, dtype=bool), np.ones(30, dtype=bool)])
def test_checks_that_all_say_the_same(wrong):
    found = recalibrate(np.linspace(0, 1, 30), wrong)
    after = found(np.linspace(0, 1, 11))
    assert np.isfinite(after).all()
    assert (np.diff(after) >= 0).all()
    assert (after.mean() > 0.7) if wrong.all() else (after.mean() < 0.3)


def test_the_list_is_never_turned_over_and_what_is_unknown_stays_so():
    p = np.tile([0.05, 0.95], 200)
    found = recalibrate(p, p < 0.5)  # what looks right is wrong
    assert found.slope == 0
    assert np.isnan(found(np.array([np.nan, 0.5]))).tolist() == [True, False]
