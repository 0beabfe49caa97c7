"""Two processes (gloo) see each row exactly as often as one does, and write one run."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from patience import PATIENCE

pytestmark = pytest.mark.slow

# README's line; accelerate's own --cpu starts a single process unless there is MPI
LAUNCH = ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0", "-m"]


@pytest.fixture(scope="module")
def run_both(tmp_path_factory, make_toy, tiny_encoder, tiny_options, environment, mislabel):
    """Makes the same run, without dropout, by one process and by two; uneven: 58 rows in batches of 7."""

    def run(kind, *options):
        folder = tmp_path_factory.mktemp("processes")
        shutil.copytree(tiny_encoder, folder / "encoder")
        config = json.loads((folder / "encoder" / "config.json").read_text())
        config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        (folder / "encoder" / "config.json").write_text(json.dumps(config))
        rows, size, more = (64, "8", []) if kind == "even" else (58, "7", ["--accumulate", "2"])
        table = make_toy(rows)
        table["checked"] = table["gold"].where(table.index < 20)
        table.to_csv(folder / "toy.csv", index=False)
        line = ["train", str(folder / "toy.csv"), *tiny_options, "--batch-size", size, *more]
        line += ["--backbone", str(folder / "encoder"), "--gold", "gold", *options]
        alone = mislabel(*line, "--out", folder / "one")
        assert alone.exit_code == 0, alone.stderr
        together = subprocess.run(
            [sys.executable, "-m", *LAUNCH, "mislabel", *line, "--out", str(folder / "two")],
            env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert together.returncode == 0, together.stderr
        return folder / "one", folder / "two"

    return run


@pytest.fixture(scope="module", params=[pytest.param("even", marks=pytest.mark.sweep), "uneven"])
def both(request, run_both):
    return run_both(request.param, "--method", "ido", "--option", "warm_epochs=2", "--option", "robust_epochs=1")


@pytest.mark.parametrize("source", [pytest.param(name, marks=pytest.mark.sweep) for name in ("evaluation", "training")])
def test_trajectories_are_those_of_one_process(run_both, source):
    """Every row once, each by one of the processes; both then reach the same conclusions."""
    options = ["epochs=2", "distil_epochs=2", "passes=3", f"record={source}"]
    words = [word for one in options for word in ("--option", one)]
    folders = run_both("uneven", "--method", "dygen", "--holdout", "0.2", *words)
    parts = [np.load(run / "dynamics" / "embedding.npy").astype(np.float32) for run in folders]
    assert parts[0].shape == parts[1].shape == (2, 2, 46, 32)
    assert (np.abs(parts[1]).sum(-1) > 0).all()
    np.testing.assert_allclose(parts[1], parts[0], atol=0.02)
    posteriors = [np.load(run / "posterior.npy") for run in folders]
    np.testing.assert_allclose(posteriors[1].sum(1), 1, atol=1e-5)
    assert np.mean(posteriors[0].argmax(1) == posteriors[1].argmax(1)) > 0.9
    scores = [json.loads((run / "metrics.json").read_text())["test"] for run in folders]
    assert scores[0].keys() == scores[1].keys() >= {"classifier", "generative"}


@pytest.mark.sweep
def test_adapters_are_trained_by_both(run_both):
    """Each has the same base model, and both the same adapters after every step; their dropout is their own."""
    words = ["--tune", "lora", "--learning-rate", "1e-2", "--option", "warm_epochs=3", "--option", "robust_epochs=1"]
    folders = run_both("uneven", "--method", "ido", *words)
    metrics = [json.loads((run / "metrics.json").read_text()) for run in folders]
    assert [one["processes"] for one in metrics] == [1, 2]
    assert min(one["detection"]["auroc"] for one in metrics) > 0.75
    warm = [[line["loss"] for line in one["epochs"] if line["stage"] == "warm"] for one in metrics]
    np.testing.assert_allclose(warm[1], warm[0], rtol=0.2)
    sizes = [(run / "model" / "adapter" / "adapter_model.safetensors").stat().st_size for run in folders]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize(
    ("method", "options"),
    [("panel", ["epochs=3"]), pytest.param("elr", ["epochs=2"], marks=pytest.mark.sweep)],
)
def test_divided_weights_leave_the_run_of_whole_ones(run_both, mislabel, method, options):
    words = [word for one in options for word in ("--option", one)]
    one, two = run_both("uneven", "--method", method, "--shard", "--trusted", "checked", *words)
    posteriors = [np.load(run / "posterior.npy") for run in (one, two)]
    np.testing.assert_allclose(*posteriors, atol=0.02)
    notes = [" ".join(json.loads((run / "metrics.json").read_text())["notes"]) for run in (one, two)]
    assert ["divided nothing" in each for each in notes] == [True, False]
    answers = []
    for run in (one, two):
        said = one.parent / f"{run.name}.csv"
        done = mislabel("predict", run, one.parent / "toy.csv", "--output", said)
        assert done.exit_code == 0, done.stderr
        answers.append(pd.read_csv(said).select_dtypes("number").to_numpy())
    np.testing.assert_allclose(*answers, atol=0.02)


@pytest.mark.sweep
@pytest.mark.parametrize("tune", ["head", "full"])
def test_evidence_is_that_of_one_process(run_both, tune):
    """Each process gathers all of it from all rows, and none waits for the other."""
    folders = run_both("uneven", "--method", "panel", "--option", "epochs=2", "--trusted", "checked", "--tune", tune)
    one, two = (pd.read_parquet(run / "audit.parquet").sort_values("id", ignore_index=True) for run in folders)
    names = [name for name in one if name.endswith("_p_given")]
    assert len(names) >= 3
    for name in names:
        np.testing.assert_allclose(two[name], one[name], atol=0.02)
    posteriors = [np.load(run / "posterior.npy") for run in folders]
    np.testing.assert_allclose(*posteriors, atol=0.02)


def test_nothing_is_counted_twice_and_nothing_is_left_out(both):
    one, two = (pd.read_parquet(run / "audit.parquet").sort_values("id", ignore_index=True) for run in both)
    assert json.loads((both[1] / "metrics.json").read_text())["processes"] == 2
    assert one["id"].tolist() == two["id"].tolist()
    passes = 2 + 1 * 2
    for name in ("prediction", "loss", "margin"):
        arrays = [np.load(run / "dynamics" / f"{name}.npy") for run in both]
        assert arrays[0].shape == arrays[1].shape == (passes, len(one))
        assert all(np.isfinite(array).all() for array in arrays)
    assert (np.load(both[1] / "dynamics" / "prediction.npy") >= 0).all()
    pd.testing.assert_series_equal(one["observations"], two["observations"])
    pd.testing.assert_series_equal(one["given_label"], two["given_label"])


def test_both_find_the_planted_labels(both):
    """The warm epochs agree exactly; in the robust one each process masks other words."""
    scores = [json.loads((run / "metrics.json").read_text())["detection"]["auroc"] for run in both]
    assert min(scores) > 0.8
    epochs = [json.loads((run / "metrics.json").read_text())["epochs"] for run in both]
    for one, two in zip(*epochs, strict=True):
        assert one["loss"] == pytest.approx(two["loss"], rel=0.25 if one["stage"] == "robust" else 1e-3)
    loss = [np.load(run / "dynamics" / "loss.npy")[:2] for run in both]
    np.testing.assert_allclose(*loss, rtol=1e-2, atol=1e-3)


def test_the_weights_are_a_whole_model(both):
    from safetensors.numpy import load_file

    one, two = (load_file(run / "model" / "model.safetensors") for run in both)
    assert one.keys() == two.keys()
    for name in one:
        assert one[name].shape == two[name].shape
        assert np.isfinite(two[name]).all()
