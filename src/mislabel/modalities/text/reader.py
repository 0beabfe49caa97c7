"""Runs on texts: a whole encoder, or a head on its frozen embeddings."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from mislabel.data import Dataset
from mislabel.data.inputs import RawInputs
from mislabel.data.training_rows import TRAINS, trainable_rows
from mislabel.modalities.contract import Prepared, Settings, Storage, sample_rows
from mislabel.modalities.heads import embeddings, has_head, load_head, prepare_head, save_head
from mislabel.modalities.text.batches import TextInputs
from mislabel.modalities.text.models import (
    FrozenEncoder,
    TextNetwork,
    find_encoder,
    load_classifier,
    load_encoder,
    load_tokenizer,
)
from mislabel.modalities.text.pooler import FirstAndMean, find_pooler, fit_pooler
from mislabel.modalities.text.texts import Texts
from mislabel.modalities.vectors import FeatureInputs
from mislabel.training.inference import outputs
from mislabel.training.inputs import Inputs
from mislabel.training.progress import Quiet


@dataclass
class TextReader:
    """Texts in, tokens or a frozen encoder's embeddings out.

    Attributes
    ----------
    tokenizer
        The encoder's.
    max_length : int
        Tokens kept per text.
    backbone : str
        Name of the encoder.
    encoder : FrozenEncoder or None
        Where a head stands on it.
    """

    tokenizer: Any
    max_length: int
    backbone: str
    encoder: FrozenEncoder | None

    def inputs(self, raw: RawInputs, accelerator: Any, progress: Quiet | None = None) -> Inputs:
        texts = TextInputs(cast(Texts, raw), self.tokenizer, self.max_length)
        if self.encoder is None:
            return texts
        return FeatureInputs(outputs(self.encoder, texts, self.encoder.dimension, accelerator, progress=progress))

    def save(self, folder: Path, network: nn.Module) -> dict[str, Any]:
        if isinstance(network, TextNetwork):
            self.tokenizer.model_max_length = self.max_length
            cast(Any, network.classifier.cpu()).save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        else:
            save_head(folder, network, self.backbone)
        return {"modality": "text", "max_length": self.max_length, "backbone": self.backbone}

    def checks(self) -> dict[str, Any]:
        return {}


def prepare(
    dataset: Dataset, settings: Settings, accelerator: Any, storage: Storage | None, progress: Quiet
) -> Prepared:
    """Tokenise, and embed where only a head is trained; see `Modality.prepare`."""
    backbone = find_encoder(settings.backbone or "")
    tokenizer = load_tokenizer(backbone)
    texts = TextInputs(cast(Texts, dataset.inputs), tokenizer, settings.max_length)
    dataset = with_input_notes(dataset, texts, settings)
    trained = trainable_rows(dataset)
    encoder = load_encoder(backbone) if settings.tune == "head" else None
    reader = TextReader(tokenizer, settings.max_length, settings.backbone or "", encoder)
    if encoder is not None:
        matrix = embeddings(encoder, texts, dataset.order, accelerator, storage, progress)
        return prepare_head(dataset, trained, matrix, reader)
    states = token_states(backbone, texts.take(trained), accelerator)
    build = whole_classifier(backbone, dataset.labels.classes, states)

    def embed() -> np.ndarray:
        start = load_encoder(backbone)
        return outputs(start, texts.take(trained), start.dimension, accelerator, low_precision=True, progress=progress)

    return Prepared(dataset, trained, texts, states[:, states.shape[1] // 2 :], True, build, reader, embed)


def load(folder: Path, about: dict[str, Any]) -> tuple[TextReader, nn.Module]:
    """Read what `TextReader.save` wrote."""
    labels, backbone = [str(value) for value in about["classes"]], about["backbone"]
    if has_head(folder):
        name = find_encoder(backbone)
        reader = TextReader(load_tokenizer(name), about["max_length"], backbone, load_encoder(name))
        return reader, load_head(folder, len(labels))
    reader = TextReader(load_tokenizer(str(folder)), about["max_length"], backbone, None)
    return reader, TextNetwork(load_classifier(str(folder), labels))


def token_states(backbone: str, texts: TextInputs, accelerator: Any) -> np.ndarray:
    """First and mean token states of some texts in the untrained encoder, (m, 2 d) float32; see `sample_rows`."""
    encoder = load_encoder(backbone)
    some = texts.take(sample_rows(len(texts)))
    return outputs(FirstAndMean(encoder.encoder), some, 2 * encoder.dimension, accelerator, low_precision=True)


def whole_classifier(backbone: str, classes: list, states: np.ndarray) -> Callable[[], nn.Module]:
    """Builds a classifier with a new head, its pooler fitted to `token_states`."""

    def build() -> nn.Module:
        classifier = load_classifier(backbone, [str(value) for value in classes], new_head=True)
        dense = find_pooler(classifier)
        if dense is not None:
            weight, bias = fit_pooler(states)
            with torch.no_grad():
                dense.weight.copy_(weight)
                dense.bias.copy_(bias)
        return TextNetwork(classifier)

    return build


def with_input_notes(dataset: Dataset, texts: TextInputs, settings: Settings) -> Dataset:
    """The data set with what only the tokeniser can tell: texts cut, and texts without any known token."""
    notes, status = list(dataset.notes), dataset.status.copy()
    if texts.truncated:
        share = texts.truncated / len(dataset)
        notes.append(
            f"Texts longer than {settings.max_length} tokens, of which the beginning was kept: {texts.truncated} "
            f"({share:.1%}). --max-length raises the limit."
        )
    unread = texts.empty & np.isin(status, TRAINS)
    if unread.any():
        status[unread] = "empty_input"
        notes.append(f"Texts without any token that the encoder knows, not judged: {int(unread.sum())}.")
    return replace(dataset, notes=notes, status=status)
