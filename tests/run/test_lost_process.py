"""A process of several is killed: the others say which, and the run goes on with as many processes or other numbers."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from patience import PATIENCE

pytestmark = pytest.mark.slow

# The command with a network without dropout, which is drawn by process; the process of one rank ends at one step.
SCRIPT = """
import os, signal, sys
from mislabel.modalities import vectors
from mislabel.training.steps import Steps

vectors.DROPOUT = 0.0
rank, at = map(int, sys.argv.pop(1).split(":"))
step, count = Steps._step, 0

def counted(self, *rest):
    global count
    count += 1
    if count == at and rank == int(os.environ.get("RANK", "0")):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, *rest)

Steps._step = counted
from mislabel.cli import main
main()
"""
ROWS, BATCH, EPOCHS = 100, 8, 4
STEPS = 13  # of an epoch; its last batch has a row for each of four processes
NEVER = "0:0"


class Launched:
    """The same run in folders of its own, by any number of processes."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment
        random = np.random.default_rng(0)
        labels = random.integers(0, 3, ROWS)
        table = pd.DataFrame(random.normal(size=(ROWS, 5)) + labels[:, None], columns=[f"x{k}" for k in range(5)])
        wrong = random.random(ROWS) < 0.2
        table["label"] = np.where(wrong, (labels + 1) % 3, labels)
        table.to_csv(folder / "data.csv", index=False)
        (folder / "command.py").write_text(SCRIPT, encoding="utf-8")

    def __call__(self, name, processes, killed=NEVER, *options):
        """The finished command: `killed` is "rank:step"."""
        method = [] if "--method" in options else ["--method", "elr", "--option", f"epochs={EPOCHS}"]
        launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
        line = [
            *([sys.executable] if processes == 1 else [sys.executable, *launch]), str(self.folder / "command.py"),
            killed, "train", str(self.folder / "data.csv"), "--features", "x*", "--label", "label", *method,
            "--batch-size", str(BATCH), "--device", "cpu", "--precision", "fp32",
            "--out", str(self.folder / name), "--keep-checkpoints", *options,
        ]  # fmt: skip
        return subprocess.run(line, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def copy(self, name, other):
        shutil.copytree(self.folder / name, self.folder / other)

    def result(self, name):
        """The posterior, the audit by id, and what training recorded."""
        run = self.folder / name
        audit = pd.read_parquet(run / "audit.parquet").sort_values("id", ignore_index=True)
        arrays = {part: np.load(run / "dynamics" / f"{part}.npy") for part in ("prediction", "loss", "margin")}
        return audit, {"posterior": np.load(run / "posterior.npy"), **arrays}


@pytest.fixture(scope="module")
def launched(tmp_path_factory, environment):
    launched = Launched(tmp_path_factory.mktemp("lost"), environment)
    done = launched("whole", 1)
    assert done.returncode == 0, done.stderr
    return launched


def assert_is_whole(launched, name, processes):
    """A run is the one that nothing happened to, though others made its first epochs."""
    metrics = json.loads((launched.folder / name / "metrics.json").read_text())
    assert metrics["processes"] == processes
    assert [line["epoch"] for line in metrics["epochs"]] == list(range(1, EPOCHS + 1))
    (audit, arrays), (wanted, wanted_arrays) = launched.result(name), launched.result("whole")
    for part in arrays:
        np.testing.assert_allclose(arrays[part], wanted_arrays[part], atol=1e-4)
    assert (arrays["prediction"] >= 0).all()
    pd.testing.assert_series_equal(audit["suggested_label"], wanted["suggested_label"])
    np.testing.assert_allclose(audit["p_mislabeled"], wanted["p_mislabeled"], atol=1e-4)
    assert not list((launched.folder / name).glob(".process-*"))


def sentence(done):
    """What the living say of the lost: one of them alone, and once more below what the launcher says."""
    lines = done.stderr.splitlines()
    told = [line for line in lines if line.startswith("error: ")]
    assert len(told) == 2, done.stderr
    assert told[0] == told[1] == lines[-1]
    return told[0]


@pytest.fixture(scope="module")
def lost_of_two(launched):
    """What is said where rank 1 of two is killed in the third epoch; what it leaves is copied to go on with."""
    return launched("two", 2, f"1:{2 * STEPS + 5}")


def test_one_of_two_is_lost_and_one_or_four_go_on(launched, lost_of_two):
    assert lost_of_two.returncode != 0
    told = sentence(lost_of_two)
    assert told.startswith("error: rank 1 of 2 processes (process ")
    assert f"on {os.uname().nodename}) was lost" in told
    assert "--resume continues from the last epoch that was finished" in told
    kept = launched.folder / "two"
    assert not (kept / "metrics.json").exists()
    assert [path.name for path in (kept / "checkpoints").iterdir() if path.name != "unfinished"] == ["00-0002"]
    for processes in (1, 4):
        name = f"two-{processes}"
        launched.copy("two", name)
        done = launched(name, processes, NEVER, "--resume")
        assert done.returncode == 0, done.stderr
        assert_is_whole(launched, name, processes)


def test_two_go_on_to_the_same_bytes_as_two_that_were_not_lost(launched, lost_of_two):
    launched.copy("two", "two-2")
    for name, options in (("never-lost", []), ("two-2", ["--resume"])):
        done = launched(name, 2, NEVER, *options)
        assert done.returncode == 0, done.stderr
        assert_is_whole(launched, name, 2)
    for part in ("posterior.npy", "dynamics/prediction.npy", "dynamics/loss.npy", "dynamics/margin.npy"):
        one, other = ((launched.folder / name / part).read_bytes() for name in ("never-lost", "two-2"))
        assert one == other, part


def test_the_first_of_four_is_lost_and_two_go_on(launched):
    told = sentence(launched("four", 4, f"0:{3 * STEPS + 1}"))
    assert told.startswith("error: rank 0 of 4 processes (process ")
    done = launched("four", 2, NEVER, "--resume")
    assert done.returncode == 0, done.stderr
    assert_is_whole(launched, "four", 2)


def test_one_that_was_alone_is_killed_and_two_go_on(launched):
    assert launched("one", 1, f"0:{STEPS + 2}").returncode < 0
    done = launched("one", 2, NEVER, "--resume", "--track", "tensorboard")
    assert done.returncode == 0, done.stderr
    assert_is_whole(launched, "one", 2)
    # Rank 0 alone tells of the epochs, on the screen and to the tracker.
    assert [line.split(":")[0] for line in done.stderr.splitlines() if line.startswith("train ")] == [
        f"train {epoch}/{EPOCHS}" for epoch in range(2, EPOCHS + 1)
    ]
    assert len(list((launched.folder / "one" / "tracking" / "tensorboard").rglob("*tfevents*"))) <= 2


@pytest.fixture
def apart(launched, tmp_path):
    """As where two machines have a disk of their own: ranks 2 and 3 get other folders, and temporary ones."""
    script = launched.folder / "command.py"
    elsewhere = f"""
import os, sys, tempfile
if int(os.environ.get("RANK", "0")) > 1:
    sys.argv[sys.argv.index("--out") + 1] = {str(tmp_path / "out")!r}
    os.makedirs({str(tmp_path / "temporary")!r}, exist_ok=True)
    tempfile.tempdir = {str(tmp_path / "temporary")!r}
"""
    script.write_text(elsewhere + SCRIPT, encoding="utf-8")
    yield tmp_path
    script.write_text(SCRIPT, encoding="utf-8")


def test_a_folder_that_others_do_not_see_holds_the_whole_run(launched, apart):
    done = launched("apart", 4)
    assert done.returncode == 0, done.stderr
    assert_is_whole(launched, "apart", 4)
    assert not list((apart / "temporary").glob("mislabel-*"))
    assert not (apart / "out").exists()
    again = launched("apart", 4, NEVER, "--resume")
    assert again.returncode == 0, again.stderr
    assert "is finished: nothing to continue" in again.stderr


@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.sweep), 2])
def test_one_is_lost_where_others_do_not_see_its_folder_and_all_go_on(launched, apart, rank):
    done = launched(f"apart-{rank}", 4, f"{rank}:{2 * STEPS + 5}")
    assert done.returncode != 0
    assert "continues from the last epoch that was finished" in done.stderr
    left = [path.name for path in (apart / "temporary").glob("mislabel-*/**/*") if path.is_file()]
    assert rank == 2 or all(name.startswith(".process-") for name in left)  # who is killed clears nothing away
    again = launched(f"apart-{rank}", 4, NEVER, "--resume")
    assert again.returncode == 0, again.stderr
    assert_is_whole(launched, f"apart-{rank}", 4)


@pytest.mark.parametrize(
    "options",
    [
        ["--method", "dygen", "--option", "distil_epochs=1", "--holdout", "0.2"],
        pytest.param(["--method", "ido"], marks=pytest.mark.sweep),
    ],
)
def test_what_is_kept_of_every_epoch_is_there_for_those_who_do_not_see_the_folder(launched, apart, options):
    """Trajectories and weights of all epochs, read by all when held-out rows are judged."""
    names = ["epochs=2"] if "dygen" in options else ["warm_epochs=2", "robust_epochs=1"]
    words = [*options, *(word for name in names for word in ("--option", name))]
    done = launched("kept", 4, NEVER, *words, "--overwrite")
    assert done.returncode == 0, done.stderr
    assert not list((apart / "temporary").glob("mislabel-*"))
    audit, arrays = launched.result("kept")
    assert (arrays["prediction"] >= 0).all()
    assert audit["p_mislabeled"].notna().any()
