"""Distances to the centroids of the given labels: against scipy's distances, numpy's means and spreads, and loops."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from mislabel.dynamics import centroids
from mislabel.dynamics.centroids import CentroidDistances, centroid_distances

NAMES = ("own_mean", "own_spread", "relative_mean", "relative_spread")


def drawn(seed: int, n: int = 30, classes: int = 4, epochs: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(size=(epochs, n, 5)).astype(np.float32), random.integers(0, classes, n)


def by_loops(epochs: np.ndarray, labels: np.ndarray) -> CentroidDistances:
    own, relative = np.empty((2, len(epochs), len(labels)))
    for e, points in enumerate(epochs.astype(np.float64)):
        present = sorted(set(labels.tolist()))
        distance = cdist(points, [points[labels == label].mean(0) for label in present])
        for row, label in enumerate(labels):
            own[e, row] = distance[row, present.index(label)]
            others = [distance[row, k] for k, other in enumerate(present) if other != label]
            relative[e, row] = own[e, row] - min(others, default=0.0)
    spreads = [one.std(0, ddof=1) if len(epochs) > 1 else np.zeros(len(labels)) for one in (own, relative)]
    return CentroidDistances(own.mean(0), spreads[0], relative.mean(0), spreads[1])


def assert_same(one: CentroidDistances, other: CentroidDistances, tolerance: float = 1e-6) -> None:
    for name in NAMES:
        assert getattr(one, name).dtype == np.float64
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=tolerance, atol=tolerance)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 6), st.integers(1, 5))
def test_against_loops(seed: int, n: int, classes: int, count: int) -> None:
    epochs, labels = drawn(seed, n, classes, count)
    assert_same(centroid_distances(epochs, labels, classes), by_loops(epochs, labels))


@pytest.mark.parametrize("rows_at_once", [1, 7, 30, 1000])
def test_the_size_of_a_run_of_rows_changes_nothing(rows_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    epochs, labels = drawn(0)
    monkeypatch.setattr(centroids, "ROWS_AT_ONCE", rows_at_once)
    assert_same(centroid_distances(epochs, labels, 4), by_loops(epochs, labels))


def test_by_hand() -> None:
    first = np.array([[0, 0], [2, 0], [1, 4]], dtype=np.float32)  # centroids (1, 0) and (1, 4)
    second = np.array([[0, 0], [6, 0], [3, 4]], dtype=np.float32)  # centroids (3, 0) and (3, 4)
    result = centroid_distances([first, second], np.array([0, 0, 1]), 2)
    np.testing.assert_allclose(result.own_mean, [2, 2, 0])
    np.testing.assert_allclose(result.own_spread, [2**0.5, 2**0.5, 0])
    np.testing.assert_allclose(result.relative_mean[2], -4)
    np.testing.assert_allclose(result.relative_mean[0], ((1 - 17**0.5) + (3 - 5)) / 2)


def test_a_row_among_those_of_another_label_stands_out() -> None:
    random = np.random.default_rng(1)
    true = np.repeat([0, 1, 2], 30)
    epochs = np.eye(3)[true] * 5 + random.normal(size=(4, 90, 3))
    labels = true.copy()
    labels[0] = 2
    result = centroid_distances(epochs.astype(np.float32), labels, 3)
    assert result.own_mean.argmax() == 0
    np.testing.assert_array_equal(np.flatnonzero(result.relative_mean > 0), [0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(-50, 50))
def test_order_names_and_place_do_not_matter(seed: int, shift: float) -> None:
    epochs, labels = drawn(seed)
    plain = centroid_distances(epochs, labels, 4)
    random = np.random.default_rng(seed + 1)
    order, names = random.permutation(len(labels)), random.permutation(4)
    moved = centroid_distances(epochs[:, order], names[labels][order], 4)
    assert_same(moved, CentroidDistances(*(getattr(plain, name)[order] for name in NAMES)))
    # float32 rounds what is moved, by up to 50 * 2^-24
    assert_same(centroid_distances(epochs + np.float32(shift), labels, 4), plain, 1e-4)


def test_small_distances_far_from_the_origin_survive() -> None:
    epochs = drawn(2, n=40)[0].astype(np.float64) * 1e-3 + 1e4
    labels = np.arange(40) % 4
    assert_same(centroid_distances(epochs, labels, 4), by_loops(epochs, labels), 1e-9)


def test_a_spread_much_smaller_than_its_mean() -> None:
    labels = np.array([0, 0])
    sizes = 1e6 + np.arange(5)
    epochs = [np.array([[-size], [size]]) for size in sizes]
    result = centroid_distances(epochs, labels, 1)
    np.testing.assert_allclose(result.own_spread, np.std(np.arange(5), ddof=1), rtol=1e-8)


def test_classes_without_rows_and_a_single_class() -> None:
    epochs, labels = drawn(3, classes=2)
    assert_same(centroid_distances(epochs, labels * 3 + 1, 9), centroid_distances(epochs, labels, 2))
    alone = centroid_distances(epochs, np.full(30, 2), 4)
    np.testing.assert_array_equal(alone.relative_mean, alone.own_mean)
    np.testing.assert_array_equal(alone.relative_spread, alone.own_spread)


def test_one_row_one_epoch_and_none() -> None:
    one = centroid_distances([np.ones((1, 3), np.float16)], np.array([0]), 1)
    assert [getattr(one, name).tolist() for name in NAMES] == [[0.0]] * 4
    none = centroid_distances([np.ones((0, 3), np.float16)], np.zeros(0, dtype=int), 2)
    assert all(getattr(none, name).shape == (0,) for name in NAMES)


def test_a_single_epoch_has_no_spread() -> None:
    epochs, labels = drawn(4, epochs=1)
    result = centroid_distances(epochs, labels, 4)
    assert not result.own_spread.any()
    assert not result.relative_spread.any()
    assert_same(result, by_loops(epochs, labels))


def test_float16_memory_maps_one_after_another(tmp_path: Path) -> None:
    epochs, labels = drawn(5)
    half = (epochs * 100).astype(np.float16)  # squares would not fit into float16
    np.save(tmp_path / "all.npy", half)

    def maps() -> Iterator[np.ndarray]:
        for k in range(len(half)):
            yield np.load(tmp_path / "all.npy", mmap_mode="r")[k]

    assert_same(centroid_distances(maps(), labels, 4), by_loops(half, labels))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 0.9))
def test_members_alone_make_the_centroids(seed: int, share: float) -> None:
    """By hand from numpy's means; a class of which no row is a member keeps the mean of all its rows."""
    epochs, labels = drawn(seed, classes=3)
    members = np.random.default_rng(seed).random(len(labels)) < share
    points = epochs[0].astype(np.float64)
    present = sorted(set(labels.tolist()))
    means = [
        points[(labels == k) & members].mean(0) if ((labels == k) & members).any() else points[labels == k].mean(0)
        for k in present
    ]
    distance = cdist(points, means)
    own = distance[np.arange(len(labels)), [present.index(label) for label in labels]]
    found = centroid_distances(epochs[:1], labels, 3, members)
    np.testing.assert_allclose(found.own_mean, own, rtol=1e-6, atol=1e-6)
    assert_same(
        centroid_distances(epochs, labels, 3, np.ones(len(labels), dtype=bool)), centroid_distances(epochs, labels, 3)
    )
