"""What a run needs on the disk is told before it trains, and a disk that fills up meanwhile loses nothing."""

import os
import sys

import numpy as np
import pandas as pd
import pytest

from mislabel.run.folder import RunFolder
from mislabel.training import loop
from mislabel.training.room import bytes_there

ROWS = 300
FEW = ["--method", "npc", "--option", "epochs=2", "--option", "distil_epochs=1", "--option", "passes=1"]
QUICK = ["--label", "label", "--id", "id", "--precision", "fp32", "--device", "cpu"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Rows whose first three columns tell the class."""
    random, true = np.random.default_rng(0), np.arange(ROWS) % 3
    frame = pd.DataFrame(random.normal(0, 1, (ROWS, 40)) + 2 * np.eye(40)[true], columns=[f"f{k}" for k in range(40)])
    frame.insert(0, "label", np.take(["a", "b", "c"], true))
    frame.insert(0, "id", [f"r{k}" for k in range(ROWS)])
    path = tmp_path_factory.mktemp("table") / "features.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def line(table):
    return ["train", table, "--features", "f*", *QUICK, *FEW]


@pytest.fixture(scope="module")
def undisturbed(line, tmp_path_factory, mislabel):
    """A run with its checkpoints under an umask that hides nothing, and what it was said to need."""
    folder, told, before = RunFolder(tmp_path_factory.mktemp("undisturbed") / "run"), [], os.umask(0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "check_disk", lambda _, needs, there: told.append((needs, there)))
        try:
            done = mislabel(*line, "--out", folder.path, "--keep-checkpoints")
        finally:
            os.umask(before)
    assert done.exit_code == 0, done.stderr
    return folder, told


def modes(folder):
    """What others may do with the files and folders of a run, by name."""
    return {path.relative_to(folder.path).as_posix(): path.stat().st_mode & 0o777 for path in folder.path.rglob("*")}


def open_to_others(folder):
    """What in a run somebody else may look into."""
    usual = {True: 0o700, False: 0o600}
    return {name: oct(mode) for name, mode in modes(folder).items() if mode != usual[(folder.path / name).is_dir()]}


@pytest.mark.slow
def test_what_is_told_is_what_is_written(undisturbed):
    folder, told = undisturbed
    assert len(told) == 1
    needs, there = told[0]
    assert there == 0

    def taken(*names):
        return bytes_there(*(path for name in names for path in folder.path.glob(name)))

    close = pytest.approx
    assert needs["dynamics"] == close(
        taken("dynamics/prediction.npy", "dynamics/loss.npy", "dynamics/margin.npy"), 0.05
    )
    assert needs["trajectories"] == close(taken("dynamics/embedding.npy", "dynamics/probability.npy"), 0.01)
    assert needs["the weights of all epochs"] == close(taken("trajectory/epoch-*"), 0.15)
    assert needs["the model"] == close(taken("model"), 0.1)
    assert needs["embeddings"] == close(taken("embeddings.npy"), 0.01)
    assert needs["checkpoints"] > taken("checkpoints")
    assert needs["inputs"] > taken("inputs.parquet")
    tables = taken("*.parquet", "*.json", "report.html", "posterior.npy", "dynamics/*.json", "dynamics/*.parquet")
    assert needs["tables"] + needs["probabilities"] + needs["inputs"] > tables
    assert sum(needs.values()) > taken("*")


def test_nothing_in_a_run_is_for_others(undisturbed, mislabel):
    """Under an umask of 0: training with checkpoints, decisions that are being written, a report, exports."""
    from mislabel.decisions.events import Decision
    from mislabel.decisions.store import Store

    folder, _ = undisturbed
    assert {"checkpoints", "trajectory", "model", "dynamics", ".lock", ".owner", "report.html"} <= modes(folder).keys()
    assert open_to_others(folder) == {}
    assert folder.path.stat().st_mode & 0o777 == 0o700
    before = os.umask(0)
    try:
        with Store(folder.decisions) as store:
            store.decide([Decision("r0", "keep", "a", "a")])
            assert {"decisions.sqlite-wal", "decisions.sqlite-shm"} <= modes(folder).keys()
            assert open_to_others(folder) == {}
        for words in (["report", folder.path], ["export", folder.path, "-o", folder.path / "corrected.csv"]):
            assert mislabel(*words).exit_code == 0
    finally:
        os.umask(before)
    assert open_to_others(folder) == {}


def test_nothing_in_a_model_is_for_others(toy_file, tiny_options, tmp_path, mislabel):
    """Libraries write it as the umask says."""
    before = os.umask(0)
    try:
        line = ["train", toy_file, *tiny_options, "--method", "co_teaching", "--option", "epochs=1"]
        done = mislabel(*line, "--out", tmp_path / "run", "--keep-checkpoints")
    finally:
        os.umask(before)
    assert done.exit_code == 0, done.stderr
    assert "model/branch-1/model.safetensors" in modes(RunFolder(tmp_path / "run"))
    assert open_to_others(RunFolder(tmp_path / "run")) == {}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits for a process")
@pytest.mark.parametrize(
    "limit", [1_000, 45_000, *(pytest.param(size, marks=pytest.mark.sweep) for size in (10_000, 100_000, 150_000))]
)
def test_a_run_that_could_not_write_goes_on_when_it_can(limit, undisturbed, line, tmp_path, mislabel):
    """The largest size of a file stands in for a disk that fills up: the same bytes, and nothing else, in the end."""
    import resource

    whole, _ = undisturbed
    folder, before = RunFolder(tmp_path / "run"), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        done = mislabel(*line, "--out", folder.path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert done.exit_code == 1, done.stderr
    said = done.stderr.splitlines()[-1]
    assert said.startswith("error: cannot write ")
    assert "File too large" in said
    assert " are free: make room and give the command again" in said
    if limit > 1_000:  # the settings fit, so a run has begun
        assert said.endswith("--resume continues from the last epoch that was finished")
    done = mislabel(*line, "--out", folder.path, "--resume")
    assert done.exit_code == 0, done.stderr
    for name in (
        "audit.parquet",
        "posterior.npy",
        "dynamics/loss.npy",
        "dynamics/embedding.npy",
        "model/head.safetensors",
    ):
        assert (folder.path / name).read_bytes() == (whole.path / name).read_bytes()
    kept = {name for name in modes(whole) if not name.startswith(("checkpoints", "decisions", "corrected"))}
    assert modes(folder).keys() == kept
