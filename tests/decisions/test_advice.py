"""What the next rows bring, compared with drawing the unknown share and the rows again and again."""

import numpy as np
import pytest

from mislabel.decisions.advice import expected_wrong


@pytest.mark.parametrize(
    ("m", "wrong", "n", "mean"), [(50, 31, 50, 0.5), (20, 0, 50, 0.4), (50, 50, 7, 0.9), (30, 3, 1, 0.2)]
)
def test_mean_and_limits_are_those_of_draws(m, wrong, n, mean):
    random = np.random.default_rng(5)
    last_p, next_p = random.uniform(0.5, 0.9, m), np.full(n, mean)
    found = expected_wrong(next_p, last_p, np.arange(m) < wrong)
    share = np.minimum(random.beta(wrong + 0.5, m - wrong + 0.5, 200_000) * mean / last_p.mean(), 1)
    drawn = random.binomial(n, share)
    assert (found.rows, found.last, found.last_wrong) == (n, m, wrong)
    assert found.stated == pytest.approx(n * mean)
    assert found.number == pytest.approx(drawn.mean(), rel=0.02, abs=0.01)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert abs(found.low - low) <= 1
    assert abs(found.high - high) <= 1
    assert 0 <= found.low <= found.number <= max(found.high, 1) <= max(n, 1)


def test_few_decisions_measure_nothing():
    found = expected_wrong(np.full(50, 0.4), np.full(19, 0.9), np.ones(19, dtype=bool))
    assert (found.stated, found.number, found.low) == (pytest.approx(20), None, None)
    assert expected_wrong(np.empty(0), np.full(50, 0.9), np.ones(50, dtype=bool)).rows == 0
    assert expected_wrong(np.full(5, 0.4), np.zeros(50), np.zeros(50, dtype=bool)).number is None
