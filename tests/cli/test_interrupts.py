"""Ctrl-C at many moments of all commands: it ends within two seconds, and says how to go on."""

import shlex

import pandas as pd
import pytest
from fake_runs import make_run
from patience import PROMPT
from stalled import interrupt_at

TRAIN = ["--text", "text", "--label", "label", "--method", "ce", "--option", "epochs=2", "--batch-size", "8"]


@pytest.fixture
def files(tmp_path, toy_file, tiny_encoder):
    frame = pd.read_csv(toy_file)
    make_run(tmp_path / "run", frame, source=toy_file, text="text")
    return {"DATA": toy_file, "RUN": tmp_path / "run", "OUT": tmp_path / "out", "ENCODER": tiny_encoder}


def ended_at(words, files, environment, *where, **how):
    words = [files.get(word, word) for word in words]
    done = interrupt_at(words, environment, *where, **how)
    assert done.code == 130, done
    assert done.seconds < PROMPT, done
    assert "interrupted" in done.said
    assert "Traceback" not in done.said
    return done


@pytest.mark.parametrize("how", ["in Python", "in C", pytest.param("deaf", marks=pytest.mark.sweep)])
def test_it_is_heard_whatever_the_process_is_at(how, files, environment):
    """In Python; in a library that computes and does not come back; in one that swallows every exception."""
    ended_at(["methods", "ido"], files, environment, "mislabel.methods.registry", "method_entry", how)


def test_a_second_one_ends_at_once(files, environment):
    done = ended_at(
        ["methods", "ido"], files, environment, "mislabel.methods.registry", "method_entry", "deaf", times=2
    )
    assert done.seconds < PROMPT - 1


def test_while_the_commands_are_imported(files, environment):
    ended_at(["methods"], files, environment, "mislabel.settings", "declarations")


ENCODE = ["audit", "DATA", *TRAIN, "--backbone", "ENCODER", "--out", "OUT"]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["in Python", pytest.param("in C", marks=pytest.mark.sweep)])
def test_while_a_frozen_encoder_reads_the_texts(how, files, environment):
    done = ended_at(ENCODE, files, environment, "mislabel.training.inference", "prefetched", how)
    assert "continue with: mislabel audit" in done.said
    words = shlex.split(done.said.split("continue with: mislabel ")[1].splitlines()[0])
    assert words[-1] == "--resume"
    assert str(files["OUT"]) in words


SHORT = [
    (["report", "RUN"], "mislabel.report.page", "write_report"),
    (["export", "RUN", "-o", "OUT.csv"], "mislabel.exchange.export", "export"),
    (["import-decisions", "RUN", "DATA"], "mislabel.exchange.importing", "import_decisions"),
    (["corrupt", "DATA", "--label", "label", "--kind", "sym", "--rate", "0.1", "-o", "OUT.csv"],
     "mislabel.tables.writing", "write_table"),
]  # fmt: skip
LONG = [
    (ENCODE, "mislabel.modalities.loading", "load_dataset"),
    (ENCODE, "mislabel.modalities.text.texts", "check_texts"),
    (ENCODE, "mislabel.modalities.text.models", "load_encoder"),
    (ENCODE, "mislabel.training.steps", "Steps._step"),
    (ENCODE, "mislabel.run.writing", "write_audit"),
    (ENCODE, "mislabel.report.page", "write_report"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("words", "module", "name"), SHORT, ids=lambda value: value if isinstance(value, str) else "")
def test_while_a_file_is_made(words, module, name, files, environment, tmp_path):
    files["OUT.csv"] = tmp_path / "out.csv"
    before = sorted(tmp_path.rglob("*"))
    ended_at(words, files, environment, module, name)
    left = {path.name for path in tmp_path.rglob("*")} - {path.name for path in before}
    assert left <= {".lock", ".owner"}


@pytest.mark.sweep
@pytest.mark.parametrize(("words", "module", "name"), LONG, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("how", ["in Python", "in C"])
def test_at_every_phase_of_a_run(words, module, name, how, files, environment):
    ended_at(words, files, environment, module, name, how)
