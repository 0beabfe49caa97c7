"""The orders of a review against brute force."""

from itertools import combinations

import numpy as np
import pytest
from fake_runs import review_run

from mislabel.decisions.store import Store
from mislabel.review import orders
from mislabel.review.queue import make_queue
from mislabel.run.reading import Run
from mislabel.training.progress import Quiet


def adds_up(value: np.ndarray, near: np.ndarray, similarity: np.ndarray, chosen: list[int]) -> float:
    """Gain(S) as it is written, from a full matrix of similarities."""
    full = np.eye(len(value))
    for row, (others, strengths) in enumerate(zip(near, similarity, strict=True)):
        full[row, others] = strengths
    return float((value * full[:, chosen].max(1)).sum()) if chosen else 0.0


@pytest.fixture
def clusters() -> np.ndarray:
    random = np.random.default_rng(0)
    centres = random.standard_normal((4, 6))
    return (centres[random.integers(0, 4, 40)] + 0.3 * random.standard_normal((40, 6))).astype(np.float32)


def test_worst_is_the_order_of_the_audit():
    assert orders.worst(np.array([1, 0, 1, 1, 0], dtype=bool)).tolist() == [0, 2, 3]


def test_probes_hold_every_judged_row_once_and_follow_the_seed():
    judged = np.random.default_rng(0).random(50) < 0.7
    first = orders.probes(judged, 3)
    assert sorted(first.tolist()) == np.flatnonzero(judged).tolist()
    assert first.tolist() == orders.probes(judged, 3).tolist() != orders.probes(judged, 4).tolist()
    place = np.array([np.flatnonzero(orders.probes(judged, seed) == first[0])[0] for seed in range(2000)])
    assert abs(place.mean() - (len(first) - 1) / 2) < 3 * place.std() / np.sqrt(2000)


def test_pairs_come_by_expected_wrong_labels():
    given = np.array([0, 1, 0, 1, 2, 0, 2, 1])
    suggested = np.array([1, 0, 1, 0, 2, 0, 0, 0])
    p_mislabeled = np.array([0.9, 0.8, 0.75, 0.6, 0.5, 0.4, 0.3, 0.2])
    judged = np.array([1, 1, 1, 1, 1, 1, 1, 0], dtype=bool)
    # 0 -> 1 expects 1.65, 1 -> 0 1.4 without the row that is not judged, 2 -> 0 0.3; then those that keep their label
    assert orders.pairs(judged, given, suggested, p_mislabeled).tolist() == [0, 2, 1, 3, 6, 4, 5]


def test_pairs_by_brute_force():
    random = np.random.default_rng(5)
    given, suggested = random.integers(-1, 4, 200), random.integers(0, 4, 200)
    p_mislabeled = np.sort(random.random(200))[::-1]
    judged = (random.random(200) < 0.8) & (given >= 0)
    sums = {}
    for row in np.flatnonzero(judged):
        pair = (given[row], suggested[row])
        sums[pair] = sums.get(pair, 0) + p_mislabeled[row]
    expected = sorted(
        np.flatnonzero(judged),
        key=lambda row: (1, 0, row) if given[row] == suggested[row] else (0, -sums[given[row], suggested[row]], row),
    )
    assert orders.pairs(judged, given, suggested, p_mislabeled).tolist() == expected


def test_risk_reads_rows_where_they_stand():
    posterior = np.random.default_rng(0).dirichlet(np.ones(3), 20).astype(np.float32)
    place = np.random.default_rng(1).permutation(20)[:7]
    np.testing.assert_allclose(orders.risk(posterior, place), [1 - max(posterior[k]) for k in place], rtol=1e-6)


def test_similarities_by_brute_force(clusters):
    near, similarity = orders.similarities(clusters, 5)
    unit = clusters / np.linalg.norm(clusters, axis=1, keepdims=True)
    for row in range(len(clusters)):
        distance = 1 - unit @ unit[row]
        distance[row] = np.inf
        expected = np.argsort(distance)[:5]
        assert set(near[row]) == set(expected)
        scale = np.sort(distance)[4]
        for other, strength in zip(near[row], similarity[row], strict=True):
            assert strength == pytest.approx(max(0, 1 - distance[other] / scale), abs=1e-5)


def test_similarities_of_equal_rows_and_of_rows_without_direction():
    near, similarity = orders.similarities(np.array([[1, 0], [2, 0], [3, 0], [0, 0]], dtype=np.float16), 2)
    assert [set(row) for row in near[:3].tolist()] == [{1, 2}, {0, 2}, {0, 1}]
    np.testing.assert_allclose(similarity, [[1, 1], [1, 1], [1, 1], [0, 0]])


def test_greedy_takes_what_adds_most_every_time(clusters):
    value = np.random.default_rng(2).random(40)
    near, similarity = orders.similarities(clusters, 6)
    chosen = []
    for _ in range(12):
        gains = [-np.inf if row in chosen else adds_up(value, near, similarity, [*chosen, row]) for row in range(40)]
        chosen.append(int(np.argmax(gains)))
    assert orders.greedy(value, near, similarity, 12).tolist() == chosen


def test_greedy_reaches_its_share_of_the_best_set(clusters):
    value = np.random.default_rng(4).random(14)
    near, similarity = orders.similarities(clusters[:14], 4)
    best = max(adds_up(value, near, similarity, list(chosen)) for chosen in combinations(range(14), 4))
    got = adds_up(value, near, similarity, orders.greedy(value, near, similarity, 4).tolist())
    assert (1 - 1 / np.e) * best <= got <= best


