"""The audit's table by hand on a few rows."""

import numpy as np
import pandas as pd
import pytest

from mislabel.audit import build_audit, difficulty, label_column, labels_related, without_unseen
from mislabel.data.decided_labels import NONE_OF_THESE, with_decisions
from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.modalities.dataset import make_dataset
from mislabel.posterior.neighbours import Agreement
from mislabel.posterior.posterior import Posterior

RELATED = Agreement(rows=500, observed=0.8, chance=0.3, deviations=20.0)


@pytest.fixture
def audit():
    """Six rows: four that train, one unlabelled, one held out."""
    data = make_dataset(
        ["t0", "t1", "t2", "t3", "t4", "t5"],
        ["cat", "dog", "cat", "dog", None, "cat"],
        ids=["a", "b", "c", "d", "e", "f"],
        gold=["cat", "cat", None, "dog", "bird", "cat"],
        split=["train", "train", "train", "train", "train", "test"],
        missing="unlabeled",
    )
    trained = np.array([0, 1, 2, 3])
    posterior = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.2, 0.8]], dtype=np.float32)
    model = np.array([[0.6, 0.4], [0.6, 0.4], [0.6, 0.4], [0.1, 0.9], [0.25, 0.75], [0.7, 0.3]], dtype=np.float32)
    store = DynamicsStore([Pass("train", epoch, 0) for epoch in range(4)], 4)
    for number, prediction in enumerate([[0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 1, 1]]):
        store.write(number, {"prediction": prediction, "loss": 0.0, "margin": 0.0})
    evidence = {"wrong_events": np.array([0, 3, 2, 1]), "mean_margin": np.array([1.5, -1.0, 0.0, 0.5])}
    return build_audit(data, trained, Posterior(posterior, evidence), model, store, RELATED)


def test_the_table_by_hand(audit):
    wanted = pd.DataFrame(
        {
            "id": ["b", "c", "d", "a", "e", "f"],  # judged rows, worst first; then the others in their order
            "given_label": ["dog", "cat", "dog", "cat", None, "cat"],
            "suggested_label": ["cat", "dog", "dog", "cat", "dog", "cat"],
            "p_mislabeled": [0.8, 0.7, 0.2, 0.1, np.nan, np.nan],
            "difficulty": [0.25, 0.5, 0.25, 0.0, np.nan, np.nan],  # against the suggested label
            "predicted_label": ["cat", "cat", "dog", "cat", "dog", "cat"],
            "confidence": [0.6, 0.6, 0.9, 0.6, 0.75, 0.7],
            "status": ["judged", "judged", "judged", "judged", "unlabeled", "held_out"],
            "row": [1, 2, 3, 0, 4, 5],
            "wrong_events": pd.array([3, 2, 1, 0, None, None], dtype="Int64"),
            "mean_margin": [-1.0, 0.0, 0.5, 1.5, np.nan, np.nan],
            "gold_label": ["cat", None, "dog", "cat", "bird", "cat"],
        }
    )
    found = audit.table
    assert found.columns.tolist() == wanted.columns.tolist()
    for name in wanted:
        for one, other in zip(found[name], wanted[name], strict=True):
            if pd.isna(other):
                assert pd.isna(one), name
            elif isinstance(other, float):
                assert one == pytest.approx(other, abs=1e-6), name
            else:
                assert one == other, name


def test_a_notebook_shows_the_worst_rows_and_runs_nothing(audit):
    audit.table["id"] = ["<script>", *audit.table["id"][1:]]
    shown = audit._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert shown.count("<tr") == 5  # four judged rows and the head
    assert "0.800" in shown


def test_where_nothing_is_known_of_the_inputs(audit):
    data = make_dataset(["t0", "t1", "t2", "t3"], ["cat", "dog", "cat", "dog"])
    store = DynamicsStore([Pass("train", 0, 0)], 4)
    store.write(0, {"prediction": [0, 1, 0, 1], "loss": 0.0, "margin": 0.0})
    half = np.full((4, 2), 0.5, dtype=np.float32)
    made = build_audit(data, np.arange(4), Posterior(half), half, store, None)
    assert made.metrics["labels_related"] is None
    assert made.metrics["agreement"] == {}
    assert any("cannot be told whether labels and inputs are related" in note for note in made.notes)
    assert (made.table["status"] == "judged").all()


