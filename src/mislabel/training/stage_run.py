"""A stage while it runs: what its steps need, and what its watchers may look at."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from mislabel.dynamics.store import DynamicsStore
from mislabel.training.balance import row_weights
from mislabel.training.branches import Branches
from mislabel.training.evaluation import branch_logits
from mislabel.training.inputs import Inputs
from mislabel.training.parts import Take, leaders_first, share
from mislabel.training.progress import Quiet
from mislabel.training.stages import Stage
from mislabel.training.training_settings import TrainingSettings


@dataclass(frozen=True)
class Rows:
    """The training rows, n in all.

    Attributes
    ----------
    inputs : Inputs
    target : (n,) int64
        Label codes to learn from, none of them -1: the trusted label where there is one, else the given one.
    trusted : (n,) bool
        Whose target is a trusted label.
    ids : (n,) array
        Names, for messages.
    n_classes : int
    opinion : (n, classes) float32, optional
        What all evidence says of their true labels.
    worth : (n,) float, optional
        How much each label counts, with a mean of 1.
    waiting : (n,) bool, optional
        Rows that wait where a stage says so; none without it.
    """

    inputs: Inputs
    target: np.ndarray
    trusted: np.ndarray
    ids: np.ndarray
    n_classes: int
    opinion: np.ndarray | None = None
    worth: np.ndarray | None = None
    waiting: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.target)


@dataclass
class StageRun:
    """One stage of a run.

    Attributes
    ----------
    stage, number
        The stage and its position in the run.
    rows : Rows
    target : (n,) int64 Tensor
        The rows' targets, on the device.
    opinion : (n, classes) float32 Tensor, optional
        What all evidence says of them, on the device.
    weight : (n,) float32 Tensor, optional
        How much each row counts where a label is fitted, on the device; None where all count the same.
    held : (n,) bool
        Rows that are held back from training, of which the stage's epochs are judged.
    apart : (n,) bool
        Rows that do not train in the running epoch: those held back, and those that wait.
    model, optimizer
        As accelerate wraps them.
    dynamics : DynamicsStore
        Of the whole run.
    leads, tells_all : bool
        Whether this process writes files, and whether all processes keep what any of them saw: in memory, or because
        more than one folder is written.
    began, loss : float
        When the running epoch began (`time.perf_counter`), and the mean loss of its rows once its steps are done.
    taken : (k,) int64
        Rows that this process takes in the running epoch, in the order of its steps; no other takes them.
    selected_epoch : int, optional
        The epoch whose weights are selected so far, from 0.
    """

    stage: Stage
    number: int
    rows: Rows
    target: Tensor
    weight: Tensor | None
    held: np.ndarray
    model: Any
    optimizer: Any
    dynamics: DynamicsStore
    settings: TrainingSettings
    accelerator: Accelerator
    progress: Quiet
    leads: bool = True
    tells_all: bool = True
    began: float = 0.0
    loss: float = float("nan")
    apart: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=bool))
    taken: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    selected_epoch: int | None = None
    opinion: Tensor | None = None

    @property
    def device(self) -> torch.device:
        return self.accelerator.device

    @property
    def branches(self) -> Branches:
        """The network itself."""
        return self.accelerator.unwrap_model(self.model)

    @property
    def selects(self) -> bool:
        """Whether one epoch's weights are kept for a later stage."""
        return self.stage.select is not None or bool(self.held.any())

    def begin(self, epoch: int) -> None:
        """Start an epoch: its time, and which rows do not train in it."""
        self.began, waiting = time.perf_counter(), self.rows.waiting
        self.apart = self.held if waiting is None or epoch >= self.stage.waits else self.held | waiting

    def logits(self, inputs: Inputs) -> Tensor:
        """Logits in evaluation mode, (branches, len(inputs), classes) float32, the same on every process."""
        return branch_logits(self.branches, inputs, self.rows.n_classes, self.accelerator, self.progress)

    def revise(self, opinion: Tensor | None) -> None:
        """Go on with another opinion, and with the rows' weights by that; as before without one."""
        if opinion is None:
            return
        weight = row_weights(self.rows.target, self.stage.balance or self.settings.balance, opinion.cpu().numpy())
        self.opinion = opinion
        self.weight = None if weight is None else torch.as_tensor(weight, device=self.device)

    def share(self, rows: np.ndarray, values: Sequence[np.ndarray], take: Take, *, follows: bool) -> None:
        """Hand what every process knows of its rows to `take`, where there is something to write to.

        Parameters
        ----------
        follows : bool
            Whether this process maps what another one writes.
        """
        share(
            self.accelerator, rows, values, take if not follows else lambda rows, values: None, with_all=self.tells_all
        )

    def leaders_first(self) -> AbstractContextManager[None]:
        """The block, run by those who write files before those who map them."""
        return leaders_first(self.accelerator, self.leads)

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over processes, of something small."""
        total = self.accelerator.reduce(tensor, "sum")
        assert isinstance(total, Tensor)
        return total
