"""What a loss gets for each batch, and the base class of all losses."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mislabel.dynamics.store import DynamicsStore

if TYPE_CHECKING:
    from mislabel.training.pruning import Look

OPINION = "opinion"  # the table in which a loss puts what it teaches in place of `Batch.opinion`


def _no_mixing(partner: Tensor, share: Tensor) -> Tensor:
    raise ValueError("the stage of this loss does not mix: say Stage(..., mixes=True)")


@dataclass(frozen=True)
class Batch:
    """One batch as a loss sees it.

    Attributes
    ----------
    index : (b,) int64
        Position of each row among the training rows; never changes during a run.
    target : (b,) int64
        Label codes to learn from: the given labels, since no loss gets a row with a trusted one.
    logits : (branches, views, b, classes) float32
        View 0 is weak, view 1 strong. Without gradients where the stage mixes inputs.
    mixed : callable
        Logits of rows mixed with others, (branches, m, classes) float32, m = views x b, view after view. Takes
        `partner`, (branches, m) int64: with which of the m rows each is mixed, and `share`, (branches, m) float32:
        how much of its own a row keeps. Only where the stage mixes.
    opinion : (b, classes) float32, optional
        What all evidence says of the rows' true labels; there where the method asks for it, see `Method`.
    features : (networks, views, b, d), optional
        What the last linear layer of each network read, with gradients; only where the stage asks for it.
    unshaped : (networks, views, b, d), optional
        The features before they were reshaped, without gradients; only where the stage reshapes them.
    teacher : (branches, b, classes) float32, optional
        Logits of the weak view, unmixed, in evaluation mode and with the mean of the weights; only where the stage asks
        for it.
    weight : (b,) float32, optional
        How much each row counts where a label is fitted, 1 in the mean of all training rows, so that large classes do
        not drown small ones (`training/balance.py`); None where all count the same.
    """

    index: Tensor
    target: Tensor
    logits: Tensor
    mixed: Callable[[Tensor, Tensor], Tensor] = field(default=_no_mixing, repr=False)
    opinion: Tensor | None = None
    weight: Tensor | None = None
    features: Tensor | None = None
    unshaped: Tensor | None = None
    teacher: Tensor | None = None

    def weigh(self, values: Tensor) -> Tensor:
        """Values by row, (..., b) float, times the rows' weights."""
        return values if self.weight is None else values * self.weight

    def mean(self, values: Tensor) -> Tensor:
        """The weighted mean over rows of what pulls each to its label, (..., b) float, and over the leading axes.

        The sum of weights times values, divided by the number of values: a row of weight 2 counts as two of them.
        """
        return self.weigh(values).mean()


class Loss:
    """Gives one number for a batch: the mean over its rows. Rows with a trusted label never come to it.

    What pulls a row to its label goes through `Batch.mean` or `Batch.weigh`, so that classes can be balanced.

    A loss may remember: `begin` is called when its stage starts or resumes, `epoch_end` after each epoch, both with
    the dynamics recorded so far, over all processes. What it cannot derive from them goes into `state`, which JSON
    must be able to hold, or into `tables`. A loss without memory overrides none of these.

    Attributes
    ----------
    tables : dict of Tensor
        What it keeps by row, each (..., n training rows, width), on the device, made in `begin`. In an epoch a row may
        be written only by the call that has it in its batch: processes then share what they wrote. One that it makes in
        `epoch_end` under the name OPINION, (n, classes), is `Batch.opinion` from then on, also in the weights of rows
        and in what the run says of them.
    """

    def __init__(self) -> None:
        self.tables: dict[str, Tensor] = {}

    def __call__(self, batch: Batch) -> Tensor:
        raise NotImplementedError

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        """Prepare for the stage; `target` (n,) int64 are the labels that all training rows learn from."""

    def prune(self, look: "Look") -> np.ndarray:
        """Which inputs of the last linear layer count for nothing in this stage, (d,) bool.

        Called after `begin` where the stage prunes, on all processes with the same look. A run that continues in the
        stage does not call it again: what is to stay of the look goes into `tables`.
        """
        raise NotImplementedError

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        """An epoch is over, and recorded."""

    def state(self) -> dict[str, Any]:
        """What a run that continues needs, beside `tables`."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave; called after `begin`."""
