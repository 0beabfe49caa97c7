"""A sentence stands below what a launcher says as it ends; the launcher here is a stand-in."""

import subprocess
import sys

import pytest
from patience import PATIENCE

from mislabel.cli.last_word import say_last

WORKER = "from mislabel.cli.last_word import say_last; say_last('error: rank 1 was lost')"
LAUNCHER = f"""
import os, subprocess, sys
os.environ["TORCHELASTIC_RUN_ID"] = "1"
subprocess.run([sys.executable, "-c", {WORKER!r}], check=True)
print("FAILED", file=sys.stderr)
"""


def test_the_sentence_comes_after_the_launcher(environment):
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0
    assert done.stderr.splitlines() == ["FAILED", "error: rank 1 was lost"]


def test_without_a_launcher_nothing_is_said_again(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setattr("subprocess.Popen", lambda *words, **how: pytest.fail("started something"))
    say_last("error: gone")
