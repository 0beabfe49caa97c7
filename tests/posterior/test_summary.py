"""Scores from posteriors: by hand on three classes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mislabel.posterior.summary import p_mislabeled, suggested, transition_matrix

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
