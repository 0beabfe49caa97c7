"""Runs on images: a whole classifier, pretrained or from nothing, or a head on the embeddings of a pretrained one."""

import copy
import shutil
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mislabel.data import Dataset
from mislabel.data.inputs import RawInputs
from mislabel.data.training_rows import trainable_rows
from mislabel.errors import InputError
from mislabel.integrity import add_digests, check_file, known_digest, telling_damage
from mislabel.modalities.adapters import Adapters, add_adapters, has_adapters, like_saved, save_classifier
from mislabel.modalities.contract import Prepared, Settings, Storage, sample_rows
from mislabel.modalities.encoder_digest import check_encoder, keep_encoder, network_digest
from mislabel.modalities.heads import embeddings, has_head, load_head, prepare_head, save_head
from mislabel.modalities.image.batches import ImageInputs, Pixels, decode_all
from mislabel.modalities.image.image_text import sentence_similarity
from mislabel.modalities.image.images import Images
from mislabel.modalities.image.models import (
    ImageNetwork,
    Preprocessor,
    load_image_classifier,
    load_preprocessor,
    scratch_classifier,
    scratch_preprocessor,
)
from mislabel.modalities.safe_loading import reason, refusal
from mislabel.modalities.vectors import FeatureInputs
from mislabel.training.branches import classify_and_embed, last_linear
from mislabel.training.inference import outputs
from mislabel.training.inputs import Inputs
from mislabel.training.progress import Quiet

SIDE_OF_PIXELS = 8  # raw pixels are averaged to so many squares a side before they are compared
ROWS_AT_ONCE = 128


@dataclass
class ImageReader:
    """Images in, pixels or a frozen classifier's embeddings out.

    Attributes
    ----------
    preprocessor : Preprocessor
    backbone : str
        Name of the model.
    encoder : FrozenImageEncoder or None
        Where a head stands on it.
    digest : str or None
        Of the pretrained classifier but for its last layer; None for one from nothing.
    adapters : Path, optional
        The model folder, where the network that was read from it was trained by adapters.
    """

    preprocessor: Preprocessor
    backbone: str
    encoder: "FrozenImageEncoder | None"
    digest: str | None = None
    adapters: Path | None = None

    def inputs(self, raw: RawInputs, accelerator: Any, progress: Quiet | None = None) -> Inputs:
        images = ImageInputs(self.decoder(cast(Images, raw)), np.arange(len(raw)))
        if self.encoder is None:
            return images
        return FeatureInputs(outputs(self.encoder, images, self.encoder.dimension, accelerator, progress=progress))

    def decoder(self, images: Images) -> Pixels:
        """What gives the pixels of one image, (3, h, w) uint8."""
        return lambda position: self.preprocessor.pixels(images.open(position))

    def save(self, folder: Path, network: nn.Module) -> dict[str, Any]:
        if isinstance(network, ImageNetwork):
            save_classifier(folder, network.classifier, network.adapters)
        else:
            save_head(folder, network, self.backbone)
        self.preprocessor.processor.save_pretrained(folder)
        about = {"modality": "image", "backbone": self.backbone, "stored": self.preprocessor.stored}
        return about | ({"encoder_digest": self.digest} if self.digest is not None else {})

    def of_epochs(self, network: nn.Module) -> nn.Module:
        """See `TextReader.of_epochs`."""
        if self.adapters is None:
            return copy.deepcopy(network)
        config = cast(Any, cast(ImageNetwork, network).classifier).config
        labels = [config.id2label[code] for code in range(config.num_labels)]
        classifier = load_image_classifier(self.backbone, labels, new_head=True)
        check_encoder(self.backbone, FrozenImageEncoder(network_of(classifier, self.preprocessor)).digest, self.digest)
        return network_of(classifier, self.preprocessor, like_saved(classifier, self.adapters, self.backbone))

    def checks(self) -> dict[str, Any]:
        return {}


