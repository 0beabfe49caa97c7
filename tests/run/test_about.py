"""What a run says of how it was started: the command that was typed, and nothing where there was none."""

import json
import sys

import pytest

from mislabel.run.about import typed_command


@pytest.mark.parametrize(
    "program",
    ["mislabel", "/opt/env/bin/mislabel", "Scripts/mislabel.exe", "Scripts/mislabel-script.py",
     "/opt/env/lib/python3.11/site-packages/mislabel/__main__.py"],
)  # fmt: skip
def test_a_command_is_given_as_it_was_typed(program, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program, "train", "my data.csv", "--label", "label"])
    assert typed_command() == "mislabel train 'my data.csv' --label label"


@pytest.mark.parametrize(
    "program", ["", "-c", "-m", "train.py", "/opt/jupyter/ipykernel_launcher.py", "/tests/pytest/__main__.py"]
)
def test_a_script_or_a_notebook_was_no_command(program, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program, "-f", "kernel.json"])
    assert typed_command() == ""


def test_without_any_word(monkeypatch):
    monkeypatch.setattr(sys, "argv", [])
    assert typed_command() == ""


def test_what_opens_an_address_is_not_kept(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mislabel", "train", "https://me:secret@host.example/data.csv?token=secret"])
    assert "secret" not in typed_command()


@pytest.mark.slow
def test_a_real_run_keeps_it(tmp_path, toy_file, tiny_options, command):
    words = ["train", toy_file, *tiny_options, "--method", "ce", "--option", "epochs=1", "--out", tmp_path / "run"]
    done = command(*words)
    assert done.returncode == 0, done.stderr
    known = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))["command"]
    assert known.startswith(f"mislabel train {toy_file} --text text")
