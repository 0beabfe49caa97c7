"""What a method asks of the training loop: stages, and in each a loss."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from mislabel.dynamics.store import DynamicsStore


def _no_mixing(partner: Tensor, share: Tensor) -> Tensor:
    raise ValueError("the stage of this loss does not mix: say Stage(..., mixes=True)")


@dataclass(frozen=True)
class Batch:
    """One batch as a loss sees it.

    Attributes
    ----------
    index : (b,) int64
        Position of each row among the training rows; never changes during a run.
    given : (b,) int64
        Given label codes.
    logits : (branches, views, b, classes) float32
        View 0 is weak, view 1 strong. Without gradients where the stage mixes inputs.
    mixed : callable
        Logits of rows mixed with others, (branches, m, classes) float32, m = views x b, view after view. Takes
        `partner`, (branches, m) int64: with which of the m rows each is mixed, and `share`, (branches, m) float32:
        how much of its own a row keeps. Only where the stage mixes.
    """

    index: Tensor
    given: Tensor
    logits: Tensor
    mixed: Callable[[Tensor, Tensor], Tensor] = field(default=_no_mixing, repr=False)


class Loss(Protocol):
    """A loss gives one number for a batch: the mean over its rows. Rows whose label is known never come to it.

    `begin` is called when its stage starts or resumes, `epoch_end` after each epoch, both with the dynamics recorded
    so far, over all processes. What it cannot derive from them goes into `state`, which JSON must be able to hold, or
    into `tables`.

    Attributes
    ----------
    tables : dict of Tensor
        What it keeps by row, each (..., n training rows, width), on the device, made in `begin`. In an epoch a row may
        be written only by the call that has it in its batch: processes then share what they wrote.
    """

    tables: dict[str, Tensor]

    def begin(self, dynamics: DynamicsStore, given: np.ndarray, n_classes: int, device: torch.device) -> None: ...
    def __call__(self, batch: Batch) -> Tensor: ...
    def epoch_end(self, dynamics: DynamicsStore) -> None: ...
    def state(self) -> dict[str, Any]: ...
    def load_state(self, state: dict[str, Any]) -> None: ...


class StatelessLoss:
    """The parts of `Loss` that a loss without memory leaves empty."""

    def __init__(self) -> None:
        self.tables: dict[str, Tensor] = {}

    def begin(self, dynamics: DynamicsStore, given: np.ndarray, n_classes: int, device: torch.device) -> None:
        pass

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass


@dataclass(frozen=True)
class Recording:
    """How a stage's trajectories are recorded: each branch's embedding and class probabilities, per row and epoch.

    Attributes
    ----------
    source : "evaluation" or "training"
        A pass in evaluation mode after each epoch, or the training pass itself: free, but with dropout and with
        weights that change from batch to batch.
    dimension : int, optional
        Embeddings are projected to so many dimensions; as they are without it.
    """

    source: Literal["evaluation", "training"] = "evaluation"
    dimension: int | None = None


@dataclass(frozen=True)
class Stage:
    """One part of a training run.

    Attributes
    ----------
    name : str
        Unique within the run.
    epochs : int
        Looks at every training row.
    loss : Loss
        What is minimised.
    views : int
        1: the weak view; 2: weak and strong, as one double batch.
    branches : int
        Networks trained side by side.
    shared : bool
        Whether the branches are heads on one network instead of networks of their own.
    trajectory : Recording, optional
        Whether and how trajectories are recorded; the weights after each epoch are then kept too, in half precision.
    start : "fresh", "last" or "selected"
        New weights, those where the stage before ended, or those that it selected.
    select : callable, optional
        From the prediction changes between this stage's passes so far, (passes - 1,) int, to the 0-based epoch
        whose weights to keep for a later stage.
    decay : bool
        Whether the learning rate falls over the stage, as `TrainingSettings.schedule` says; else it is constant.
    mixes : bool
        Whether the loss learns from `Batch.mixed` alone. Inputs that are numbers are mixed themselves: the pass that
        gives `Batch.logits` then carries no gradients. Of texts the embeddings are mixed, in the same pass.
    evaluates : bool
        Whether a pass in evaluation mode follows each epoch, for `DynamicsStore.evaluation`.
    validation : float
        Share of the rows, drawn by given label, that are not trained on; after each epoch they are predicted, and
        where it is above 0 the weights of the epoch that predicts their given labels best are selected.
    """

    name: str
    epochs: int
    loss: Loss
    views: int = 1
    branches: int = 1
    shared: bool = False
    trajectory: Recording | None = None
    start: Literal["fresh", "last", "selected"] = "fresh"
    select: Callable[[np.ndarray], int] | None = None
    decay: bool = True
    mixes: bool = False
    evaluates: bool = False
    validation: float = 0.0


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; one set of defaults for all data.

    Attributes
    ----------
    batch_size : int
        Rows per optimiser step, over all processes.
    accumulate : int
        Forward and backward passes that one step is split into; changes memory, not the gradient. Methods that rank
        or mix the rows of a batch do so within each part.
    optimizer : "adamw" or "sgd"
    learning_rate, weight_decay, momentum, clip : float
        Of the optimiser, momentum of SGD alone; `clip` bounds the gradient's norm.
    schedule : "linear" or "cosine"
        How the learning rate falls in stages that let it fall.
    floor : float
        Where it falls to.
    warmup : float
        Share of a fresh stage's steps over which the learning rate rises from zero.
    precision : "auto", "bf16" or "fp32"
        "auto" takes bf16 where the device has it in hardware.
    device : "auto", "cpu", "cuda" or "mps"
    seed : int
    compile : bool
        Whether networks go through torch.compile.
    record : bool
        Whether dynamics are recorded; off only to measure what recording costs.
    """

    batch_size: int = 32
    accumulate: int = 1
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 3e-5
    weight_decay: float = 0.01
    momentum: float = 0.0
    schedule: Literal["linear", "cosine"] = "linear"
    floor: float = 0.0
    clip: float = 1.0
    warmup: float = 0.06
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    seed: int = 0
    compile: bool = False
    record: bool = True
