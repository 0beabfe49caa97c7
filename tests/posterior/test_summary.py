"""Scores from posteriors: by hand on three classes, and the noise rate's interval by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mislabel.posterior.summary import noise_rate, p_mislabeled, suggested, transition_matrix

PROBABILITIES = np.array(
    [[0.7, 0.2, 0.1], [0.0, 0.5, 0.5], [0.1, 0.1, 0.8], [1.0, 0.0, 0.0], [0.25, 0.5, 0.25], [0.4, 0.6, 0.0]]
)
GIVEN = np.array([0, 2, 2, 1, 1, 0])


def test_p_mislabeled_and_suggestion_by_hand():
    np.testing.assert_allclose(p_mislabeled(PROBABILITIES, GIVEN), [0.3, 0.5, 0.2, 1.0, 0.5, 0.6], atol=1e-12)
    np.testing.assert_array_equal(suggested(PROBABILITIES), [0, 1, 2, 0, 1, 1])  # the lower code on the tie of row 1
    without = p_mislabeled(PROBABILITIES, np.array([0, -1, 2, 1, -1, 0]))
    np.testing.assert_allclose(without, [0.3, np.nan, 0.2, 1.0, np.nan, 0.6], atol=1e-12)


def test_transition_matrix_by_hand():
    # Column j holds the posterior mass of the rows with given label j.
    mass = np.array(
        [
            [0.7 + 0.4, 1.0 + 0.25, 0.0 + 0.1],
            [0.2 + 0.6, 0.0 + 0.5, 0.5 + 0.1],
            [0.1 + 0.0, 0.0 + 0.25, 0.5 + 0.8],
        ]
    )
    np.testing.assert_allclose(transition_matrix(PROBABILITIES, GIVEN), mass / mass.sum(1, keepdims=True), atol=1e-12)


def test_transition_of_a_class_that_nobody_belongs_to_is_the_identity():
    found = transition_matrix(np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.array([0, 0]))
    np.testing.assert_allclose(found, [[1, 0, 0], [1, 0, 0], [0, 0, 1]])


def test_transition_recovers_planted_noise():
    """With a posterior that knows the truth, the matrix is the table of shares of (true, given)."""
    random = np.random.default_rng(0)
    true, given_label = random.integers(0, 4, 5000), random.integers(0, 4, 5000)
    wanted = np.array([[np.mean(given_label[true == i] == j) for j in range(4)] for i in range(4)])
    np.testing.assert_allclose(transition_matrix(np.eye(4)[true], given_label), wanted, atol=1e-12)


@given(st.integers(0, 2**31), st.permutations(range(4)))
def test_renaming_classes_renames_and_nothing_else(seed, order):
    random = np.random.default_rng(seed)
    probabilities, given_label = random.dirichlet(np.ones(4), 30), random.integers(0, 4, 30)
    new_code = np.array(order)
    renamed = np.empty_like(probabilities)
    renamed[:, new_code] = probabilities
    np.testing.assert_allclose(
        p_mislabeled(renamed, new_code[given_label]), p_mislabeled(probabilities, given_label), atol=1e-15
    )
    matrix, after = transition_matrix(probabilities, given_label), transition_matrix(renamed, new_code[given_label])
    np.testing.assert_allclose(after[np.ix_(new_code, new_code)], matrix, atol=1e-12)


@given(st.integers(0, 2**31))
def test_a_class_that_nobody_has_changes_nothing(seed):
    random = np.random.default_rng(seed)
    probabilities, given_label = random.dirichlet(np.ones(3), 25), random.integers(0, 3, 25)
    wider = np.column_stack([probabilities, np.zeros(25)])
    np.testing.assert_array_equal(p_mislabeled(wider, given_label), p_mislabeled(probabilities, given_label))
    np.testing.assert_array_equal(suggested(wider), suggested(probabilities))
    np.testing.assert_allclose(
        transition_matrix(wider, given_label)[:3, :3], transition_matrix(probabilities, given_label)
    )
    assert noise_rate(wider, given_label) == noise_rate(probabilities, given_label)


def simulated(random, rows, classes, sharpness):
    """A calibrated world: for each row a posterior, a true label drawn from it, and a given label that it doubts."""
    given_label = random.integers(0, classes, rows)
    wrong = random.beta(0.3 * sharpness, 0.9 * sharpness, rows)  # P(given label is wrong), a quarter on average
    others = random.dirichlet(np.full(classes - 1, 0.5), rows) * wrong[:, None]
    posterior = np.empty((rows, classes))
    for row in range(rows):
        posterior[row] = np.insert(others[row], given_label[row], 1 - wrong[row])
    true = (random.random(rows)[:, None] > posterior.cumsum(1)).sum(1).clip(0, classes - 1)
    return posterior, given_label, float(np.mean(true != given_label))


@pytest.mark.parametrize(("rows", "sharpness"), [(100, 1.0), (2000, 0.3), (500, 4.0)])
def test_interval_holds_the_truth_of_a_calibrated_posterior(rows, sharpness):
    seeds, inside = 60, 0
    for seed in range(seeds):
        posterior, given_label, truth = simulated(np.random.default_rng([seed, rows]), rows, 4, sharpness)
        found = noise_rate(posterior, given_label)
        assert 0 <= found.low <= found.estimate <= found.high <= 1
        inside += found.low <= truth <= found.high
    assert inside >= 0.9 * seeds


def test_interval_of_two_thousand_rows_is_narrow():
    posterior, given_label, truth = simulated(np.random.default_rng(5), 2000, 4, 0.05)  # nearly every row is decided
    found = noise_rate(posterior, given_label)
    assert found.high - found.low < 0.08
    assert found.estimate == pytest.approx(truth, abs=0.03)


def test_estimate_lies_midway_of_the_two_ways_to_count():
    wrong, disagree = np.mean([0.3, 0.5, 0.2, 1.0, 0.5, 0.6]), 3 / 6  # rows 1, 3 and 5 are suggested another label
    assert noise_rate(PROBABILITIES, GIVEN).estimate == pytest.approx((wrong + disagree) / 2)


@pytest.mark.parametrize(("rows", "label", "end"), [(1, 0, 0.0), (40, 0, 0.0), (40, 1, 1.0)])
def test_certainty_about_few_rows_still_has_a_width(rows, label, end):
    found = noise_rate(np.tile([1.0, 0.0], (rows, 1)), np.full(rows, label))
    assert found.estimate == end
    assert found.high - found.low >= 1 / (rows + 4)


@pytest.mark.parametrize(("wrong", "rows"), [(0, 5), (3, 40), (20, 40), (40, 40)])
def test_interval_of_a_decided_posterior_is_wilsons(wrong, rows):
    probabilities = np.eye(2)[np.repeat([1, 0], [wrong, rows - wrong])]
    found = noise_rate(probabilities, np.zeros(rows, dtype=int))
    wanted = stats.binomtest(wrong, rows).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-6)
    assert found.estimate == wrong / rows
