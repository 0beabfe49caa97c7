"""What a frozen space says: shares by hand, units that do not matter, and a guard that tells one space from another."""

import numpy as np
import pytest

from mislabel.posterior.balanced_transition import TEMPERATURE, balanced_transition
from mislabel.posterior.frozen_space import FIRMLY, HELD, INFORMATIVE, KEPT, frozen_space, kept_share
from mislabel.posterior.moments import ROWS_AT_ONCE, mean_and_deviation
from mislabel.posterior.ridge import Space
from mislabel.posterior.spaces import unit_space

CLASSES = 4


def labelled(holds, n=1200, d=16, share=0.5, seed=0):
    """Points, true classes and one-sided labels: class 0 took a share of the others.

    Where the space does not hold the classes, they stand in a row on one line, so near that they overlap.
    """
    random = np.random.default_rng(seed)
    true = np.arange(n) % CLASSES
    centres = np.eye(CLASSES, d)[true] * 3
    if not holds:
        centres = np.eye(1, d) * true[:, None]
    points = centres + random.normal(size=(n, d))
    return points.astype(np.float32), true, np.where(random.random(n) < share, 0, true)


def test_the_share_that_a_large_class_keeps_by_hand():
    posterior = np.array([[0.9, 0.1, 0], [0.4, 0.6, 0], [0.2, 0.8, 0], [0.5, 0.5, 0], [0.1, 0, 0.9]])
    given = np.array([0, 0, 1, 1, 2])
    assert kept_share(posterior, given) == pytest.approx(0.65)  # of .65, .65 and .9
    assert kept_share(posterior, np.array([0, 1, 0, 1, 2])) == pytest.approx(0.55)


def test_small_classes_do_not_count():
    given = np.append(np.zeros(98, dtype=int), [1, 2])
    posterior = np.tile([0.7, 0.3, 0.0], (100, 1))
    assert kept_share(posterior, given) == pytest.approx(0.7)
    assert kept_share(np.full((5, 20), 0.05), np.zeros(5, dtype=int)) == pytest.approx(0.05)


def test_of_many_classes_one_of_half_the_mean_size_is_not_small():
    """Forty classes: a class is small below an eightieth of the rows, ten of 800."""
    for size, wanted in ((10, 0.2), (9, 0.6)):
        given = np.concatenate([np.zeros(size, dtype=int), np.arange(800 - size) % 39 + 1])
        posterior = np.zeros((800, 40))
        posterior[np.arange(800), given] = np.where(given == 0, 0.2, 0.6)
        assert kept_share(posterior, given) == pytest.approx(wanted)


@pytest.mark.slow
def test_errors_of_one_side_are_seen_through_where_the_space_holds_the_classes():
    """Of class 0 four sevenths of the labels are right, and where the rule took half of the others, two fifths."""
    points, true, given = labelled(holds=True, share=0.25)
    found = frozen_space(points, given, CLASSES)
    assert found.free
    assert found.held == 0
    assert found.kept == kept_share(found.fit.posterior, given) == pytest.approx(4 / 7, abs=0.06)
    assert np.mean(found.fit.posterior.argmax(1) == true) > 0.95
    points, true, given = labelled(holds=True, share=0.5)
    found = frozen_space(points, given, CLASSES, guard=False)
    assert found.kept == pytest.approx(2 / 5, abs=0.06)
    assert np.mean(found.fit.posterior.argmax(1) == true) > 0.95 > np.mean(found.plain.argmax(1) == true) + 0.1


def test_a_space_without_the_classes_is_held():
    """Each is a cloud on one line with the others, and the labels alone cannot tell that from a rule's errors."""
    points, _, given = labelled(holds=False, share=0.25)
    found, free = (frozen_space(points, given, CLASSES, guard=guard) for guard in (True, False))
    assert not found.free
    assert found.held == HELD
    assert found.explained > INFORMATIVE
    assert found.kept < KEPT
    assert free.free
    assert frozen_space(points, given, CLASSES).held == HELD  # unless it is said otherwise
    assert kept_share(free.fit.posterior, given) == found.kept
    assert kept_share(found.fit.posterior, given) > found.kept
    again = balanced_transition(found.space, given, CLASSES, held=HELD)
    np.testing.assert_allclose(found.fit.posterior, again.posterior, atol=1e-6)


@pytest.mark.parametrize("guard", [True, False])
def test_a_space_that_explains_nothing_leaves_the_labels_as_they_are(guard):
    random = np.random.default_rng(0)
    given = random.choice(4, 1200, p=[0.4, 0.3, 0.2, 0.1])
    found = frozen_space(random.normal(size=(1200, 16)), given, CLASSES, guard=guard)
    assert found.explained < INFORMATIVE
    assert found.held == FIRMLY
    assert np.mean(found.fit.posterior.argmax(1) == given) > 0.98


