"""Image classifiers of Hugging Face, pretrained or from nothing, and the preprocessing that each of them wants."""

from typing import Any

import numpy as np
import torch
from torch import nn

from mislabel.backbones.hub import load, quiet
from mislabel.errors import InputError

FILES = "config.json, preprocessor_config.json and model.safetensors"
SCRATCH_HINT = ", or train from nothing with --scratch resnet-small"
SMALL, SMALL_SIDE = "resnet-small", 32


class Preprocessor:
    """Size and normalisation of a model, from its own preprocessor config.

    Parameters
    ----------
    processor
        Of transformers, with the Pillow backend.
    resolution : int, optional
        Side that images are resized to instead.
    stored : (int, int), optional
        Height and width to keep pixels at, where the network enlarges them itself.
    """

    def __init__(self, processor: Any, resolution: int | None = None, stored: tuple[int, int] | None = None):
        self.processor, self.stored = processor, stored
        if resolution is not None:
            _resize(processor, resolution)
        mean = processor.image_mean if processor.do_normalize else (0.0, 0.0, 0.0)
        scale = processor.image_std if processor.do_normalize else (1.0, 1.0, 1.0)
        self.mean, self.scale = (torch.tensor(part, dtype=torch.float32).expand(3).clone() for part in (mean, scale))

    def pixels(self, image: Any) -> np.ndarray:
        """One RGB image of Pillow's, resized and cropped as the model wants it: (3, h, w) uint8."""
        if self.stored is not None:
            from PIL import Image

            array = np.asarray(image.resize(self.stored[::-1], Image.Resampling.BILINEAR))
            return np.ascontiguousarray(array.transpose(2, 0, 1))
        found = self.processor(images=image, do_normalize=False, do_rescale=False, return_tensors="np")
        return np.clip(np.rint(found["pixel_values"][0]), 0, 255).astype(np.uint8)


def load_preprocessor(name: str, resolution: int | None) -> Preprocessor:
    """The preprocessor of a model, by hub name or folder.

    Raises
    ------
    InputError
        If it cannot be loaded.
    """
    import transformers

    quiet(transformers)
    loader = transformers.AutoImageProcessor.from_pretrained
    return Preprocessor(load(loader, name, FILES, SCRATCH_HINT, backend="pil", trust_remote_code=False), resolution)


def load_image_classifier(name: str, labels: list[str]) -> nn.Module:
    """An `AutoModelForImageClassification` with a new head for these labels (their names, as text)."""
    import transformers

    quiet(transformers)
    return load(
        transformers.AutoModelForImageClassification.from_pretrained,
        name,
        FILES,
        SCRATCH_HINT,
        use_safetensors=True,
        trust_remote_code=False,
        ignore_mismatched_sizes=True,
        **_head(labels),
    )


def scratch_classifier(name: str, labels: list[str]) -> nn.Module:
    """The same with random weights: `resnet-small`, or the architecture of a model's config."""
    import transformers

    quiet(transformers)
    config = small_resnet() if name == SMALL else load(transformers.AutoConfig.from_pretrained, name, "config.json")
    for key, value in _head(labels).items():
        setattr(config, key, value)
    return transformers.AutoModelForImageClassification.from_config(config, trust_remote_code=False)


def scratch_preprocessor(name: str, resolution: int | None) -> Preprocessor:
    """For `resnet-small`: 32 x 32 pixels that the network reads at twice the side. Else the model's own."""
    if name != SMALL:
        return load_preprocessor(name, resolution)
    import transformers

    side = resolution or SMALL_SIDE
    quiet(transformers)
    wanted = {"height": 2 * side, "width": 2 * side}
    return Preprocessor(transformers.ViTImageProcessorPil(size=wanted), stored=(side, side))


def small_resnet() -> Any:
    """A ResNet of basic blocks, (2, 2, 2) of 32, 64 and 128 channels, 0.7 million weights.

    The stem of every ResNet in transformers shrinks its input four times, which leaves 8 x 8 of a 32 x 32 image; so it
    reads images at twice their side.
    """
    from transformers import ResNetConfig

    return ResNetConfig(embedding_size=32, hidden_sizes=[32, 64, 128], depths=[2, 2, 2], layer_type="basic")


def _head(labels: list[str]) -> dict[str, Any]:
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: code for code, label in enumerate(labels)},
        "problem_type": "single_label_classification",
    }


def _resize(processor: Any, side: int) -> None:
    """Make a preprocessor give another side; its crop goes along."""
    size = dict(processor.size)
    if size.get("shortest_edge"):
        crop = getattr(processor, "crop_size", None)
        share = size["shortest_edge"] / crop["height"] if processor.do_center_crop and crop else 1.0
        processor.size = {"shortest_edge": round(side * share)}
    elif size.get("height"):
        processor.size = {"height": side, "width": side}
    else:
        raise InputError(f"the size of the model's preprocessor, {size}, cannot be changed: leave --resolution out")
    if getattr(processor, "do_center_crop", False):
        processor.crop_size = {"height": side, "width": side}
