"""Putting a probability in the place of the given label's, and one answer for equal rows: by hand and by properties."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mislabel.posterior.posterior import mean_of_equals, replace_given

several_rows = st.integers(0, 2**31).map(np.random.default_rng)


def test_replace_given_by_hand():
    probabilities = np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    found = replace_given(probabilities, np.array([0, 1, 0, 2]), np.array([0.9, 0.0, 0.4, 0.25]))
    wanted = [
        [0.9, 0.1 * 0.3 / 0.5, 0.1 * 0.2 / 0.5],
        [0.5, 0.0, 0.5],
        [0.4, 0.3, 0.3],  # nothing is known of the others: they share evenly
        [0.75, 0.0, 0.25],
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-15)


def test_the_input_is_left_alone():
    probabilities = np.array([[0.5, 0.5]])
    replace_given(probabilities, np.array([0]), np.array([1.0]))
    np.testing.assert_array_equal(probabilities, [[0.5, 0.5]])


@given(several_rows, st.integers(2, 7))
def test_proportions_of_the_others_stay(random, classes):
    probabilities = random.dirichlet(np.ones(classes), 20)
    given_label, of_given = random.integers(0, classes, 20), random.random(20)
    found = replace_given(probabilities, given_label, of_given)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-12)
    for row in range(20):
        assert found[row, given_label[row]] == of_given[row]
        others = [k for k in range(classes) if k != given_label[row]]
        for k in others:  # cross products: the same ratios, with no division
            for m in others:
                left, right = found[row, k] * probabilities[row, m], found[row, m] * probabilities[row, k]
                np.testing.assert_allclose(left, right, atol=1e-12)


@given(several_rows, st.integers(1, 30), st.booleans())
def test_equal_rows_get_their_mean(random, rows, wide):
    values = random.random((rows, 3) if wide else rows).astype(np.float32)
    group = random.integers(0, random.integers(1, rows + 1), rows)
    before = values.copy()
    wanted = np.array([values[group == own].mean(0, dtype=np.float64) for own in group])
    found = mean_of_equals(values, group)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    np.testing.assert_array_equal(values, before)
    np.testing.assert_array_equal(mean_of_equals(values, np.arange(rows)), values)
