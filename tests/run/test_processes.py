"""Two processes (gloo) see each row exactly as often as one does, and write one run."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

# README's line; accelerate's own --cpu starts a single process unless there is MPI
LAUNCH = ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0", "-m"]


@pytest.fixture(scope="module", params=["even", "uneven"])
def both(request, tmp_path_factory, make_toy, tiny_encoder, tiny_options, environment):
    """The same run, without dropout, by one process and by two; in the uneven one, 58 rows in batches of 7."""
    folder = tmp_path_factory.mktemp("processes")
    shutil.copytree(tiny_encoder, folder / "encoder")
    config = json.loads((folder / "encoder" / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "encoder" / "config.json").write_text(json.dumps(config))
    rows, size, more = (64, "8", []) if request.param == "even" else (58, "7", ["--accumulate", "2"])
    make_toy(rows).to_csv(folder / "toy.csv", index=False)
    line = ["mislabel", "train", str(folder / "toy.csv"), *tiny_options, "--batch-size", size, *more]
    line += [
        "--backbone",
        str(folder / "encoder"),
        "--option",
        "warm_epochs=2",
        "--option",
        "robust_epochs=1",
        "--gold",
        "gold",
    ]
    for name, start in (("one", []), ("two", LAUNCH)):
        done = subprocess.run(
            [sys.executable, "-m", *start, *line, "--out", str(folder / name)],
            env=environment, capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return folder / "one", folder / "two"


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
