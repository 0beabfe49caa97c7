"""FeatureClassifier keeps scikit-learn's contract: its own checks of estimators, then what they do not ask."""

import json
import pickle
import time

import numpy as np
import pandas as pd
import pytest
from patience import PATIENCE
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimator,
    parametrize_with_checks,
)

from mislabel import FeatureClassifier, InputError

EXPECTED_FAILED_CHECKS: dict[str, str] = {}  # none; `check_array_api_input` skips itself without SCIPY_ARRAY_API
CHECKED = [FeatureClassifier(), FeatureClassifier(method="ce")]


@pytest.mark.slow
@parametrize_with_checks(CHECKED, expected_failed_checks=lambda _: EXPECTED_FAILED_CHECKS)
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.sweep
@pytest.mark.timeout(900)
def test_the_checks_of_scikit_learn_with_dygen():
    check_estimator(FeatureClassifier(method="dygen"), on_skip=None)


def test_names_of_columns_are_kept_and_compared():
    """A check that scikit-learn has beside those for all."""
    check_dataframe_column_names_consistency("FeatureClassifier", FeatureClassifier(method="ce"))


CENTRES = np.array([[4.0, 0, 0, 1], [0, 4, 0, 1], [0, 0, 4, 1]])


def blobs(rows=120, wrong=0.25, seed=0):
    """Features (rows, 4) about three centres, true classes, and given ones of which a share is wrong."""
    X, gold = make_blobs(rows, centers=CENTRES, cluster_std=1.0, random_state=seed)
    random = np.random.default_rng(seed)
    flipped = random.choice(rows, round(wrong * rows), replace=False)
    given = gold.copy()
    given[flipped] = (gold[flipped] + random.integers(1, 3, len(flipped))) % 3
    return X.astype(np.float32), gold, given


def make(**more):
    return FeatureClassifier(**({"device": "cpu", "precision": "fp32"} | more))


@pytest.fixture(scope="module")
def fitted():
    X, _, given = blobs()
    return make().fit(X, given)


def test_it_finds_the_planted_errors_and_predicts_like_the_best_rule(fitted):
    """For blobs of one spread no rule beats the nearest centre."""
    _, gold, given = blobs()
    table = fitted.audit_.table.set_index("id").loc[range(120)]
    score, wrong = table["p_mislabeled"].to_numpy(), given != gold
    pairs = score[wrong][:, None] - score[~wrong][None]
    assert np.mean(pairs > 0) + np.mean(pairs == 0) / 2 > 0.95  # AUROC by its definition
    assert (table["suggested_label"] == gold).mean() > 0.9
    new, new_gold, _ = blobs(600, wrong=0, seed=5)
    best = np.mean(((new[:, None] - CENTRES) ** 2).sum(2).argmin(1) == new_gold)
    assert best - 0.03 <= fitted.score(new, new_gold) <= best + 0.01


@pytest.mark.slow
def test_the_unit_of_a_feature_does_not_matter():
    """Powers of two are exact in float32, so probabilities keep every bit; ids say that rows are the same."""
    X, _, given = blobs()
    factors = np.float32([4, 0.25, 1024, 2])
    one, other = (make().fit(values, given, ids=np.arange(len(X))) for values in (X, X * factors))
    np.testing.assert_array_equal(other.predict_proba(X * factors), one.predict_proba(X))


def test_a_row_gets_the_same_probabilities_in_any_company(fitted):
    X = blobs(300, seed=3)[0]
    whole = fitted.predict_proba(X)
    alone = np.concatenate([fitted.predict_proba(X[k : k + 1]) for k in range(20)])
    np.testing.assert_allclose(alone, whole[:20], atol=1e-6)
    np.testing.assert_allclose(fitted.predict_proba(X[::-1])[::-1], whole, atol=1e-6)


def table_of(X, colours):
    return pd.DataFrame({"a": X[:, 0], "colour": colours, "b": X[:, 1], "big": X[:, 2] > 2})


