"""The judge: its parts by hand, its fit against other optimisers, and what trusted rows may and may not do."""

import numpy as np
import pytest
from helpers import log_softmax, numerical_gradient, softmax
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from mislabel.posterior import judge as room
from mislabel.posterior.judge import FEWEST, Trusted, coverage, judge, pool


def world(seed, classes, n=1500, d=12, sharp=2.0, wrong=0.4):
    """Classes, points that tell them, labels wrong to one side, a good opinion that is too sure, and two poor ones."""
    random = np.random.default_rng(seed)
    true = random.integers(0, classes, n)
    points = random.normal(size=(classes, d))[true] + random.normal(size=(n, d)) * 1.5
    given = np.where(random.random(n) < wrong, (true + 1) % classes, true)

    def opinion(right, sharp):
        scores = random.normal(size=(n, classes))
        scores[np.arange(n), true] += right
        return softmax(sharp * scores)

    return true, points.astype(np.float32), given, [opinion(2.0, sharp), opinion(1.0, 1.0), opinion(0.3, 1.0)]


def chosen(true, t, seed=0):
    rows = np.random.default_rng(seed).permutation(len(true))[:t]
    return Trusted(rows, true[rows])


def test_the_pool_is_the_weighted_geometric_mean():
    random = np.random.default_rng(0)
    opinions = [random.dirichlet(np.ones(3), 5) for _ in range(2)]
    found = pool(opinions, [0.5, 2.0])
    for row in range(5):
        product = [opinions[0][row, k] ** 0.5 * opinions[1][row, k] ** 2 for k in range(3)]
        np.testing.assert_allclose(found[row], np.array(product) / sum(product))
    np.testing.assert_allclose(pool(opinions, [1.0, 0.0]), opinions[0])


def test_no_opinion_of_the_pool_rules_a_class_out():
    found = pool([np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])], [1.0, 1.0])
    np.testing.assert_allclose(found, [[0.5, 0.5]])


@pytest.mark.parametrize("t", [0, 1, FEWEST - 1])
def test_with_none_or_too_few_trusted_rows_it_is_the_pool(t):
    true, points, given, opinions = world(0, 3)
    found = judge(opinions, points, given, chosen(true, t), [0.7, 0.3, 0.0])
    np.testing.assert_array_equal(found.posterior, pool(opinions, [0.7, 0.3, 0.0]))
    assert found.weights.tolist() == [0.7, 0.3, 0.0]
    assert found.left_out is None
    assert found.pool_left_out is None
    assert np.isinf(found.strength)


@pytest.fixture
def one_strength(monkeypatch):
    monkeypatch.setattr(room, "NEAR", 1.0)  # the judge is heard everywhere

    def fix(*strengths):
        monkeypatch.setattr(room, "STRENGTHS", strengths)
        monkeypatch.setattr(room, "STEPS", 5000)

    return fix


def design(points, given, classes):
    standard = (points - points.mean(0, dtype=np.float64)) / points.std(0, dtype=np.float64)
    return np.hstack([0.3 * standard, np.eye(classes)[given], np.full((len(points), 1), 10.0)])


def test_embedding_and_label_alone_are_scikit_learns_regression(one_strength):
    """With opinions that say nothing, which is what the module's own W is then."""
    one_strength(2.0)
    true, points, given, _ = world(1, 3)
    trusted = chosen(true, 200)
    found = judge([np.full((len(true), 3), 1 / 3)], points, given, trusted, [1.0])
    features = design(points, given, 3)
    model = LogisticRegression(C=1 / 2.0, fit_intercept=False, max_iter=5000, tol=1e-10)
    model.fit(features[trusted.rows], trusted.labels)
    np.testing.assert_allclose(found.posterior, model.predict_proba(features), atol=2e-3)
    assert found.strength == 2.0


