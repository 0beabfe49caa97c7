"""What an export for cleanlab holds, and that cleanlab takes it."""

import numpy as np
import pandas as pd
import pytest
from fake_runs import decide, make_run

from mislabel.decisions.events import Decision
from mislabel.errors import InputError
from mislabel.exchange.export import export
from mislabel.integrity import add_digests


def test_cleanlab_takes_its_table(tmp_path):
    from cleanlab.classification import CleanLearning
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    x = random.normal(size=(60, 2)) + np.repeat([[0, 0], [6, 6], [0, 6]], 20, axis=0)
    labels = np.repeat([0, 1, 2], 20)
    labels[:3] = [1, 2, 1]
    frame = pd.DataFrame({"id": range(60), "label": labels})
    frame.to_parquet(tmp_path / "d.parquet", index=False)
    run = make_run(
        tmp_path / "run", frame, source=tmp_path / "d.parquet", suggested={0: 0, 1: 0, 2: 0, 30: 2},
        p={0: 0.9, 1: 0.8, 2: 0.7, 30: 0.6}, status={59: "held_out"},
    )  # fmt: skip
    decide(
        run, Decision(0, "suggestion", 0, 1), Decision(1, "unsure"), Decision(30, "keep", 1, 1),
        Decision(40, "none", None, 2),
    )  # fmt: skip
    export(run, tmp_path / "out.parquet", kind="cleanlab")
    ours = pd.read_parquet(tmp_path / "out.parquet")
    peer = CleanLearning(LogisticRegression()).find_label_issues(x, labels)
    assert list(ours.columns[:4]) == ["id", "label", "label_before", "decided_by"]
    assert list(ours.columns[4:]) == list(peer.columns)
    assert ours["is_label_issue"].dtype == peer["is_label_issue"].dtype
    assert ours["label_quality"].dtype == peer["label_quality"].dtype
    assert np.flatnonzero(ours["is_label_issue"]).tolist() == [0, 1, 2, 40]
    quality = ours["label_quality"]
    assert quality[[0, 30, 40]].tolist() == [0.0, 1.0, 0.0]
    assert quality[[1, 2, 5]].tolist() == pytest.approx([0.2, 0.3, 0.9])
    assert np.isnan(quality[59])
    assert ours["given_label"].tolist() == labels.tolist()
    assert ours["predicted_label"][[0, 1, 30]].tolist() == [0, 0, 1]
    assert ours["predicted_label"].isna().to_numpy().nonzero()[0].tolist() == [40]
    CleanLearning(LogisticRegression()).fit(x, labels, label_issues=ours["is_label_issue"].to_numpy())


def test_a_decision_on_a_row_without_a_label_is_a_prediction_and_no_label_issue(tmp_path):
    frame = pd.DataFrame({"id": [1, 2, 3, 4], "label": ["x", "y", None, None]})
    frame.to_parquet(tmp_path / "d.parquet", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.parquet")
    audit = pd.read_parquet(run.audit)
    unlabeled = audit.iloc[:2].assign(id=[3, 4], given_label=None, suggested_label="x", status="unlabeled", row=[2, 3])
    unlabeled["p_mislabeled"] = np.nan
    pd.concat([audit, unlabeled]).to_parquet(run.audit, index=False)
    add_digests(run.path, run.audit)
    decide(run, Decision(3, "label", "y", None))
    export(run, tmp_path / "out.parquet", kind="cleanlab")
    found = pd.read_parquet(tmp_path / "out.parquet").set_index("id")
    assert found.loc[3, ["label", "predicted_label", "decided_by"]].tolist() == ["y", "y", "person"]
    assert found["predicted_label"].tolist() == ["x", "y", "y", "x"]
    assert found["is_label_issue"].tolist() == [False] * 4
    assert found["label_quality"].isna().tolist() == [False, False, True, True]


def test_a_name_that_cleanlab_uses_is_not_given_twice(tmp_path):
    frame = pd.DataFrame({"id": [1, 2], "given_label": ["x", "y"]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", label="given_label")
    with pytest.raises(InputError, match="'given_label' already"):
        export(run, tmp_path / "out.csv", kind="cleanlab")