def test_a_table_with_text_is_its_one_hot_matrix():
    X, _, given = blobs()
    colours = np.array(["red", "green", "blue"])[np.arange(120) % 3]
    columns = OneHotEncoder(sparse_output=False).fit_transform(colours[:, None])
    matrix = np.column_stack([X[:, 0], columns, X[:, 1], X[:, 2] > 2])
    of_table, of_matrix = make().fit(table_of(X, colours), given), make().fit(matrix, given)
    assert of_table.feature_names_in_.tolist() == ["a", "colour", "b", "big"]
    assert (of_table.n_features_in_, of_matrix.n_features_in_) == (4, 6)
    np.testing.assert_array_equal(of_table.audit_.posterior, of_matrix.audit_.posterior)
    new = blobs(30, seed=4)[0]
    unknown = np.column_stack([new[:, 0], np.zeros((30, 3)), new[:, 1], new[:, 2] > 2])  # a colour never seen
    np.testing.assert_array_equal(
        of_table.predict_proba(table_of(new, ["violet"] * 30)), of_matrix.predict_proba(unknown)
    )
    with pytest.raises(ValueError, match="feature names should match"):
        of_table.predict(table_of(new, ["red"] * 30).rename(columns={"b": "c"}))


def test_save_and_load_of_a_table_and_a_matrix(fitted, mislabel, tmp_path):
    X, _, given = blobs()
    new = blobs(30, seed=4)[0]
    frame = pd.DataFrame(X, columns=list("abcd"))
    of_table = make().fit(frame, given)
    np.testing.assert_array_equal(of_table.predict_proba(frame), fitted.predict_proba(X))
    fitted.save(tmp_path / "matrix")
    of_table.save(tmp_path / "table")
    matrix, table = (FeatureClassifier.load(tmp_path / name) for name in ("matrix", "table"))
    np.testing.assert_allclose(matrix.predict_proba(new), fitted.predict_proba(new), atol=1e-6)
    assert matrix.n_features_in_ == table.n_features_in_ == 4
    assert not hasattr(matrix, "feature_names_in_")
    assert table.feature_names_in_.tolist() == list("abcd")
    new_frame = pd.DataFrame(new, columns=list("abcd"))
    np.testing.assert_allclose(table.predict_proba(new_frame), of_table.predict_proba(new_frame), atol=1e-6)
    with pytest.raises(ValueError, match="same order"):
        table.predict(new_frame[list("dcba")])
    new_frame[list("dcba")].to_parquet(tmp_path / "new.parquet")  # the command looks columns up
    done = mislabel("predict", tmp_path / "table", tmp_path / "new.parquet", "-o", tmp_path / "out.parquet")
    assert done.exit_code == 0, done.stderr
    predicted = pd.read_parquet(tmp_path / "out.parquet")["predicted_label"]
    assert predicted.tolist() == table.predict(new_frame).tolist()
    np.testing.assert_array_equal(matrix.audit_.posterior, fitted.audit_.posterior)
    pd.testing.assert_frame_equal(matrix.audit_.table, fitted.audit_.table)


@pytest.mark.parametrize("empty", [None, np.nan, -1])
def test_trusted_labels_teach_and_go_into_the_folder(empty, tmp_path):
    """Of twenty rows, the first of which has no given label; one is of a class that no given label shows."""
    X, gold, given = blobs()
    trusted, missing = [int(label) for label in gold[:20]] + [empty] * 100, given.astype(float)
    trusted[1], missing[0] = 7, np.nan
    model = make(method="ce", trusted_drawn="random").fit(X, missing, trusted=trusted)
    assert model.classes_.tolist() == [0, 1, 2, 7]
    table = model.audit_.table.set_index("id").loc[range(20)]
    assert set(table["status"]) == {"decided"}
    assert table["suggested_label"].tolist() == trusted[:20]
    assert model.audit_.metrics["trusted"]["rows"] == 20
    assert model.audit_.metrics["trusted"]["drawn"] == "random"
    model.save(tmp_path / "run")
    about = json.loads((tmp_path / "run" / "config.json").read_text())
    assert about["data"]["columns"] == {"features": "features", "label": "label", "trusted": "trusted"}
    assert FeatureClassifier.load(tmp_path / "run").trusted_drawn == "random"


