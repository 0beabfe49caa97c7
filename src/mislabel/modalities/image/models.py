"""Image classifiers of Hugging Face, pretrained or from nothing, and the preprocessing that each of them wants."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mislabel.errors import InputError
from mislabel.modalities.adapters import Adapters, keep_own_weights
from mislabel.modalities.pretrained import head_of, load_head_and_body, quiet, states_of
from mislabel.modalities.safe_loading import load, load_config, reason, refusal

PREPROCESSOR = "preprocessor_config.json"
FILES = "config.json, preprocessor_config.json and model.safetensors"
SCRATCH_HINT = ", or train from nothing with --scratch resnet-small"


class ImageNetwork(nn.Module):
    """A Hugging Face image classifier as the loop wants it: pixels in, logits out.

    Takes uint8 pixels, or a view of them in [0, 1], and does to them what the classifier's own preprocessor would do
    after resizing. `classifier` is the plain transformers model; saving it is all that a user needs to ship.

    Parameters
    ----------
    classifier : Module
    mean, scale : (3,) float32
        Of the preprocessor's normalisation.
    side : (int, int), optional
        Height and width that the classifier reads, where the pixels come smaller.
    pretrained : bool
        Whether the weights are those of a model, not random ones.
    adapters : Adapters, optional
        Those in the classifier, as in `TextNetwork`.
    """

    def __init__(
        self,
        classifier: nn.Module,
        mean: Tensor,
        scale: Tensor,
        side: tuple[int, int] | None = None,
        *,
        pretrained: bool = True,
        adapters: Adapters | None = None,
    ):
        super().__init__()
        self.classifier = classifier.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.register_buffer("mean", mean.view(3, 1, 1), persistent=False)
        self.register_buffer("scale", scale.view(3, 1, 1), persistent=False)
        self.side: tuple[int, int] | None = side
        self.pretrained: bool = pretrained
        self.adapters: Adapters | None = adapters
        if adapters is not None:
            keep_own_weights(self)

    mean: Tensor
    scale: Tensor

    @property
    def encoder(self) -> nn.Module | None:
        """The pretrained part, as `TextNetwork` has it; None where weights are random."""
        return getattr(self.classifier, "base_model", self.classifier) if self.pretrained else None

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.classifier(pixel_values=self.normalised(inputs)).logits

    def layer_outputs(self, inputs: dict[str, Tensor], change: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """Of every layer or block, (b, ...) each, where `change` was made to the pixels that are read."""
        pixels = change(self.normalised(inputs))
        return states_of(self.classifier(pixel_values=pixels, output_hidden_states=True))

    def changed_logits(self, inputs: dict[str, Tensor], change: Callable[[Tensor], Tensor]) -> Tensor:
        """Logits, where `change` was made to the pixels that are read, (b, 3, h, w)."""
        return self.classifier(pixel_values=change(self.normalised(inputs))).logits

    def normalised(self, inputs: dict[str, Tensor]) -> Tensor:
        """What the classifier reads, (b, 3, h, w) float32."""
        pixels = inputs["pixel_values"]
        if pixels.dtype == torch.uint8:
            pixels = pixels.float() / 255
        pixels = ((pixels - self.mean) / self.scale).contiguous(memory_format=torch.channels_last)
        if self.side is not None and tuple(pixels.shape[-2:]) != self.side:
            pixels = functional.interpolate(pixels, self.side, mode="bilinear", align_corners=False)
        return pixels


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
        self.processor: Any = processor
        self.stored: tuple[int, int] | None = stored
        if resolution is not None:
            _resize(processor, resolution)
        mean, scale = _normalisation(processor)
        self.mean: Tensor = mean
        self.scale: Tensor = scale

    def pixels(self, image: Any) -> np.ndarray:
        """One RGB image of Pillow's, resized and cropped as the model wants it: (3, h, w) uint8."""
        if self.stored is not None:
            from PIL import Image

            array = np.asarray(image.resize(self.stored[::-1], Image.Resampling.BILINEAR))
            return np.ascontiguousarray(array.transpose(2, 0, 1))
        normalised = self.processor(images=image, return_tensors="np")["pixel_values"][0]
        levels = (normalised * self.scale.numpy()[:, None, None] + self.mean.numpy()[:, None, None]) * 255
        return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


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
    elsewhere = os.path.isdir(name) and _describes_itself(Path(name))
    processor = load(
        loader,
        name,
        FILES,
        SCRATCH_HINT,
        part="preprocessor",
        files=() if elsewhere else (PREPROCESSOR,),
        backend="pil",
    )
    try:
        _check_sides(processor)
        return Preprocessor(processor, resolution)
    except InputError:
        raise
    except Exception as error:  # of any kind: nothing checks the types in its config
        raise refusal(name, f"its preprocessor reads no image ({reason(error)})") from error


def load_image_classifier(name: str, labels: list[str], new_head: bool, whole: bool = False) -> nn.Module:
    """An `AutoModelForImageClassification` for these labels (their names, as text), with a new head or its own."""
    import transformers

    quiet(transformers)
    make = transformers.AutoModelForImageClassification
    return load_head_and_body(make, name, labels, FILES, SCRATCH_HINT, new_head=new_head, whole=whole)