@pytest.mark.parametrize(("factor", "shift"), [(1e-20, 0.0), (1e20, 0.0), (2.0, 50.0), (3e36, 0.0)])
def test_units_and_origin_do_not_matter(factor, shift):
    points, _, given = labelled(holds=True, n=200)
    plain = frozen_space(points, given, CLASSES)
    other = frozen_space(points * np.float32(factor) + np.float32(shift), given, CLASSES)
    assert other.held == plain.held
    np.testing.assert_allclose(other.plain, plain.plain, atol=2e-3)
    np.testing.assert_allclose(other.fit.posterior, plain.fit.posterior, atol=2e-2)


def test_unit_points_have_a_mean_square_distance_of_one():
    points = np.random.default_rng(0).normal(5, 7, (300, 4))
    space = unit_space(points)
    assert np.square(space.points - space.mean).sum(1).mean() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e-42, 1e-30, 1e30])
def test_points_that_are_all_one_say_the_shares(value):
    given = np.array([0] * 30 + [1] * 10)
    found = frozen_space(np.full((40, 3), value), given, 2)
    for said in (found.plain, found.fit.posterior, found.fit.classifier):
        assert np.isfinite(said).all()
        np.testing.assert_allclose(said[given == 0], np.tile(said[0], (30, 1)), atol=1e-6)  # all rows alike
    assert found.plain[0, 0] > 0.9  # shares of 3 and 1


def test_tiny_points_become_no_nan():
    given = np.arange(20) % 2
    found = frozen_space(np.random.default_rng(0).normal(size=(20, 3)) * 1e-43, given, 2)
    assert np.isfinite(found.plain).all()
    assert np.isfinite(found.fit.posterior).all()


def test_rows_in_another_order_are_told_the_same():
    points, _, given = labelled(holds=True, n=200)
    rows = np.random.default_rng(0).permutation(200)
    plain, moved = frozen_space(points, given, CLASSES), frozen_space(points[rows], given[rows], CLASSES)
    np.testing.assert_allclose(moved.fit.posterior, plain.fit.posterior[rows], atol=1e-4)
    np.testing.assert_allclose(moved.plain, plain.plain[rows], atol=1e-4)
    assert moved.kept == pytest.approx(plain.kept, abs=1e-5)


def test_plain_is_the_leave_one_out_fit_with_the_shares_of_the_labels():
    points, _, given = labelled(holds=True, n=40, d=3)
    found = frozen_space(points, given, CLASSES)
    space = points / np.sqrt(points.var(0).sum())
    rows = np.hstack([space - space.mean(0), np.ones((40, 1))])
    for row in (0, 13, 39):
        others = np.arange(40) != row
        gram = rows[others].T @ rows[others] + np.eye(4)
        scores = 8 * rows[row] @ np.linalg.solve(gram, rows[others].T @ np.eye(CLASSES)[given[others]])
        np.testing.assert_allclose(found.plain[row], np.exp(scores) / np.exp(scores).sum(), atol=1e-4)


@pytest.mark.parametrize("n", [5, ROWS_AT_ONCE + 3])
def test_moments_are_numpys_whatever_a_chunk_holds(n):
    points = np.random.default_rng(0).normal(3, 2, (n, 3)).astype(np.float32)
    points[:, 1] = np.float32(0.1)  # which no mean of float64 meets
    mean, deviation = mean_and_deviation(points)
    np.testing.assert_allclose(mean, points.astype(np.float64).mean(0))
    wanted = points.astype(np.float64).std(0)
    wanted[1] = 0
    np.testing.assert_allclose(deviation, wanted)
    assert Space(points).mean == pytest.approx(mean)


def many_classes(classes, rows, wrong, seed=0):
    """Clouds of many classes in 32 dimensions; points, true classes, and given ones of which a share is any other."""
    random = np.random.default_rng(seed)
    centres, true = random.normal(size=(classes, 32)), np.arange(rows) % classes
    changed = np.where(random.random(rows) < wrong, random.integers(1, classes, rows), 0)
    points = (centres[true] + random.normal(size=(rows, 32))).astype(np.float32)
    return points, true, (true + changed) % classes


@pytest.mark.slow
def test_of_many_classes_wrong_labels_are_told_as_well():
    """With the temperature of ten classes the posterior kept most of them: it gives the right class a third."""
    points, true, given = many_classes(80, 2400, 0.3)
    found, wrong = frozen_space(points, given, 80), true != given
    assert found.temperature > TEMPERATURE
    believed = found.fit.posterior.argmax(1)
    assert np.mean(believed == true) > 0.85
    timid = balanced_transition(found.space, given, 80, held=found.held)
    assert (
        np.mean(timid.posterior.argmax(1)[wrong] == true[wrong]) < 0.2 < 0.6 < np.mean(believed[wrong] == true[wrong])
    )


def test_few_classes_are_told_apart_at_the_usual_temperature():
    points, _, given = many_classes(6, 600, 0.3)
    assert frozen_space(points, given, 6).temperature == TEMPERATURE


def test_a_space_that_explains_little_of_mostly_wrong_labels_still_corrects_them():
    points, true, given = many_classes(10, 300, 0.6)
    found = frozen_space(points, given, 10)
    assert found.explained < INFORMATIVE
    assert found.held == HELD
    assert np.mean(found.fit.posterior.argmax(1) == true) > np.mean(given == true) + 0.1
