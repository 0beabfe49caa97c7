"""Audits of other people's probabilities and models: cleanlab's contract, scikit-learn's folds, what may be wrong."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from mislabel import InputError, audit_from
from mislabel.doors.probabilities import METHOD, cross_validated, log_odds
from mislabel.doors.rows import check_probabilities, classes_of_columns
from mislabel.errors import NotAssessed
from mislabel.modalities.dataset import make_dataset
from mislabel.run.reading import Run

NAMES = np.array(["ant", "bee", "cow"])


def problem(rows: int = 240, wrong: int = 36, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 6) in three heaps, given codes, true codes."""
    random = np.random.default_rng(seed)
    true = random.permutation(np.arange(rows) % 3)
    points = 3 * np.eye(6)[true] + random.normal(size=(rows, 6))
    given = true.copy()
    given[:wrong] = (given[:wrong] + 1) % 3
    return points, given, true


def out_of_sample(points: np.ndarray, given: np.ndarray) -> np.ndarray:
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return cross_val_predict(LogisticRegression(), points, given, cv=folds, method="predict_proba")


def test_a_model_is_asked_as_scikit_learn_asks_it():
    points, given, _ = problem()
    dataset = make_dataset(points, given, modality="features")
    found = cross_validated(LogisticRegression(), points, dataset, 5, 0)
    # the folds are drawn among the rows in the order in which a run takes them
    order = dataset.order
    wanted = out_of_sample(points[order], given[order])
    np.testing.assert_allclose(found[order], wanted, atol=1e-12)


def test_what_is_wrong_comes_first():
    points, given, true = problem()
    audit = audit_from(NAMES[given], out_of_sample(points, given), gold=NAMES[true])
    assert audit.metrics["detection"]["auroc"] > 0.98
    assert np.isin(audit.worst(30)["row"], np.arange(36)).mean() > 0.9
    assert audit.metrics["method"] == METHOD
    assert {"own_model_label", "transition_label"} <= set(audit.table)


@pytest.mark.slow
def test_numbers_are_columns_as_in_cleanlab():
    points, given, _ = problem()
    probabilities = out_of_sample(points, given)
    four = np.hstack([probabilities * 0.9, np.full((240, 1), 0.1)])
    audit = audit_from(given, four)
    assert audit.classes == [0, 1, 2, 3]
    assert audit.posterior.shape == (240, 4)
    assert audit_from(given, probabilities).classes == [0, 1, 2]


@pytest.mark.slow
def test_classes_may_be_listed_in_any_order():
    points, given, _ = problem()
    probabilities = out_of_sample(points, given)
    sorted_audit = audit_from(NAMES[given], probabilities, points)
    order = [2, 0, 1]
    listed = audit_from(NAMES[given], probabilities[:, order], points, classes=NAMES[order].tolist())
    assert listed.classes == NAMES[order].tolist()
    np.testing.assert_allclose(listed.posterior, sorted_audit.posterior[:, order], atol=1e-6)


@pytest.mark.slow
def test_the_order_of_rows_changes_nothing():
    points, given, _ = problem()
    probabilities, order = out_of_sample(points, given), np.random.default_rng(1).permutation(240)
    plain = audit_from(given, probabilities, points, inputs=points)
    moved = audit_from(given[order], probabilities[order], points[order], inputs=points[order])
    np.testing.assert_allclose(moved.posterior, plain.posterior[order], atol=1e-5)


def test_trusted_rows_decide_and_are_not_scored():
    points, given, true = problem(600, 200)
    trusted = np.full(600, None, dtype=object)
    picked = np.random.default_rng(2).permutation(600)[:60]
    trusted[picked] = NAMES[true[picked]]
    audit = audit_from(
        NAMES[given], out_of_sample(points, given), points, trusted=trusted, trusted_drawn="random", gold=NAMES[true]
    )
    assert audit.metrics["trusted"]["rows"] == 60
    assert (audit.table["status"] == "decided").sum() == 60
    assert audit.metrics["evidence"]["left_out"] is not None
    low, high = (audit.metrics["noise_rate"][name] for name in ("low", "high"))
    assert low < 1 / 3 < high


def test_a_table_with_text_goes_through_a_pipeline():
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    points, given, true = problem()
    frame = pd.DataFrame(points, columns=[f"x{k}" for k in range(6)]).assign(colour=np.array(["red", "blue"])[true % 2])
    encode = make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough")
    audit = audit_from(NAMES[given], model=make_pipeline(encode, LogisticRegression(max_iter=500)), inputs=frame)
    assert np.isin(audit.worst(30)["row"], np.arange(36)).mean() > 0.9


@pytest.mark.slow
def test_boosted_trees():
    lightgbm = pytest.importorskip("lightgbm")
    points, given, _ = problem()
    model = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1)
    audit = audit_from(NAMES[given], model=model, inputs=points)
    assert np.isin(audit.worst(30)["row"], np.arange(36)).mean() > 0.8


def test_several_labels_a_row():
    points, given, true = problem()
    random = np.random.default_rng(3)
    votes = {f"s{k}": NAMES[np.where(random.random(240) < 0.2, random.integers(0, 3, 240), true)] for k in range(3)}
    audit = audit_from(None, out_of_sample(points, given), points, sources=votes, classes=NAMES.tolist())
    assert audit.sources is not None
    assert len(audit.sources) == 3