def test_what_follows_from_it(audit):
    assert audit.worst(2)["id"].tolist() == ["b", "c"]
    assert audit.worst()["id"].tolist() == ["b", "c", "d", "a"]
    # two of four suggestions differ, and evidence that errs twice as often as it says may miss three of four
    none = {"estimate": None, "low": None, "high": None, "checked": 0}
    assert audit.metrics["noise_rate"] == {"basis": "labels", "at_least": 0.0, **none}
    assert audit.metrics["likely_wrong"] == {"likely": 2, "judged": 4, "precision": None}
    # given cat: rows a and c; given dog: rows b and d
    mass = np.array([[0.9 + 0.3, 0.8 + 0.2], [0.1 + 0.7, 0.2 + 0.8]])
    np.testing.assert_allclose(audit.transition, mass / mass.sum(1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(audit.posterior[4:], [[0.25, 0.75], [0.7, 0.3]])  # the model's, where nothing else is
    shown = "2 likely wrong; wrong labels: none for sure, as far as labels tell"
    assert repr(audit) == f"<Audit of 6 rows, 2 classes: {shown}>"


@pytest.fixture
def after_a_review():
    """Eight rows: a to d judged or decided, e unlabelled and decided, f and g of no class, h held out."""
    data = make_dataset(
        [f"t{k}" for k in range(8)],
        ["cat", "dog", "cat", "dog", None, "cat", None, "dog"],
        ids=list("abcdefgh"),
        split=["train"] * 7 + ["test"],
        missing="unlabeled",
    )
    none = NONE_OF_THESE
    data = with_decisions(data, {"b": "dog", "c": "dog", "e": "cat", "f": none, "g": none, "h": "cat"})
    trained = np.array([0, 1, 2, 3, 4])
    posterior = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6]], dtype=np.float32)
    model = np.full((8, 2), [0.6, 0.4], dtype=np.float32)
    store = DynamicsStore([Pass("train", epoch, 0) for epoch in range(2)], 5)
    for number, prediction in enumerate([[0, 1, 0, 0, 1], [0, 1, 1, 1, 1]]):
        store.write(number, {"prediction": prediction, "loss": 0.0, "margin": 0.0})
    return build_audit(data, trained, Posterior(posterior, {}), model, store, RELATED)


def test_decided_rows_by_hand(after_a_review):
    """Judged rows first; then decided ones that were wrong, and those of no class, in their order; then the rest."""
    table = after_a_review.table
    wanted = pd.DataFrame(
        {
            "id": ["d", "a", "c", "f", "b", "e", "g", "h"],
            "given_label": ["dog", "cat", "cat", "cat", "dog", None, None, "dog"],
            "suggested_label": ["dog", "cat", "dog", None, "dog", "cat", None, "cat"],
            "p_mislabeled": [0.2, 0.1, 1.0, 1.0, 0.0, np.nan, np.nan, np.nan],
            "difficulty": [0.5, 0.0, 0.5, np.nan, 0.0, 1.0, np.nan, np.nan],
            "status": ["judged"] * 2 + ["decided", "none_of_these", "decided", "decided", "none_of_these", "held_out"],
            "row": [3, 0, 2, 5, 1, 4, 6, 7],
        }
    )
    for name in wanted:
        for one, other in zip(table[name], wanted[name], strict=True):
            assert (pd.isna(one) and pd.isna(other)) or one == (
                pytest.approx(other, abs=1e-6) if isinstance(other, float) and other not in (0.0, 1.0) else other
            ), name
    one_hot = [[0.9, 0.1], [0, 1], [0, 1], [0.2, 0.8], [1, 0], [0.6, 0.4], [0.6, 0.4], [0.6, 0.4]]
    np.testing.assert_array_equal(after_a_review.posterior, np.array(one_hot, dtype=np.float32))


def test_decided_rows_are_in_no_estimate(after_a_review):
    """Only a (cat, 0.9) and d (dog, 0.8) are judged."""
    assert after_a_review.worst()["id"].tolist() == ["d", "a"]
    assert after_a_review.metrics["likely_wrong"] == {"likely": 0, "judged": 2, "precision": None}
    mass = np.array([[0.9, 0.2], [0.1, 0.8]])
    np.testing.assert_allclose(after_a_review.transition, mass / mass.sum(1, keepdims=True), atol=1e-6)
    assert any("2 differ from the given label): 3 of 8" in note for note in after_a_review.notes)


def test_a_score_orders_judged_rows_and_leaves_the_posterior_alone():
    """Worst first; equal ones in the order of the input; then judged rows without a score, then the others."""
    data = make_dataset([f"t{k}" for k in range(6)], [0, 1, 0, 1, 0, None], missing="unlabeled")
    model = np.array([[0.9, 0.1]] * 6, dtype=np.float32)
    store = DynamicsStore([Pass("train", 0, 0)], 5)
    store.write(0, {"prediction": data.labels.codes[:5], "loss": 0.0, "margin": 0.0})
    score = np.array([-2.0, np.nan, -1.0, 3.0, -1.0])
    found = build_audit(data, np.arange(5), Posterior(model[:5], {}), model, store, RELATED, score=score).table
    assert found["id"].tolist() == [3, 2, 4, 0, 1, 5]
    np.testing.assert_array_equal(found["score"], [3, -1, -1, -2, np.nan, np.nan])
    np.testing.assert_allclose(found["p_mislabeled"], [0.9, 0.1, 0.1, 0.1, 0.9, np.nan], atol=1e-6)


