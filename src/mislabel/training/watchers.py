"""How the loop is watched: by whatever hangs on these calls. It trains the same, whoever watches."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mislabel.training.checkpoints import Checkpoint
from mislabel.training.stage_run import StageRun


@dataclass(frozen=True)
class SeenBatch:
    """What the training pass shows of b rows.

    Attributes
    ----------
    rows : (b,) int64
        Positions among the training rows.
    index : (b,) int64 Tensor
        The same, on the device.
    target : (b,) int64 Tensor
    logits : (branches, views, b, classes) float32
    embeddings : (networks, b, d)
        Of the weak view.
    """

    rows: np.ndarray
    index: Tensor
    target: Tensor
    logits: Tensor
    embeddings: Tensor


class Watcher:
    """Hears when a stage starts, of each batch and step, when an epoch ends and when a checkpoint is made.

    In the order of the loop's list. Each call does nothing here; a watcher overrides those that it needs.
    """

    def start(self, run: StageRun, checkpoint: Checkpoint | None) -> None:
        """A stage starts, or goes on from a checkpoint."""

    def batch(self, seen: SeenBatch) -> None:
        """A training pass has looked at some rows; must not wait for the device."""

    def step(self) -> None:
        """The optimiser has taken a step."""

    def epoch_end(self, run: StageRun, epoch: int) -> None:
        """The steps of an epoch, counted from 0, are done, and the watchers before this one have ended it."""

    def state(self, run: StageRun, checkpoint: Checkpoint) -> None:
        """Make safe on disk what is kept there, and put into the checkpoint what `start` needs to go on.

        Called on the main process alone, after `epoch_end`.
        """
