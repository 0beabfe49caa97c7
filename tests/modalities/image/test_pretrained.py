"""Runs on images that start from a pretrained classifier, or an architecture of one; and DyGen on images."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from mislabel.modalities.dataset import make_dataset
from mislabel.run.predictor import load_predictor
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run

CLASSES = ["brick", "grass", "water"]
TABLE = ["--image", "path", "--label", "label", "--id", "id", "--gold", "gold"]
PLAIN = ["--precision", "fp32", "--device", "cpu", "--batch-size", "16"]


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def predicted(mislabel, folder, photos, path, *more):
    done = mislabel("predict", folder, photos.table, "-o", path, "--id", "id", *more)
    assert done.exit_code == 0, done.stderr
    return pd.read_parquet(path).set_index("id")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["resnet", "vit"])
def test_a_head_on_a_frozen_classifier(kind, photos, image_models, tmp_path, mislabel):
    """`audit` trains no weight of the encoder, finds the errors, and predicts as it judged."""
    line = ["audit", photos.table, *TABLE, "--backbone", image_models[kind], *PLAIN[:4], "--out", tmp_path / "run"]
    done = mislabel(*line)
    assert done.exit_code == 0, done.stderr
    metrics = metrics_of(tmp_path / "run")
    assert metrics["detection"]["auroc"] > 0.9
    assert not (tmp_path / "run" / "pixels.npy").exists()
    assert (tmp_path / "run" / "model" / "head.safetensors").is_file()
    assert not (tmp_path / "run" / "model" / "model.safetensors").exists()  # the encoder stays where it is
    found = predicted(mislabel, tmp_path / "run", photos, tmp_path / "p.parquet")
    table = pd.read_parquet(tmp_path / "run" / "audit.parquet").set_index("id").loc[found.index]
    assert (found["predicted_label"] == table["predicted_label"]).all()
    np.testing.assert_allclose(found["confidence"], table["confidence"], atol=1e-5)


@pytest.mark.slow
def test_embeddings_are_what_the_classifiers_last_layer_reads(photos, image_models, tmp_path, mislabel):
    """Of unit length; by transformers alone, with its own preprocessing."""
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    short = ["--method", "ce", "--option", "epochs=1", *PLAIN[:4]]
    line = ["audit", photos.table, *TABLE, "--backbone", image_models["resnet"], *short, "--out", tmp_path / "run"]
    assert mislabel(*line).exit_code == 0
    model = AutoModelForImageClassification.from_pretrained(image_models["resnet"]).eval()
    processor = AutoImageProcessor.from_pretrained(image_models["resnet"])
    images = [Image.open(photos.folder / name) for name in photos.frame.index]
    with torch.inference_mode():
        pooled = model.resnet(**processor(images=images, return_tensors="pt")).pooler_output.flatten(1).numpy()
    wanted = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    np.testing.assert_allclose(np.load(tmp_path / "run" / "embeddings.npy"), wanted, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["resnet", "convnext", "vit"])
def test_a_pretrained_classifier_is_fine_tuned(kind, photos, image_models, tmp_path, train_images, mislabel):
    """And shipped as what it was: transformers gives the same probabilities."""
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    rate = ["--learning-rate", "3e-3"]
    folder = train_images(photos.table, *TABLE, "--backbone", image_models[kind], *PLAIN, *rate).folder
    assert metrics_of(folder)["detection"]["auroc"] > 0.9
    found = predicted(mislabel, folder, photos, tmp_path / "p.parquet")
    model = AutoModelForImageClassification.from_pretrained(folder / "model").eval()
    processor = AutoImageProcessor.from_pretrained(folder / "model")
    images = [Image.open(photos.folder / name) for name in found.index]
    with torch.inference_mode():
        wanted = model(**processor(images=images, return_tensors="pt")).logits.double().softmax(-1).numpy()
    np.testing.assert_allclose(found[[f"p_{name}" for name in CLASSES]], wanted, atol=1e-4)


def test_another_resolution_goes_with_the_model(photos, image_models, train_images):
    more = ["--resolution", "48", "--method", "ce", "--option", "epochs=1"]
    folder = train_images(photos.table, *TABLE, "--backbone", image_models["resnet"], *PLAIN, *more).folder
    preprocessor = load_predictor(folder / "model").reader.preprocessor  # pyright: ignore[reportAttributeAccessIssue]
    assert preprocessor.pixels(Image.new("RGB", (90, 70))).shape == (3, 48, 48)


def test_a_resolution_that_the_model_cannot_read_is_refused(photos, image_models, tmp_path, mislabel):
    line = ["train", photos.table, *TABLE, "--backbone", image_models["vit"], "--resolution", "48"]
    done = mislabel(*line, "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert "cannot read images of 48 x 48 pixels" in done.stderr
    assert "leave --resolution out" in done.stderr
    assert not (tmp_path / "run" / "pixels.npy").exists()


def test_a_missing_backbone_names_the_ways_out(photos, tmp_path, mislabel):
    done = mislabel("train", photos.folder, "--backbone", tmp_path / "nothing", "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert str(tmp_path / "nothing") in done.stderr
    assert "--scratch resnet-small" in done.stderr


def test_a_broken_backbone_is_told_before_anything_is_decoded(photos, image_models, tmp_path, mislabel):
    shutil.copytree(image_models["resnet"], tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").unlink()
    for command in ("train", "audit"):
        done = mislabel(command, photos.folder, "--backbone", tmp_path / "broken", "--out", tmp_path / "run")
        assert done.exit_code == 2
        assert "model.safetensors" in done.stderr
        assert "decoded" not in done.stderr


def test_the_architecture_of_a_folder_from_nothing(photos, image_models, train_images):
    """Its size and preprocessing are kept, and it learns; where it starts is not told by random weights."""
    short = ["--lengthen", "2", "--option", "warm_epochs=6", "--option", "robust_epochs=3"]
    folder = train_images(photos.table, *TABLE, "--scratch", image_models["convnext"], *PLAIN, *short).folder
    saved = json.loads((folder / "model" / "config.json").read_text())
    assert saved["architectures"] == ["ConvNextForImageClassification"]
    assert saved["hidden_sizes"] == [8, 16]
    settings = json.loads((folder / "config.json").read_text())["settings"]
    assert settings["backbone"] is None
    assert settings["options"]["warm_epochs"] == 6  # named, so not lengthened
    assert metrics_of(folder)["detection"]["auroc"] > 0.8


@pytest.mark.slow
def test_an_audit_from_random_weights_trains_the_whole_network(photos, tmp_path, mislabel):
    """There is nothing frozen to stand on."""
    short = ["--scratch", "resnet-small", "--resolution", "16", "--lengthen", "1"]
    done = mislabel("audit", photos.table, *TABLE, *PLAIN, *short, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert json.loads((tmp_path / "run" / "config.json").read_text())["settings"]["tune"] == "full"
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()
    assert metrics_of(tmp_path / "run")["detection"]["auroc"] > 0.9


@pytest.mark.sweep
def test_dygen_on_images(photos, train_images, tmp_path, mislabel):
    """Finds the errors, and its generative model answers for new images, better than by chance."""
    small = ["--scratch", "resnet-small", "--resolution", "16", *PLAIN]
    options = {"epochs": 4, "distil_epochs": 4, "passes": 3, "count": 2}
    words = ["--method", "dygen", *(word for name in options for word in ("--option", f"{name}={options[name]}"))]
    folder = train_images(photos.table, *TABLE, *small, *words).folder
    assert metrics_of(folder)["detection"]["auroc"] > 0.9
    for way in ("model", "trajectory"):
        found = predicted(mislabel, folder, photos, tmp_path / f"{way}.parquet", "--by", way)
        np.testing.assert_allclose(found[[f"p_{name}" for name in CLASSES]].sum(axis=1), 1, atol=1e-5)
        assert (found["predicted_label"] == photos.frame.loc[found.index, "gold"]).mean() > 0.8


@pytest.mark.sweep  # minutes of a C++ compiler
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, about itself
def test_compiled_networks_give_the_same(make_images):
    """Whole networks are compiled, without a break. At a low rate, since rounding grows with every step."""
    from torch._dynamo.utils import counters

    pixels, frame = make_images(60)
    data = make_dataset(pixels, frame["label"], ids=frame["id"], modality="image")
    fixed = {"scratch": "resnet-small", "resolution": 16, "batch_size": 16, "device": "cpu", "precision": "fp32"}
    options = {"warm_epochs": 2, "robust_epochs": 2}
    counters.clear()
    one, other = (
        run(data, RunConfig(**fixed, learning_rate=1e-4, options=options, compile=compiled))  # pyright: ignore[reportArgumentType]
        for compiled in (False, True)
    )
    assert counters["stats"]["unique_graphs"] >= 2  # in training and in evaluation mode
    assert not counters["graph_break"]
    losses = [[epoch["loss"] for epoch in part.audit.metrics["epochs"]] for part in (one, other)]
    np.testing.assert_allclose(*losses, atol=1e-3)
    np.testing.assert_allclose(one.audit.posterior, other.audit.posterior, atol=5e-3)
    weights, others = (part.predictor.network.state_dict() for part in (one, other))
    assert weights.keys() == others.keys()  # a saved model does not tell that it was compiled
    for name, value in weights.items():
        torch.testing.assert_close(value, others[name], atol=5e-3, rtol=0)
    again = other.predictor.probabilities(data.inputs, device="cpu")
    np.testing.assert_allclose(again, one.predictor.probabilities(data.inputs, device="cpu"), atol=5e-3)
