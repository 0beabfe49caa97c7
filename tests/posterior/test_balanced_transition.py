"""Balanced transition EM: its rounds in plain loops, LCCN's worked values, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from mislabel.posterior import balanced_transition as room
from mislabel.posterior.balanced_transition import balanced, balanced_transition, through, transition_matrix
from mislabel.posterior.ridge import Space


def one_sided(seed=0, n=60, d=3, classes=3, share=0.4, spread=2.0):
    """Clouds, their classes, and labels of which class 0 took a share of the others'."""
    random = np.random.default_rng(seed)
    true = np.arange(n) % classes
    points = random.normal(0, spread, (classes, d))[true] + random.normal(size=(n, d))
    given = np.where(random.random(n) < share, 0, true)
    return (points / np.sqrt(points.var(0).sum())).astype(np.float32), true, given


def left_out(points, targets, weights, ridge):
    """Of each row by scikit-learn's fit to all others."""
    rows = np.hstack([points - points.mean(0, dtype=np.float64), np.ones((len(points), 1))])
    found = np.empty(targets.shape)
    for row in range(len(rows)):
        others = np.arange(len(rows)) != row
        model = Ridge(alpha=ridge, fit_intercept=False)
        model.fit(rows[others], targets[others], sample_weight=weights[others])
        found[row] = rows[row] @ model.coef_.T
    return found


def by_loops(points, given, classes, rounds, power, held, temperature, ridge):
    """The module's own words, cell by cell."""
    n = len(points)

    def weights(q):
        mass = [sum(q[i][k] for i in range(n)) for k in range(classes)]
        w = [sum(q[i][k] * (n / (classes * mass[k])) ** power for k in range(classes) if mass[k]) for i in range(n)]
        return np.array(w) * n / sum(w)

    def soft(scores):
        e = np.exp(temperature * scores)
        return e / e.sum(1, keepdims=True)

    q = np.array([[float(given[i] == k) for k in range(classes)] for i in range(n)])
    p = soft(left_out(points, q, weights(q), ridge))
    t = None
    for _ in range(rounds):
        t = np.empty((classes, classes))
        for k in range(classes):
            counts = [sum(p[i, k] for i in range(n) if given[i] == other) for other in range(classes)]
            counts = [count + 0.5 + (2 if k == other else 0) for other, count in enumerate(counts)]
            counts[k] += held * sum(counts)
            t[k] = [count / sum(counts) for count in counts]
        q = np.array([[p[i, k] * t[k, given[i]] for k in range(classes)] for i in range(n)])
        q /= q.sum(1, keepdims=True)
        p = soft(left_out(points, q, weights(q), ridge))
    return q, p, t


@pytest.mark.parametrize(("power", "held", "rounds"), [(1.0, 0.0, 3), (0.5, 0.0, 1), (0.0, 1.0, 2), (1.0, 1.0, 1)])
def test_each_round_by_hand(power, held, rounds):
    points, _, given = one_sided(n=24)
    found = balanced_transition(
        Space(points), given, 3, held=held, power=power, temperature=5.0, ridge=0.5, rounds=rounds
    )
    q, p, t = by_loops(points, given, 3, rounds, power, held, 5.0, 0.5)
    np.testing.assert_allclose(found.posterior, q, atol=1e-4)
    np.testing.assert_allclose(found.classifier, p, atol=1e-4)
    np.testing.assert_allclose(found.transition, t, atol=1e-4)


def test_lccns_worked_values(monkeypatch):
    """Counts of rows by sampled true and given class, a prior of 1 in every cell, and what follows for two rows."""
    monkeypatch.setattr(room, "COUNT", 1.0)
    monkeypatch.setattr(room, "DIAGONAL", 0.0)
    counts = np.array([[5, 1, 0], [1, 4, 1], [0, 2, 6]])
    cells = [(k, given) for k in range(3) for given in range(3) for _ in range(counts[k, given])]
    sampled, given = (np.eye(3)[list(column)] for column in zip(*cells, strict=True))
    matrix = transition_matrix(sampled, given, 0.0)
    wanted = [[0.667, 0.222, 0.111], [0.222, 0.556, 0.222], [0.091, 0.273, 0.636]]
    np.testing.assert_allclose(matrix, wanted, atol=5e-4)
    found = through(np.array([[0.2, 0.5, 0.3]] * 2), matrix, np.array([1, 2]))
    np.testing.assert_allclose(found, [[0.110, 0.688, 0.203], [0.069, 0.343, 0.589]], atol=1e-3)


@settings(max_examples=50, deadline=None)
@drawn(st.integers(0, 10_000), st.floats(0, 3))
def test_a_held_class_carries_its_own_label_at_least_so_often(seed, held):
    random = np.random.default_rng(seed)
    classifier, given = random.dirichlet(np.full(4, 0.3), 30), np.eye(4)[random.integers(0, 4, 30)]
    matrix = transition_matrix(classifier, given, held)
    np.testing.assert_allclose(matrix.sum(1), 1)
    assert (matrix.diagonal() >= held / (1 + held) - 1e-12).all()
    free = transition_matrix(classifier, given, 0.0)
    off = ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(matrix[off], (free / (1 + held))[off])  # the others keep their proportions


