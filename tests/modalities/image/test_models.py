"""Preprocessing against transformers' own, and classifiers from a folder or from nothing."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from mislabel.errors import InputError
from mislabel.modalities.image.models import (
    INCLUDED,
    Preprocessor,
    load_image_classifier,
    load_preprocessor,
    scratch_classifier,
    scratch_preprocessor,
)

LABELS = ["a cat", "ein Hund", "3"]
PROCESSORS = {
    "vit": lambda: transformers.ViTImageProcessorPil(size={"height": 24, "width": 20}),
    "convnext": lambda: transformers.ConvNextImageProcessorPil(size={"shortest_edge": 24}, crop_pct=0.8),
    "convnext, large": lambda: transformers.ConvNextImageProcessorPil(size={"shortest_edge": 384}),
    "bit": lambda: transformers.BitImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 28, "width": 28}, image_mean=[0.1, 0.2, 0.3]
    ),
    "deit": lambda: transformers.DeiTImageProcessorPil(
        size={"height": 32, "width": 32}, crop_size={"height": 28, "width": 28}
    ),
    "not normalised": lambda: transformers.ViTImageProcessorPil(size={"height": 16, "width": 16}, do_normalize=False),
    "normalised twice": lambda: transformers.EfficientNetImageProcessorPil(
        size={"height": 20, "width": 20}, image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.3, 0.4], include_top=True
    ),
}
SIDES = {"vit": (24, 20), "convnext": (24, 24), "convnext, large": (384, 384), "bit": (28, 28), "deit": (28, 28),
         "not normalised": (16, 16), "normalised twice": (20, 20)}  # fmt: skip


def picture(width, height, seed=0):
    """Smooth, with edges, in RGB."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.NEAREST)


@pytest.mark.parametrize("kind", PROCESSORS)
@pytest.mark.parametrize("size", [(50, 37), (37, 50), (9, 9), (300, 3)])
def test_pixels_are_those_of_transformers(kind, size):
    """Normalised again by our mean and scale, as the network does it, and rounded to levels they are its numbers."""
    processor, image = PROCESSORS[kind](), picture(*size)
    preprocessor = Preprocessor(processor)
    pixels = preprocessor.pixels(image)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (3, *SIDES[kind])
    wanted = processor(images=image, return_tensors="np")["pixel_values"][0]
    mean, scale = (part.numpy()[:, None, None] for part in (preprocessor.mean, preprocessor.scale))
    np.testing.assert_allclose((pixels / 255 - mean) / scale, wanted, atol=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in PROCESSORS if kind != "convnext, large"])
