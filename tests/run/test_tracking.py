"""What a tracker is told: compared with metrics.json, read back by each tracker's own reader."""

import json
import signal
import time
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from helpers import StopAfter
from patience import PATIENCE
from signalled import run_until

from mislabel.errors import InputError, without_secrets
from mislabel.integrity import read_digests
from mislabel.modalities.loading import load_dataset
from mislabel.posterior.noise_rate import NoiseRate
from mislabel.run.folder import RunFolder
from mislabel.run.headline import certain
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.tracking import Tracker, check_tracker
from mislabel.run.train import train

EPOCHS = 4
APART = "is not among the packages that are tested together; `pip install {0}` in an environment of its own runs this"


@pytest.fixture
def start(swallowed_file):
    """Trains on features and gives the run, whose folder is `folder`."""
    dataset = load_dataset(swallowed_file, features="x*", label="label", gold="gold", id="id", holdout=0.2)
    config = RunConfig(method="ce", options={"epochs": EPOCHS}, tune="head", device="cpu", precision="fp32")

    def run(folder, track="tensorboard", after=None, **how):
        def watched(_folder):
            return nullcontext((lambda: False) if after is None else StopAfter(after))

        train(dataset, config, RunFolder(folder), track=track, watch=watched, **how)
        return Run.open(folder)

    return run


