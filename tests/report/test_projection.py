"""The plane against eigenvectors of covariance matrices, and by hand where a class is missing."""

import numpy as np
import pytest

from mislabel.report.projection import plane, spaced


def eigenvector(points: np.ndarray, number: int) -> np.ndarray:
    """The number-th principal direction, by the covariance matrix; the entry largest in size is positive."""
    vector = np.linalg.eigh(np.cov(points.T, bias=True))[1][:, -number]
    return vector * np.sign(vector[np.abs(vector).argmax()])


@pytest.mark.parametrize("seed", range(5))
def test_many_centroids_give_their_two_principal_directions(seed):
    random = np.random.default_rng(seed)
    centroids = random.normal(size=(7, 12)) + 5
    found = plane(centroids, random.normal(size=(40, 12)))
    np.testing.assert_allclose(found[:, 0], eigenvector(centroids, 1), atol=1e-9)
    np.testing.assert_allclose(found[:, 1], eigenvector(centroids, 2), atol=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_two_centroids_give_their_line_and_what_the_rows_have_beside_it(share):
    random = np.random.default_rng(3)
    rows = random.normal(size=(60, 5)) * [1, 4, 1, 1, 1]
    ends = random.normal(size=(2, 5))
    # A third centroid on the same line changes nothing
    found = plane(np.vstack([ends, share * ends[0] + (1 - share) * ends[1]]), rows)
    line = (ends[0] - ends[1]) / np.linalg.norm(ends[0] - ends[1])
    line *= np.sign(line[np.abs(line).argmax()])
    beside = rows @ (np.eye(5) - np.outer(line, line))
    np.testing.assert_allclose(found[:, 0], line, atol=1e-9)
    np.testing.assert_allclose(found[:, 1], eigenvector(beside, 1), atol=1e-9)


def test_one_centroid_leaves_the_plane_to_the_rows():
    rows = np.random.default_rng(1).normal(size=(50, 4)) * [1, 2, 3, 4]
    found = plane(rows[:1], rows)
    np.testing.assert_allclose(found, np.stack([eigenvector(rows, 1), eigenvector(rows, 2)], axis=1), atol=1e-9)


def test_directions_in_which_nothing_spreads_are_zero():
    np.testing.assert_array_equal(plane(np.full((3, 4), 2.5), np.full((9, 4), 2.5)), np.zeros((4, 2)))
    np.testing.assert_array_equal(plane(np.array([[0.1], [0.7]]), np.array([[0.3], [0.9]])), [[1, 0]])
    np.testing.assert_array_equal(plane(np.zeros((1, 2)), np.zeros((1, 2))), np.zeros((2, 2)))


def test_spaced_keeps_the_ends_and_never_takes_a_row_twice():
    assert spaced(np.arange(5, 9), 4).tolist() == [5, 6, 7, 8]
    assert spaced(np.arange(101), 5).tolist() == [0, 25, 50, 75, 100]
    for count in (2, 7, 99, 100):
        found = spaced(np.arange(101), count)
        assert len(np.unique(found)) == count
        assert np.diff(found).max() - np.diff(found).min() <= 1