def test_another_resolution_keeps_the_way_of_cropping(kind):
    """It takes the same part of the image: a gradient has the same mean and spread, up to half a pixel of the crop."""
    down, across = np.mgrid[:120, :180]
    image = Image.fromarray(np.stack([down * 2, across, across // 2 + down], axis=-1).astype(np.uint8))
    usual, other = (Preprocessor(PROCESSORS[kind](), side).pixels(image) for side in (None, 48))
    assert other.shape == (3, 48, 48)
    for channel, wanted in zip(other.astype(float), usual.astype(float), strict=True):
        assert channel.mean() == pytest.approx(wanted.mean(), abs=3)
        assert channel.std() == pytest.approx(wanted.std(), abs=3)


def test_a_resolution_over_384_is_not_cropped_by_convnext():
    """As transformers has it: squeezed from there on."""
    image = picture(80, 40)
    found = Preprocessor(PROCESSORS["convnext"](), 384).pixels(image)
    wanted = np.asarray(image.resize((384, 384), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    np.testing.assert_array_equal(found, wanted)


def test_mean_and_scale_by_hand():
    plain = Preprocessor(PROCESSORS["bit"]())
    np.testing.assert_allclose(plain.mean, [0.1, 0.2, 0.3], atol=1e-6)
    np.testing.assert_allclose(plain.scale, PROCESSORS["bit"]().image_std, rtol=1e-6)
    none = Preprocessor(PROCESSORS["not normalised"]())
    np.testing.assert_allclose(none.mean, 0, atol=1e-7)
    np.testing.assert_allclose(none.scale, 1, rtol=1e-6)
    twice = Preprocessor(PROCESSORS["normalised twice"]())  # (x - mean) / std / std
    np.testing.assert_allclose(twice.mean, [0.4, 0.5, 0.6], rtol=1e-5)
    np.testing.assert_allclose(twice.scale, [0.04, 0.09, 0.16], rtol=1e-5)


def test_preprocessors_without_one_size_are_refused():
    with pytest.raises(InputError, match="TextNetImageProcessorPil, makes arrays of shape"):
        Preprocessor(transformers.TextNetImageProcessorPil(size={"shortest_edge": 32}))
    with pytest.raises(InputError, match="images of one size"):
        Preprocessor(transformers.ViTImageProcessorPil(do_resize=False))
    with pytest.raises(InputError, match="cannot be changed: leave --resolution out"):
        Preprocessor(transformers.Siglip2ImageProcessorPil(), 64)


@pytest.mark.parametrize("kind", ["resnet", "convnext", "vit"])
def test_a_folder_gives_the_model_with_a_head_for_other_labels(kind, image_models):
    """All weights but the head are those of the folder; of five classes three are left."""
    model = load_image_classifier(image_models[kind], LABELS, new_head=True)
    assert model.config.id2label == dict(enumerate(LABELS))
    assert model.config.label2id == {"a cat": 0, "ein Hund": 1, "3": 2}
    stored = transformers.AutoModelForImageClassification.from_pretrained(image_models[kind]).state_dict()
    other = [name for name, value in model.state_dict().items() if not torch.equal(value, stored[name])
             if value.shape == stored[name].shape]  # fmt: skip
    resized = [name for name, value in model.state_dict().items() if value.shape != stored[name].shape]
    assert other == []
    assert len(resized) == 2  # weight and bias of the head
    assert model(pixel_values=torch.zeros(2, 3, 32, 32)).logits.shape == (2, 3)


@pytest.mark.parametrize("kind", ["resnet", "convnext", "vit"])
def test_a_head_for_as_many_labels_is_new_too_unless_the_model_is_read_back(kind, image_models):
    """The folder's own five classes are others than the user's five: its head says nothing of them."""
    stored = transformers.AutoModelForImageClassification.from_pretrained(image_models[kind]).state_dict()
    for new_head in (True, False):
        model = load_image_classifier(image_models[kind], ["v", "w", "x", "y", "z"], new_head)
        other = {name for name, value in model.state_dict().items() if not torch.equal(value, stored[name])}
        assert any(name.endswith("weight") for name in other) == new_head
        assert len(other) <= 2  # the old bias may be zero too
        assert all(len(stored[name]) == 5 for name in other)


def test_the_preprocessor_of_a_folder(image_models):
    for kind, wanted in (("vit", (3, 32, 32)), ("resnet", (3, 32, 32))):
        preprocessor = load_preprocessor(image_models[kind], None)
        assert preprocessor.pixels(picture(40, 90)).shape == wanted
        assert preprocessor.stored is None
        assert load_preprocessor(image_models[kind], 48).pixels(picture(40, 90)).shape == (3, 48, 48)


def test_a_resnet_from_nothing():
    """Weights counted by hand: convolutions k k in out, normalisations 2 out, a linear layer with bias."""
    labels = ["x", "y", "z", "w"]
    model = scratch_classifier("resnet-small", labels)

    def convolution(side, given, wanted):
        return side * side * given * wanted + 2 * wanted

    count = convolution(7, 3, 32)
    for given, wanted in ((32, 32), (32, 64), (64, 128)):
        count += convolution(3, given, wanted) + 3 * convolution(3, wanted, wanted)
        count += convolution(1, given, wanted) if given != wanted else 0  # the shortcut where the shape changes
    count += 128 * 4 + 4
    assert sum(value.numel() for value in model.parameters()) == count
    assert 0.6e6 < count < 0.8e6
    assert model.config.id2label == dict(enumerate(labels))
    assert model.config.label2id == {"x": 0, "y": 1, "z": 2, "w": 3}


@pytest.mark.parametrize("name", INCLUDED)
@pytest.mark.parametrize(("resolution", "side"), [(None, 32), (20, 20)])
def test_included_models_keep_small_images_small(name, resolution, side):
    """Pixels are stored at `side`; the saved preprocessor gives what the network enlarges them to."""
    preprocessor = scratch_preprocessor(name, resolution)
    assert preprocessor.stored == (side, side)
    image = picture(side, side)
    np.testing.assert_array_equal(preprocessor.pixels(image), np.asarray(image).transpose(2, 0, 1))
    shrunk = np.asarray(picture(90, 60).resize((side, side), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    np.testing.assert_array_equal(preprocessor.pixels(picture(90, 60)), shrunk)
    large = preprocessor.processor(images=image, return_tensors="pt")["pixel_values"]
    assert large.shape == (1, 3, side * INCLUDED[name].enlarged, side * INCLUDED[name].enlarged)
    assert scratch_classifier(name, LABELS).eval()(pixel_values=large).logits.shape == (1, 3)


def test_any_architecture_from_nothing(image_models, tmp_path):
    """A folder's config is enough; its weights are not read, and a seed gives the same ones again."""
    shutil.copytree(image_models["convnext"], tmp_path / "bare")
    (tmp_path / "bare" / "model.safetensors").unlink()
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(scratch_classifier(str(tmp_path / "bare"), LABELS))
    one, two, other = (model.state_dict() for model in found)
    assert type(found[0]) is transformers.ConvNextForImageClassification
    assert found[0].config.hidden_sizes == [8, 16]
    assert found[0].config.id2label == dict(enumerate(LABELS))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)
    assert scratch_preprocessor(str(tmp_path / "bare"), None).pixels(picture(50, 50)).shape == (3, 32, 32)


def test_what_cannot_be_loaded_names_ways_out(tmp_path, image_models):
    calls = (
        lambda name: load_image_classifier(name, LABELS, new_head=True),
        lambda name: load_preprocessor(name, None),
        lambda name: scratch_preprocessor(name, None),
        lambda name: scratch_classifier(name, LABELS),
    )
    for name in (str(tmp_path / "nothing"), "nobody/no-such-model"):
        for call in calls:
            with pytest.raises(InputError, match="cannot be loaded") as caught:
                call(name)
            assert name in str(caught.value)
            assert "or train from nothing with --scratch resnet-small" in str(caught.value)
    shutil.copytree(image_models["vit"], tmp_path / "text")
    config = {"model_type": "bert", "hidden_size": 16}
    (tmp_path / "text" / "config.json").write_text(json.dumps(config))
    for call in (calls[0], calls[3]):
        with pytest.raises(InputError, match="cannot be loaded"):
            call(str(tmp_path / "text"))


def test_weights_as_pickle_are_not_read(image_models, tmp_path):
    shutil.copytree(image_models["resnet"], tmp_path / "pickled")
    (tmp_path / "pickled" / "model.safetensors").unlink()
    model = transformers.AutoModelForImageClassification.from_pretrained(image_models["resnet"])
    torch.save(model.state_dict(), tmp_path / "pickled" / "pytorch_model.bin")
    with pytest.raises(InputError, match="model.safetensors"):
        load_image_classifier(str(tmp_path / "pickled"), LABELS, new_head=True)
