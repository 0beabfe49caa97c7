"""Detection and reliability against scikit-learn, scipy, and by hand."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_curve, roc_auc_score

from mislabel.report.gold import detection, reliability


@pytest.fixture(params=[0, 1, 2])
def scored(request):
    """Wrong or not and a probability, with many ties."""
    random = np.random.default_rng(request.param)
    score = np.round(random.random(500), 1 if request.param else 6)
    return random.random(500) < score**2, score


def test_auroc_is_scikit_learns(scored):
    wrong, score = scored
    assert detection(wrong, score).auroc() == pytest.approx(roc_auc_score(wrong, score))


def test_precision_and_recall_are_points_of_scikit_learns_curve(scored):
    wrong, score = scored
    recall, precision = detection(wrong, score).precision_recall()
    expected_precision, expected_recall, _ = precision_recall_curve(wrong, score)
    points = {(round(r, 9), round(p, 9)) for r, p in zip(expected_recall, expected_precision, strict=True)}
    assert {(round(r, 9), round(p, 9)) for r, p in zip(recall, precision, strict=True)} <= points
    assert len(recall) <= 200
    assert recall[-1] == 1


def test_found_by_hand_with_a_tie():
    curve = detection(np.array([True, False, True, False]), np.array([0.9, 0.5, 0.5, 0.1]))
    # Worst first: one wrong; then a tie of one wrong and one right, in any order; then one right.
    np.testing.assert_allclose(curve.found_at(np.array([0, 0.25, 0.5, 0.75, 1])), [0, 0.5, 0.75, 1, 1])
    assert curve.true_rate == 0.5


def test_nothing_to_find():
    assert detection(np.zeros(3, dtype=bool), np.array([0.1, 0.2, 0.3])) is None
    assert detection(np.ones(3, dtype=bool), np.array([0.1, 0.2, 0.3])) is None


def test_a_long_curve_is_thinned(scored):
    random = np.random.default_rng(5)
    curve = detection(random.random(20_000) < 0.3, random.random(20_000))
    assert len(curve.grid) <= 200
    assert len(curve.precision_recall()[0]) <= 200


def test_reliability_by_hand_and_by_scipy():
    stated = np.array([0.02, 0.08, 0.55, 0.55, 0.58, 1.0])
    wrong = np.array([False, False, True, False, True, True])
    bins = reliability(wrong, stated)
    np.testing.assert_allclose(bins.stated, [0.05, 0.56, 1.0])
    np.testing.assert_allclose(bins.observed, [0, 2 / 3, 1])
    assert bins.rows.tolist() == [2, 3, 1]
    assert bins.error == pytest.approx((2 * 0.05 + 3 * abs(2 / 3 - 0.56) + 0) / 6)
    for k, (hits, rows) in enumerate([(0, 2), (2, 3), (1, 1)]):
        expected = binomtest(hits, rows).proportion_ci(0.95, method="wilson")
        assert (bins.low[k], bins.high[k]) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_precision_by_depth_is_the_share_of_wrong_rows_down_there():
    random = np.random.default_rng(3)
    stated = np.sort(random.random(500))[::-1]
    wrong = random.random(500) < stated
    depths, precision = detection(wrong, stated).by_depth()
    assert (depths[0], depths[-1]) == (10, 500)
    for depth, share in zip(depths.astype(int).tolist(), precision, strict=True):
        assert share == pytest.approx(wrong[:depth].mean())
    tied = detection(np.array([True, False, False]), np.full(3, 0.5)).by_depth()
    assert tied[1].tolist() == [pytest.approx(1 / 3)]
