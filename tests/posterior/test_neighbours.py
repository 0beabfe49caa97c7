"""Neighbours and their labels: against scikit-learn, by counting, and under labels that mean nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from mislabel.posterior import neighbours
from mislabel.posterior.neighbours import label_agreement, nearest


def test_nearest_are_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "ROWS_AT_ONCE", 7)  # several chunks, the last one short
    points = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    expected = NearestNeighbors(n_neighbors=4, metric="cosine").fit(unit).kneighbors(return_distance=False)
    assert [set(row) for row in nearest(unit, 4).tolist()] == [set(row) for row in expected.tolist()]


def test_agreement_by_hand() -> None:
    # Two directions with three rows each; with two neighbours per row each row sees the two others of its direction.
    points = np.array([[1, 0.01], [1, 0.0], [1, -0.01], [0.01, 1], [0.0, 1], [-0.01, 1]])
    few = np.array([0, 0, 1, 2, 2, 2])
    original, neighbours.NEIGHBOURS = neighbours.NEIGHBOURS, 2
    try:
        result = label_agreement(points, few)
    finally:
        neighbours.NEIGHBOURS = original
    assert result.rows == 6
    assert result.observed == pytest.approx((2 + 6) / 12)  # the pair of 0s sees each other, all 2s see 2s
    # by chance: pairs of equal labels among all ordered pairs of different rows
    assert result.chance == pytest.approx((2 * 1 + 1 * 0 + 3 * 2) / (6 * 5), abs=0.04)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_labels_at_random_stay_below_four_deviations(seed: int) -> None:
    random = np.random.default_rng(seed)
    result = label_agreement(random.normal(size=(150, 8)), random.integers(0, 4, 150), seed)
    assert abs(result.deviations) < 4.5


def test_heavy_noise_on_separable_rows_is_seen() -> None:
    random = np.random.default_rng(1)
    true = random.integers(0, 5, 400)
    points = np.eye(5)[true] + random.normal(size=(400, 5)) * 0.2
    noisy = np.where(random.random(400) < 0.6, random.integers(0, 5, 400), true)
    assert label_agreement(points, noisy).deviations > 10


def test_rows_without_direction_and_single_rows() -> None:
    assert label_agreement(np.zeros((5, 3)), np.zeros(5, dtype=int)).rows == 0
    assert label_agreement(np.ones((1, 3)), np.zeros(1, dtype=int)).deviations == 0
    same = label_agreement(np.ones((30, 3)), np.zeros(30, dtype=int))  # one label: nothing can exceed chance
    assert same.observed == 1
    assert same.deviations == 0
