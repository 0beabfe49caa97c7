"""What descriptions of classes say: similarities by hand, and when they are too weak to start from."""

import math

import numpy as np
import pytest

from mislabel.posterior import descriptions, frozen_space
from mislabel.posterior.balanced_transition import balanced_transition
from mislabel.posterior.descriptions import class_similarity, described_classes
from mislabel.posterior.spaces import unit_space


def test_similarity_by_hand_with_several_sentences_of_a_class():
    cosines = np.array([[0.5, 0.2, 0.1], [0.1, 0.3, 0.4]])
    found = class_similarity(cosines, {0: [0], 2: [1, 2]}, 4)
    several = [0.07 * math.log((math.exp(a / 0.07) + math.exp(b / 0.07)) / 2) for _, a, b in cosines]
    wanted = np.array([several[0] - sum(several) / 2, several[1] - sum(several) / 2])
    np.testing.assert_allclose(found[:, 0], [0.2, -0.2])
    np.testing.assert_allclose(found[:, 2], wanted)
    assert np.isneginf(found[:, [1, 3]]).all()


def test_a_sentence_said_twice_is_said_once_and_what_is_like_all_rows_counts_for_nothing():
    cosines = np.random.default_rng(0).uniform(-1, 1, (20, 2)).astype(np.float32)
    once = class_similarity(cosines, {0: [0], 1: [1]}, 2)
    np.testing.assert_allclose(class_similarity(cosines, {0: [0, 0, 0], 1: [1]}, 2), once, atol=1e-12)
    np.testing.assert_allclose(class_similarity(cosines + np.float32([0.3, 0]), {0: [0], 1: [1]}, 2), once, atol=1e-6)
    np.testing.assert_allclose(once.mean(0), 0, atol=1e-12)


def blobs(n=600, classes=3, share=0.6, seed=0):
    """Points, true classes, one-sided labels, and similarities that are right for most rows."""
    random = np.random.default_rng(seed)
    true = np.arange(n) % classes
    points = np.eye(classes, 8)[true] * 2.5 + random.normal(size=(n, 8))
    scores = np.eye(classes)[true] * 0.1 + random.normal(0, 0.08, (n, classes))
    return unit_space(points), true, np.where(random.random(n) < share, 0, true), scores


def test_rows_that_agree_start_the_rounds(monkeypatch):
    begun = []

    def fitted(space, given, votes, classes, start, *settings):
        begun.append(start)
        return frozen_space.fitted(space, given, votes, classes, start, *settings)

    monkeypatch.setattr(descriptions, "fitted", fitted)
    space, true, given, scores = blobs()
    found = described_classes(space, scores, given)
    agreeing = [sum(scores[row].argmax() == k == given[row] for row in range(600)) for k in range(3)]
    assert found.agreeing.tolist() == agreeing
    assert found.weak == []
    assert found.fit is not None
    # the start: a fit to the rows that agree, each class with the same total weight, all others at 0
    rows = np.hstack([space.points - space.points.mean(0), np.ones((600, 1))])
    weights = np.array(
        [(scores[row].argmax() == given[row]) * sum(agreeing) / 3 / agreeing[given[row]] for row in range(600)]
    )
    start = np.empty((600, 3))
    for row in range(600):
        other = np.where(np.arange(600) == row, 0, weights)
        gram = rows.T @ (other[:, None] * rows) + np.eye(9)
        said = np.exp(8 * rows[row] @ np.linalg.solve(gram, rows.T @ (other[:, None] * np.eye(3)[given])))
        start[row] = said / said.sum()
    np.testing.assert_allclose(begun[0], start, atol=1e-3)
    wanted = balanced_transition(space, given, 3, start=start)
    np.testing.assert_allclose(found.fit.posterior, wanted.posterior, atol=1e-3)
    assert np.mean(found.fit.posterior.argmax(1) == true) > 0.9


def test_held_is_passed_on():
    space, _, given, scores = blobs()
    free, held = (described_classes(space, scores, given, held).fit for held in (0.0, 1.0))
    assert held.transition.diagonal().min() >= 0.5 > free.transition.diagonal().min()


def test_zero_shot_by_hand_and_a_class_without_a_description():
    space, _, given, scores = blobs()
    scores[:, 2] = -np.inf
    found = described_classes(space, scores, given)
    e = np.exp(15 * scores[:, :2])
    np.testing.assert_allclose(found.zero_shot, np.hstack([e / e.sum(1, keepdims=True), np.zeros((600, 1))]))
    assert found.weak == [2]
    assert found.fit is None


def test_a_class_without_a_description_that_no_row_is_given_takes_nothing_away():
    space, _, given, scores = blobs()
    scores = np.hstack([scores, np.full((600, 1), -np.inf)])
    found = described_classes(space, scores, given)
    assert found.weak == []
    assert found.agreeing.tolist()[3] == 0
    assert found.fit is not None
    assert np.isfinite(found.fit.posterior).all()


@pytest.mark.parametrize(
    ("rows", "agree", "weak"),
    [(100, 20, False), (100, 19, True), (30, 15, False), (30, 14, True), (5, 2, True), (4, 0, False), (1, 0, False)],
)
def test_how_many_rows_must_agree(rows, agree, weak):
    """Twenty, or half of them; a class of fewer than five rows says nothing."""
    given = np.array([0] * 100 + [1] * rows)
    nearest = np.array([0] * 100 + [1] * agree + [0] * (rows - agree))
    points = np.random.default_rng(0).normal(size=(100 + rows, 3))
    found = described_classes(unit_space(points), np.eye(2)[nearest], given)
    assert found.weak == ([1] if weak else [])
    assert (found.fit is None) == weak
