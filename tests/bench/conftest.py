"""A suite of one's own: three blobs of points, some labels wrong, and plain training and others that take no time."""

import json

import numpy as np
import pandas as pd
import pytest

SUITE = """\
title = "Blobs"
notes = "Points around\\nthree centres."
methods = ["ce", "gold"]
seeds = 2

[[data]]
name = "planted"
files = "blobs.csv"
features = "x*"
noise = { kind = "sym", rate = 0.3 }

[[data]]
name = "real"
files = "blobs.csv"
features = "x*"
given = "given"
run = { batch_size = 16 }
"""


def blobs(rows=240, seed=0):
    """Columns x0, x1, label, given and split: a third of the rows is a test; every fifth given label is wrong."""
    random = np.random.default_rng(seed)
    label = np.arange(rows) % 3
    points = np.array([[0, 4], [4, 0], [-4, -4]])[label] + random.normal(0, 1.5, (rows, 2))
    given = np.where(np.arange(rows) % 5 == 0, (label + 1) % 3, label)
    split = np.where(np.arange(rows) % 9 < 3, "test", "train")
    return pd.DataFrame({"x0": points[:, 0], "x1": points[:, 1], "label": label, "given": given, "split": split})


@pytest.fixture
def blob_suite(tmp_path):
    """The path of the suite's file; its data lie in the same folder."""
    blobs().to_csv(tmp_path / "blobs.csv", index=False)
    path = tmp_path / "blobs.toml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def read_lines(out):
    return [json.loads(line) for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def line(data="d", seed=0, method="ce", status="done", **values):
    """A line of results with little in it."""
    plain = {"data": data, "seed": seed, "method": method, "status": status, "error": None, "oracle": False}
    return plain | {"accuracy": 0.5, "seconds": 1.0, "seconds_wall": 1.0} | values