class FrozenImageEncoder(nn.Module):
    """A classifier that is not trained: what its last layer reads, (b, d) float32 of unit length."""

    def __init__(self, network: ImageNetwork):
        super().__init__()
        self.network = network
        last = last_linear(network)
        self.dimension: int = last.in_features if last is not None else int(network.classifier.config.num_labels)  # pyright: ignore

    @property
    def digest(self) -> str:
        """Of the weights but for those of the last layer, which may be new, and of the normalisation."""
        last, network = last_linear(self.network), self.network
        new = next((f"{name}." for name, module in network.named_modules() if module is last), None)
        return network_digest(network, network.mean.tolist(), network.scale.tolist(), without=new)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return functional.normalize(classify_and_embed(self.network, inputs)[1].float(), dim=-1)


def prepare(
    dataset: Dataset, settings: Settings, accelerator: Any, storage: Storage | None, progress: Quiet
) -> Prepared:
    """Decode, and embed where only a head is trained; see `Modality.prepare`."""
    trained = trainable_rows(dataset)
    labels = [str(value) for value in dataset.labels.classes]
    if settings.scratch is not None:
        name, preprocessor = settings.scratch, scratch_preprocessor(settings.scratch, settings.resolution)
    else:
        name = settings.backbone or ""
        preprocessor = load_preprocessor(name, settings.resolution)

    def build(rank: int | None = settings.lora_rank) -> ImageNetwork:
        if settings.scratch is not None:
            return network_of(scratch_classifier(name, labels), preprocessor, pretrained=False)
        classifier = load_image_classifier(name, labels, new_head=True)
        return network_of(classifier, preprocessor, add_adapters(classifier, rank, name))

    start = FrozenImageEncoder(build(rank=None))  # first, so that a model that does not fit is known at once
    check_reads(start.network, preprocessor, name, settings.resolution)
    adapters = build().adapters if settings.lora_rank is not None else None
    if adapters is not None:
        dataset = replace(dataset, notes=[*dataset.notes, adapters.note])
    encoder = start if settings.tune == "head" else None
    digest = None if settings.scratch is not None else start.digest
    if digest is not None:
        keep_encoder(storage, name, digest, accelerator.is_main_process)
    reader = ImageReader(preprocessor, name, encoder, digest)
    pixels = reader.decoder(cast(Images, dataset.inputs))
    inputs = decoded(pixels, len(dataset), settings.image_cache, accelerator, storage, progress)
    similarity = None
    if settings.scratch is None:
        similarity = sentence_similarity(name, preprocessor, inputs.take(trained), accelerator, progress)
    if encoder is not None:
        matrix = embeddings(encoder, inputs, dataset.order, accelerator, storage, progress)
        return replace(prepare_head(dataset, trained, matrix, reader), similarity=similarity)
    some = inputs.take(trained[sample_rows(len(trained))])
    if settings.scratch is not None:
        return Prepared(
            dataset=dataset, trained=trained, inputs=inputs, untrained=coarse_pixels(some), informative=False,
            build=build, reader=reader,
        )  # fmt: skip
    untrained = outputs(start, some, start.dimension, accelerator, low_precision=True)

    def embed() -> np.ndarray:
        start = FrozenImageEncoder(build(rank=None))
        return outputs(start, inputs.take(trained), start.dimension, accelerator, low_precision=True, progress=progress)

    return Prepared(
        dataset=dataset, trained=trained, inputs=inputs, untrained=untrained, build=build, reader=reader,
        embed=embed, space=embed, similarity=similarity,
    )  # fmt: skip


def load(folder: Path, about: dict[str, Any]) -> tuple[ImageReader, nn.Module]:
    """Read what `ImageReader.save` wrote."""
    labels, name = [str(value) for value in about["classes"]], about["backbone"]
    preprocessor = load_preprocessor(str(folder), None)
    preprocessor.stored = tuple(about["stored"]) if about["stored"] else None
    if has_head(folder):
        encoder = FrozenImageEncoder(network_of(load_image_classifier(name, labels, new_head=True), preprocessor))
        check_reads(encoder.network, preprocessor, name)
        check_encoder(name, encoder.digest, about.get("encoder_digest"))
        return ImageReader(preprocessor, name, encoder, encoder.digest), load_head(folder, len(labels))
    network = network_of(load_image_classifier(str(folder), labels, new_head=False, whole=True), preprocessor)
    check_reads(network, preprocessor, str(folder))
    adapters = folder if has_adapters(folder) else None
    return ImageReader(preprocessor, name, None, about.get("encoder_digest"), adapters), network