def test_classes_in_another_order(audit):
    """What is told of a class goes with it; the table knows no order of classes."""
    other = audit.with_classes(["dog", "cat"])
    assert (audit.classes, other.classes) == (["cat", "dog"], ["dog", "cat"])
    np.testing.assert_array_equal(other.posterior, audit.posterior[:, ::-1])
    np.testing.assert_array_equal(other.transition, audit.transition[::-1, ::-1])
    pd.testing.assert_frame_equal(other.table, audit.table)
    assert audit.with_classes(["cat", "dog"]) is audit


def test_difficulty_by_hand():
    prediction = np.array([[0, 1, -1], [0, 0, -1], [1, 0, 2], [0, 2, 1]])
    np.testing.assert_allclose(difficulty(prediction, np.array([0, 0, 2])), [1 / 4, 2 / 4, 1 / 2])


@pytest.mark.parametrize(("reachable", "wanted"), [(14.9, None), (15.1, False)])
def test_labels_that_could_not_show_a_relation_are_not_called_unrelated(reachable, wanted):
    assert labels_related(Agreement(2048, 0.999, 0.999, 0.5, reachable)) is wanted
    assert labels_related(Agreement(2048, 0.999, 0.999, 3.1, reachable)) is True


@pytest.mark.parametrize(
    ("rows", "deviations", "wanted"),
    [(500, 3.1, True), (500, 2.9, False), (500, -4.0, False), (199, 2.9, None), (20, 3.1, True), (200, 0.0, False)],
)
def test_whether_labels_are_related(rows, deviations, wanted):
    assert labels_related(Agreement(rows, 0.5, 0.4, deviations)) is wanted


@pytest.mark.parametrize(
    ("classes", "codes", "values", "kind"),
    [
        ([5, 7], [1, 0, 1], [7, 5, 7], "int64"),
        ([5, 7], [1, -1, 0], [7, pd.NA, 5], "Int64"),
        ([False, True], [1, 0], [True, False], "bool"),
        (["a", "b"], [1, -1], ["b", None], None),
        ([1, "1a"], [0, 1], ["1", "1a"], None),  # a column of a file has one type
    ],
)
def test_label_columns(classes, codes, values, kind):
    found = label_column(np.array(codes), classes)
    for one, other in zip(found.tolist(), values, strict=True):
        assert (pd.isna(one) and pd.isna(other)) or (one == other and type(one) is type(other))
    assert kind is None or str(found.dtype) == kind


@pytest.mark.parametrize(("right", "told"), [(1, True), (2, False)])
def test_a_model_that_learnt_nothing_is_told(right, told):
    """Eight training rows: with one right answer, an eighth, the audit says how little it rests on."""
    data = make_dataset([f"t{k}" for k in range(8)], [0, 1] * 4)
    model = np.eye(2, dtype=np.float32)[np.where(np.arange(8) < right, data.labels.codes, 1 - data.labels.codes)]
    store = DynamicsStore([Pass("train", 0, 0)], 8)
    store.write(0, {"prediction": data.labels.codes, "loss": 0.0, "margin": 0.0})
    found = build_audit(data, np.arange(8), Posterior(model, {}), model, store, RELATED)
    assert any("hardly learned" in note for note in found.notes) == told


def test_weak_evidence_never_says_unrelated():
    """Raw pixels may agree no better than chance where a trained network sees what the labels mean."""
    data = make_dataset([f"t{k}" for k in range(300)], [0, 1] * 150)
    model = np.full((300, 2), 0.5, dtype=np.float32)
    store = DynamicsStore([Pass("train", 0, 0)], 300)
    store.write(0, {"prediction": data.labels.codes, "loss": 0.0, "margin": 0.0})
    chance = Agreement(rows=300, observed=0.5, chance=0.5, deviations=0.0)
    for informative, status in ((True, "labels_unrelated"), (False, "judged")):
        found = build_audit(data, np.arange(300), Posterior(model, {}), model, store, chance, informative=informative)
        assert set(found.table["status"]) == {status}


def test_classes_of_which_no_row_trained_get_no_probability():
    probabilities = np.array([[0.2, 0.6, 0.2], [0, 1, 0], [0.5, 0.25, 0.25]], dtype=np.float32)
    assert without_unseen(probabilities, np.ones(3, dtype=bool)) is probabilities
    left = without_unseen(probabilities, np.array([True, False, True]))
    np.testing.assert_allclose(left, [[0.5, 0, 0.5], [0.5, 0, 0.5], [2 / 3, 0, 1 / 3]], atol=1e-7)