@settings(max_examples=50, deadline=None)
@drawn(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 1.0]))
def test_weights_have_a_mean_of_one_and_balance_what_has_mass(seed, power):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, 40)  # class 3 has no row
    shares = np.eye(4)[labels]
    weights = balanced(shares, power)
    assert weights.mean() == pytest.approx(1)
    there = np.bincount(labels, minlength=4)
    of_class = np.bincount(labels, weights=weights, minlength=4)
    assert of_class[3] == 0
    ratio = of_class[:3] / np.maximum(there[:3], 1) ** (1 - power)
    np.testing.assert_allclose(ratio[there[:3] > 0], ratio[there[:3] > 0].max())


def test_the_order_of_rows_and_the_names_of_classes_do_not_matter():
    points, _, given = one_sided()
    plain = balanced_transition(Space(points), given, 3)
    rows = np.random.default_rng(1).permutation(len(points))
    moved = balanced_transition(Space(points[rows]), given[rows], 3)
    np.testing.assert_allclose(moved.posterior, plain.posterior[rows], atol=1e-5)
    np.testing.assert_allclose(moved.transition, plain.transition, atol=1e-5)
    name = np.array([2, 0, 1])  # the new code of each class
    renamed = balanced_transition(Space(points), name[given], 3)
    np.testing.assert_allclose(renamed.posterior[:, name], plain.posterior, atol=1e-5)
    np.testing.assert_allclose(renamed.classifier[:, name], plain.classifier, atol=1e-5)
    np.testing.assert_allclose(renamed.transition[np.ix_(name, name)], plain.transition, atol=1e-5)


def test_one_sided_errors_are_seen_through():
    """A rule gave half of two classes to the third: most labels of class 0 are wrong, and few of what is said."""
    points, true, given = one_sided(n=600, d=8, share=0.6)
    assert np.mean(given == true) < 0.65
    found = balanced_transition(Space(points), given, 3)
    assert np.mean(found.posterior.argmax(1) == true) > 0.9
    assert np.mean(found.classifier.argmax(1) == true) > 0.9


def test_what_a_row_is_told_by_the_classifier_hangs_on_its_label_through_the_matrix_alone():
    points, _, given = one_sided(n=200)
    plain, moved = balanced_transition(Space(points), given, 3, rounds=1), np.empty((2, 20))
    for row in range(20):
        other = given.copy()
        other[row] = (given[row] + 1) % 3
        found = balanced_transition(Space(points), other, 3, rounds=1)
        moved[0, row] = np.abs(found.classifier[row] - plain.classifier[row]).max()
        moved[1, row] = np.abs(found.posterior[row] - plain.posterior[row]).max()
    assert moved[1].mean() > 5 * moved[0].mean()


@pytest.mark.parametrize("held", [0.0, 1.0])
def test_a_start_is_taken_and_no_round_gives_it_back(held):
    points, _, given = one_sided()
    start = np.random.default_rng(3).dirichlet(np.ones(3), len(points))
    none = balanced_transition(Space(points), given, 3, held=held, start=start, rounds=0)
    np.testing.assert_array_equal(none.posterior, start)
    one = balanced_transition(Space(points), given, 3, held=held, start=start, rounds=1)
    matrix = transition_matrix(start, np.eye(3)[given], held)
    np.testing.assert_allclose(one.posterior, through(start, matrix, given))


CASES = {
    "two rows": (np.array([[0.0], [1.0]]), [0, 1], 2),
    "one class has all rows": (np.random.default_rng(0).normal(size=(9, 2)), [1] * 9, 3),
    "a class without any row": (np.random.default_rng(0).normal(size=(9, 2)), [0, 1, 0, 1, 3, 3, 1, 0, 3], 5),
    "constant points": (np.full((9, 2), 0.1), [0, 1, 0, 1, 2, 2, 1, 0, 2], 3),
    "fewer rows than columns": (np.random.default_rng(0).normal(size=(6, 40)), [0, 1, 2, 0, 1, 2], 3),
    "as many classes as rows": (np.random.default_rng(0).normal(size=(12, 2)), list(range(12)), 12),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("held", [0.0, 1.0])
def test_odd_shapes_get_probabilities(name, held):
    points, given, classes = CASES[name]
    found = balanced_transition(Space(points.astype(np.float32)), np.array(given), classes, held=held)
    for said in (found.posterior, found.classifier):
        assert said.shape == (len(given), classes)
        assert (said >= 0).all()
        np.testing.assert_allclose(said.sum(1), 1)
    np.testing.assert_allclose(found.transition.sum(1), 1)
    without = np.setdiff1d(np.arange(classes), given)
    if name != "two rows":
        assert found.posterior[:, without].sum(1).max(initial=0) < 0.1  # nobody says such a class
