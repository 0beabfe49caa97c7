"""What the tests of README and of the pages share: finding commands, running them one after the other, comparing."""

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
MESSAGES = pd.read_csv(ROOT / "examples" / "messages" / "messages.csv")
TEST = MESSAGES[MESSAGES["split"] == "test"].set_index("id")["gold"]


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def steps(text: str, scripts: bool = False) -> list[tuple[str, str]]:
    """The commands of a page and, where they are to be run, its pieces of Python, in order."""
    found = []
    for kind, block in re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL):
        if kind == "python" and scripts:
            found.append((kind, block))
        elif not kind:
            found += [("", line) for line in block.splitlines() if line.startswith(".venv/bin/")]
    return found


def names(every: list[tuple[str, str]]) -> list[str]:
    return [kind or shlex.split(step)[1] for kind, step in every]


def run_steps(every: list[tuple[str, str]], folder: Path) -> dict[str, str]:
    """Run them one after the other in this folder; what each printed."""
    (folder / "examples").symlink_to(ROOT / "examples")
    printed = {}
    for kind, command in every:
        program, *rest = (sys.executable, "-c", command) if kind else shlex.split(command)
        words = [sys.executable, *(["-m", "mislabel"] if program.endswith("mislabel") else []), *rest]
        if rest[0] == "review" and "--static" not in rest:
            review_ten_rows([*words, "--no-browser"], folder)
            continue
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        printed[command] = done.stdout
    return printed


def metrics(run: Path) -> dict:
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))


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
