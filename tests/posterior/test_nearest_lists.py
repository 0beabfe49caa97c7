"""Neighbours by lists: against all distances, with a recall that is what it is said to be."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from mislabel.posterior import nearest, nearest_lists
from mislabel.posterior.nearest import nearest_voters
from mislabel.posterior.neighbours import neighbour_probabilities


@pytest.fixture(autouse=True)
def few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "EXACT", 0)
    monkeypatch.setattr(nearest, "FEWEST_VOTERS", 0)


def rows_near_a_surface(n: int = 1500, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (np.tanh(random.normal(size=(n, 4)) @ random.normal(size=(4, 12))) + 3).astype(np.float32)


def share_found(near: np.ndarray, points: np.ndarray, voters: np.ndarray) -> float:
    """By hand: which of the nearest among all distances are there, row by row."""
    apart = cdist(points.astype(np.float64), points.astype(np.float64))
    np.fill_diagonal(apart, np.inf)
    apart[:, ~voters] = np.inf
    expected = np.argsort(apart, axis=1)[:, : near.shape[1]]
    return float(np.mean([len(set(a) & set(b)) for a, b in zip(near.tolist(), expected.tolist(), strict=True)]))


def test_all_lists_find_all() -> None:
    points = rows_near_a_surface()
    voters = np.random.default_rng(1).random(len(points)) < 0.7
    lists = nearest_lists.Lists(points, np.flatnonzero(voters), points.mean(0))
    near, distance = lists.search(np.arange(len(points)), 10, len(lists.centres))
    assert share_found(near, points, voters) == 10
    apart = np.linalg.norm(points[:, None] - points[near], axis=2)
    np.testing.assert_allclose(distance, apart, rtol=1e-5)
    assert not (near == np.arange(len(points))[:, None]).any()


@pytest.mark.parametrize("wanted", [0.3, 0.96])
def test_the_recall_is_that_of_all_rows(wanted: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest_lists, "RECALL", wanted)
    monkeypatch.setattr(nearest_lists, "FEWEST", 2)
    points = rows_near_a_surface()
    everyone = np.ones(len(points), dtype=bool)
    found = nearest_voters(points, everyone, 10)
    assert wanted <= found.recall < 1
    assert share_found(found.near, points, everyone) / 10 == pytest.approx(found.recall, abs=0.02)


def test_the_same_rows_give_the_same_neighbours_in_parts_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    points, everyone = rows_near_a_surface(), np.ones(1500, dtype=bool)
    once, again = nearest_voters(points, everyone, 10), nearest_voters(points, everyone, 10)
    np.testing.assert_array_equal(once.near, again.near)
    monkeypatch.setattr(nearest_lists, "ROWS_AT_ONCE", 333)
    monkeypatch.setattr(nearest_lists, "PRODUCT_AT_ONCE", 1000)
    parts = nearest_voters(points, everyone, 10)
    np.testing.assert_allclose(np.sort(parts.distance), np.sort(once.distance), rtol=1e-5)
    assert parts.recall == pytest.approx(once.recall, abs=1e-3)


def test_rows_that_are_all_the_same_are_found_at_distance_0() -> None:
    points = np.repeat(rows_near_a_surface(3), [700, 3, 1], axis=0)
    lists = nearest_lists.Lists(points, np.arange(704), points.mean(0))
    assert np.diff(lists.starts).max() <= 4 * 704 // 106 + 1  # no list holds a large share of the rows
    found = nearest_voters(points, np.ones(704, dtype=bool), 2)
    assert found.distance[:703].max() < 1e-3
    assert found.recall == 1


def test_a_row_that_lacks_neighbours_says_so_and_has_no_votes_of_itself() -> None:
    points = rows_near_a_surface(40)
    voters = np.arange(40) < 3
    found = nearest_voters(points, voters, 3)
    assert np.isinf(found.distance[:3]).sum(1).tolist() == [1, 1, 1]
    assert np.isfinite(found.distance[3:]).all()
    votes = neighbour_probabilities(points, np.arange(40) % 3, voters, 3, 3)
    np.testing.assert_array_equal(votes[np.arange(3), np.arange(3)], 0)


def test_the_recall_is_told() -> None:
    points, recalls = rows_near_a_surface(), []
    neighbour_probabilities(points, np.arange(1500) % 2, np.ones(1500, dtype=bool), 2, recalls=recalls)
    assert recalls == [nearest_voters(points, np.ones(1500, dtype=bool), 10).recall]