def test_gain_picks_the_budget_and_goes_on_worst_first(clusters):
    random = np.random.default_rng(7)
    judged, risk, place = random.random(60) < 0.6, random.random(60), random.permutation(60) % 40
    order = orders.gain(judged, risk, 8, clusters, place)
    rows = np.flatnonzero(judged)
    near, similarity = orders.similarities(clusters[place[rows]])
    assert order[:8].tolist() == rows[orders.greedy(risk[rows], near, similarity, 8)].tolist()
    assert order[8:].tolist() == [row for row in rows if row not in order[:8]]


def test_gain_without_embeddings_is_by_risk():
    risk = np.array([0.1, 0.5, np.nan, 0.5, 0.3])
    assert orders.gain(np.ones(5, dtype=bool), risk, 3).tolist() == [1, 3, 4, 0, 2]
    assert sorted(orders.gain(np.ones(5, dtype=bool), risk, 300).tolist()) == [0, 1, 2, 3, 4]


def test_gain_looks_among_the_riskiest_rows_of_many(monkeypatch, clusters):
    monkeypatch.setattr(orders, "POOL", 10)
    risk = np.random.default_rng(3).random(40)
    order = orders.gain(np.ones(40, dtype=bool), risk, 25, clusters)
    assert set(order[:10]) == set(np.argsort(-risk)[:10])
    assert order[10:].tolist() == sorted(order[10:].tolist())


def test_two_rows_that_are_one_are_looked_at_once_first(clusters):
    points = np.concatenate([clusters[:1], clusters[:1], clusters[1:20]])
    risk = np.append([0.9, 0.89], np.full(19, 0.1))
    order = orders.gain(np.ones(21, dtype=bool), risk, 21, points).tolist()
    assert order[0] == 0
    assert order.index(1) > 5


@pytest.mark.parametrize("share", [0.1, 0.29, 1 / 3, 0.5, 0.9])
def test_every_look_of_its_share_is_the_next_probe(share):
    random = np.random.default_rng(0)
    order, drawn = random.permutation(100), random.permutation(100)
    queue, is_probe = orders.mix_in(order, drawn, share)
    assert sorted(queue.tolist()) == list(range(100))
    # Probes are the rows of the drawing in its order, less those that the list had shown before.
    for look in np.flatnonzero(is_probe):
        before = set(queue[:look].tolist())
        assert queue[look] == next(row for row in drawn if row not in before)
    for look in np.flatnonzero(~is_probe):
        before = set(queue[:look].tolist())
        assert queue[look] == next(row for row in order if row not in before)
    assert all(abs(is_probe[:m].sum() - share * m) < 1 + 1e-9 for m in range(1, 101))


def test_no_share_means_no_probes():
    queue, is_probe = orders.mix_in(np.array([4, 2]), np.array([2, 4, 7]), 0)
    assert queue.tolist() == [4, 2]
    assert not is_probe.any()


def test_a_part_of_the_rows_in_order_and_probes_from_all():
    queue, is_probe = orders.mix_in(np.array([4, 2]), np.array([2, 4, 7, 5]), 0.5)
    assert (queue.tolist(), is_probe.tolist()) == ([4, 2, 7, 5], [False, True, True, True])
    empty = np.empty(0, dtype=np.int64)
    assert [len(part) for part in orders.mix_in(empty, empty, 0.5)] == [0, 0]


def test_farthest_by_brute_force():
    points = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    centres, chosen = [np.zeros(4)], []
    for _ in range(30):
        distance = [
            -1 if row in chosen else min(float(np.linalg.norm(points[row] - centre)) for centre in centres)
            for row in range(30)
        ]
        chosen.append(int(np.argmax(distance)))
        centres.append(points[chosen[-1]])
    assert orders.farthest(points, 99).tolist() == chosen


def test_farthest_takes_no_row_twice():
    assert sorted(orders.farthest(np.zeros((4, 2)), 4).tolist()) == [0, 1, 2, 3]
    assert orders.farthest(np.zeros((0, 2)), 3).tolist() == []


def test_every_look_at_random_is_a_check(tmp_path):
    """As with --probe, whose share is below 1; in another order without a share none is."""
    texts, given, suggested = [f"text {k}" for k in range(9)], [0, 1, 2] * 3, [1, 1, 2] * 3
    folder = review_run(tmp_path / "run", texts, given, suggested, ["a", "b", "c"])
    run, more = Run.open(folder), {"budget": 4, "share": 0.0, "progress": Quiet()}
    with Store(folder.decisions) as store:
        probes = {order: make_queue(run, store, order=order, **more).probe for order in ("random", "worst", "trust")}
    assert {order: each.tolist() for order, each in probes.items()} == {
        "random": [True] * 4, "worst": [False] * 4, "trust": [False] * 4,
    }  # fmt: skip


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_past_the_looks_that_are_mixed_the_rest_of_the_order_follows(share, monkeypatch):
    order, drawn = np.arange(0, 200, 2), np.random.default_rng(0).permutation(200)[:150]
    whole, _ = orders.mix_in(order, drawn, share)
    monkeypatch.setattr(orders, "MOST_MIXED", 40)
    queue, is_probe = orders.mix_in(order, drawn, share)
    np.testing.assert_array_equal(queue[:40], whole[:40])
    shown = set(queue[:40].tolist())
    rest = [row for row in order.tolist() if row not in shown]
    others = [row for row in drawn.tolist() if row not in shown | set(rest)]
    assert queue[40:].tolist() == rest + others
    assert is_probe[40:].tolist() == [False] * len(rest) + [True] * len(others)
