"""A head stands on an encoder: where that is another one by now, the run says so and predicts nothing."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mislabel.errors import RunError
from mislabel.modalities.encoder_digest import network_digest
from mislabel.modalities.loading import load_dataset
from mislabel.run.folder import RunFolder
from mislabel.run.predictor import load_predictor
from mislabel.run.settings import RunConfig
from mislabel.run.train import train

OTHER = "is not the one that the run was made with: its weights or its tokenizer differ"


def change_a_weight(model: Path, part: str) -> None:
    tensors = load_file(model / "model.safetensors")
    name = next(name for name in tensors if part in name)
    tensors[name].view(-1)[0] += 1e-3
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})


def swap_two_words(model: Path) -> None:
    path = model / "tokenizer.json"
    text = path.read_text()
    path.write_text(text.replace('"boat1"', '"?"').replace('"bird1"', '"boat1"').replace('"?"', '"bird1"'))


@pytest.fixture(scope="module")
def head_run(tmp_path_factory, tiny_encoder, toy_file):
    home = tmp_path_factory.mktemp("encoder")
    model = home / "model"
    shutil.copytree(tiny_encoder, model)
    dataset = load_dataset(toy_file, text="text", label="label", id="id")
    config = RunConfig(method="ce", options={"epochs": 1}, tune="head", backbone=str(model), device="cpu")
    train(dataset, config, RunFolder(home / "run"))
    return home, dataset, config


@pytest.fixture
def copy(head_run, tmp_path):
    """The run, and its encoder, put back after the test."""
    home, dataset, config = head_run
    shutil.copytree(home / "model", tmp_path / "kept")
    yield home / "run", home / "model", dataset, config
    shutil.rmtree(home / "model")
    shutil.copytree(tmp_path / "kept", home / "model")


@pytest.mark.parametrize("change", [lambda model: change_a_weight(model, "encoder.layer.0"), swap_two_words])
def test_prediction_with_another_encoder_is_refused(copy, change):
    run, model, dataset, _ = copy
    assert load_predictor(run / "model").probabilities(dataset.inputs, device="cpu").shape == (len(dataset), 3)
    change(model)
    with pytest.raises(RunError, match=OTHER):
        load_predictor(run / "model")


def test_a_run_does_not_go_on_with_another_encoder(copy, tmp_path):
    run, model, dataset, config = copy
    unfinished = shutil.copytree(run, tmp_path / "unfinished")
    (unfinished / "metrics.json").unlink()
    change_a_weight(model, "word_embeddings")
    with pytest.raises(RunError, match=OTHER):
        train(dataset, config, RunFolder(unfinished), resume=True)


def test_a_digest_is_of_names_shapes_and_values():
    """The same weights under other names, in another shape or type, or with one of them changed are others."""
    layer = torch.nn.Linear(3, 3)
    same = torch.nn.Linear(3, 3)
    same.load_state_dict(layer.state_dict())
    assert network_digest(layer) == network_digest(same)
    others = [torch.nn.Sequential(same), torch.nn.Linear(3, 3), same.half()]
    assert len({network_digest(network) for network in [layer, *others]}) == 4
    assert network_digest(layer, "a") != network_digest(layer, "b")
    changed = torch.nn.Linear(3, 3)
    changed.load_state_dict({**layer.state_dict(), "bias": torch.zeros(3)})
    assert network_digest(changed) != network_digest(layer)
    assert network_digest(changed, without="bias") == network_digest(layer, without="bias")
