"""A run folder is cleared so that a kill leaves nothing stuck, leads nowhere by links, and is its owner's alone."""

import os
import signal
import traceback
from pathlib import Path

import pandas as pd
import pytest
from fake_runs import write_fake_run

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store
from mislabel.errors import InputError, RunError
from mislabel.run.clearing import ASIDE
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run

CONFIG = {"settings": {"method": "ce"}, "data": {}}
TABLE = {"id": ["a"], "given_label": ["x"], "suggested_label": ["x"], "p_mislabeled": [0.1], "status": ["judged"]}


@pytest.fixture
def run(tmp_path) -> RunFolder:
    """A finished run with all that may lie in one."""
    folder = write_fake_run(tmp_path / "run", pd.DataFrame(TABLE), ["x", "y"])
    for name in ("model/branch-1/a", "dynamics/a.npy", "checkpoints/00-0001/state.json", "trajectory/a", "report.html",
                 "notes/mine.txt"):  # fmt: skip
        (folder.path / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.path / name).write_text("old")
    with folder.locked():
        pass
    return folder


@pytest.fixture
def outside(tmp_path) -> Path:
    """A folder with a file that no run may touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("precious")
    return folder


def names(folder: RunFolder) -> set[str]:
    return {path.name for path in folder.path.iterdir()}


def overwrite(folder: RunFolder) -> None:
    with folder.locked():
        folder.prepare(CONFIG, resume=False, overwrite=True)


def is_fresh(folder: RunFolder) -> bool:
    """Whether the folder is one whose run begins."""
    begun = {".lock", ".owner", "config.json", "digests.json"}
    return names(folder) == begun and folder.read_config()["settings"] == {"method": "ce"}


# Clearing.


def test_a_link_to_a_folder_is_removed_and_what_it_points_to_stays(run, outside):
    (run.path / "link").symlink_to(outside)
    (run.path / "model" / "inner").symlink_to(outside)
    run.dynamics.rename(run.path / "moved")
    run.dynamics.symlink_to(outside)
    overwrite(run)
    assert is_fresh(run)
    assert [path.read_text() for path in outside.iterdir()] == ["precious"]


CALLS = ("mkdir", "replace", "unlink", "rmdir")


def die_at(call: int, act) -> int:
    """Do something in a process that dies by SIGKILL before the call of that number; its status, 0 if it did not."""
    child = os.fork()
    if child == 0:
        left = [call]

        def counted(real):
            def replaced(*words, **options):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*words, **options)

            return replaced

        for name in CALLS:
            setattr(os, name, counted(getattr(os, name)))
        try:
            act()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can be killed by itself")
@pytest.mark.parametrize(
    "then", ["start", *(pytest.param(name, marks=pytest.mark.sweep) for name in ("overwrite", "resume"))]
)
def test_a_kill_at_any_call_of_a_clearing_leaves_the_old_run_or_what_the_next_start_clears(
    then, tmp_path, outside, record_property
):
    killed, refused = 0, 0
    for call in range(200):
        folder = write_fake_run(tmp_path / f"run-{call}", pd.DataFrame(TABLE), ["x", "y"])
        for name in ("model/a", "dynamics/a.npy", "dynamics/b.npy", "notes/mine.txt"):
            (folder.path / name).parent.mkdir(parents=True, exist_ok=True)
            (folder.path / name).write_text("old")
        (folder.path / "link").symlink_to(outside)
        before = names(folder)
        if die_at(call, lambda path=folder.path: overwrite(RunFolder(path))) == 0:
            break
        killed += 1
        whole = folder.finished
        if whole:
            assert before <= names(folder)  # the old run: nothing of it is gone
            Run.open(folder)
        else:
            with pytest.raises(InputError, match="is not finished|has no config.json"):
                Run.open(folder)
        with folder.locked():
            if whole and then != "overwrite":
                refused += 1
                continue
            folder.prepare(CONFIG, resume=then == "resume", overwrite=then == "overwrite")
        assert is_fresh(folder)
    record_property("kills while a run is overwritten", (killed, killed))
    assert killed > 20
    assert refused < 8
    assert [path.read_text() for path in outside.iterdir()] == ["precious"]


def test_a_folder_that_was_put_aside_does_not_make_a_whole_run_a_broken_one(run):
    (run.path / f"{ASIDE}x").mkdir()
    (run.path / f"{ASIDE}x" / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match="is not empty: choose another --out, or --overwrite to replace it"):
        run.prepare(CONFIG, resume=False, overwrite=False)
    Run.open(run)
    overwrite(run)
    assert is_fresh(run)


def test_decisions_are_looked_for_before_the_rest_of_a_run_is_removed(run):
    with Store(run.decisions) as store:
        store.decide([Decision("a", "keep", "x", "x")])
    run.metrics.unlink()
    (run.path / f"{ASIDE}x").mkdir()
    (run.path / f"{ASIDE}x" / "audit.parquet").write_text("old")
    for overwriting in (True, False):
        with pytest.raises(InputError, match="holds 1 decisions by a person and is not overwritten"):
            run.prepare(CONFIG, resume=False, overwrite=overwriting)


# Links.

OWN = (
    "report.html", "report.json", "report.md", ".owner", ".lock", "decisions.sqlite", "decisions.sqlite-wal",
    "decisions.sqlite-shm", "decisions.sqlite-journal", "model", "dynamics", "checkpoints", "trajectory",
    "model/branch-1", "model/branch-1/a", "dynamics/a.npy", "checkpoints/00-0001", "checkpoints/00-0001/state.json",
    "config.json", "metrics.json", "audit.parquet", "posterior.npy", "embeddings.npy", "inputs.parquet",
    "transition.parquet", "pixels.npy", "digests.json", "encoder.json",
)  # fmt: skip


def put_in_place(path: Path, kind: str, outside: Path) -> None:
    """A link, or what is no file, where a run has something; what was there is moved outside."""
    there = outside / path.name
    if path.exists():
        path.rename(there)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(there if kind == "link" else outside / "nothing")


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe"])
@pytest.mark.parametrize("name", OWN)
def test_a_run_with_a_link_is_neither_read_nor_written(kind, name, run, outside):
    path = run.path / name
    put_in_place(path, kind, outside)
    before = {item: item.read_bytes() for item in outside.rglob("*") if item.is_file()}
    what = "a named pipe" if kind == "pipe" else "a symbolic link to "
    refused = pytest.raises(RunError, match=f"{name} is {what}.* a run folder holds plain files and folders alone")
    with refused:
        Run.open(run)
    with refused:
        run.read_metrics()
    with refused, run.locked():
        run.prepare(CONFIG, resume=True, overwrite=False)
    assert before == {item: item.read_bytes() for item in outside.rglob("*") if item.is_file()}
    assert not (outside / "nothing").exists()


@pytest.mark.parametrize("name", [".lock", ".owner", "decisions.sqlite", "decisions.sqlite-journal"])
def test_what_is_written_or_opened_before_a_run_is_cleared_may_be_no_link(name, run, outside):
    put_in_place(run.path / name, "dangling link", outside)
    with pytest.raises(RunError, match=f"{name} is a symbolic link"):
        overwrite(run)
    assert run.finished
    assert not (outside / "nothing").exists()


def test_a_run_folder_may_itself_lie_behind_a_link(run, tmp_path):
    (tmp_path / "link").symlink_to(run.path)
    behind = RunFolder(tmp_path / "link")
    assert Run.open(behind).rows.ids.to_pylist() == ["a"]
    overwrite(behind)
    assert is_fresh(behind)
    assert (tmp_path / "link").is_symlink()


def test_a_link_of_the_users_own_does_not_keep_a_run_from_being_read(run, outside):
    (run.path / "notes" / "link").symlink_to(outside)
    (run.path / "paper").symlink_to(outside)
    assert Run.open(run).rows.ids.to_pylist() == ["a"]


def test_a_run_folder_that_links_to_nothing(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(InputError, match="is a link to .*nothing, which does not exist"):
        RunFolder(tmp_path / "link").check_free(resume=False, overwrite=False)


def test_decisions_are_never_written_through_a_link(tmp_path):
    (tmp_path / "decisions.sqlite").symlink_to(tmp_path / "nothing")
    with pytest.raises(RunError, match="decisions.sqlite is a symbolic link"):
        Store(tmp_path / "decisions.sqlite")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("kind", ["link", "dangling link"])
def test_an_output_in_a_run_is_not_written_through_a_link(kind, run, outside):
    """Somebody who sends a run folder could guess the name of an export."""
    put_in_place(run.path / "corrected.csv", kind, outside)
    with pytest.raises(RunError, match="corrected.csv is a symbolic link"):
        run.check_output(run.path / "corrected.csv")
    run.check_output(run.path / "other.csv")
    (outside / "mine.csv").symlink_to(outside / "precious")
    run.check_output(outside / "mine.csv")  # a link of the user's own


@pytest.mark.parametrize("name", ["report.html", "decisions.sqlite", "dynamics"])
def test_every_command_refuses_a_run_with_a_link(name, run, outside, mislabel):
    put_in_place(run.path / name, "dangling link", outside)
    (outside / "reviewed.csv").write_text("id,label\na,y\n")
    before = sorted(outside.iterdir())
    for words in (
        ["report", run.path],
        ["review", run.path, "--no-browser"],
        ["export", run.path, "-o", outside / "out.csv"],
        ["import-decisions", run.path, outside / "reviewed.csv"],
        ["predict", run.path, outside / "reviewed.csv", "-o", outside / "out.csv"],
        ["audit", outside / "reviewed.csv", "--text", "id", "--label", "label", "--out", outside / "new",
         "--decisions", run.path],
    ):  # fmt: skip
        done = mislabel(*words)
        assert done.exit_code == 1, (words, done.stderr)
        assert f"error: {run.path / name} is a symbolic link to {outside / 'nothing'}, and a run folder" in done.stderr
    assert sorted(outside.iterdir()) == before


def test_data_that_were_read_do_not_make_a_folder_used_and_stay_when_it_is_cleared(run, tmp_path):
    """They are read before the run begins: `--overwrite` clears the old run, and not what was just read."""
    run.spool.mkdir()
    (run.spool / "000000.arrow").write_text("new")
    overwrite(run)
    assert names(run) == {".lock", ".owner", "config.json", "digests.json", "spool"}
    assert [path.name for path in run.spool.iterdir()] == ["000000.arrow"]
    assert run.spool / "000000.arrow" not in run.read_back()
    run.drop_spool()
    assert is_fresh(run)
    begun = RunFolder(tmp_path / "begun")
    begun.spool.mkdir(parents=True)
    begun.check_free(resume=False, overwrite=False)
