"""The share of wrong labels that training shows, row by row in loops."""

import numpy as np
import pytest

from mislabel.posterior.beta_mixture import fit_beta_mixture
from mislabel.posterior.estimated_rate import estimated_rate


def recorded(passes=7, n=400, wrong=0.3, seed=0):
    """Predictions that miss most passes of wrong labels and few of right ones, with gaps, and the given labels."""
    random = np.random.default_rng(seed)
    given = random.integers(0, 3, n)
    often = np.where(random.random(n) < wrong, 0.85, 0.1)
    missed = random.random((passes, n)) < often
    prediction = np.where(missed, (given + 1) % 3, given)
    prediction[random.random((passes, n)) < 0.2] = -1
    prediction[:, -1] = -1  # nobody looked at the last row
    return prediction, given


def test_the_mean_over_rows_by_loops():
    """The first pass counts for nothing, and a row that nobody looked at neither."""
    prediction, given = recorded()
    shares = []
    for row, label in enumerate(given):
        looks = [code for code in prediction[1:, row] if code >= 0]
        if looks:
            shares.append(sum(code != label for code in looks) / len(looks))
    wanted = fit_beta_mixture(np.array(shares)).noisy(np.array(shares)).mean()
    assert estimated_rate(prediction, given) == pytest.approx(wanted, rel=1e-6)
    prediction[0] = 2
    assert estimated_rate(prediction, given) == pytest.approx(wanted, rel=1e-6)


def test_of_a_single_pass_the_share_of_wrong_events():
    assert estimated_rate(np.array([[0, 1, 2, -1, 2]]), np.array([0, 1, 0, 0, 2])) == pytest.approx(1 / 4, abs=1e-5)


def test_where_nobody_looked_at_a_row_nothing_is_wrong():
    assert estimated_rate(np.empty((0, 3), dtype=int), np.zeros(3, dtype=int)) == 0
    assert estimated_rate(np.array([[1, 1, 1], [-1, -1, -1]]), np.zeros(3, dtype=int)) == 0  # the first does not count
