"""Runs that were killed or interrupted go on and end with the same bytes; runs that do not fit are refused by name."""

import json
import os
import random
import shlex
import shutil
import signal

import pandas as pd
import pytest
from signalled import run_until

from mislabel.errors import RunError
from mislabel.run.folder import RunFolder

EPOCHS = ["--method", "ido", "--option", "warm_epochs=4", "--option", "robust_epochs=3"]


@pytest.fixture(scope="module")
def plain(toy_file, tiny_options, tmp_path_factory, mislabel):
    """A run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("plain") / "run"
    done = mislabel("train", toy_file, *tiny_options, *EPOCHS, "--out", folder)
    assert done.exit_code == 0, done.stderr
    return folder


def same_results(one, other):
    assert (one / "audit.parquet").read_bytes() == (other / "audit.parquet").read_bytes()
    assert (one / "posterior.npy").read_bytes() == (other / "posterior.npy").read_bytes()
    for name in ("prediction", "loss", "margin"):
        assert (one / "dynamics" / f"{name}.npy").read_bytes() == (other / "dynamics" / f"{name}.npy").read_bytes()
    weights = "model/model.safetensors"
    assert (one / weights).read_bytes() == (other / weights).read_bytes()
    assert not (other / "checkpoints").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("config.json", marks=pytest.mark.sweep),
        pytest.param("checkpoints/00-0002", marks=pytest.mark.sweep),
        "checkpoints/01-0001",
    ],
)
def test_killed_and_resumed_gives_the_same_bytes(
    moment, plain, toy_file, tiny_options, tmp_path, environment, mislabel
):
    """SIGKILL when a file or checkpoint has just come up, and a number of calls (by seed) later."""
    folder = tmp_path / "run"
    line = ["train", toy_file, *tiny_options, *EPOCHS, "--out", folder]
    events = random.Random(moment).randrange(1, 20_000)
    killed = run_until(line, environment, signal.SIGKILL, moment, events=events)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (folder / "metrics.json").exists()
    resumed = mislabel(*line, "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    same_results(plain, folder)


@pytest.mark.slow
def test_ctrl_c_gives_the_command_that_goes_on(plain, toy_file, tiny_options, tmp_path, environment, mislabel):
    folder = tmp_path / "a run"
    line = ["train", toy_file, *tiny_options, *EPOCHS, "--out", folder]
    interrupted = run_until(line, environment, signal.SIGINT, "checkpoints/00-0001")
    assert interrupted.returncode == 130, interrupted.stderr
    hint = next(row for row in interrupted.stderr.splitlines() if "continue with: mislabel" in row)
    words = hint.split("continue with: mislabel ")[1]
    assert f"'{folder}'" in words  # quoted, since it has a space
    again = mislabel(*shlex.split(words))
    assert again.exit_code == 0, again.stderr
    same_results(plain, folder)


@pytest.fixture
def unfinished(plain, tmp_path):
    """A copy of a run as it is before its last file is written."""
    folder = tmp_path / "unfinished"
    shutil.copytree(plain, folder)
    (folder / "metrics.json").unlink()
    return folder


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (["--seed", "1"], "settings.seed was 0 and is now 1"),
        (["--option", "robust_epochs=2"], "settings.options"),
        (["--learning-rate", "0.001"], "settings.learning_rate was 0.002 and is now 0.001"),
        (["--balance", "classes"], "settings.balance was 'none' and is now 'classes'"),
        (["--holdout", "0.5"], "data.fingerprint"),
    ],
)
def test_resume_with_other_settings_is_refused(change, field, unfinished, toy_file, tiny_options, mislabel):
    done = mislabel("train", toy_file, *tiny_options, *EPOCHS, *change, "--out", unfinished, "--resume")
    assert done.exit_code == 1
    assert field in done.stderr


@pytest.mark.slow
def test_a_run_goes_on_with_its_own_method_where_none_is_named(unfinished, toy_file, tiny_options, mislabel):
    """Whatever the default is by now; another one that is named is refused."""
    line = ["train", toy_file, *tiny_options, *EPOCHS[2:], "--out", unfinished, "--resume"]
    done = mislabel(*line, "--seed", "1")
    assert done.exit_code == 1
    assert "settings.seed was 0 and is now 1" in done.stderr
    words = ["train", toy_file, *tiny_options, "--method", "ce", "--out", unfinished, "--resume"]
    assert "settings.method was 'ido' and is now 'ce'" in mislabel(*words).stderr
    done = mislabel(*line)
    assert done.exit_code == 0, done.stderr
    assert json.loads((unfinished / "config.json").read_text())["settings"]["method"] == "ido"


def test_resume_with_other_data_is_refused(unfinished, toy_file, tiny_options, tmp_path, mislabel):
    frame = pd.read_csv(toy_file)
    frame.loc[3, "text"] += " boat1"
    frame.to_csv(tmp_path / "toy.csv", index=False)
    done = mislabel("train", tmp_path / "toy.csv", *tiny_options, *EPOCHS, "--out", unfinished, "--resume")
    assert done.exit_code == 1
    assert "data.fingerprint" in done.stderr


def test_an_unfinished_run_is_no_result(unfinished, toy_file, tmp_path, mislabel):
    for line in (["predict", unfinished, toy_file, "-o", tmp_path / "p.csv"], ["report", unfinished]):
        done = mislabel(*line)
        assert done.exit_code == 2
        assert "is not finished: continue it with --resume" in done.stderr


def test_a_finished_run_is_not_written_over_unasked(plain, toy_file, tiny_options, mislabel):
    before = {path: path.stat().st_mtime_ns for path in plain.rglob("*") if path.is_file()}
    done = mislabel("train", toy_file, *tiny_options, *EPOCHS, "--out", plain)
    assert done.exit_code == 2
    assert "is not empty: choose another --out, or --overwrite to replace it" in done.stderr
    after = {path: path.stat().st_mtime_ns for path in plain.rglob("*") if path.is_file()}
    assert {path.name for path, time in after.items() if before.get(path) != time} <= {".owner", ".lock"}


def test_overwrite_replaces_a_run_and_nothing_else(unfinished, toy_file, tiny_options, tmp_path, mislabel):
    (unfinished / "left_over.txt").write_text("old")
    short = ["--method", "ce", "--option", "epochs=1"]
    done = mislabel("train", toy_file, *tiny_options, *short, "--out", unfinished, "--overwrite")
    assert done.exit_code == 0, done.stderr
    assert not (unfinished / "left_over.txt").exists()
    assert json.loads((unfinished / "config.json").read_text())["settings"]["method"] == "ce"
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("ten years")
    done = mislabel("train", toy_file, *tiny_options, *short, "--out", precious, "--overwrite")
    assert done.exit_code == 2
    assert "holds files but no run" in done.stderr
    assert (precious / "thesis.txt").read_text() == "ten years"


@pytest.mark.slow
def test_a_second_process_is_refused_with_the_pid(unfinished, toy_file, tiny_options, command):
    from mislabel.run.folder import RunFolder

    with RunFolder(unfinished).locked():
        done = command("train", toy_file, *tiny_options, "--out", unfinished, "--overwrite")
    assert done.returncode == 1
    assert f"in use by process {os.getpid()}" in done.stderr
    with RunFolder(unfinished).locked():  # the lock is free again
        pass


def test_resuming_a_finished_run_changes_nothing(plain, toy_file, tiny_options, mislabel):
    before = (plain / "audit.parquet").stat().st_mtime_ns
    done = mislabel("train", toy_file, *tiny_options, *EPOCHS, "--out", plain, "--resume")
    assert done.exit_code == 0, done.stderr
    assert "is finished: nothing to continue" in done.stderr
    assert (plain / "audit.parquet").stat().st_mtime_ns == before
    assert not (plain / "checkpoints").exists()


def test_a_start_that_failed_does_not_block_the_folder(toy_file, tiny_options, tmp_path, mislabel):
    wrong = [*tiny_options, "--method", "ce", "--option", "epochs=1", "--out", tmp_path / "run"]
    done = mislabel("train", toy_file, *wrong, "--backbone", "no/such-encoder")
    assert done.exit_code == 2
    done = mislabel("train", toy_file, *wrong)
    assert done.exit_code == 0, done.stderr


def test_data_under_another_name_go_on(tmp_path):
    """The fingerprint tells whether they are the same; where they lie and how they are called does not matter."""
    folder = RunFolder(tmp_path / "run")
    about = {
        "settings": {"method": "ce"},
        "data": {"name": "a.csv", "source": "/a.csv", "fingerprint": "1", "order": "id"},
    }
    assert folder.prepare(about | {"versions": {"torch": "1"}}, resume=False, overwrite=False) == []
    (folder.path / "dynamics").mkdir()
    moved = {**about, "data": {"name": "b.csv", "source": "/else/b.csv", "fingerprint": "1", "order": "id"}}
    assert folder.prepare(moved | {"versions": {"torch": "1"}}, resume=True, overwrite=False) == []
    notes = folder.prepare(moved | {"versions": {"torch": "2"}}, resume=True, overwrite=False)
    assert notes == ["This run was begun with torch 1 and now 2: in one go with either its numbers may be others."]
    with pytest.raises(RunError, match="data.fingerprint was '1' and is now '2'"):
        folder.prepare({**about, "data": {**about["data"], "fingerprint": "2"}}, resume=True, overwrite=False)


def test_a_run_from_before_a_setting_goes_on_as_it_began(tmp_path):
    """What is not in its config.json was as it has been by default ever since."""
    folder = RunFolder(tmp_path / "run")
    data = {"name": "a.csv", "fingerprint": "1", "order": "id"}
    assert folder.prepare({"settings": {"method": "ce"}, "data": data}, resume=False, overwrite=False) == []
    (folder.path / "dynamics").mkdir()
    now = {"settings": {"method": "ce", "balance": "none"}, "data": data}
    assert folder.prepare(now, resume=True, overwrite=False) == []
    with pytest.raises(RunError, match="settings.balance was 'none' and is now 'half'"):
        folder.prepare({**now, "settings": {"method": "ce", "balance": "half"}}, resume=True, overwrite=False)
