"""What `predict` says of the model of a run that was damaged: never other predictions, never a traceback."""

import json
import shutil

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from mislabel.modalities import modality

HEAD, WHOLE = "head.safetensors", "model.safetensors"


@pytest.fixture(scope="module")
def head_run(tmp_path_factory, toy_file, tiny_encoder, mislabel):
    folder = tmp_path_factory.mktemp("head") / "run"
    options = ["--text", "text", "--label", "label", "--id", "id", "--backbone", tiny_encoder, "--precision", "fp32"]
    done = mislabel("audit", toy_file, *options, "--method", "ce", "--option", "epochs=1", "--out", folder)
    assert done.exit_code == 0, done.stderr
    return folder


def edit(change):
    """Stores other weights in a file."""

    def damage(path):
        weights = load_file(path)
        save_file(
            {name: value.contiguous() for name, value in change(weights).items()}, path, metadata={"format": "pt"}
        )

    return damage


def one(number):
    def change(weights):
        name = max(weights, key=lambda key: weights[key].numel())
        weights[name].view(-1)[3] = number
        return weights

    return edit(change)


def without(part):
    return edit(lambda weights: {name: value for name, value in weights.items() if part not in name})


def for_more_classes(weights):
    last = [name for name in weights if weights[name].shape[0] == 3]
    assert last
    return {name: torch.cat([value, value]) if name in last else value for name, value in weights.items()}


DAMAGE = {
    "nan": (one(float("nan")), "NaN or infinity"),
    "infinity": (one(float("inf")), "NaN or infinity"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "cut|header"),
    "empty": (lambda path: path.write_bytes(b""), "empty|header"),
    "classes": (edit(for_more_classes), "fit"),
}
WHOLE_DAMAGE = DAMAGE | {
    "no head": (without("classifier"), r"classifier.* is missing"),
    "no pooler": (without("pooler"), r"pooler.* is missing"),
    "no layer": (without("layer.1."), r"layer.1.* is missing"),
}
HEAD_DAMAGE = DAMAGE | {"no layer": (without("layers.4"), "fit"), "no mean": (without("mean"), "mean")}


def check(mislabel, run, file, damage, pattern, toy_file, tmp_path):
    """Whoever opens the run, and whoever opens the model folder alone, is told."""
    run = shutil.copytree(run, tmp_path / "run")
    damage(run / "model" / file)
    assert str(run / "model") in predict(mislabel, run, toy_file, tmp_path)
    with pytest.raises((ValueError, KeyError, SafetensorError), match=pattern):
        modality("text").load_reader(run / "model", json.loads((run / "model" / "mislabel.json").read_text()))


def predict(mislabel, run, toy_file, tmp_path):
    """What is said, once it is known that the predictions were refused."""
    done = mislabel("predict", run, toy_file, "-o", tmp_path / "p.csv", "--id", "id")
    assert done.exit_code in (1, 2)
    assert not (tmp_path / "p.csv").exists()
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize("kind", WHOLE_DAMAGE)
def test_a_whole_model(kind, toy_run, toy_file, tmp_path, mislabel):
    check(mislabel, toy_run, WHOLE, *WHOLE_DAMAGE[kind], toy_file, tmp_path)


@pytest.mark.parametrize("kind", HEAD_DAMAGE)
def test_a_head(kind, head_run, toy_file, tmp_path, mislabel):
    check(mislabel, head_run, HEAD, *HEAD_DAMAGE[kind], toy_file, tmp_path)


@pytest.mark.parametrize(
    "changes",
    [{"max_length": "long"}, {"max_length": None}, {"max_length": -3}, {"backbone": None}, {"backbone": ["a"]},
     {"classes": 3}, {"networks": 5}, {"networks": "two"}, {"modality": "smell"}],
    ids=str,
)  # fmt: skip
def test_what_is_said_of_a_model(changes, head_run, toy_file, tmp_path, mislabel):
    run = shutil.copytree(head_run, tmp_path / "run")
    path = run / "model" / "mislabel.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    predict(mislabel, run, toy_file, tmp_path)