def test_a_left_out_row_is_judged_by_the_other_folds_as_scikit_learn_does(one_strength):
    one_strength(2.0)
    true, points, given, _ = world(1, 3)
    trusted = chosen(true, 60)
    found = judge([np.full((len(true), 3), 1 / 3)], points, given, trusted, [1.0], seed=4)
    np.testing.assert_array_equal(found.asked, trusted.rows)
    features, fold = design(points, given, 3), np.random.default_rng(4).permutation(60) % 5
    for number in range(5):
        out = fold == number
        model = LogisticRegression(C=1 / 2.0, fit_intercept=False, max_iter=5000, tol=1e-10)
        model.fit(features[trusted.rows[~out]], trusted.labels[~out])
        np.testing.assert_allclose(found.held_out[out], model.predict_proba(features[trusted.rows[out]]), atol=5e-3)


def test_what_is_said_of_a_left_out_row_does_not_hang_on_its_label(one_strength):
    one_strength(np.inf)
    true, points, given, opinions = world(5, 3)
    trusted = chosen(true, 50)
    labels = trusted.labels.copy()
    labels[7] = (labels[7] + 1) % 3
    start = [0.0, 0.0, 0.0]  # a pool that says nothing: the judge is taken whatever one label is
    found = judge(opinions, points, given, trusted, start)
    other = judge(opinions, points, given, Trusted(trusted.rows, labels), start)
    np.testing.assert_allclose(found.held_out[7], other.held_out[7])
    assert not np.allclose(found.held_out, other.held_out)
    assert len(judge(opinions, points, given, chosen(true, FEWEST - 1), [1.0, 0, 0]).asked) == 0


def loss(flat, logs, features, labels, weights, start, strength):
    """Of weights and W, by the docstring; rows of `features` times W (p, K)."""
    v, matrix = flat[: len(logs)], flat[len(logs) :].reshape(features.shape[1], -1)
    scores = sum(each * log for each, log in zip(v, logs, strict=True)) + features @ matrix
    likelihood = sum(w * log_softmax(row)[label] for w, row, label in zip(weights, scores, labels, strict=True))
    return -likelihood + 0.02 * sum(weights) / 2 * np.sum((v - start) ** 2) + strength / 2 * np.sum(matrix**2)


def test_the_fit_is_a_generic_optimisers(one_strength):
    """Over all of W, where the judge moves along the directions of its trusted rows alone."""
    one_strength(3.0)
    true, points, given, opinions = world(2, 3, n=300, d=4)
    trusted = chosen(true, 40)
    found = judge(opinions, points, given, trusted, [1.0, 0.0, 0.0])
    logs = np.log(np.clip(opinions, 1e-6, 1))
    features = design(points, given, 3)
    args = (
        logs[:, trusted.rows], features[trusted.rows], trusted.labels, trusted.weights, np.array([1.0, 0, 0]), 3.0,
    )  # fmt: skip
    best = minimize(loss, np.zeros(3 + features.shape[1] * 3), args, method="BFGS", options={"gtol": 1e-4}).x
    np.testing.assert_allclose(found.weights, best[:3], atol=3e-3)
    scores = np.tensordot(best[:3], logs, 1) + features @ best[3:].reshape(-1, 3)
    np.testing.assert_allclose(found.posterior, softmax(scores), atol=3e-3)


@pytest.mark.parametrize("strength", [np.inf, 5.0])
def test_its_gradient_is_that_of_finite_differences(strength, monkeypatch):
    true, points, given, opinions = world(3, 3, n=60, d=4)
    asked = []

    def watched(objective, first, **_):
        asked.append((objective, first))
        return minimize(objective, first, jac=True, method="L-BFGS-B")

    monkeypatch.setattr(room, "minimize", watched)
    monkeypatch.setattr(room, "STRENGTHS", (strength,))
    trusted = chosen(true, 20)
    weighed = Trusted(trusted.rows, trusted.labels, np.linspace(0.5, 1.5, 20))
    judge(opinions, points, given, weighed, [0.6, 0.2, 0.2])
    for objective, first in asked[:2]:
        place = first + np.random.default_rng(0).normal(0, 0.3, len(first))
        wanted = numerical_gradient(lambda x, f=objective: f(x)[0], place)
        np.testing.assert_allclose(objective(place)[1], wanted, rtol=1e-4, atol=1e-5)


