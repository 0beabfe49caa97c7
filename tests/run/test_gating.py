"""The gate in whole runs: right labels stay right, wrong ones are found, and what nobody can learn is not assessed."""

import numpy as np
import pytest

from mislabel import FeatureClassifier
from mislabel.methods import METHODS
from mislabel.run.gating import OWN

pytestmark = pytest.mark.slow

FOUND_TWO = {"ido", "jocor", "divide_mix", "m_correction"}  # their mixtures or thresholds call a tenth or more wrong
EVERY = [pytest.param(name, marks=() if name in FOUND_TWO else pytest.mark.sweep) for name in METHODS]


def clouds(rows, wrong=0, seed=0):
    """Four classes far apart; features, given labels, and which of them are wrong."""
    random, gold = np.random.default_rng(seed), np.arange(rows) % 4
    labels, flipped = gold.copy(), random.permutation(rows)[:wrong]
    labels[flipped] = (gold[flipped] + random.integers(1, 4, wrong)) % 4
    return 6 * np.eye(4)[gold] + random.normal(size=(rows, 4)), labels, labels != gold


def audit_of(points, labels, **settings):
    return FeatureClassifier(seed=0, device="cpu", **settings).fit(points, labels).audit_


@pytest.mark.parametrize("method", EVERY)
def test_right_labels_are_not_called_wrong(method):
    points, labels, _ = clouds(400)
    found = audit_of(points, labels, method=method)
    table = found.table
    assert (table["status"] == "judged").all()
    assert (table["p_mislabeled"] > 0.5).sum() <= 8  # 2 %
    assert (table["suggested_label"] != table["given_label"]).sum() <= 8
    assert (table[OWN] >= table["p_mislabeled"] - 1e-6).all()
    assert (np.diff(table[OWN]) <= 2e-5).all()  # the order is the method's, but for the rounding of float32
    if method in FOUND_TWO:
        assert (table[OWN] > 0.5).mean() > 0.1
        assert any("look like one kind" in note for note in found.notes)
    assert found.metrics["gate"]["two_kinds"] < 0.5
    assert found.metrics["gate"]["met"] == 1.0


@pytest.mark.parametrize("method", ["ido", "jocor"])
def test_wrong_labels_are_still_found(method):
    points, labels, wrong = clouds(400, 80)
    found = audit_of(points, labels, method=method)
    flagged = (found.table.sort_values("row")["p_mislabeled"] > 0.5).to_numpy()
    assert (flagged & wrong).sum() >= 72
    assert (flagged & ~wrong).sum() <= 8
    assert found.metrics["gate"]["two_kinds"] > 0.99
    assert found.metrics["gate"]["rate"] == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("method", EVERY)
def test_few_rows_of_which_some_are_wrong(method):
    """Forty rows, 7 labels wrong: heads hardly train on so few, and some methods doubted all of them."""
    points, labels, wrong = clouds(40, 7)
    table = audit_of(points, labels, method=method).table.sort_values("row")
    flagged = (table["p_mislabeled"] > 0.5).to_numpy()
    assert (flagged & ~wrong).sum() < (flagged & wrong).sum()  # mostly right where it calls a label wrong


@pytest.mark.parametrize("method", EVERY)
def test_labels_beside_the_inputs_are_not_assessed(method):
    points = np.random.default_rng(0).normal(size=(40, 16))
    found = audit_of(points, np.arange(40) % 4, method=method)
    assert set(found.table["status"]) == {"not_learnt"}
    assert found.table["p_mislabeled"].isna().all()
    assert found.metrics["noise_rate"]["estimate"] is None
    assert any(note.startswith("Not assessed: nothing can be learnt") for note in found.notes)


def test_trusted_rows_take_the_place_of_the_classifier():
    points, labels, wrong = clouds(400, 80)
    gold = (np.arange(400) % 4).astype(object)
    trusted = np.where(np.arange(400) < 60, gold, None)
    found = FeatureClassifier(method="ido", seed=0, device="cpu").fit(points, labels, trusted=trusted).audit_
    judged = found.table[found.table["status"] == "judged"]
    assert len(judged) == 340
    assert found.metrics["gate"]["two_kinds"] == 1.0
    assert found.metrics["gate"]["rows"] == 340
    flagged = judged["row"][judged["p_mislabeled"] > 0.5]
    assert wrong[flagged].mean() > 0.9


@pytest.mark.parametrize(("classes", "rows"), [(60, 3000), (600, 6000)])
def test_wrong_labels_of_many_classes_are_found(classes, rows):
    """Of 60 classes none was called wrong, since a ridge classifier says too little; of 600 a sample has three each."""
    random, gold = np.random.default_rng(0), np.arange(rows) % classes
    points = random.normal(size=(classes, 32))[gold] + 0.5 * random.normal(size=(rows, 32))
    labels = np.where(random.random(rows) < 0.15, random.integers(0, classes, rows), gold)
    table = audit_of(points, labels, method="ido").table.sort_values("row")
    flagged, wrong = (table["p_mislabeled"] > 0.5).to_numpy(), labels != gold
    assert np.mean(flagged[wrong]) > 0.8
    assert np.mean(wrong[flagged]) > 0.8
    right = audit_of(points, gold, method="ido").table
    assert (right["p_mislabeled"] > 0.5).sum() == 0
