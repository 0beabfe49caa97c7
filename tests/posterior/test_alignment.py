"""FINE: the first direction against a decomposition of another kind, and who lies along it."""

import numpy as np
import pytest

from mislabel.posterior.alignment import alignment, first_direction


@pytest.mark.parametrize("shape", [(30, 4), (4, 30), (5, 5), (1, 3), (3, 1)])
def test_the_first_direction_is_that_of_the_largest_singular_value(shape):
    points = np.random.default_rng(0).normal(1, 2, shape)
    first = np.linalg.svd(points)[2][0]
    found = first_direction(points)
    np.testing.assert_allclose(found * np.sign(found @ first), first, atol=1e-9)


def test_a_row_by_hand():
    """Rows along (3, 4) / 5 and one across them: the direction is theirs."""
    points = np.array([[3.0, 4.0], [6.0, 8.0], [-3.0, -4.0], [0.8, -0.6], [0.0, 2.0]])
    found = alignment(points, np.array([5, 5, 5, 5, 1]))
    np.testing.assert_allclose(found, [25, 100, 25, 0, 4], atol=1e-9)


def test_rows_of_another_class_lie_off_it():
    random = np.random.default_rng(0)
    true = np.arange(300) % 3
    given = np.where(random.random(300) < 0.2, (true + 1) % 3, true)
    found = alignment(5 * np.eye(3, 6)[true] + random.normal(size=(300, 6)), given)
    assert np.median(found[given == true]) > 10 * np.median(found[given != true])


def test_rows_of_zeros():
    np.testing.assert_array_equal(alignment(np.zeros((3, 2)), np.array([0, 0, 1])), 0)
