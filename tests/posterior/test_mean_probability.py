"""The posterior of any training, row by row."""

import numpy as np
import pytest

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.posterior.mean_probability import evidence, given_replaced, mean_probability

GIVEN = np.array([0, 2, 1])
FINAL = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6], [0.0, 1.0, 0.0]], dtype=np.float32)


@pytest.fixture
def dynamics():
    """Three passes over three rows; the second did not look at the last one's margin."""
    store = DynamicsStore([Pass("train", k, 0) for k in range(3)], 3)
    predicted = [[0, 2, 0], [1, 2, -1], [0, 1, 1]]
    loss = [[0.1, 2.0, 0.7], [0.4, 1.0, 0.7], [0.2, 0.5, -1e-7]]
    margin = [[1.0, -2.0, 0.5], [2.0, 0.0, np.nan], [6.0, 5.0, 1.5]]
    for number in range(3):
        store.write(number, {"prediction": predicted[number], "loss": loss[number], "margin": margin[number]})
    return store


def test_the_given_label_has_its_mean_probability_and_the_others_keep_their_proportions(dynamics):
    found = mean_probability(dynamics, GIVEN, FINAL)
    assert found.probabilities.dtype == np.float32
    for row, label in enumerate(GIVEN):
        own = np.mean([np.exp(-float(loss[row])) for loss in dynamics.loss])
        rest = FINAL[row].astype(float)
        rest[label] = 0
        rest = rest / rest.sum() if rest.sum() else np.where(np.arange(3) == label, 0, 0.5)
        wanted = np.where(np.arange(3) == label, own, (1 - own) * rest)
        np.testing.assert_allclose(found.probabilities[row], wanted, rtol=1e-5, atol=1e-7)
    assert set(found.evidence) == {"wrong_events", "observations", "mean_margin"}


def test_rounding_below_a_loss_of_zero_gives_no_probability_above_one(dynamics):
    for number in range(3):
        dynamics.write(number, {"prediction": GIVEN, "loss": [-1e-3] * 3, "margin": [1.0] * 3})
    found = mean_probability(dynamics, GIVEN, FINAL).probabilities
    assert found.max() <= 1
    assert found.min() >= 0


def test_evidence_by_hand(dynamics):
    found = evidence(dynamics, GIVEN)
    assert found["wrong_events"].tolist() == [1, 1, 1]
    assert found["observations"].tolist() == [3, 3, 2]
    assert found["mean_margin"].tolist() == [3, 1, 1]
    some = evidence(dynamics, GIVEN, slice(2, None))
    assert some["wrong_events"].tolist() == [0, 1, 0]
    assert some["mean_margin"].tolist() == [6, 5, 1.5]


def test_what_a_method_says_of_the_given_label_stands(dynamics):
    found = given_replaced(dynamics, GIVEN, FINAL, np.array([0.25, 1.0, 0.0]))
    np.testing.assert_allclose(found.probabilities, [[0.25, 0.45, 0.3], [0, 0, 1], [0.5, 0, 0.5]], atol=1e-7)
    assert found.evidence["wrong_events"].tolist() == [1, 1, 1]


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
