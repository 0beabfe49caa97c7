"""Neighbours and their labels: against scikit-learn, by counting, and under labels that mean nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from mislabel.posterior import nearest as searching
from mislabel.posterior import neighbours
from mislabel.posterior.nearest import nearest_voters
from mislabel.posterior.neighbours import (
    balanced_votes,
    label_agreement,
    nearest,
    neighbour_probabilities,
    votes_of_neighbours,
)


def test_nearest_are_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "ROWS_AT_ONCE", 7)  # several chunks, the last one short
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


def test_what_agreement_could_be_reached() -> None:
    """Rows of two far groups of labels reach it; the only row of its class can have no neighbour of its own."""
    labels = np.repeat([0, 1], 30)
    points = 100.0 * labels[:, None] + np.random.default_rng(0).normal(size=(60, 1))
    far = label_agreement(points, labels, by_direction=False)
    assert far.observed == 1
    assert far.deviations == far.reachable > 15
    alone = label_agreement(points, np.repeat([0, 1], [59, 1]), by_direction=False)
    assert alone.reachable < 5
    pairs = label_agreement(points, np.arange(60) // 2, by_direction=False)
    spread = (pairs.observed - pairs.chance) / pairs.deviations
    assert pairs.reachable == pytest.approx((1 / 10 - pairs.chance) / spread)  # one of ten neighbours


def test_a_single_column_has_neighbours_by_distance_and_none_by_direction() -> None:
    column = np.random.default_rng(0).uniform(1, 2, (300, 1))
    labels = (column[:, 0] > 1.5).astype(int)
    assert label_agreement(column, labels, by_direction=False).deviations > 20
    assert abs(label_agreement(column, labels).deviations) < 4


def test_rows_without_direction_and_single_rows() -> None:
    assert label_agreement(np.zeros((5, 3)), np.zeros(5, dtype=int)).rows == 0
    assert label_agreement(np.ones((1, 3)), np.zeros(1, dtype=int)).deviations == 0
    same = label_agreement(np.ones((30, 3)), np.zeros(30, dtype=int))  # one label: nothing can exceed chance
    assert same.observed == 1
    assert same.deviations == 0


def drawn(seed: int, n: int = 60, classes: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    points = random.normal(size=(n, 5)).astype(np.float32)
    return points, random.integers(0, classes, n), random.random(n) < 0.6


def by_scikit_learn(points: np.ndarray, labels: np.ndarray, voters: np.ndarray, classes: int, count: int) -> np.ndarray:
    expected = np.zeros((len(points), classes))
    for row in range(len(points)):
        others = voters & (np.arange(len(points)) != row)
        if not others.any():
            expected[row] = 1 / classes
            continue
        model = KNeighborsClassifier(min(count, int(others.sum())), weights="distance", algorithm="brute")
        model.fit(points[others].astype(np.float64), labels[others])
        expected[row, model.classes_] = model.predict_proba(points[row : row + 1].astype(np.float64))[0]
    return expected


@pytest.mark.parametrize("count", [1, 3, 10, 100])
def test_probabilities_are_scikit_learns_left_one_out(count: int) -> None:
    points, labels, voters = drawn(0)
    result = neighbour_probabilities(points, labels, voters, 5, count)  # class 4 has no rows
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, by_scikit_learn(points, labels, voters, 5, count), atol=1e-5)
    np.testing.assert_allclose(result.sum(1), 1, atol=1e-6)
    assert not result[:, 4].any()


@pytest.mark.parametrize(("rows", "product"), [(1, 1 << 24), (7, 1 << 24), (1024, 1), (1024, 200), (1024, 1 << 24)])
def test_the_size_of_a_chunk_changes_nothing(rows: int, product: int, monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels, voters = drawn(1)
    monkeypatch.setattr(searching, "ROWS_AT_ONCE", rows)
    monkeypatch.setattr(searching, "PRODUCT_AT_ONCE", product)
    result = neighbour_probabilities(points, labels, voters, 4)
    np.testing.assert_allclose(result, by_scikit_learn(points, labels, voters, 4, 10), atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_order_names_and_place_do_not_matter(seed: int, count: int) -> None:
    points, labels, voters = drawn(seed, n=40)
    plain = neighbour_probabilities(points, labels, voters, 4, count)
    random = np.random.default_rng(seed + 1)
    order, names = random.permutation(40), random.permutation(4)
    moved = neighbour_probabilities(points[order], names[labels][order], voters[order], 4, count)
    np.testing.assert_allclose(moved[:, names], plain[order], atol=1e-5)
    # eighths: float32 holds them exactly wherever they are moved to
    eighths = np.round(points * 64) / 8
    plain = neighbour_probabilities(eighths, labels, voters, 4, 40)  # all voters: no ties to break
    np.testing.assert_allclose(neighbour_probabilities(eighths + 64, labels, voters, 4, 40), plain, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 12))
def test_nearest_voters_by_all_distances(seed: int, n: int, count: int) -> None:
    points, _, voters = drawn(seed, n)
    voters[0] = True
    count = min(count, int(voters.sum()))
    found = nearest_voters(points, voters, count)
    near, distance = found.near, found.distance
    every = cdist(points, points)
    every[np.diag_indices(n)] = np.inf
    np.testing.assert_allclose(np.sort(distance, 1), np.sort(every[:, voters], 1)[:, :count], rtol=1e-5)
    np.testing.assert_allclose(distance, np.take_along_axis(every, near, 1), rtol=1e-5)
    assert voters[near].all()


def test_voters_at_distance_0_share_all_the_weight() -> None:
    points = np.array([[1, 2], [1, 2], [1, 2], [1, 2], [1, 2.001], [8, 8]], dtype=np.float32)
    labels = np.array([0, 1, 1, 2, 2, 0])
    voters = np.array([True, True, True, False, True, True])
    result = neighbour_probabilities(points, labels, voters, 3, 5)
    np.testing.assert_allclose(result[0], [0, 1, 0], atol=1e-6)  # not its own label, 0
    np.testing.assert_allclose(result[1], [1 / 2, 1 / 2, 0], atol=1e-6)
    np.testing.assert_allclose(result[3], [1 / 3, 2 / 3, 0], atol=1e-6)
    np.testing.assert_allclose(result, by_scikit_learn(points, labels, voters, 3, 5), atol=1e-5)


def test_near_duplicates_far_from_the_origin() -> None:
    # In squares of size 1e6 float32 cannot tell distances of 0.01; the exact ones must decide the weights.
    points = np.array([[1000.0, 0], [1000.015625, 0], [1000.0625, 0], [-1000, 0]], dtype=np.float32)
    labels = np.array([0, 0, 1, 1])
    result = neighbour_probabilities(points, labels, np.ones(4, dtype=bool), 2, 3)
    np.testing.assert_allclose(result, by_scikit_learn(points, labels, np.ones(4, dtype=bool), 2, 3), atol=1e-5)


def test_float16_as_stored_and_read_only() -> None:
    points, labels, voters = drawn(2)
    half = (points * 200).astype(np.float16)  # squares would not fit into float16
    half.flags.writeable = False
    result = neighbour_probabilities(half, labels, voters, 4)
    np.testing.assert_allclose(result, by_scikit_learn(half, labels, voters, 4, 10), atol=1e-5)


def test_rows_nobody_can_vote_for() -> None:
    points, labels, _ = drawn(3, n=6)
    nobody = np.zeros(6, dtype=bool)
    np.testing.assert_array_equal(neighbour_probabilities(points, labels, nobody, 4), np.full((6, 4), 0.25))
    one = nobody.copy()
    one[2] = True
    result = neighbour_probabilities(points, labels, one, 4)
    np.testing.assert_array_equal(result[2], np.full(4, 0.25))
    np.testing.assert_array_equal(np.delete(result, 2, 0), np.tile(np.eye(4)[labels[2]], (5, 1)))
    assert neighbour_probabilities(points[:1], labels[:1], one[2:3], 4).tolist() == [[0.25] * 4]
    assert neighbour_probabilities(points[:0], labels[:0], one[:0], 4).shape == (0, 4)


def test_one_class_takes_all() -> None:
    points, _, voters = drawn(4)
    result = neighbour_probabilities(points, np.full(60, 2), voters, 4)
    np.testing.assert_allclose(result, np.tile([0, 0, 1, 0], (60, 1)), atol=1e-6)


@pytest.mark.parametrize(
    ("voting", "count", "wanted"),
    [(60, 3, 3), (60, 7, 7), (60, 8, 7), (60, 50, 7), (49, 50, 7), (48, 50, 6), (3, 50, 1), (1, 10, 1)],
)
def test_as_many_vote_as_are_asked_for_or_the_root_of_the_voters(voting: int, count: int, wanted: int) -> None:
    """Distances sorted row by row; one more or one fewer neighbour would say something else."""
    points, labels, _ = drawn(3)
    voters = np.random.default_rng(4).permutation(len(points)) < voting
    votes = votes_of_neighbours(points, labels, voters, 4, count)
    distances = cdist(points.astype(np.float64), points.astype(np.float64))
    np.fill_diagonal(distances, np.inf)
    distances[:, ~voters] = np.inf

    def by_hand(neighbours_of_each: int) -> np.ndarray:
        result = np.zeros((len(points), 4))
        for row, own in enumerate(distances):
            near = [other for other in np.argsort(own)[:neighbours_of_each] if np.isfinite(own[other])]
            weights = [1 / own[other] for other in near]
            for other, weight in zip(near, weights, strict=True):
                result[row, labels[other]] += weight / sum(weights)
            if not near:
                result[row] = 1 / 4
        return result

    np.testing.assert_allclose(votes, by_hand(wanted), atol=1e-5)
    for other in {wanted - 1, wanted + 1} - {0}:
        assert voting == 1 or np.abs(votes - by_hand(other)).max() > 0.05


def test_agreement_looks_at_ten_neighbours() -> None:
    points, labels, _ = drawn(5)
    cosines = 1 - cdist(points.astype(np.float64), points.astype(np.float64), "cosine")
    np.fill_diagonal(cosines, -np.inf)

    def by_hand(count: int) -> float:
        near = np.argsort(-cosines, axis=1)[:, :count]
        return float(np.mean(labels[near] == labels[:, None]))

    observed = label_agreement(points, labels).observed
    assert observed == pytest.approx(by_hand(10), abs=1e-12)
    assert observed not in (by_hand(9), by_hand(11))
    few = label_agreement(points[:4], labels[:4]).observed  # all the others, where there are fewer
    assert few == pytest.approx(np.mean([labels[a] == labels[b] for a in range(4) for b in range(4) if a != b]))


def test_balanced_votes_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two neighbours at distance 1 and 2 vote by 1 / distance; class 0 has three of four rows."""
    monkeypatch.setattr(neighbours, "BALANCED_NEIGHBOURS", 2)
    found = balanced_votes(np.array([[0.0], [1.0], [3.0], [7.0]]), np.array([0, 1, 0, 0]), 3)
    first = np.array([(1 / 3) / (3 / 4), 1 / (1 / 4), 0])  # of the rows at 1 and at 3
    np.testing.assert_allclose(found[0], first / first.sum(), rtol=1e-6)
    np.testing.assert_allclose(found[1], [1, 0, 0])
    np.testing.assert_allclose(found.sum(1), 1)


def test_balanced_votes_of_few_voters_and_of_a_row_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    true = random.integers(0, 3, 900)
    points = np.eye(3)[true] * 4 + random.normal(size=(900, 3))
    given = np.where(random.random(900) < 0.5, 0, true)
    whole = balanced_votes(points, given, 3)
    monkeypatch.setattr(neighbours, "VOTERS", 300)
    few = balanced_votes(points, given, 3)
    assert (whole.argmax(1) == few.argmax(1)).mean() > 0.9
    assert (few.argmax(1) == true).mean() > 0.85 > (given == true).mean()
    alone = balanced_votes(np.zeros((1, 2)), np.array([0]), 2)  # nobody votes
    np.testing.assert_allclose(alone, [[0.5, 0.5]])
