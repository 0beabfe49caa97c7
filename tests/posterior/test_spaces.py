"""Which space: what it explains by hand, Fourier features as a kernel, and classes that no plane parts."""

import numpy as np
import pytest

from mislabel.posterior import spaces
from mislabel.posterior.spaces import best_space, explained_share, fourier_features, narrowed


def test_what_a_space_explains_by_hand():
    """Of two rows of one class and one of the other each class counts the same; equal shares explain nothing."""
    given = np.array([0, 0, 1])
    assert explained_share(np.eye(2)[given], given) == pytest.approx(1)
    assert explained_share(np.full((3, 2), 0.5), given) == pytest.approx(0)
    errors = [2 * 0.2**2, 2 * 0.4**2, 2 * 1.0**2]
    wanted = 1 - ((errors[0] + errors[1]) / 2 / 2 + errors[2] / 2) / 0.5
    assert explained_share(np.array([[0.8, 0.2], [0.6, 0.4], [1, 0]]), given) == pytest.approx(wanted)


def test_fourier_features_are_a_gaussian_kernel():
    points = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    features = fourier_features(points)
    squared = ((points[:, None] - points[None]) ** 2).sum(2)
    width = np.median(squared[np.triu_indices(300, 1)])
    found = 2 * features @ features.T / features.shape[1]
    assert np.abs(found - np.exp(-squared / width)).mean() < 0.05


@pytest.mark.parametrize("value", [0.0, 0.1, 1e30])
def test_points_that_are_all_one_have_finite_features(value):
    assert np.isfinite(fourier_features(np.full((5, 2), value, dtype=np.float32))).all()


def test_features_are_the_same_whatever_a_chunk_holds(monkeypatch):
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    whole = fourier_features(points)
    monkeypatch.setattr(spaces, "ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(fourier_features(points), whole, atol=1e-5)


@pytest.mark.parametrize(("rows", "width"), [(50, spaces.WIDTH), (51, spaces.WIDTH_OF_MANY)])
def test_many_rows_have_fewer_features(rows, width, monkeypatch):
    monkeypatch.setattr(spaces, "MANY", 50)
    points = np.random.default_rng(0).normal(size=(rows, 3)).astype(np.float32)
    assert fourier_features(points).shape == (rows, width)


def disc_in_ring(rows=800):
    random = np.random.default_rng(0)
    true = np.arange(rows) % 2
    angle, radius = random.uniform(0, 2 * np.pi, rows), 1 + 2 * true + random.normal(0, 0.3, rows)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), true


def beside_each_other(rows=400):
    true = np.arange(rows) % 2
    return np.random.default_rng(0).normal(size=(rows, 60)) + true[:, None] * 0.6, true


def test_classes_that_no_plane_parts_are_found_by_fourier_features():
    points, true = disc_in_ring()
    space, scores, explained = best_space(points, true, 2)
    assert space.points.shape[1] > 2
    assert explained > 0.8
    assert np.mean(scores.argmax(1) == true) > 0.97


def test_classes_that_a_plane_parts_stay_in_their_space():
    points, true = beside_each_other()
    space, _, explained = best_space(points, true, 2)
    assert space.points.shape[1] == 60
    assert 0.3 < explained < 1


@pytest.mark.parametrize("made", [disc_in_ring, beside_each_other])
def test_of_many_rows_a_part_chooses_the_space_of_all(made, monkeypatch):
    points, true = made()
    space, scores, explained = best_space(points, true, 2)
    monkeypatch.setattr(spaces, "ASKED", 150)
    again = best_space(points, true, 2)
    np.testing.assert_array_equal(again[0].points, space.points)
    np.testing.assert_array_equal(again[1], scores)
    assert again[2] == explained


def test_wide_points_are_projected_and_keep_their_distances():
    points = np.random.default_rng(0).normal(size=(20, 3000)).astype(np.float32)
    found = narrowed(points)
    assert found.shape[1] < 2000
    apart = [np.linalg.norm(each[:10] - each[10:], axis=1) for each in (found, points)]
    np.testing.assert_allclose(*apart, rtol=0.12)
    np.testing.assert_array_equal(narrowed(points[:, :500]), points[:, :500])
