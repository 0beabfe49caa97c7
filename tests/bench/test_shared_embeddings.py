"""Embeddings are computed once for all cells on the same texts, and change nothing in them."""

import json

import numpy as np
import pytest

from mislabel.bench.runner import run_bench
from mislabel.bench.shared_embeddings import lend
from mislabel.bench.suites import read_suite
from mislabel.modalities.loading import load_dataset
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run

SUITE = """\
[run]
tune = "head"
backbone = "{encoder}"

[[data]]
name = "own"
files = "toy.csv"
text = "text"
label = "gold"
given = "label"

[[data]]
name = "planted"
files = "toy.csv"
text = "text"
label = "gold"
noise = {{ kind = "sym", rate = 0.2 }}
"""


@pytest.fixture
def toy_suite(tmp_path, make_toy, tiny_encoder):
    frame = make_toy()
    frame["split"] = np.where(np.arange(len(frame)) % 5 == 0, "test", "train")
    frame.to_csv(tmp_path / "toy.csv", index=False)
    path = tmp_path / "toy.toml"
    path.write_text(SUITE.format(encoder=tiny_encoder), encoding="utf-8")
    return path


@pytest.mark.slow
def test_one_file_for_all_and_the_same_results(toy_suite, tmp_path):
    out = tmp_path / "out"
    found = run_bench(read_suite(str(toy_suite)), out, methods=["ce", "gold", "cleanlab"], seeds=1, data_dir=tmp_path)
    assert [one["error"] for one in found.lines] == [None] * 6
    [matrix] = (out / "embeddings").glob("*.npy")
    assert np.load(matrix).shape == (90, 32)
    seconds = json.loads(matrix.with_suffix(".json").read_text())["seconds"]
    assert all(one["seconds_encode"] == seconds for one in found.lines)
    assert not list((out / "cells").rglob("embeddings.npy"))
    assert not list((out / "cells").rglob("*.safetensors"))

    columns = {"text": "text", "label": "given_label", "gold": "gold_label", "id": "id", "split": "split"}
    dataset = load_dataset(out / "data" / "own.0.parquet", **columns)
    config = RunConfig(method="ce", tune="head", backbone=read_suite(str(toy_suite)).run["backbone"])
    alone = run(dataset, config).audit.metrics
    [shared] = [one for one in found.lines if (one["data"], one["method"]) == ("own", "ce")]
    assert shared["accuracy"] == alone["test"]["accuracy"]
    assert shared["auroc"] == alone["detection"]["auroc"]


def test_weights_stay_where_asked_for(toy_suite, tmp_path):
    suite = read_suite(str(toy_suite))
    found = run_bench(
        suite, tmp_path / "out", methods=["ce"], data=["own"], seeds=1, data_dir=tmp_path, keep_models=True
    )
    folder = tmp_path / "out" / found.lines[0]["run"]
    assert list((folder / "model").glob("*.safetensors"))
    assert not (folder / "embeddings.npy").exists()


def test_no_encoder_no_peer(toy_suite, tmp_path):
    suite = read_suite(str(toy_suite)).with_run(backbone=str(tmp_path / "none"))
    [line] = run_bench(suite, tmp_path / "out", methods=["cleanlab"], data=["own"], seeds=1, data_dir=tmp_path).lines
    assert line["status"] == "failed"
    assert str(tmp_path / "none") in line["error"]


def test_lending_copies_where_links_do_not_work(tmp_path, monkeypatch):
    def refuse(*names):
        raise OSError("no links here")

    (tmp_path / "a").write_text("new")
    (tmp_path / "b").write_text("old")
    lend(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").samefile(tmp_path / "a")
    monkeypatch.setattr("os.link", refuse)
    lend(tmp_path / "a", tmp_path / "b")
    assert not (tmp_path / "b").samefile(tmp_path / "a")
    assert (tmp_path / "b").read_text() == "new"
