"""TextClassifier keeps scikit-learn's contract."""

import pickle
import socket
from inspect import signature
from typing import get_args, get_type_hints

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from mislabel import Audit, FeatureClassifier, ImageClassifier, InputError, TextClassifier
from mislabel.data.plan import Plan
from mislabel.run.settings import RunConfig
from mislabel.settings import declarations


@pytest.fixture
def blocked(monkeypatch):
    """No connection to anywhere."""

    def refuse(self, address):
        raise AssertionError(f"a connection to {address} was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def make(tiny_encoder):
    def build(**more):
        chosen = {
            "backbone": tiny_encoder,
            "batch_size": 8,
            "learning_rate": 2e-3,
            "precision": "fp32",
            "device": "cpu",
        }
        return TextClassifier(**(chosen | more))

    return build


@pytest.fixture(scope="module")
def fitted(make, make_toy):
    frame = make_toy(90)
    return make(seed=0).fit(frame["text"].tolist(), frame["label"].tolist())


def test_parameters_go_in_and_out(make):
    one = make(seed=3, options={"warm_epochs": 2})
    parameters = one.get_params()
    assert parameters["seed"] == 3
    copy = clone(one)
    assert copy is not one
    assert copy.get_params() == parameters
    assert one.set_params(seed=4, method="ce") is one
    assert (one.seed, one.method) == (4, "ce")
    with pytest.raises(ValueError, match="zeed"):
        one.set_params(zeed=1)


def test_wrong_settings_are_refused_when_fitting(make):
    one = make(batch_size=0)  # not in the constructor: that is the contract
    with pytest.raises(InputError, match="batch_size is 0"):
        one.fit(["a", "b"] * 5, [0, 1] * 5)
    with pytest.raises(InputError, match='panel, which is then taken, has no option .*did you mean "epochs"'):
        make(tune="head", options={"epoch": 3}).fit(["a", "b"] * 5, [0, 1] * 5)


def test_before_fit_there_is_nothing(make, tmp_path):
    for call in (
        lambda one: one.predict(["a"]),
        lambda one: one.predict_proba(["a"]),
        lambda one: one.save(tmp_path / "r"),
    ):
        with pytest.raises(NotFittedError):
            call(make())


@pytest.mark.slow
def test_fit_connects_to_nowhere_and_predicts_the_truth(blocked, make, make_toy):
    frame = make_toy(90)
    one = make().fit(frame["text"], frame["label"], ids=frame["id"])
    new = make_toy(60, seed=9)
    assert one.score(new["text"].tolist(), new["gold"].to_numpy()) > 0.9  # learnt from labels of which 20 % are wrong
    p = one.predict_proba(new["text"].to_numpy())
    assert p.shape == (60, 3)
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-5)
    assert one.predict(new["text"].tolist()).tolist() == one.classes_[p.argmax(1)].tolist()


@pytest.mark.slow
def test_the_audit_is_a_table_of_all_rows(fitted, make_toy):
    assert isinstance(fitted.audit_, Audit)
    table = fitted.audit_.table
    assert table.columns.tolist()[:8] == [
        "id", "given_label", "suggested_label", "p_mislabeled", "difficulty", "predicted_label", "confidence", "status"
    ]  # fmt: skip
    assert sorted(table["id"]) == list(range(90))
    frame = make_toy(90)
    assert table.sort_values("id")["given_label"].tolist() == frame["label"].tolist()
    wrong = set(np.flatnonzero(frame["label"] != frame["gold"]))
    assert len(wrong & set(table["id"][:18])) >= 16


def test_shuffled_rows_and_ids_change_places_together(make, make_toy):
    """Ids are followed, not positions: a row keeps its given label whatever its place."""
    frame = make_toy(60).sample(frac=1, random_state=0)
    table = make(method="ce").fit(frame["text"], frame["label"], ids=frame["id"]).audit_.table.set_index("id")
    assert table.loc[frame["id"], "given_label"].tolist() == frame["label"].tolist()


@pytest.mark.parametrize("labels", [[0, 5, 9], [True, False, True], ["x", "y", "z"]])
def test_classes_have_the_labels_type(make, make_toy, labels):
    frame = make_toy(45)
    y = [labels[k % 3] for k in range(45)]
    one = make(method="ce", options={"epochs": 1}).fit(frame["text"].tolist(), y)
    assert one.classes_.tolist() == sorted(set(labels))
    found = one.predict(frame["text"].tolist()[:4]).tolist()
    assert {type(value) for value in found} == {type(labels[0])}
    assert set(found) <= set(labels)


