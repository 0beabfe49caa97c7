"""The networks that a run trains: a whole classifier, or a head on embeddings of a frozen encoder."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from mislabel.backbones.features import FeatureNetwork, standardisation
from mislabel.backbones.inputs import Inputs
from mislabel.backbones.pooler import FirstAndMean, find_pooler, fit_pooler, sample_rows
from mislabel.backbones.text import FrozenEncoder, TextInputs, TextNetwork, load_classifier, load_encoder
from mislabel.files import atomic_path
from mislabel.run.folder import RunFolder
from mislabel.training.inference import outputs
from mislabel.training.progress import Quiet


def token_states(backbone: str, texts: TextInputs, accelerator: Any) -> np.ndarray:
    """First and mean token states of some texts in the untrained encoder, (m, 2 d) float32; see `sample_rows`."""
    encoder = load_encoder(backbone)
    some = texts.take(sample_rows(len(texts)))
    return outputs(FirstAndMean(encoder.encoder), some, 2 * encoder.dimension, accelerator, low_precision=True)


def whole_classifier(backbone: str, classes: list, states: np.ndarray) -> Callable[[], nn.Module]:
    """Builds a classifier with a new head, its pooler fitted to `token_states`."""

    def build() -> nn.Module:
        classifier = load_classifier(backbone, [str(value) for value in classes])
        dense = find_pooler(classifier)
        if dense is not None:
            weight, bias = fit_pooler(states)
            with torch.no_grad():
                dense.weight.copy_(weight)
                dense.bias.copy_(bias)
        return TextNetwork(classifier)

    return build


def head(matrix: np.ndarray, n_classes: int) -> Callable[[], nn.Module]:
    """Builds a head for features like those of the training rows, (m, d) float32."""
    mean, scale = standardisation(matrix)
    return lambda: FeatureNetwork(mean, scale, n_classes)


def embeddings(
    encoder: FrozenEncoder, texts: Inputs, accelerator: Any, folder: RunFolder | None, progress: Quiet
) -> np.ndarray:
    """Embeddings of all texts, (n, d) float32, from the run folder where they are there already."""
    # All processes look, so that all compute or none does.
    if folder is not None and folder.embeddings.is_file():
        cached = np.load(folder.embeddings)
        if cached.shape == (len(texts), encoder.dimension):
            return cached
    matrix = outputs(encoder, texts, encoder.dimension, accelerator, low_precision=True, progress=progress)
    if folder is not None and accelerator.is_main_process:
        with atomic_path(folder.embeddings) as temporary, temporary.open("wb") as file:
            np.save(file, matrix)
    return matrix
