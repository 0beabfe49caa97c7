"""The mean probability of the given label over the passes, by hand."""

import numpy as np

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.posterior.mean_probability import mean_probability


def test_a_pass_that_missed_a_row_does_not_count_for_it():
    dynamics = DynamicsStore([Pass("train", epoch, 0) for epoch in range(2)], 2)
    of_given = np.array([[0.2, 0.6], [0.4, np.nan]])
    for number, p in enumerate(of_given):
        prediction = np.where(np.isnan(p), -1, 0)
        margin = np.where(np.isnan(p), np.nan, 1.0)
        dynamics.write(number, {"prediction": prediction, "loss": -np.log(p), "margin": margin})
    found = mean_probability(dynamics, np.array([0, 1]), np.full((2, 2), 0.5, dtype=np.float32))
    np.testing.assert_allclose(found.probabilities, [[0.3, 0.7], [0.4, 0.6]], atol=1e-6)
    assert found.evidence["observations"].tolist() == [2, 1]
    assert found.evidence["wrong_events"].tolist() == [0, 1]
