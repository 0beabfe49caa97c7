"""The second round of evidence: its parts by hand, whom it believes, and which rows wait for it."""

import numpy as np
import pytest
from helpers import softmax
from hypothesis import given as drawn
from hypothesis import strategies as st

from mislabel.posterior.judge import FEWEST, MOST, Trusted, judge, pool
from mislabel.posterior.second_round import SAID, SAID_AND_GIVEN, said_and_given, second_round, waiting_rows


@pytest.mark.parametrize("guard", [True, False])
def test_what_is_said_and_given_by_hand(guard):
    random = np.random.default_rng(0)
    target, said = random.integers(0, 3, 30), random.dirichlet(np.ones(3), 30)
    found = said_and_given(said, target, guard=guard)

    def by_hand(held):
        counts = [[0.5 + 2 * (k == other) for other in range(3)] for k in range(3)]
        for p, given in zip(said, target, strict=True):
            for k in range(3):
                counts[k][given] += p[k]
        for k in range(3):
            counts[k][k] += held * sum(counts[k])
        result = []
        for p, given in zip(said, target, strict=True):
            joint = [p[k] * counts[k][given] / sum(counts[k]) for k in range(3)]
            result.append([v / sum(joint) for v in joint])
        return np.array(result)

    free = by_hand(0)
    kept = min(free[target == k, k].mean() for k in range(3))
    assert kept < 0.5
    np.testing.assert_allclose(found, by_hand(1) if guard else free)


def world(right=2.0, network=3.0, rows=1200, seed=0):
    """Classes, given labels of which a third went to the first, an opinion, and a network that knows more or less."""
    random = np.random.default_rng(seed)
    true = random.integers(0, 3, rows)
    given = np.where(random.random(rows) < 1 / 3, 0, true)

    def opinion(sure):
        scores = random.normal(size=(rows, 3))
        scores[np.arange(rows), true] += sure
        return softmax(scores)

    points = random.normal(size=(3, 6))[true] + random.normal(size=(rows, 6))
    return true, given, {"one": opinion(right), "two": opinion(0.2)}, opinion(network), points.astype(np.float16)


def right(opinion, true):
    return float(np.mean(opinion.argmax(1) == true))


@pytest.mark.parametrize("t", [0, FEWEST - 1])
def test_without_a_judge_it_is_what_the_network_says_with_the_given_label(t):
    true, given, opinions, said, points = world()
    trusted = Trusted(np.arange(t), true[:t])
    found, names = second_round(opinions, {"one": 1.0}, said, points, given, trusted)
    assert names == ["one", "two", SAID, SAID_AND_GIVEN]
    assert found.weights.tolist() == [0, 0, 0, 1]
    np.testing.assert_allclose(found.posterior, pool([said_and_given(said, given)], [1.0]))


@pytest.mark.parametrize(("network", "best"), [(4.0, SAID), (-1.0, "one")])
def test_trusted_rows_say_where_the_judge_starts(network, best, monkeypatch):
    """It starts from what gives their labels the highest likelihood, and hears the rest."""
    true, given, opinions, said, points = world(network=network)
    given[:100] = (true[:100] + 1) % 3  # where labels say less than elsewhere
    trusted = Trusted(np.arange(100), true[:100])
    started = []

    def watched(opinions, points, given, trusted, start, seed):
        started.append(start)
        return judge(opinions, points, given, trusted, start, seed)

    monkeypatch.setattr("mislabel.posterior.second_round.judge", watched)
    found, names = second_round(opinions, {"one": 1.0}, said, points, given, trusted, 3)
    assert started == [[float(name == best) for name in names]]
    heard = [*opinions.values(), said, said_and_given(said, given)]
    expected = judge(heard, points, given, trusted, started[0], 3)
    np.testing.assert_array_equal(found.posterior, expected.posterior)
    logs = {name: np.log(each[np.arange(100), true[:100]]).mean() for name, each in zip(names, heard, strict=True)}
    assert max(("one", SAID, SAID_AND_GIVEN), key=logs.__getitem__) == best


@pytest.mark.parametrize("network", [3.5, 0.0])
def test_it_is_not_worse_than_the_better_of_evidence_and_network(network):
    true, given, opinions, said, points = world(network=network)
    trusted = Trusted(np.arange(100), true[:100])
    found, _ = second_round(opinions, {"one": 1.0}, said, points, given, trusted)
    assert (
        right(found.posterior[100:], true[100:])
        > max(right(each[100:], true[100:]) for each in (said, opinions["one"])) - 0.01
    )


def test_rows_of_weight_0_do_not_decide():
    true, given, opinions, said, points = world()
    some, wrong = np.arange(60), np.arange(60, 90)
    alone = Trusted(some, true[some])
    more = Trusted(
        np.append(some, wrong), np.append(true[some], (true[wrong] + 1) % 3), np.repeat([1.0, 0.0], (60, 30))
    )
    one, other = (second_round(opinions, {"one": 1.0}, said, points, given, each)[0] for each in (alone, more))
    np.testing.assert_array_equal(one.posterior, other.posterior)


@drawn(st.integers(1, 3000), st.integers(0, 3000), st.integers(0, 5))
def test_who_waits(rows, t, seed):
    """Trusted rows that count, as many as a judge goes by and a fifth of all at most, or none where they are few."""
    places = np.random.default_rng(seed + 1).permutation(rows)[:t]
    weights = (np.arange(len(places)) % 3 > 0).astype(float)
    waiting = waiting_rows(Trusted(places, np.zeros(len(places), dtype=int), weights), rows, seed)
    most = min(int(weights.sum()), MOST, rows // 5)
    assert waiting.shape == (rows,)
    assert waiting.sum() == (most if most >= FEWEST else 0)
    assert set(np.flatnonzero(waiting)) <= set(places[weights > 0])