@dataclass(frozen=True)
class Included:
    """An architecture that comes with this package, for small images.

    The stem of every ResNet in transformers shrinks its input four times, which leaves 8 x 8 of a 32 x 32 image; so
    these read images enlarged.

    Attributes
    ----------
    hidden : tuple of int
        Channels of the stages, of two basic blocks each; the stem has as many as the first.
    enlarged : int
        Factor on the side of an image.
    """

    hidden: tuple[int, ...]
    enlarged: int


INCLUDED = {
    "resnet-small": Included((32, 64, 128), 2),  # 0.7 million weights, 16 x 16 after the stem: for two CPU cores
    "resnet-18": Included((64, 128, 256, 512), 4),  # 11 million weights, 32 x 32 after the stem: for a GPU
}
SIDE = 32
LARGEST_SIDE = 8192


def scratch_classifier(name: str, labels: list[str]) -> nn.Module:
    """The same with random weights: one of `INCLUDED`, or the architecture of a model's config."""
    import transformers

    quiet(transformers)
    if name in INCLUDED:
        hidden = INCLUDED[name].hidden
        blocks = {"depths": [2] * len(hidden), "layer_type": "basic"}
        config: Any = transformers.ResNetConfig(embedding_size=hidden[0], hidden_sizes=list(hidden), **blocks)
    else:
        config = load_config(name, "config.json", SCRATCH_HINT)
    for key, value in head_of(labels).items():
        setattr(config, key, value)
    make = transformers.AutoModelForImageClassification.from_config
    needs = "config.json of an image classifier"
    return load(lambda _, **safe: make(config, **safe), name, needs, SCRATCH_HINT)


def scratch_preprocessor(name: str, resolution: int | None) -> Preprocessor:
    """For one of `INCLUDED`: 32 x 32 pixels, which the network reads enlarged. Else the model's own."""
    if name not in INCLUDED:
        return load_preprocessor(name, resolution)
    import transformers

    quiet(transformers)
    side = resolution or SIDE
    wanted = dict.fromkeys(("height", "width"), INCLUDED[name].enlarged * side)
    processor = transformers.ViTImageProcessorPil(size=wanted)  # pyright: ignore[reportArgumentType]
    return Preprocessor(processor, stored=(side, side))


def _normalisation(processor: Any) -> tuple[Tensor, Tensor]:
    """Mean and scale, (3,) float32 each, by which a preprocessor changes pixels in [0, 1].

    They are read off a black and a white image: some preprocessors do not only what their mean and deviation say.

    Raises
    ------
    InputError
        If it does not make images of one size out of any image.
    """
    from PIL import Image

    images = Image.new("RGB", (64, 32), "black"), Image.new("RGB", (32, 64), "white")
    black, white = (np.asarray(processor(images=image, return_tensors="np")["pixel_values"])[0] for image in images)
    if black.ndim != 3 or len(black) != 3 or black.shape != white.shape:
        raise InputError(
            f"the model's preprocessor, {type(processor).__name__}, makes arrays of shape {black.shape} and "
            f"{white.shape} out of a wide and a tall image; needed are images of one size: choose another model"
        )
    if not np.isfinite(black).all() or not np.isfinite(white).all() or (black == white).any():
        raise ValueError("it makes no finite numbers of black and white")
    middle = (slice(None), black.shape[1] // 2, black.shape[2] // 2)  # what is padded is at the edges
    low, high = (torch.tensor(part[middle], dtype=torch.float64) for part in (black, white))
    return (-low / (high - low)).float(), (1 / (high - low)).float()


def _describes_itself(folder: Path) -> bool:
    """Whether the preprocessor of a folder stands with others of its model, or in the config, as timm keeps it."""
    config = folder / "config.json"
    return (folder / "processor_config.json").is_file() or (
        config.is_file() and b'"pretrained_cfg"' in config.read_bytes()
    )


def _check_sides(processor: Any) -> None:
    """Raise ValueError where a config asks for images that no memory holds."""
    for name in ("size", "crop_size", "pad_size"):
        sides = [side for side in dict(getattr(processor, name, None) or {}).values() if side is not None]
        if any(not isinstance(side, int) or not 0 < side <= LARGEST_SIDE for side in sides):
            raise ValueError(f"its {name} is {sides}, needed are sides of 1 to {LARGEST_SIDE} pixels")


def _resize(processor: Any, side: int) -> None:
    """Make a preprocessor give another side; what it crops away stays the same share."""
    size, crop = dict(processor.size or {}), getattr(processor, "crop_size", None)
    edge = size.get("shortest_edge") or size.get("height")
    if not edge:
        raise InputError(f"the size of the model's preprocessor, {size}, cannot be changed: leave --resolution out")
    crop = crop if getattr(processor, "do_center_crop", False) else None
    resized = round(side * max(1.0, edge / crop["height"])) if crop else side
    names = ("shortest_edge",) if size.get("shortest_edge") else ("height", "width")
    processor.size = dict.fromkeys(names, resized)
    if crop:
        processor.crop_size = {"height": side, "width": side}
