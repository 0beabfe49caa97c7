"""What a method asks of the training loop: stages, and in each a loss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mislabel.training.losses import Loss
from mislabel.training.training_settings import Balance


@dataclass(frozen=True)
class Recording:
    """How a stage's trajectories are recorded: each branch's embedding and class probabilities, per row and epoch.

    Attributes
    ----------
    source : "evaluation" or "training"
        A pass in evaluation mode after each epoch, or the training pass itself: free, but with dropout and with
        weights that change from batch to batch.
    dimension : int, optional
        Embeddings are projected to so many dimensions; without it as they are, or to as many as keep the store below
        `mislabel.training.room.TRAJECTORY_BYTES`.
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
    evaluates : bool or "probabilities"
        Whether a pass in evaluation mode follows each epoch, and comes before the first one where the stage starts with
        selected weights, for `DynamicsStore.evaluation`, or also for `DynamicsStore.probabilities`.
    features : bool
        Whether the loss learns from `Batch.features` too; all passes then carry gradients.
    reshapes : bool
        Whether a residual network stands between features that stay as they are and the last linear layer
        (`training/reshaping.py`), for `Batch.unshaped`. A stage that goes on from the one before is as that is.
    teacher : float
        How much of itself a mean of the weights keeps at each step, for `Batch.teacher`; at 0 there is none.
    validation : float
        Share of the rows, drawn by target, that are not trained on; after each epoch they are predicted, and where it
        is above 0 the weights of the epoch that predicts their targets best are selected.
    frozen : bool
        Whether pretrained encoders stay as they are, dropout off, and the last linear layer and what lies beside the
        encoder train alone, at a rate for heads. A network without one, as on features, trains whole.
    prunes : bool
        Whether the loss looks at the network before the first step (`Loss.prune`), and what it names of the last linear
        layer is 0 from then on. For one branch.
    balance : "none", "half" or "classes", optional
        How classes weigh in this stage; as the run's settings say without it.
    waits : int
        Epochs for which the rows that wait do not train (`Loop`), so that what the network says of them is not what it
        was taught. When they are over, all rows are asked in evaluation mode, for `DynamicsStore.asked`.
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
    evaluates: bool | Literal["probabilities"] = False
    features: bool = False
    reshapes: bool = False
    teacher: float = 0.0
    validation: float = 0.0
    frozen: bool = False
    prunes: bool = False
    balance: Balance | None = None
    waits: int = 0