def test_a_row_of_weight_two_is_that_row_twice(one_strength):
    one_strength(3.0)
    true, points, given, opinions = world(4, 3)
    trusted = chosen(true, 60)
    twice = Trusted(np.append(trusted.rows, trusted.rows[5]), np.append(trusted.labels, trusted.labels[5]))
    weighed = Trusted(trusted.rows, trusted.labels, np.where(np.arange(60) == 5, 2.0, 1.0))
    found, wanted = (judge(opinions, points, given, each, [1.0, 0, 0]) for each in (weighed, twice))
    np.testing.assert_allclose(found.posterior, wanted.posterior, atol=1e-3)
    np.testing.assert_allclose(found.weights, wanted.weights, atol=1e-3)


def test_rows_of_weight_0_say_nothing():
    true, points, given, opinions = world(5, 3)
    trusted = chosen(true, 60)
    count = np.arange(60) < 30
    labels = np.where(count, trusted.labels, (trusted.labels + 1) % 3)
    found = judge(opinions, points, given, Trusted(trusted.rows, labels, count.astype(float)), [1.0, 0, 0])
    wanted = judge(opinions, points, given, Trusted(trusted.rows[:30], trusted.labels[:30]), [1.0, 0, 0])
    np.testing.assert_array_equal(found.posterior, wanted.posterior)
    none = judge(opinions, points, given, Trusted(trusted.rows, labels, np.zeros(60)), [1.0, 0, 0])
    np.testing.assert_array_equal(none.posterior, pool(opinions, [1.0, 0, 0]))


def test_the_order_of_rows_does_not_matter(one_strength):
    """Apart from who is left out with whom, which one strength does not hear."""
    one_strength(3.0)
    true, points, given, opinions = world(6, 3)
    trusted, moved = chosen(true, 50), np.random.default_rng(1).permutation(len(true))
    place = np.argsort(moved)
    plain = judge(opinions, points, given, trusted, [1.0, 0, 0])
    rows = Trusted(place[trusted.rows][::-1].copy(), trusted.labels[::-1].copy())
    other = judge([each[moved] for each in opinions], points[moved], given[moved], rows, [1.0, 0, 0])
    np.testing.assert_allclose(other.posterior, plain.posterior[moved], atol=1e-3)


def test_names_of_classes_and_units_of_points_do_not_matter(one_strength):
    one_strength(3.0)
    true, points, given, opinions = world(7, 3)
    trusted, name = chosen(true, 50), np.array([2, 0, 1])
    plain = judge(opinions, points, given, trusted, [1.0, 0, 0])
    renamed = judge(
        [each[:, np.argsort(name)] for each in opinions], points, name[given],
        Trusted(trusted.rows, name[trusted.labels]), [1.0, 0, 0],
    )  # fmt: skip
    np.testing.assert_allclose(renamed.posterior[:, name], plain.posterior, atol=1e-3)
    scaled = judge(opinions, points * np.float32(1e15), given, trusted, [1.0, 0, 0])
    np.testing.assert_allclose(scaled.posterior, plain.posterior, atol=1e-3)


def test_nothing_is_fitted_where_left_out_rows_gain_nothing():
    """The opinion is as sure as it may be, and beside it there is nothing to learn: labels are drawn from it."""
    random, kept = np.random.default_rng(0), 0
    for seed in range(12):
        points, given = random.normal(size=(200, 5)), random.integers(0, 3, 200)
        opinion = random.dirichlet(np.full(3, 0.3), 200)
        trusted = Trusted(np.arange(40), np.array([random.choice(3, p=row) for row in opinion[:40]]))
        found = judge([opinion, random.dirichlet(np.ones(3), 200)], points, given, trusted, [1.0, 0.0], seed)
        assert found.left_out >= found.pool_left_out
        if found.left_out == found.pool_left_out:
            kept += 1
            np.testing.assert_allclose(found.posterior, pool([opinion], [1.0]))
            assert found.weights.tolist() == [1, 0]
            assert np.isinf(found.strength)
    assert kept >= 4