def network_of(
    classifier: nn.Module, preprocessor: Preprocessor, adapters: Adapters | None = None, *, pretrained: bool = True
) -> ImageNetwork:
    """A classifier that reads the pixels of this preprocessor, with the adapters in it."""
    size = preprocessor.processor.size
    enlarged = (int(size["height"]), int(size["width"])) if preprocessor.stored is not None else None
    mean, scale = preprocessor.mean, preprocessor.scale
    return ImageNetwork(classifier, mean, scale, enlarged, pretrained=pretrained, adapters=adapters)


def decoded(
    pixels: Pixels, n: int, limit: int, accelerator: Any, storage: Storage | None, progress: Quiet
) -> ImageInputs:
    """All images decoded once where they fit into `limit` megabytes, else decoded as they are needed."""
    shape = pixels(0).shape
    needed = n * int(np.prod(shape)) / 1e6
    say = progress.line if accelerator.is_main_process else lambda line: None
    size = f"{n} images of {shape[2]} x {shape[1]} pixels"
    if needed > limit:
        say(f"{size} would take {needed:.0f} MB, over --image-cache {limit}: decoded in workers as needed")
        return ImageInputs(pixels, np.arange(n))
    if storage is None:
        temporary = Path(mkdtemp(prefix="mislabel-"))
        path = temporary / "pixels.npy"
    else:
        temporary, path = None, storage.pixels
    if not _same(path, (n, *shape)) and (storage is None or storage.leads):
        say(f"{size} decoded once, {needed:.1f} MB of --image-cache {limit}")
        progress.begin("decode", n)
        try:
            decode_all(pixels, n, path, lambda count: progress.advance(by=count))
        except BaseException:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)
            raise
        progress.end()
        if storage is not None:
            add_digests(storage.path, path)
    accelerator.wait_for_everyone()
    store = np.load(path, mmap_mode="r")
    if temporary is not None:  # nobody asked for files: they go when the pixels do
        weakref.finalize(store, shutil.rmtree, temporary, ignore_errors=True)
    return ImageInputs(store, np.arange(n))


def check_reads(network: nn.Module, preprocessor: Preprocessor, name: str, resolution: int | None = None) -> None:
    """Raise InputError where a model cannot read images of this size, as some have a position for every patch."""
    from PIL import Image

    pixels = preprocessor.pixels(Image.new("RGB", (64, 64)))
    size = f"images of {pixels.shape[2]} x {pixels.shape[1]} pixels"
    try:
        with torch.inference_mode():
            logits = network.eval()({"pixel_values": torch.from_numpy(pixels)[None]})
    except Exception as error:  # of any kind: the library's models raise what they like
        if resolution is None:
            raise refusal(name, f"it cannot read {size}, which its preprocessor makes ({reason(error)})") from error
        raise InputError(
            f"the model {name!r} cannot read {size} ({error}): leave "
            "--resolution out, or choose a model without positions, such as a ResNet or ConvNeXt"
        ) from error
    if not bool(torch.isfinite(logits).all()):
        raise refusal(name, f"it gives NaN or infinity for {size}")


def coarse_pixels(inputs: ImageInputs) -> np.ndarray:
    """What can be said of images without any model, (m, d) float32: their pixels, averaged over squares."""
    averages = []
    for rows in np.array_split(np.arange(len(inputs)), -(-len(inputs) // ROWS_AT_ONCE)):
        pixels = inputs.batch(rows)["pixel_values"].float()
        averages.append(functional.adaptive_avg_pool2d(pixels, SIDE_OF_PIXELS).flatten(1).numpy())
    return np.concatenate(averages)


def _same(path: Path, shape: tuple[int, ...]) -> bool:
    """Whether the pixels are there already, from a run that is continued."""
    if not path.is_file() or known_digest(path) is None:  # killed while it was filled
        return False
    with telling_damage(path):
        check_file(path)
        return np.load(path, mmap_mode="r", allow_pickle=False).shape == shape
