"""What a run needs to know of its inputs: one file for each of texts, images and features, and the same few answers."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import nn

from mislabel.data import Dataset
from mislabel.data.inputs import RawInputs
from mislabel.run.config import RunConfig
from mislabel.run.folder import RunFolder
from mislabel.training.inputs import Inputs
from mislabel.training.progress import Quiet


class Reader(Protocol):
    """From a user's inputs to what the network reads; goes to disk with the model."""

    def inputs(self, raw: RawInputs, accelerator: Any, progress: Quiet | None = None) -> Inputs:
        """What the network reads of new rows."""
        ...

    def save(self, folder: Path, network: nn.Module) -> dict[str, Any]:
        """Write the network and what belongs to it; gives what a JSON file must keep for `load_reader`."""
        ...

    def checks(self) -> dict[str, Any]:
        """What `load_dataset` and `make_dataset` must be told so that new rows are read as the training rows were."""
        ...


@dataclass(frozen=True)
class Prepared:
    """A data set made ready for training.

    Attributes
    ----------
    dataset : Dataset
        With the notes and states that only reading the inputs could tell.
    trained : (m,) int64
        Positions of the rows that train.
    inputs : Inputs
        Of all n rows.
    untrained : (s, d) float32
        What is known of the training rows `sample_rows(m)` before any training, to see whether labels and inputs are
        related.
    telling : bool
        Whether `untrained` says enough for that: raw pixels do not.
    build : callable
        Gives a new network.
    reader : Reader
    embed : callable, optional
        Gives what is known of all training rows before any training, (m, d) float32, made only where it is needed;
        None where there is nothing but raw pixels.
    standardised : callable, optional
        Gives what a head reads of all rows, (n, d) float16; None where a whole network is trained.
    """

    dataset: Dataset
    trained: np.ndarray
    inputs: Inputs
    untrained: np.ndarray
    telling: bool
    build: Callable[[], nn.Module]
    reader: Reader
    embed: Callable[[], np.ndarray] | None = None
    standardised: Callable[[], np.ndarray] | None = None


ROOMS = {name: f"mislabel.modalities.{name}.reader" for name in ("text", "image", "features")}


def prepare(
    dataset: Dataset, config: RunConfig, accelerator: Any, folder: RunFolder | None, progress: Quiet
) -> Prepared:
    """Read the inputs, whatever they are.

    Raises
    ------
    InputError
        If the data cannot train a classifier, or a model cannot be loaded.
    """
    return import_module(ROOMS[dataset.inputs.modality]).prepare(dataset, config, accelerator, folder, progress)


def load_reader(folder: Path, about: dict[str, Any]) -> tuple[Reader, nn.Module]:
    """The reader and the network that `Reader.save` wrote; `about` is what it gave, and `classes`."""
    return import_module(ROOMS[about.get("modality", "text")]).load(folder, about)
