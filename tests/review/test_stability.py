"""Noise in the weights of a run's model: against networks disturbed by hand, and on runs of texts and images."""

from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from mislabel.errors import InputError
from mislabel.modalities import modality
from mislabel.modalities.text.texts import Texts
from mislabel.review.orders import farthest
from mislabel.review.stability import deviations, disturbed, stability_order
from mislabel.run.folder import RunFolder
from mislabel.run.kept_inputs import read_inputs
from mislabel.run.predictor import load_predictor
from mislabel.run.reading import Run

QUICK = ["--method", "ce", "--option", "epochs=3", "--batch-size", "16", "--device", "cpu"]


@pytest.fixture(scope="module")
def text_runs(mislabel, toy_file, tiny_encoder, tmp_path_factory) -> SimpleNamespace:
    """A run on a frozen encoder, and one of a whole network; treat as read-only."""
    home = tmp_path_factory.mktemp("stability")
    made = {}
    for tune in ("head", "full"):
        words = ["--text", "text", "--label", "label", "--id", "id", "--tune", tune, "--backbone", tiny_encoder]
        done = mislabel("train", toy_file, *words, *QUICK, "--out", home / tune)
        assert done.exit_code == 0, done.stderr
        made[tune] = RunFolder(home / tune)
    return SimpleNamespace(**made)


def kept_texts(folder: RunFolder) -> list[str]:
    return pq.read_table(folder.inputs)["input"].to_pylist()


def test_noise_has_its_length_in_every_layer_and_leaves_no_trace():
    shared = nn.Linear(3, 3)
    network = nn.Sequential(nn.Embedding(7, 3), nn.LayerNorm(3), shared, nn.Dropout(0.5), nn.Linear(3, 2))
    network[4].bias.data[:] = 5
    network.append(nn.Linear(3, 3))
    network[5].weight = shared.weight  # tied, as embeddings and decoders are
    before = {name: value.clone() for name, value in network.state_dict().items()}
    seen = []
    for _ in range(2):
        with disturbed(network, 0.01, torch.Generator().manual_seed(3)):
            during = {name: value.clone() for name, value in network.state_dict().items()}
        for name, value in before.items():
            moved = float((during[name] - value).norm())
            assert moved == pytest.approx(0.01 * float(value.norm()) if name.endswith("weight") else 0, rel=1e-4)
            assert torch.equal(network.state_dict()[name], value)
        seen.append(during["0.weight"])
    assert torch.equal(*seen)
    with pytest.raises(RuntimeError), disturbed(network, 0.01, torch.Generator().manual_seed(3)):
        raise RuntimeError
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())


@pytest.mark.slow
def test_deviations_of_a_head_by_hand(text_runs):
    texts = Texts(kept_texts(text_runs.head)[:7])
    found = deviations(text_runs.head, texts, repeats=3, scale=0.05, seed=5)
    predictor = load_predictor(text_runs.head.model)
    before = predictor.probabilities(texts, device="cpu")
    n_classes = before.shape[1]
    assert found.shape == (7, 3 * n_classes)
    assert found.dtype == np.float32
    random = torch.Generator().manual_seed(5)
    kept = {name: value.clone() for name, value in predictor.network.state_dict().items()}
    for k in range(3):
        # Every network of the run has a head of two linear layers; the encoder stands still.
        for network in predictor.network.networks:
            for layer in (module for module in network.modules() if isinstance(module, nn.Linear)):
                noise = torch.randn(layer.weight.shape, generator=random)
                layer.weight.data += 0.05 * layer.weight.norm() * noise / noise.norm()
        after = predictor.probabilities(texts, device="cpu")
        predictor.network.load_state_dict(kept)
        expected = (after - before) / np.sqrt((before**2).sum(1, keepdims=True))
        np.testing.assert_allclose(found[:, k * n_classes : (k + 1) * n_classes], expected, atol=2e-6)
        assert np.abs(expected).max() > 1e-4


def test_noise_reaches_the_whole_of_a_whole_network(text_runs):
    texts = Texts(kept_texts(text_runs.full)[:5])
    found = deviations(text_runs.full, texts, repeats=2, scale=0.05)
    assert np.abs(found).max() > 1e-4
    np.testing.assert_array_equal(found, deviations(text_runs.full, texts, repeats=2, scale=0.05))
    assert (found != deviations(text_runs.full, texts, repeats=2, scale=0.05, seed=1)).any()
    weights = [name for name, _ in load_predictor(text_runs.full.model).network.named_parameters()]
    assert any("word_embeddings" in name for name in weights)


def test_the_order_is_that_of_the_deviations(text_runs):
    rows = Run.open(text_runs.head).rows
    order = stability_order(text_runs.head, rows, 12)
    judged = np.flatnonzero(rows.judged)
    assert len(order) == 12 == len(set(order.tolist()))
    assert set(order) <= set(judged)
    by_id = dict(zip(pq.read_table(text_runs.head.inputs)["id"].to_pylist(), kept_texts(text_runs.head), strict=True))
    texts = Texts(by_id[rows.id(row)] for row in judged.tolist())
    found = deviations(text_runs.head, texts)
    assert order.tolist() == judged[farthest(found, 12)].tolist()
    assert np.linalg.norm(found, axis=1).argmax() == np.flatnonzero(judged == order[0])[0]


def test_of_many_rows_the_least_confident_are_asked(text_runs, monkeypatch):
    monkeypatch.setattr("mislabel.review.stability.POOL", 10)
    rows = Run.open(text_runs.head).rows
    order = stability_order(text_runs.head, rows, 99)
    judged = np.flatnonzero(rows.judged)
    doubtful = judged[np.argsort(rows.numbers["confidence"][judged], kind="stable")[:10]]
    assert sorted(order.tolist()) == sorted(doubtful.tolist())


@pytest.mark.slow
def test_images(photos, train_images):
    epochs = ["--option", "warm_epochs=1", "--option", "robust_epochs=1"]
    words = ["--scratch", "resnet-small", "--resolution", "16", "--batch-size", "16", "--device", "cpu", *epochs]
    folder = RunFolder(train_images(photos.folder, *words).folder)
    rows = Run.open(folder).rows

    def kept(places):
        return modality("image").from_kept(read_inputs(folder.inputs, places))

    raw = kept(rows.position[:4])
    ids = [rows.id(row) for row in range(4)]
    assert len(raw) == 4
    for place, name in enumerate(ids):
        expected = kept(rows.position[[place]]).open(0)
        assert raw.open(place).tobytes() == expected.tobytes()
        assert (photos.folder / name).is_file()
    order = stability_order(folder, rows, 5)
    assert len(set(order.tolist())) == 5


def test_features_and_runs_without_inputs_are_refused(text_runs, tmp_path):
    rows = SimpleNamespace(modality="features", position=None)
    with pytest.raises(InputError, match="for text and image runs"):
        stability_order(text_runs.head, rows, 5)
    with pytest.raises(InputError, match="keeps none"):
        stability_order(RunFolder(tmp_path), Run.open(text_runs.head).rows, 5)
