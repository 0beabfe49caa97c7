"""A small network on vectors: features as they are, or embeddings of a frozen encoder."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mislabel.data import Dataset
from mislabel.dynamics.trajectory import HALF_MAX
from mislabel.files import write_array
from mislabel.integrity import add_digests, check_file, telling_damage
from mislabel.modalities.contract import Prepared, Reader, Storage, sample_rows
from mislabel.modalities.vectors import RESHAPED, FeatureInputs, FeatureNetwork, standardisation
from mislabel.posterior.derived import derived
from mislabel.training.inference import outputs
from mislabel.training.inputs import Inputs
from mislabel.training.progress import Quiet

HEAD_FILE = "head.safetensors"


def prepare_head(
    dataset: Dataset, trained: np.ndarray, matrix: np.ndarray, reader: Reader, *, embedded: bool = True
) -> Prepared:
    """A head on the rows of a matrix, (n, d) float32, standardised by those of them that train.

    Parameters
    ----------
    embedded : bool
        Whether an encoder made the rows, so that those of like meaning point into one direction; columns of a table
        have units of their own, and are compared standardised.
    """
    width, n_classes = matrix.shape[1], dataset.labels.n_classes
    own = derived(matrix, lambda rows: rows, width, trained)
    mean, scale = standardisation(own)
    some = own[sample_rows(len(trained))]

    def standard(rows: np.ndarray) -> np.ndarray:
        return (rows - mean.numpy()) / scale.numpy()

    return Prepared(
        dataset=dataset,
        trained=trained,
        inputs=FeatureInputs(matrix, mean, scale),
        untrained=some if embedded else standard(some),
        by_direction=embedded,
        build=lambda: FeatureNetwork(mean, scale, n_classes),
        reader=reader,
        embed=lambda: standard(matrix[trained]),
        space=(lambda: own) if embedded else (lambda: derived(own, standard, width)),
        standardised=lambda: in_half(matrix, mean.numpy(), scale.numpy()),
    )


def in_half(matrix: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> Any:
    """Rows (n, d) standardised by (d,) each, float16, `Derived` where they are many.

    A number that half precision cannot hold becomes its largest.
    """

    def half(rows: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return ((rows - mean) / scale).clip(-HALF_MAX, HALF_MAX).astype(np.float16)

    return derived(matrix, half, matrix.shape[1])


def embeddings(
    encoder: nn.Module, inputs: Inputs, order: np.ndarray, accelerator: Any, storage: Storage | None, progress: Quiet
) -> np.ndarray:
    """The embeddings of a frozen encoder for all rows, (n, d) float32, computed or read from the run.

    Parameters
    ----------
    order : (n,) int64
        In which the rows are taken; they are kept in the order of the inputs.
    """
    shape = (len(inputs), int(encoder.dimension))  # pyright: ignore[reportArgumentType]
    # All processes look, so that all compute or none does.
    if storage is not None and storage.embeddings.is_file():
        with telling_damage(storage.embeddings):
            check_file(storage.embeddings)
            cached = np.load(storage.embeddings, allow_pickle=False)
        if cached.shape == shape:
            return cached
    matrix = outputs(
        encoder, inputs, shape[1], accelerator, low_precision=True, order=order, progress=progress, doing="embed"
    )
    if storage is not None and accelerator.is_main_process:
        write_array(matrix, storage.embeddings)
        add_digests(storage.path, storage.embeddings)
    return matrix


def has_head(folder: Path) -> bool:
    """Whether a model folder holds a head, not a whole classifier."""
    return (folder / HEAD_FILE).is_file()


def save_head(folder: Path, network: nn.Module, backbone: str) -> None:
    """Write a head, with the name of the encoder that it stands on."""
    tensors = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    save_file(tensors, folder / HEAD_FILE, metadata={"backbone": backbone})


def load_head(folder: Path, n_classes: int) -> FeatureNetwork:
    """Read what `save_head` wrote.

    Raises
    ------
    ValueError
        If it is damaged: of other shapes, or with NaN.
    """
    tensors = load_file(folder / HEAD_FILE)
    broken = next((name for name, value in tensors.items() if not bool(torch.isfinite(value).all())), None)
    if broken is not None:
        raise ValueError(f"{HEAD_FILE} holds NaN or infinity, first in {broken}")
    network = FeatureNetwork(tensors["mean"], tensors["scale"], n_classes)
    if RESHAPED in tensors:
        network.reshape()
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:  # names what is missing or of another shape
        raise ValueError(f"{HEAD_FILE} does not fit the classes of the run: {error}") from error
    return network