def test_a_report_from_python(tmp_path):
    X, _, given = blobs()
    model = make(method="ce").fit(X, given)
    path = model.report(tmp_path / "report.html")
    shown = path.read_text(encoding="utf-8")
    assert shown.startswith("<!doctype html>")
    assert f"{len(given):,} judged rows" in shown
    assert list(tmp_path.iterdir()) == [path]
    model.save(tmp_path / "run")
    with pytest.raises(InputError, match="was loaded from a run folder"):
        FeatureClassifier.load(tmp_path / "run").report(path)


def test_trusted_labels_that_are_none_are_refused():
    X, _, given = blobs()
    with pytest.raises(InputError, match="trusted: none of the 120 rows has a trusted label"):
        make().fit(X, given, trusted=[None] * 120)
    with pytest.raises(InputError, match="trusted and labels are one and the same"):
        make().fit(X, given, trusted=given)
    column = pd.Series(given, np.arange(1000, 1120))
    with pytest.raises(InputError, match="y and trusted have the same index in two orders"):
        make().fit(X, column, trusted=column[::-1])
    with pytest.raises(InputError, match="trusted_drawn is 'all', needed one of random, chosen"):
        make(trusted_drawn="all").fit(X, given)


@pytest.mark.slow
def test_pickle_and_clone(fitted):
    new = blobs(30, seed=4)[0]
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(new), fitted.predict_proba(new))
    assert again.audit_.metrics == fitted.audit_.metrics
    X, _, given = blobs()
    np.testing.assert_array_equal(clone(fitted).fit(X, given).predict_proba(new), fitted.predict_proba(new))


def test_cross_val_predict():
    X, _, given = blobs(60)
    folds = StratifiedKFold(2)
    found = cross_val_predict(make(method="ce"), X, given, cv=folds, method="predict_proba")
    for train, test in folds.split(X, given):
        np.testing.assert_array_equal(found[test], make(method="ce").fit(X[train], given[train]).predict_proba(X[test]))


@pytest.mark.slow
def test_minus_one_and_one_are_two_classes():
    """Alone with 1, -1 cannot mean "no label": nothing would be left to tell apart. Beside others it does."""
    X, gold, _ = blobs(60, wrong=0)
    y = np.where(gold == 0, 1, -1)
    one, words = make(method="ce").fit(X, y), make(method="ce").fit(X, np.where(gold == 0, "yes", "no"))
    assert one.classes_.tolist() == [-1, 1]
    assert one.predict(X).tolist() == np.where(words.predict(X) == "yes", 1, -1).tolist()
    assert any("-1 is taken as a class" in note for note in one.audit_.notes)
    with pytest.raises(InputError, match="20 of 60 rows have no label"):
        make().fit(X, np.where(gold == 2, -1, gold))
    rest = make(method="ce", missing="unlabeled").fit(X, np.where(gold == 2, -1, gold))
    assert rest.classes_.tolist() == [0, 1]
    assert (rest.audit_.table["status"] == "unlabeled").sum() == 20


def test_a_column_of_labels_is_flattened_and_said():
    X, _, given = blobs(60)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        found = make(method="ce").fit(X, given[:, None])
    np.testing.assert_array_equal(found.predict(X), make(method="ce").fit(X, given).predict(X))


GOOD = np.arange(12, dtype=np.float64).reshape(6, 2)
LABELS = [0, 1, 0, 1, 0, 1]


