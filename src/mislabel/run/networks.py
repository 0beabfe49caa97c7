"""The networks that a run trains: a whole classifier, or a head on embeddings of a frozen encoder."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from mislabel.backbones.features import FeatureNetwork, standardisation
from mislabel.backbones.inputs import Inputs
from mislabel.backbones.pooler import FirstAndMean, find_pooler, fit_pooler, sample_rows
from mislabel.backbones.text import FrozenEncoder, TextInputs, TextNetwork, load_classifier
from mislabel.files import atomic_path
from mislabel.run.folder import RunFolder
from mislabel.training.inference import outputs
from mislabel.training.progress import Quiet


def whole_classifier(backbone: str, classes: list, texts: TextInputs, accelerator: Any) -> Callable[[], nn.Module]:
    """Builds a classifier with a new head, its pooler fitted to the training texts (once for all branches)."""
    fitted: list[Any] = []

    def build() -> nn.Module:
        classifier = load_classifier(backbone, [str(value) for value in classes])
        dense = find_pooler(classifier)
        if dense is not None:
            if not fitted:
                some, width = texts.take(sample_rows(len(texts))), 2 * dense.in_features
                encoder = FirstAndMean(cast(nn.Module, classifier.base_model))
                fitted.append(fit_pooler(outputs(encoder, some, width, accelerator, low_precision=True)))
            with torch.no_grad():
                dense.weight.copy_(fitted[0][0])
                dense.bias.copy_(fitted[0][1])
        return TextNetwork(classifier)

    return build


def head(matrix: np.ndarray, n_classes: int) -> Callable[[], nn.Module]:
    """Builds a head for features like those of the training rows, (m, d) float32."""
    mean, scale = standardisation(matrix)
    return lambda: FeatureNetwork(mean, scale, n_classes)


def embeddings(
    encoder: FrozenEncoder, texts: Inputs, accelerator: Any, folder: RunFolder | None, progress: Quiet
) -> np.ndarray:
    """Embeddings of all texts, from the run folder where they are there already."""
    if folder is not None and folder.embeddings.is_file():
        cached = np.load(folder.embeddings)
        if cached.shape == (len(texts), encoder.dimension):
            return cached
    matrix = outputs(encoder, texts, encoder.dimension, accelerator, low_precision=True, progress=progress)
    if folder is not None:
        with atomic_path(folder.embeddings) as temporary, temporary.open("wb") as file:
            np.save(file, matrix)
    return matrix
