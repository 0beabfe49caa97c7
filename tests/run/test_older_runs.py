"""A run folder that version 0.1.0 wrote, before files had digests, is still read by everything that reads runs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mislabel.dynamics.store import open_dynamics
from mislabel.run.reading import NO_DIGESTS, Run

OLD = Path(__file__).parent / "made_by_0_1_0"
DATA = OLD.with_suffix(".csv")


@pytest.fixture
def old(tmp_path):
    return Path(shutil.copytree(OLD, tmp_path / "old"))


def test_is_read_and_says_that_it_has_no_digests(old):
    run = Run.open(old)
    assert NO_DIGESTS in run.notes
    assert run.result().metrics["rows"] == len(run.rows) == 45
    assert {id: decision.label for id, decision in run.decisions().items()} == {"r00": "bee", "r03": "ant"}
    assert open_dynamics(run.folder.dynamics).done == len(
        json.loads((OLD / "dynamics/manifest.json").read_text())["passes"]
    )


def test_every_command_that_takes_a_run_takes_it_and_says_so(old, tmp_path, mislabel):
    for line in (
        ["report", old],
        ["export", old, "--data", DATA, "-o", tmp_path / "out.csv"],
        ["predict", old, DATA, "--id", "id", "-o", tmp_path / "predicted.csv"],
        ["import-decisions", old, tmp_path / "decided.csv", "--data", DATA],
    ):
        pd.DataFrame({"id": ["r01"], "label": ["cow"]}).to_csv(tmp_path / "decided.csv", index=False)
        done = mislabel(*line)
        assert done.exit_code == 0, done.stderr
        assert f"note: {NO_DIGESTS}" in done.stderr, line
    exported = pd.read_csv(tmp_path / "out.csv", dtype={"id": str}).set_index("id")
    assert exported.loc[["r00", "r03"], "label"].tolist() == ["bee", "ant"]
    predicted = pd.read_csv(tmp_path / "predicted.csv").set_index("id")
    audit = pd.read_parquet(OLD / "audit.parquet").set_index("id")
    np.testing.assert_array_equal(predicted.loc[audit.index, "predicted_label"], audit["predicted_label"])
    assert NO_DIGESTS in (old / "report.html").read_text()


@pytest.mark.slow
def test_its_decisions_teach_the_next_run_which_has_digests(old, tmp_path, mislabel):
    columns = ["--features", "legs,wings,weight", "--label", "label", "--gold", "gold", "--id", "id"]
    line = ["train", DATA, *columns, "--holdout", "0.2", "--decisions", old, "--out", tmp_path / "new"]
    done = mislabel(*line, "--method", "ce", "--option", "epochs=2")
    assert done.exit_code == 0, done.stderr
    new = Run.open(tmp_path / "new")
    assert NO_DIGESTS not in new.notes
    assert new.rows.status_counts()["decided"] >= 1