def with_cell(value):
    X = GOOD.copy()
    X[3, 1] = value
    return X


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (with_cell(np.nan), LABELS, "contains NaN"),
        (with_cell(1e39), LABELS, "too large for dtype\\('float32'\\)"),
        (GOOD[:, 0], LABELS, "Expected 2D array"),
        (pd.DataFrame({"n": [1.0, None] * 3, "c": list("xyxyxy")}), LABELS, 'column.*"?n"?'),
        (pd.DataFrame({"when": pd.to_timedelta(range(6))}), LABELS, "timedelta64"),
        (GOOD, LABELS[:5], "6 features but 5 labels"),
        (GOOD, [0.5, 1.5, 2.5, 0.1, 0.2, 0.3], "continuous"),
        (GOOD, [7] * 6, "1 class"),
        (GOOD[:3], [0, 1, 0], "at least 4"),
        (GOOD, None, "y is None"),
    ],
)
def test_bad_input_is_refused(X, y, message):
    with pytest.raises(ValueError, match=message):
        make().fit(X, y)


def test_a_run_on_texts_is_not_loaded(toy_run):
    with pytest.raises(InputError, match="run on text; FeatureClassifier is for features"):
        FeatureClassifier.load(toy_run)


@pytest.mark.slow
def test_gaps_are_filled_where_that_is_asked_for(tmp_path, mislabel):
    X, y = blobs()[:2]
    frame = pd.DataFrame(np.asarray(X)[:, :2], columns=pd.Index(["a", "b"])).assign(
        day="2024-01-01", label=np.asarray(y)
    )
    frame.loc[::5, "a"] = np.nan
    inputs = frame.drop(columns="label")
    with pytest.raises(InputError, match=r"no number.*--missing-values impute"):
        make().fit(inputs, frame["label"])
    model = make(missing_values="impute").fit(inputs, frame["label"])
    assert any("filled with the median" in note for note in model.audit_.notes)
    model.save(tmp_path / "run")
    assert np.isfinite(model.predict_proba(inputs)).all()
    again = FeatureClassifier.load(tmp_path / "run")
    np.testing.assert_array_equal(again.predict_proba(inputs.tail(6)), model.predict_proba(inputs.tail(6)))
    assert np.isfinite(again.predict_proba(inputs.assign(day=None))).all()

    frame.to_csv(tmp_path / "d.csv", index=False)
    words = ("--features", "a,b,day", "--label", "label", "--device", "cpu", "--option", "epochs=1")
    refused = mislabel("audit", tmp_path / "d.csv", *words, "--out", tmp_path / "no")
    assert refused.exit_code == 2
    assert "--missing-values impute" in refused.stderr
    done = mislabel("audit", tmp_path / "d.csv", *words, "--missing-values", "impute", "--out", tmp_path / "filled")
    assert done.exit_code == 0, done.stderr
    predicted = mislabel("predict", tmp_path / "filled", tmp_path / "d.csv", "--output", tmp_path / "p.csv")
    assert predicted.exit_code == 0, predicted.stderr
    assert len(pd.read_csv(tmp_path / "p.csv")) == len(frame)
    exported = mislabel("export", tmp_path / "filled", "--output", tmp_path / "corrected.csv")
    assert exported.exit_code == 0, exported.stderr
    told = mislabel("audit", tmp_path / "d.csv", "--text", "day", *words[2:6], "--missing-values", "impute")
    assert "for features" in told.stderr


@pytest.mark.slow
def test_a_review_from_python(fitted, tmp_path):
    """It writes the run, serves the page, and ends with Ctrl-C as a cell of a notebook does."""
    import _thread
    import threading
    import urllib.request

    said = []

    def visit():
        while not said:
            time.sleep(0.05)
        address = next(word for word in said[0].split() if word.startswith("http"))
        with urllib.request.urlopen(address + "api/state", timeout=PATIENCE) as answer:
            said.append(answer.read())
        _thread.interrupt_main()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.print", said.append)
        visitor = threading.Thread(target=visit)
        visitor.start()
        fitted.review(tmp_path / "run", browser=False)
        visitor.join(timeout=PATIENCE)
    assert json.loads(said[1])
    assert "0 rows are decided" in said[-1]
    assert (tmp_path / "run" / "decisions.sqlite").is_file()
