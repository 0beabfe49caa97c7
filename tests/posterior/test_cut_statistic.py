"""The cut statistic: a row by hand, what is no neighbour, and labels that mean nothing."""

import numpy as np
import pytest

from mislabel.posterior.cut_statistic import cut_statistic


def test_worked_value():
    """Neighbours of class 0, 0 and 1 at .5, .5 and 1, six of ten rows of class 0."""
    points = np.array([[0, 0], [0.5, 0], [0, 0.5], [-1, 0], *([100.0 + k, 0] for k in range(6))])
    given = np.array([0, 0, 0, 1, 0, 0, 0, 1, 1, 1])
    found = cut_statistic(points, given, 2, count=3)
    assert found[0] == pytest.approx(-0.446, abs=5e-4)
    weight = np.array([2 / 3, 2 / 3, 1 / 2])
    assert found[0] == pytest.approx((0.5 - 0.4 * weight.sum()) / np.sqrt(0.24 * (weight**2).sum()))


def test_a_row_is_no_neighbour_of_itself():
    """Its copies are: four rows in one place, one of them labelled otherwise."""
    points, given = np.zeros((4, 3)), np.array([0, 0, 0, 1])
    found = cut_statistic(points, given, 2)
    one, three = np.sqrt(3 / 16 * 3), np.sqrt(3 / 16 * 3)
    np.testing.assert_allclose(found, [(1 - 3 / 4) / three] * 3 + [(3 - 9 / 4) / one])


def test_a_large_class_may_expect_agreement():
    """One neighbour of three disagrees: worse for a row of the class that most rows have."""
    points = np.array([[0.0], [1.0], [-1.0], [1.5], [50], [51], [49], [51.5], *([100.0 + 9 * k] for k in range(8))])
    given = np.array([0, 0, 0, 1, 1, 1, 1, 0, *[0] * 8])
    found = cut_statistic(points, given, 2, count=3)
    assert found[0] > found[4]


def test_labels_at_random_have_mean_0_and_deviation_1():
    random = np.random.default_rng(0)
    found = cut_statistic(random.normal(size=(3000, 4)), random.choice(3, 3000, p=[0.6, 0.3, 0.1]), 3)
    assert abs(found.mean()) < 0.1
    assert found.std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("given", [[0], [1, 1, 1], [0, 2]])
def test_few_rows_and_one_class(given):
    found = cut_statistic(np.random.default_rng(0).normal(size=(len(given), 2)), np.array(given), 4)
    assert np.isfinite(found).all()
    if len(set(given)) == 1:
        np.testing.assert_array_equal(found, 0)
