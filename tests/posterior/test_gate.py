"""The gate by brute force, by hand, and on made rows."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.gate import KEPT, Independent, Met, gated, met
from mislabel.posterior.kinds import USUAL, kinds, sharpened_kinds

CODES = arrays(np.int64, st.integers(2, 6), elements=st.integers(0, 2))
SHARES = arrays(np.float64, st.integers(2, 20), elements=st.integers(0, 1000).map(lambda whole: whole / 1000))


def evidence(doubt, two, rows=None):
    kind = kinds(1 - np.asarray(doubt), 3)
    rows = np.arange(len(doubt)) if rows is None else np.asarray(rows)
    return Independent(rows, np.asarray(doubt, dtype=float), Met(1, 0, 9, 9), type(kind)(kind.rate, kind.gain, two))


@given(CODES, st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_chance_is_that_of_all_permutations(labels, random):
    predicted = np.array([random.randrange(3) for _ in labels])
    dealt = [np.mean(predicted == np.array(order)) for order in permutations(labels.tolist())]
    best = [np.mean(labels == np.array(order)) for order in permutations(labels.tolist())]
    found = met(predicted, labels, 3)
    assert found.share == pytest.approx(np.mean(predicted == labels))
    assert found.chance == pytest.approx(np.mean(dealt))
    spread, perfect = np.std(dealt), np.std(best)
    wanted = (found.share - found.chance) / spread if spread > 1e-6 else 0.0
    assert found.deviations == pytest.approx(wanted, abs=1e-6)
    assert found.reachable == pytest.approx((1 - np.mean(best)) / perfect if perfect > 1e-6 else 0.0, abs=1e-6)


def test_whether_anything_was_learnt():
    assert Met(0.5, 0.2, 4.1, 4.2).learnt is True
    assert Met(0.3, 0.2, 3.9, 6.1).learnt is False
    assert Met(0.3, 0.2, 3.9, 5.9).learnt is None  # even all of the labels would hardly lie above chance


@given(SHARES, st.data())
@settings(max_examples=30)
def test_less_is_confirmed_and_the_order_stays(p, data):
    doubt = data.draw(arrays(np.float64, len(p), elements=st.floats(0, 1)))
    two = data.draw(st.floats(0, 1))
    confirmed = evidence(doubt, two).confirmed(p)
    assert (confirmed <= p + 1e-12).all()
    assert (confirmed >= KEPT * p - 1e-12).all()
    order = np.argsort(p, kind="stable")
    steps, before = np.diff(confirmed[order]), np.diff(p[order])
    assert (steps >= KEPT * before - 1e-12).all()  # rises at least by what is kept
    shuffled = np.random.default_rng(0).permutation(len(p))
    again = evidence(doubt[shuffled], two).confirmed(p[shuffled])
    np.testing.assert_allclose(again, confirmed[shuffled], atol=1e-9)


@given(SHARES, st.data())
@settings(max_examples=30)
def test_the_regression_is_the_largest_mean_of_smallest(p, data):
    """max over i <= k of min over j >= k of the mean of doubts i to j, of rows in order, those of one p as one row."""
    doubt = data.draw(arrays(np.float64, len(p), elements=st.floats(0, 1)))
    values = np.unique(p)
    sums = [(doubt[p == value].sum(), np.sum(p == value)) for value in values]
    wanted = {}
    for k in range(len(values)):
        wanted[values[k]] = max(
            min(sum(a for a, _ in sums[i : j + 1]) / sum(b for _, b in sums[i : j + 1]) for j in range(k, len(values)))
            for i in range(k + 1)
        )
    regressed = np.array([wanted[value] for value in p])
    expected = KEPT * p + (1 - KEPT) * np.minimum(p, regressed)
    np.testing.assert_allclose(evidence(doubt, 1.0).confirmed(p), expected, atol=1e-6)


def test_a_posterior_by_hand():
    """Of four rows the method doubts two; the classifier doubts one of these, and was not asked of the last row."""
    posterior = np.array([[0.1, 0.6, 0.3], [0.2, 0.6, 0.2], [0.9, 0.1, 0], [0.05, 0.05, 0.9]], dtype=np.float32)
    labels = np.array([0, 0, 0, 0])
    found = gated(posterior, labels, evidence([0.1, 0.95, 0.0], 1.0, rows=[1, 0, 2]))
    np.testing.assert_array_equal(found[0], posterior[0])  # doubted no less: it stays to the bit
    np.testing.assert_array_equal(found[3], posterior[3])  # as doubtful as the first row, so it stays
    wrong = KEPT * 0.8 + (1 - KEPT) * 0.1
    np.testing.assert_allclose(found[1], [1 - wrong, wrong * 0.75, wrong * 0.25], atol=1e-6)
    assert found[2, 0] == pytest.approx(1 - KEPT * 0.1, abs=1e-6)  # nothing speaks against it
    one_kind = gated(posterior, labels, evidence([0.1, 0.95, 0.0], 0.2, rows=[1, 0, 2]))
    assert (one_kind.argmax(1) == labels).all()


@pytest.mark.parametrize("order", [(2, 0, 1), (1, 2, 0)])
def test_classes_by_other_codes(order):
    random, order = np.random.default_rng(0), np.array(order)
    posterior, labels = random.dirichlet(np.ones(3), 50).astype(np.float32), random.integers(0, 3, 50)
    doubt = random.random(50)
    found = gated(posterior, labels, evidence(doubt, 0.9))
    renamed = gated(posterior[:, np.argsort(order)], order[labels], evidence(doubt, 0.9))
    np.testing.assert_allclose(renamed, found[:, np.argsort(order)], atol=1e-6)
    predicted = random.integers(0, 3, 50)
    one, other = met(predicted, labels, 3), met(order[predicted], order[labels], 3)
    assert (one.share, one.chance, one.deviations) == pytest.approx((other.share, other.chance, other.deviations))


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0, 20, 80])
def test_one_kind_and_two_on_clouds(wrong):
    """400 rows of four classes far apart, none, 5 or 20 % of the labels wrong."""
    random, gold = np.random.default_rng(1), np.arange(400) % 4
    points = (6 * np.eye(4)[gold] + random.normal(size=(400, 4))).astype(np.float32)
    labels, flipped = gold.copy(), random.permutation(400)[:wrong]
    labels[flipped] = (gold[flipped] + random.integers(1, 4, wrong)) % 4
    space = frozen_space(points, labels, 4)
    found, _ = sharpened_kinds(space.fit.classifier, labels)
    assert (found.two > 0.5) == (wrong > 0)
    assert found.rate == pytest.approx(max(wrong / 400, USUAL), abs=0.01)
    assert met(space.plain.argmax(1), labels, 4).learnt is True


@pytest.mark.slow
def test_labels_beside_the_inputs_are_not_learnt():
    for seed in range(4):
        random = np.random.default_rng(seed)
        points, labels = random.normal(size=(40, 16)).astype(np.float32), random.permutation(np.arange(40) % 4)
        space = frozen_space(points, labels, 4)
        assert met(space.plain.argmax(1), labels, 4).learnt is False
