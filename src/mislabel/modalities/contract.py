"""What a modality and a run exchange: settings and storage go in, inputs ready for training come out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mislabel.data import Dataset
from mislabel.data.inputs import RawInputs
from mislabel.posterior.derived import evenly
from mislabel.training.progress import Quiet

if TYPE_CHECKING:  # a report reads runs where torch is not installed
    from torch import nn

    from mislabel.training.inputs import Inputs

SAMPLED = 2048  # rows that stand for all rows


class Settings(Protocol):
    """The settings of a run that its inputs depend on, with their defaults filled in; see `mislabel.run.settings`."""

    @property
    def backbone(self) -> str | None: ...

    @property
    def scratch(self) -> str | None: ...

    @property
    def tune(self) -> str: ...

    @property
    def lora_rank(self) -> int | None: ...

    @property
    def max_length(self) -> int: ...

    @property
    def resolution(self) -> int | None: ...

    @property
    def image_cache(self) -> int: ...


class Storage(Protocol):
    """Where a run keeps what is computed once, so that a resumed run finds it; a run folder is one.

    `leads` says whether this process writes there, of those that read it.
    """

    leads: bool
    path: Path
    embeddings: Path
    encoder: Path
    pixels: Path


class Reader(Protocol):
    """From a user's inputs to what the network reads; goes to disk with the model."""

    def inputs(self, raw: RawInputs, accelerator: Any, progress: Quiet | None = None) -> "Inputs":
        """What the network reads of new rows."""
        ...

    def save(self, folder: Path, network: "nn.Module") -> dict[str, Any]:
        """Write the network and what belongs to it; gives what a JSON file must keep for `load_reader`."""
        ...

    def checks(self) -> dict[str, Any]:
        """Arguments of `load_dataset` and `make_dataset` with which new rows are read as the training rows were."""
        ...


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a data set before any training.

    Attributes
    ----------
    dataset : Dataset
        With the notes and statuses that come from reading the inputs.
    trained : (m,) int64
        Positions of the rows that train, in the order in which a run takes them.
    untrained : (s, d) float32
        Features of the training rows `sample_rows(m)` before any training, from which it is estimated whether labels
        and inputs are related.
    by_direction : bool
        Whether rows of `untrained` are near by direction, as embeddings are, or by distance.
    informative : bool
        Whether `untrained` says enough for that: raw pixels do not.
    space : callable, optional
        Gives the training rows in the space in which those of a class lie together, (m, d) float32: as a frozen encoder
        made them, or features standardised; an array or `Derived`. None where there is no such space.
    similarity : callable, optional
        Gives the cosine of every training row with each of S sentences, (m, S) float32, in the space of the pretrained
        encoder before any training; all processes call it together. None where inputs and words share no space.
    """

    dataset: Dataset
    trained: np.ndarray
    untrained: np.ndarray
    by_direction: bool = True
    informative: bool = True
    space: Callable[[], Any] | None = None
    similarity: Callable[[Sequence[str]], np.ndarray] | None = None


@dataclass(frozen=True, kw_only=True)
class Prepared(Known):
    """A data set made ready for training.

    Attributes
    ----------
    inputs : Inputs
        Of all n rows.
    build : callable
        Gives a new network.
    reader : Reader
    embed : callable, optional
        Gives features such as `untrained` of all training rows, (m, d) float32, computed only where they are needed;
        None where there is nothing but raw pixels.
    standardised : callable, optional
        Gives what a head reads of all rows, (n, d) float16, an array or `Derived`; None for a whole network.
    """

    inputs: "Inputs"
    build: Callable[[], "nn.Module"]
    reader: Reader
    embed: Callable[[], np.ndarray] | None = None
    standardised: Callable[[], Any] | None = None


def sample_rows(count: int) -> np.ndarray:
    """Which of so many rows stand for all of them: evenly spaced, (m,) int64 with m <= 2048."""
    return evenly(count, SAMPLED)