@pytest.mark.slow
def test_rows_without_a_label_stay_unjudged():
    points, given, _ = problem()
    labels = NAMES[given].astype(object)
    labels[[5, 7]] = None
    probabilities = out_of_sample(points, given)
    with pytest.raises(InputError, match="label"):
        audit_from(labels, probabilities)
    audit = audit_from(labels, probabilities, missing="unlabeled")
    assert audit.table.set_index("row").loc[[5, 7], "status"].tolist() == ["unlabeled"] * 2
    modelled = audit_from(labels, model=LogisticRegression(), inputs=points, missing="unlabeled")
    assert modelled.table.set_index("row").loc[5, "predicted_label"] in NAMES


def test_probabilities_of_rows_that_were_learnt_are_told():
    points, given, _ = problem()
    audit = audit_from(given, KNeighborsClassifier(1).fit(points, given).predict_proba(points))
    assert any("meet 100.0% of the given labels" in note for note in audit.notes)


@pytest.mark.slow
def test_a_run_folder_takes_decisions(tmp_path):
    from mislabel.decisions.events import Decision
    from mislabel.decisions.store import Store

    points, given, true = problem()
    probabilities, ids = out_of_sample(points, given), [f"r{row}" for row in range(240)]
    audit = audit_from(NAMES[given], probabilities, points, ids=ids, out=tmp_path / "run")
    run = Run.open(tmp_path / "run")
    assert run.result().table.equals(audit.table)
    assert run.modality == "features"
    assert "P(ant)" in str(run.inputs_by_id(["r0"])["r0"])
    with Store(run.folder.decisions) as store:
        for row in range(20):
            store.decide([Decision(f"r{row}", "label", str(NAMES[true[row]]), str(NAMES[given[row]]))])
    again = audit_from(NAMES[given], probabilities, points, ids=ids, decisions=tmp_path / "run", out=tmp_path / "next")
    assert (again.table["status"] == "decided").sum() == 20
    assert len(Run.open(tmp_path / "next").decisions()) == 20
    with pytest.raises(InputError, match="is not empty"):
        audit_from(NAMES[given], probabilities, out=tmp_path / "run")


GOOD = np.full((6, 2), 0.5)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "give either pred_probs, or a model"),
        ({"model": LogisticRegression()}, "LogisticRegression reads inputs"),
        ({"model": LinearSVC(), "inputs": np.arange(12.0).reshape(6, 2)}, "has no predict_proba"),
        ({"pred_probs": GOOD, "model": LogisticRegression()}, "give either"),
        ({"pred_probs": GOOD[:5]}, r"shape \(5, 2\), needed \(6, K\)"),
        ({"pred_probs": GOOD[:, :1]}, r"of 1 class\(es\)"),
        ({"pred_probs": GOOD * np.nan}, "6 rows hold something that is no probability.*0, 1, 2, 3, 4 \\(and 1 more\\)"),
        ({"pred_probs": GOOD * 4}, "no probability"),
        ({"pred_probs": GOOD * 0.5}, "do not sum to 1: give probabilities"),
        ({"pred_probs": "no"}, "no matrix of numbers"),
        ({"pred_probs": np.full((6, 3), 1 / 3), "labels": list("ababab")}, "labels show 2 classes.*say with classes="),
        ({"pred_probs": GOOD, "classes": ["a"]}, "classes are 1, needed 2"),
        ({"pred_probs": GOOD, "features": np.zeros((5, 2))}, r"features have the shape \(5, 2\), needed \(6, d\)"),
        ({"pred_probs": GOOD, "features": np.full((6, 2), np.inf)}, "features of 6 rows are NaN or infinite"),
        ({"pred_probs": GOOD, "inputs": [b"", b""] * 3}, "Say modality="),
        ({"pred_probs": GOOD, "modality": "sound", "inputs": list("abcdef")}, "modality is 'sound'"),
        ({"pred_probs": GOOD, "labels": None}, "give classes="),
        ({"pred_probs": GOOD, "missing": "drop"}, "missing is 'drop'"),
    ],
)
def test_what_does_not_fit_is_told(arguments, says):
    arguments = {"labels": [0, 1] * 3, **arguments}
    with pytest.raises(InputError, match=says):
        audit_from(**arguments)


def test_one_class_is_not_assessed():
    with pytest.raises(NotAssessed):
        audit_from([0] * 6, GOOD)


def test_checked_probabilities_sum_to_one():
    rounded = np.array([[0.3333, 0.3333, 0.3333], [1.0004, -0.0003, 0.0]])
    np.testing.assert_allclose(check_probabilities(rounded).sum(1), 1)
    assert np.isfinite(log_odds(check_probabilities(np.eye(3)))).all()


@pytest.mark.parametrize(
    ("labels", "columns", "wanted"),
    [
        ([0, 2], 3, [0, 1, 2]),
        ([1, 3, 2], 3, [1, 2, 3]),
        (["b", "a"], 2, ["a", "b"]),
        ([True, False], 2, [False, True]),
    ],
)
def test_which_class_a_column_is(labels, columns, wanted):
    assert classes_of_columns(labels, columns, None) == wanted