def test_in_a_pipeline(make, make_toy):
    frame = make_toy(60)
    upper = [text.upper() for text in frame["text"]]
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    pipeline = Pipeline([("lower", lower), ("classify", make(method="ce"))]).fit(upper, frame["label"].tolist())
    alone = make(method="ce").fit(frame["text"].tolist(), frame["label"].tolist())
    np.testing.assert_array_equal(pipeline.predict_proba(upper), alone.predict_proba(frame["text"].tolist()))


@pytest.mark.slow
def test_cross_val_predict(make, make_toy):
    frame = make_toy(40, wrong=0.0)
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    texts, labels = frame["text"].to_numpy(), frame["label"].to_numpy()
    found = cross_val_predict(make(method="ce", options={"epochs": 8}), texts, labels, cv=folds, method="predict_proba")
    assert found.shape == (40, 3)
    by_hand = np.empty((40, 3), dtype=np.float32)
    for train, test in folds.split(texts, labels):
        one = make(method="ce", options={"epochs": 8}).fit(texts[train], labels[train])
        by_hand[test] = one.predict_proba(texts[test])
    np.testing.assert_array_equal(found, by_hand)
    assert (np.array(sorted(set(labels)))[found.argmax(1)] == labels).mean() > 0.8


def test_save_and_load(fitted, make_toy, tmp_path):
    texts = make_toy(30, seed=5)["text"].tolist()
    fitted.save(tmp_path / "run")
    loaded = TextClassifier.load(tmp_path / "run")
    np.testing.assert_allclose(loaded.predict_proba(texts), fitted.predict_proba(texts), atol=1e-6)
    assert loaded.classes_.tolist() == fitted.classes_.tolist()
    assert loaded.audit_.table["id"].tolist() == fitted.audit_.table["id"].tolist()
    np.testing.assert_allclose(loaded.audit_.posterior, fitted.audit_.posterior)
    np.testing.assert_allclose(loaded.audit_.transition, fitted.audit_.transition)
    assert loaded.get_params()["backbone"] == fitted.backbone
    with pytest.raises(InputError, match="not empty"):
        fitted.save(tmp_path / "run")
    fitted.save(tmp_path / "run", overwrite=True)
    with pytest.raises(InputError, match="copy that folder"):
        loaded.save(tmp_path / "other")
    with pytest.raises(InputError, match="no run folder"):
        TextClassifier.load(tmp_path)


def test_a_head_on_a_frozen_encoder(make, make_toy, tmp_path):
    frame = make_toy(90)
    one = make(tune="head", learning_rate=None).fit(frame["text"].tolist(), frame["label"].tolist())
    new = make_toy(60, seed=9)
    assert one.score(new["text"].tolist(), new["gold"].to_numpy()) > 0.9
    one.save(tmp_path / "run", content=False)
    texts = new["text"].tolist()
    loaded = TextClassifier.load(tmp_path / "run")
    np.testing.assert_allclose(loaded.predict_proba(texts), one.predict_proba(texts), atol=1e-6)
    assert not (tmp_path / "run" / "inputs.parquet").exists()


def test_it_survives_pickle(fitted, make_toy):
    texts = make_toy(6, seed=5)["text"].tolist()
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(texts), fitted.predict_proba(texts))


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (["a", "b", "c"], [0, 1], "3 texts but 2 labels"),
        (["a", None, "c", "d"], [0, 1, 0, 1], "hold no text but a missing value: rows 1"),
        (["a", 3.5, b"x", "d"], [0, 1, 0, 1], "hold no text but bytes, float: rows 1, 2"),
        (["a", "b", "c", "d"], [0, None, 0, 1], "1 of 4 rows have no label"),
        (["a", "b", "c", "d"], [7, 7, 7, 7], "at least 2"),
        ([], [], "no rows"),
        ("a text", [0], "a str was given"),
    ],
)
def test_bad_input_is_refused(make, texts, labels, message):
    with pytest.raises(InputError, match=message):
        make().fit(texts, labels)


@pytest.mark.parametrize("estimator", [TextClassifier, ImageClassifier, FeatureClassifier])
def test_parameters_are_the_settings_of_a_run(estimator):
    """Names, defaults and choices are those of the declarations, of a run and of its data."""
    known, hints = {**declarations(Plan), **declarations(RunConfig)}, get_type_hints(estimator.__init__)
    parameters = signature(estimator).parameters
    of_data = {"on_bad", "missing_values", "join"} & set(parameters)
    assert set(parameters) - set(declarations(RunConfig)) == {"missing", "verbose"} | of_data
    for name, parameter in parameters.items():
        if name in known:
            assert parameter.default == (None if name == "options" else known[name].default)
            literals = [hints[name], *get_args(hints[name])]
            choices = {value for kind in literals for value in get_args(kind) if isinstance(value, str)}
            assert choices == set(known[name].choices)