@pytest.mark.slow
@pytest.mark.parametrize(("classes", "t", "draws"), [(60, 60, 4), (25, 40, 6), (3, 15, 12)])
def test_few_trusted_rows_are_not_worse_than_none(classes, t, draws):
    """In the mean over draws, of the rows that nobody checked: as likely, and as often right."""
    gains = []
    for seed in range(draws):
        true, points, given, opinions = world(seed, classes, n=800)
        trusted = chosen(true, t, seed)
        found, before = judge(opinions, points, given, trusted, [1.0, 0, 0], seed).posterior, opinions[0]
        rest = np.setdiff1d(np.arange(800), trusted.rows)
        likely = np.log(found[rest, true[rest]] / np.maximum(before[rest, true[rest]], 1e-6)).mean()
        right = np.mean(found[rest].argmax(1) == true[rest]) - np.mean(before[rest].argmax(1) == true[rest])
        gains.append([likely, right])
    likely, right = np.mean(gains, axis=0)
    assert likely > -0.01
    assert right > -0.002


def test_many_trusted_rows_make_a_classifier_of_its_own():
    """Where all opinions say nothing."""
    true, points, given, _ = world(8, 3)
    trusted = chosen(true, 600)
    found = judge([np.full((len(true), 3), 1 / 3)], points, given, trusted, [1.0])
    assert np.isfinite(found.strength)
    rest = np.setdiff1d(np.arange(len(true)), trusted.rows)
    assert np.mean(found.posterior[rest].argmax(1) == true[rest]) > np.mean(given[rest] == true[rest]) + 0.2
    assert found.left_out > found.pool_left_out + 0.3
    assert found.pool_left_out == pytest.approx(np.log(1 / 3))


def test_an_opinion_that_is_right_wins_over_one_that_is_wrong():
    true, points, given, opinions = world(9, 4)
    wrong = np.roll(opinions[0], 1, axis=1)
    found = judge([wrong, opinions[0]], points, given, chosen(true, 100), [1.0, 0.0])
    assert found.weights[1] > found.weights[0] + 0.3
    assert np.mean(found.posterior.argmax(1) == true) > 0.7


