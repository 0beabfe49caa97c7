"""embeddings.npy: what each kind of run leaves of its inputs, and that nothing is left where inputs are to stay out."""

import numpy as np
import pandas as pd
import pytest
import torch

from mislabel.modalities.dataset import make_dataset
from mislabel.run.about import describe
from mislabel.run.folder import RunFolder
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run

LARGEST = 65504.0  # of float16


def made(data, home, content=True, **settings):
    chosen = {"batch_size": 8, "learning_rate": 2e-3, "precision": "fp32", "device": "cpu"}
    config, folder = RunConfig(**(chosen | settings)), RunFolder(home)
    folder.prepare(describe(config, data, {}), resume=False, overwrite=False)
    return run(data, config, folder, content=content), folder


@pytest.fixture(scope="module")
def texts(make_toy):
    frame = make_toy(48)
    return make_dataset(frame["text"], frame["label"], ids=frame["id"], split=["test"] * 6 + ["train"] * 42)


def test_texts_whole_encoder_first_branch(texts, tiny_encoder, tmp_path):
    """What the saved model's last layer reads, by transformers alone, text by text."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    result, folder = made(texts, tmp_path, method="co_teaching", options={"epochs": 1}, backbone=tiny_encoder)
    found = np.load(folder.embeddings)
    assert found.shape == (48, 32)
    assert found.dtype == np.float16
    model = AutoModelForSequenceClassification.from_pretrained(folder.model).eval()
    tokenizer, read, answers = AutoTokenizer.from_pretrained(folder.model), [], []
    model.classifier.register_forward_pre_hook(lambda module, given: read.append(given[0]))
    with torch.inference_mode():
        for text in texts.inputs:
            answers.append(model(**tokenizer(text, return_tensors="pt")).logits.softmax(-1))
    np.testing.assert_allclose(found, torch.cat(read).numpy(), rtol=2e-3, atol=2e-3)
    # Of two networks the answer is the mean, so it is not the first one's alone.
    both = result.predictor.probabilities(texts.inputs, device="cpu")
    assert np.abs(both - torch.cat(answers).numpy()).max() > 1e-3


def test_probabilities_do_not_depend_on_whether_embeddings_are_kept(texts, tiny_encoder, tmp_path):
    settings = {"method": "ce", "options": {"epochs": 1}, "backbone": tiny_encoder}
    kept, _ = made(texts, tmp_path / "kept", **settings)
    bare, folder = made(texts, tmp_path / "bare", content=False, **settings)
    np.testing.assert_array_equal(kept.audit.posterior, bare.audit.posterior)
    pd.testing.assert_frame_equal(kept.audit.table, bare.audit.table)
    assert not folder.embeddings.exists()
    assert not folder.inputs.exists()


@pytest.mark.parametrize("content", [True, False])
def test_texts_frozen_encoder(content, texts, tiny_encoder, tmp_path):
    """The cache that the head was trained on, in float32, as it was before; gone where inputs are to stay out."""
    from mislabel.modalities.text.batches import TextInputs
    from mislabel.modalities.text.models import load_encoder, load_tokenizer
    from mislabel.training.device import make_accelerator
    from mislabel.training.inference import outputs

    _, folder = made(
        texts, tmp_path, content, method="ce", options={"epochs": 1}, backbone=tiny_encoder, tune="head"
    )  # fmt: skip
    assert folder.embeddings.exists() == content
    if content:
        encoder = load_encoder(tiny_encoder)
        inputs = TextInputs(texts.inputs, load_tokenizer(tiny_encoder), 128)
        wanted = outputs(encoder, inputs, 32, make_accelerator("cpu", "fp32"))
        found = np.load(folder.embeddings)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("content", [True, False])
def test_features_are_standardised_and_cut_to_what_half_precision_holds(content, tmp_path):
    random = np.random.default_rng(0)
    matrix = random.normal(3, 5, (60, 4)).astype(np.float32)
    split = np.array(["train"] * 50 + ["test"] * 10)
    matrix[55, 2] = 1e9  # far from anything that trains
    data = make_dataset(matrix, [0, 1] * 30, modality="features", split=split.tolist())
    _, folder = made(data, tmp_path, content, method="ce", options={"epochs": 1})
    assert folder.embeddings.exists() == content
    if content:
        train = matrix[:50].astype(np.float64)
        wanted = (matrix - train.mean(0)) / train.std(0)
        assert wanted[55, 2] > LARGEST
        found = np.load(folder.embeddings)
        assert found.dtype == np.float16
        np.testing.assert_allclose(found.astype(np.float64), wanted.clip(-LARGEST, LARGEST), rtol=2e-3, atol=2e-3)


def test_images_from_random_weights(make_images, tmp_path):
    """What the saved model pools of images of 32 x 32, which it reads enlarged and scaled to -1 to 1."""
    from transformers import AutoModelForImageClassification

    pixels, frame = make_images(36, side=32)
    data = make_dataset(list(pixels), frame["label"], modality="image", ids=frame["id"])
    settings = {"method": "ce", "options": {"epochs": 1}, "scratch": "resnet-small"}
    _, folder = made(data, tmp_path, **settings)
    model = AutoModelForImageClassification.from_pretrained(folder.model).eval()
    shown = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    shown = torch.nn.functional.interpolate(shown, (64, 64), mode="bilinear", align_corners=False)
    with torch.inference_mode():
        wanted = model.base_model(shown).pooler_output.flatten(1).numpy()
    np.testing.assert_allclose(np.load(folder.embeddings), wanted, rtol=2e-3, atol=2e-3)


def test_without_a_folder_nothing_is_written(texts, tiny_encoder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(texts, RunConfig(method="ce", options={"epochs": 1}, backbone=tiny_encoder, device="cpu", precision="fp32"))
    assert not list(tmp_path.rglob("*"))
