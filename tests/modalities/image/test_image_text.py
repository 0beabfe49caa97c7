"""Images beside sentences, with tiny random models that read both; nothing is claimed of how well they do it."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as library
from model_kinds import WORDS
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from mislabel.modalities import modality
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.image import image_text
from mislabel.run.defaults import effective_for
from mislabel.run.settings import RunConfig
from mislabel.training.device import make_accelerator
from mislabel.training.progress import Quiet

SENTENCES = ["w1 w2", "w3", "w4 w5 w6 w7 w8 w9 w10 w11 w12 w13 w14 w15 w16 w17 w18"]  # the last is too long
SHARED = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
TEXT = {**SHARED, "vocab_size": len(WORDS), "max_position_embeddings": 12, "pad_token_id": 0, "bos_token_id": 2,
        "eos_token_id": 3}  # fmt: skip
VISION = {**SHARED, "image_size": 32, "patch_size": 8}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A CLIP and a SigLIP, each with its preprocessor and a tokenizer of words."""
    home = tmp_path_factory.mktemp("image-text")
    size = {"height": 32, "width": 32}
    made = {
        "clip": (library.CLIPModel(library.CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=12)),
                 library.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=size)),
        "siglip": (library.SiglipModel(library.SiglipConfig(text_config={**TEXT, "projection_size": 16},
                                                            vision_config=VISION)),
                   library.SiglipImageProcessorPil(size=size)),
    }  # fmt: skip
    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    names = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    for kind, (model, processor) in made.items():
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(3)
            for weight in model.parameters():
                weight.normal_(std=0.2)
        model.save_pretrained(home / kind)
        processor.save_pretrained(home / kind)
        reads = {"model_input_names": ["input_ids"]} if kind == "siglip" else {}
        library.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names, **reads).save_pretrained(home / kind)
    return {kind: str(home / kind) for kind in made}


@pytest.fixture(scope="module")
def data(make_images):
    pixels, frame = make_images(24, side=40)
    labels = [None if k == 7 else label for k, label in enumerate(frame["label"])]
    ids = [f"i{(7 * k) % 24:02d}" for k in range(24)]
    return make_dataset(
        pixels, labels, ids=ids, split=["test"] * 4 + ["train"] * 20, missing="unlabeled", modality="image"
    )


def prepared(data, tune, **settings):
    config = effective_for(RunConfig(tune=tune, device="cpu", precision="fp32", **settings), data)
    return modality("image").prepare(data, config, make_accelerator("cpu", "fp32"), None, Quiet())


def by_the_library(folder, images, sentences):
    """Cosines of projected features, (n, S), one image and one sentence at a time."""
    model = library.AutoModel.from_pretrained(folder).eval()
    processor = library.AutoImageProcessor.from_pretrained(folder, backend="pil")
    tokenizer = library.AutoTokenizer.from_pretrained(folder)
    result = np.empty((len(images), len(sentences)))
    with torch.inference_mode():
        for column, sentence in enumerate(sentences):
            words = tokenizer([sentence], padding="max_length", truncation=True, max_length=12, return_tensors="pt")
            for row, image in enumerate(images):
                pixels = processor(images=Image.fromarray(image), return_tensors="pt")
                both = model(**words, **pixels)
                result[row, column] = torch.cosine_similarity(both.image_embeds, both.text_embeds).item()
    return result


@pytest.mark.parametrize("tune", ["head", "full"])
@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_cosines_of_training_images_in_their_order(kind, tune, folders, data, make_images):
    ready = prepared(data, tune, backbone=folders[kind])
    found = ready.similarity(SENTENCES)
    assert found.dtype == np.float32
    pixels, _ = make_images(24, side=40)
    wanted = by_the_library(folders[kind], [pixels[row] for row in ready.trained], SENTENCES)
    assert found.shape == (19, 3)
    np.testing.assert_allclose(found, wanted, atol=2e-3)  # images are kept in 256 levels
    assert (np.ptp(wanted, axis=0) > 0.02).all()
    assert (np.ptp(wanted, axis=1) > 0.02).all()


def test_images_are_read_once(folders, data, monkeypatch):
    counts = []

    def counted(network, inputs, *rest, **how):
        counts.append(len(inputs))
        return outputs(network, inputs, *rest, **how)

    outputs = image_text.outputs
    monkeypatch.setattr(image_text, "outputs", counted)
    monkeypatch.setattr(image_text, "SENTENCES_AT_ONCE", 2)
    ready = prepared(data, "head", backbone=folders["clip"])
    assert counts == []
    first = ready.similarity(SENTENCES)
    np.testing.assert_allclose(ready.similarity(SENTENCES[:1]), first[:, :1], atol=1e-6)
    assert counts == [19]


def test_other_models_do_not_read_words(folders, data, image_models, tmp_path):
    assert prepared(data, "head", backbone=image_models["resnet"]).similarity is None
    assert prepared(data, "full", backbone=image_models["vit"]).similarity is None
    assert prepared(data, "full", scratch="resnet-small", resolution=16).similarity is None
    shutil.copytree(folders["clip"], tmp_path / "clip")
    for path in (tmp_path / "clip").glob("tokenizer*"):
        path.unlink()
    assert prepared(data, "head", backbone=str(tmp_path / "clip")).similarity is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_run_with_descriptions_on_such_a_model(kind, folders, photos, tmp_path, mislabel):
    """It trains, predicts what it judged, and a classifier that was made of it reads no words any more."""
    (tmp_path / "d.toml").write_text('brick = "w1"\ngrass = ["w2", "w3"]\nwater = "w4 w5"\n')
    line = ["audit", photos.table, "--image", "path", "--label", "label", "--id", "id", "--backbone", folders[kind],
            "--method", "ce", "--option", "epochs=2", "--device", "cpu", "--precision", "fp32"]  # fmt: skip
    done = mislabel(*line, "--describe", tmp_path / "d.toml", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert "unused" not in done.stderr
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert settings["describe"] == {"brick": ["w1"], "grass": ["w2", "w3"], "water": ["w4 w5"]}
    assert (
        mislabel("predict", tmp_path / "run", photos.table, "-o", tmp_path / "p.parquet", "--id", "id").exit_code == 0
    )
    predicted = pd.read_parquet(tmp_path / "p.parquet").set_index("id")
    audit = pd.read_parquet(tmp_path / "run" / "audit.parquet").set_index("id").loc[predicted.index]
    np.testing.assert_allclose(predicted["confidence"], audit["confidence"], atol=1e-5)
    line[0] = "train"
    done = mislabel(*line, "--out", tmp_path / "whole")
    assert done.exit_code == 0, done.stderr
    again = [*line[:9], tmp_path / "whole" / "model", *line[10:]]
    done = mislabel(*again, "--describe", tmp_path / "d.toml", "--out", tmp_path / "again")
    assert done.exit_code == 0, done.stderr
    assert "nothing here compares images with words: the descriptions are unused" in done.stderr