TRUE, POINTS, GIVEN, OPINIONS = world(10, 3, n=80)
WITHOUT_LAST = [np.hstack([each[:, :2] / each[:, :2].sum(1, keepdims=True), np.zeros((80, 1))]) for each in OPINIONS]
FAR = np.where(np.arange(80)[:, None] == 3, np.float32(1e30), POINTS)
SOME, ALL, ONES = chosen(TRUE, 40), chosen(TRUE, 80), np.flatnonzero(TRUE == 1)
ODD = {
    "all rows are trusted": (OPINIONS, POINTS, GIVEN, ALL),
    "one class is trusted": (OPINIONS, POINTS, GIVEN, Trusted(ONES, TRUE[ONES])),
    "a class that no given label shows": (OPINIONS, POINTS, np.minimum(GIVEN, 1), SOME),
    "constant points": (OPINIONS, np.full((80, 5), 0.1, dtype=np.float32), GIVEN, SOME),
    "huge points": (OPINIONS, POINTS * np.float32(1e37), GIVEN, SOME),
    "one far row": (OPINIONS, FAR, GIVEN, ALL),
    "more columns than rows": (OPINIONS, np.tile(POINTS, (1, 20)), GIVEN, SOME),
    "opinions that are sure and wrong": ([np.eye(3)[(TRUE + 1) % 3]] * 3, POINTS, GIVEN, SOME),
    "a class that no opinion knows": (WITHOUT_LAST, POINTS, GIVEN, SOME),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_shapes_get_probabilities(name):
    found = judge(*ODD[name], [1.0, 0.0, 0.0])
    assert (found.posterior >= 0).all()
    np.testing.assert_allclose(found.posterior.sum(1), 1)
    assert np.isfinite(found.weights).all()
    assert found.left_out >= found.pool_left_out


def test_of_very_many_trusted_rows_some_choose(monkeypatch):
    """As many as MOST; the fit itself hears all."""
    monkeypatch.setattr(room, "MOST", 50)
    true, points, given, opinions = world(11, 3)
    sizes = []

    def watched(*args, **kwargs):
        sizes.append(args[0].__closure__)
        return minimize(*args, **kwargs)

    monkeypatch.setattr(room, "minimize", watched)
    found = judge(opinions, points, given, chosen(true, 300), [1.0, 0, 0])
    rows = [next(len(c.cell_contents) for c in closure if np.shape(c.cell_contents)[1:] == (3,)) for closure in sizes]
    assert set(rows[:-1]) == {40}
    assert rows[-1] == 300
    assert np.mean(found.posterior.argmax(1) == true) > 0.8


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@drawn(st.integers(0, 10_000), st.integers(2, 5), st.integers(0, 30))
def test_posteriors_sum_to_one_and_the_same_seed_says_the_same(seed, classes, t):
    true, points, given, opinions = world(seed, classes, n=60, d=5)
    found, again = (judge(opinions, points, given, chosen(true, t), [1.0, 0, 0], seed) for _ in range(2))
    np.testing.assert_array_equal(found.posterior, again.posterior)
    np.testing.assert_allclose(found.posterior.sum(1), 1)
    assert np.isfinite(found.posterior).all()


@settings(max_examples=60, deadline=None)
@drawn(st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.9]) | st.floats(0, 1), min_size=3, max_size=40), st.data())
def test_coverage_row_by_row(doubt, data):
    n, doubt = len(doubt), np.array(doubt)
    rows = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=n, unique=True)))
    weights = np.array(data.draw(st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=len(rows), max_size=len(rows))))
    found = coverage(doubt, Trusted(rows, np.zeros(len(rows), dtype=int), weights))
    rank = [(sum(other < one for other in doubt) + sum(other == one for other in doubt) / 2) / n for one in doubt]
    for row in range(n):
        low, high = max(rank[row] - 0.1, 0), min(rank[row] + 0.1, 1)
        near = sum(w for r, w in zip(rows, weights, strict=True) if low - 1e-12 <= rank[r] <= high + 1e-12)
        strict = sum(w for r, w in zip(rows, weights, strict=True) if low + 1e-12 < rank[r] < high - 1e-12)
        expected = [min(1.0, 2 * each / (weights.sum() * (high - low))) for each in (strict, near)]
        expected = [max(each, weights.sum() / (weights.sum() + 300)) for each in expected]
        assert expected[0] - 1e-9 <= found[row] <= expected[1] + 1e-9  # at the very border rounding decides


def test_rows_drawn_by_chance_speak_for_all():
    doubt = np.random.default_rng(0).random(2000)
    for draw in range(20):
        rows = np.random.default_rng(draw).permutation(2000)[:100]
        assert np.mean(coverage(doubt, Trusted(rows, rows)) == 1) > 0.97


def test_the_most_doubtful_rows_say_little_of_those_that_nobody_doubts(monkeypatch):
    true, points, given, opinions = world(0, 3)
    start = [1.0, 0.0, 0.0]
    before = pool(opinions, start)
    doubt = 1 - before[np.arange(len(given)), given]
    worst = np.argsort(-doubt)[:60]
    found = judge(opinions, points, given, Trusted(worst, true[worst]), start).posterior
    monkeypatch.setattr(room, "NEAR", 1.0)
    everywhere = judge(opinions, points, given, Trusted(worst, true[worst]), start).posterior
    far, near = doubt < np.quantile(doubt, 0.7), doubt > np.quantile(doubt, 0.97)
    np.testing.assert_allclose(found[far], 60 / 360 * everywhere[far] + 300 / 360 * before[far], atol=1e-12)
    np.testing.assert_array_equal(found[near], everywhere[near])
    others = np.setdiff1d(np.arange(len(true)), worst)
    right = [np.mean(each[others].argmax(1) == true[others]) for each in (found, before)]
    assert right[0] > right[1] - 0.02