def events(folder):
    """What TensorBoard shows of a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    seen = EventAccumulator(str(folder / "tracking" / "tensorboard"))
    seen.Reload()
    return seen


def scalars(folder, tag):
    return [(event.step, pytest.approx(event.value, rel=1e-6)) for event in events(folder).Scalars(tag)]


def losses(run):
    return [(step, line["loss"]) for step, line in enumerate(run.metrics["epochs"], 1)]


def test_tensorboard_shows_what_metrics_json_says(start, tmp_path):
    run = start(tmp_path / "run")
    seen, metrics = events(tmp_path / "run"), run.metrics
    assert losses(run) == scalars(tmp_path / "run", "train/loss")
    assert [line["agreement"] for line in metrics["epochs"]] == [
        pytest.approx(event.value, rel=1e-6) for event in seen.Scalars("train/agreement")
    ]
    for tag, value in (
        ("rows", 240),
        ("classes", 3),
        ("test/accuracy", metrics["test"]["accuracy"]),
        ("detection/auroc", metrics["detection"]["auroc"]),
        ("noise_rate/at_least", metrics["noise_rate"]["at_least"]),
        ("suggestion/accuracy", metrics["suggestion"]["accuracy"]),
    ):
        assert [(event.step, event.value) for event in seen.Scalars(tag)] == [(EPOCHS + 1, pytest.approx(value))]
    assert len(seen.Scalars("train/loss")) == EPOCHS
    (statement,) = seen.Tensors("noise_statement/text_summary")
    assert statement.tensor_proto.string_val == [certain(NoiseRate.of(run.metrics)).encode()]
    (settings,) = (tmp_path / "run" / "tracking").rglob("hparams.yml")
    assert "options.epochs: 4\n" in settings.read_text()


def test_no_row_and_no_class_is_told_and_the_run_stays_whole(start, tmp_path):
    run = start(tmp_path / "run")
    files = [path for path in run.folder.tracking.rglob("*") if path.is_file()]
    assert len(files) >= 3
    for path in files:
        content = path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
        for word in (b"wolf", b"hare", b"r17", str(tmp_path).encode()):
            assert word not in content, path
    digests = read_digests(run.folder.path)
    assert digests is not None
    assert not [name for name in digests if name.startswith("tracking")]
    assert (start(tmp_path / "other", track=None).result().posterior == run.result().posterior).all()
    assert not RunFolder(tmp_path / "other").tracking.exists()


def test_interrupted_and_resumed_tells_each_epoch_once(start, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        start(folder, after=60)
    state = json.loads((folder / "tracking" / "state.json").read_text())
    assert 0 < state["told"] < EPOCHS
    # As of a process that was killed when the tracker had the epoch, and before that was written down.
    (folder / "tracking" / "state.json").write_text(json.dumps({**state, "told": state["told"] - 1}))
    run = start(folder, resume=True)
    assert scalars(folder, "train/loss") == losses(run)
    assert len(events(folder).Scalars("test/accuracy")) == 1


def test_a_tracker_that_joins_late_is_told_all(start, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "run", track=None, after=60)
    run = start(tmp_path / "run", resume=True)
    assert scalars(tmp_path / "run", "train/loss") == losses(run)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["tracking/state.json", "checkpoints/00-0002"])
def test_killed_and_resumed_tells_each_epoch_once(moment, swallowed_file, tmp_path, environment, command):
    folder = tmp_path / "run"
    line = ["audit", swallowed_file, "--features", "x*", "--label", "label", "--id", "id", "--method", "ce"]
    line += ["--device", "cpu", "--out", folder, "--track", "tensorboard"]
    killed = run_until(line, environment, signal.SIGKILL, moment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = command(*line, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert scalars(folder, "train/loss") == losses(Run.open(folder))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--track", "tensorbord", "--out", "{}"], 'did you mean "tensorboard"'),
        (["--track", "tensorboard"], "writes into the run folder: give --out"),
    ],
)
def test_what_cannot_be_is_told_before_any_work(line, said, swallowed_file, tmp_path, mislabel):
    folder = tmp_path / "run"
    words = [word.format(folder) for word in line]
    done = mislabel("audit", swallowed_file, "--features", "x*", "--label", "label", *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not folder.exists()


@pytest.mark.parametrize("name", ["wandb", "mlflow", "tensorboard"])
def test_a_missing_package_is_told_with_the_command_that_installs_it(name, monkeypatch, tmp_path):
    monkeypatch.setattr("mislabel.run.tracking.importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=f"needs the package {name}: pip install {name}"):
        check_tracker(name, RunFolder(tmp_path))


class Fragile:
    """A tracker whose connection is gone in some calls of `log`, and after them."""

    def __init__(self, fails=(), starts=True):
        self.fails, self.starts, self.calls, self.told = fails, starts, 0, []
        self.tracker = SimpleNamespace(id="name-there")

    def start(self):
        if not self.starts:
            raise OSError("no way to https://me:very-secret-word@tracker.example")

    def store_init_configuration(self, settings):
        self.settings = settings

    def log(self, values, step):
        self.calls += 1
        if self.calls in self.fails:
            raise ConnectionError("lost https://me:very-secret-word@tracker.example")
        self.told.append((step, values))

    def finish(self):
        self.told.append("finished")


@pytest.fixture
def fragile(monkeypatch):
    def use(**how):
        tracker = Fragile(**how)
        monkeypatch.setattr(Tracker, "_make", lambda self: tracker)
        monkeypatch.setattr("mislabel.run.tracking.importlib.util.find_spec", lambda name: True)
        return tracker

    return use


def test_a_tracker_that_fails_does_not_take_the_run_with_it(start, fragile, tmp_path):
    tracker = fragile(fails=[2])
    run = start(tmp_path / "run", track="wandb")
    (note,) = [note for note in run.notes if "wandb" in note]
    assert note.startswith("wandb was not told epoch 2 and what follows (lost https://tracker.example)")
    assert [step for step, _ in tracker.told[:-1]] == [1, 2, 3, 4, 5]  # what was missing came with the result
    assert tracker.told[-1] == "finished"
    for path in run.folder.path.rglob("*"):
        assert not path.is_file() or b"very-secret-word" not in path.read_bytes()


def test_one_that_stays_away_leaves_a_note(start, fragile, tmp_path):
    tracker = fragile(fails=range(2, 99))
    run = start(tmp_path / "run", track="wandb")
    assert [note.split(" (")[0] for note in run.notes if "wandb" in note] == [
        "wandb was not told epoch 2 and what follows",
        "wandb was not told the result",
    ]
    assert [step for step, _ in tracker.told[:-1]] == [1]


def test_one_that_cannot_start_is_told_before_training_and_leaves_the_folder_free(start, fragile, tmp_path):
    fragile(starts=False)
    with pytest.raises(InputError, match=r"--track wandb cannot start \(no way to https://tracker.example\)"):
        start(tmp_path / "run", track="wandb")
    fragile()
    assert start(tmp_path / "run", track="wandb").metrics["rows"] == 240


def test_secrets_are_taken_out_of_what_is_said(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "abcdef-123456")
    monkeypatch.setenv("SOME_TOKEN", "short")  # too short to be one, and a word that messages may need
    said = "POST https://user:pass@host/x?key=abcdef-123456 failed, a short time ago: user@host"
    assert without_secrets(said) == "POST https://host/x?key=*** failed, a short time ago: user@host"


def test_mlflow_in_sqlite(start, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason=f"mlflow {APART.format('mlflow')}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        start(folder, track="mlflow", after=60)
    run = start(folder, track="mlflow", resume=True)
    client = mlflow.tracking.MlflowClient()
    (kept,) = client.search_runs([client.get_experiment_by_name("mislabel").experiment_id])
    assert [(each.step, each.value) for each in client.get_metric_history(kept.info.run_id, "train/loss")] == losses(
        run
    )
    assert kept.data.metrics["test/accuracy"] == pytest.approx(run.metrics["test"]["accuracy"])
    assert kept.data.params["noise_statement"] == certain(NoiseRate.of(run.metrics))
    assert (kept.info.run_name, kept.data.params["options.epochs"]) == ("run", "4")


def test_wandb_without_a_network(start, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason=f"wandb {APART.format('wandb')}")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    run = start(tmp_path / "run", track="wandb")
    (written,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    said, deadline = certain(NoiseRate.of(run.metrics)).encode(), time.monotonic() + PATIENCE
    while said not in (content := written.read_bytes()) and time.monotonic() < deadline:
        time.sleep(0.05)  # a process of its own writes it
    assert said in content
    assert b"train/loss" in content
    assert b"wolf" not in content
