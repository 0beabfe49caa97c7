"""Co-teaching: two networks, each of which learns the rows that the other finds easy.

Han et al., "Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels", NeurIPS 2018,
arXiv 1804.06872.

In every batch each network ranks the rows by its own cross-entropy; the other one learns from the share R(t) with the
smallest:

    R(t) = 1 - tau min((t / T_k)^c, 1)

======  ========================================================================
symbol  meaning
======  ========================================================================
t       epochs done
T_k     epochs over which R falls
c       how it falls: 1 in a straight line
tau     share of wrong labels
======  ========================================================================

The paper is told tau; here it is estimated from the passes so far and renewed after each epoch, unless it is told. T_k
is the paper's share of all epochs, 10 of 200, but at least one: R is 1 in the first epoch, when losses say little. The
official code divides the mean over the rows kept by their number once more; here it is the mean. The final model is the
mean of the two networks, where the paper tests them one by one.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.errors import in_range
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.posterior.estimated_rate import estimated_rate
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

LARGEST_ESTIMATE = 0.5


class Schedule(Protocol):
    """The options by which rows are kept."""

    @property
    def epochs(self) -> int: ...
    @property
    def noise_rate(self) -> float | None: ...
    @property
    def ramp_share(self) -> float: ...
    @property
    def exponent(self) -> float: ...


def check_schedule(options: Schedule) -> None:
    """Raise InputError unless each is within its bounds."""
    in_range("epochs", options.epochs, 1, 10_000)
    if options.noise_rate is not None:
        in_range("noise_rate", options.noise_rate, 0, 0.99)
    in_range("ramp_share", options.ramp_share, 0, 1)
    in_range("exponent", options.exponent, 0.01, 100)


@dataclass(frozen=True)
class CoTeaching(DefaultPosterior):
    """Options of the method.

    Attributes
    ----------
    epochs : int
    noise_rate : float, optional
        tau, where it is known; estimated without it.
    ramp_share : float
        T_k as a share of the epochs.
    exponent : float
        c.
    """

    epochs: int = 5
    noise_rate: float | None = None
    ramp_share: float = 0.05
    exponent: float = 1.0

    def __post_init__(self) -> None:
        check_schedule(self)

    def stages(self) -> list[Stage]:
        return [Stage("train", self.epochs, Exchange(self), branches=2)]


class SmallLoss(Loss):
    """How many rows of a batch are kept, by the epoch and the share of wrong labels.

    An estimate above a half is not believed: what is not kept is not learnt, and would be counted as wrong for good.
    """

    def __init__(self, options: Schedule):
        super().__init__()
        self.options, self.epoch, self.rate = options, 0, options.noise_rate or 0.0

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.target, self.epoch, self.rate = target, 0, self.options.noise_rate or 0.0

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        self.epoch += 1
        if self.options.noise_rate is None:
            self.rate = min(estimated_rate(dynamics.prediction, self.target), LARGEST_ESTIMATE)

    def state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "rate": self.rate}

    def load_state(self, state: dict[str, Any]) -> None:
        self.epoch, self.rate = state["epoch"], state["rate"]

    @property
    def share(self) -> float:
        """R(t)."""
        ramp = max(1, round(self.options.ramp_share * self.options.epochs))
        return 1 - self.rate * min((self.epoch / ramp) ** self.options.exponent, 1)

    def smallest(self, losses: Tensor) -> Tensor:
        """Places of the rows to keep, at least one: (..., kept) from losses (..., b)."""
        kept = max(1, round(self.share * losses.shape[-1]))
        return losses.detach().argsort(dim=-1, stable=True)[..., :kept]


class Exchange(SmallLoss):
    """The sum over the two networks, which share no weights, of the mean over the rows that the other one chose."""

    def __call__(self, batch: Batch) -> Tensor:
        losses = torch.stack([functional.cross_entropy(z, batch.target, reduction="none") for z in batch.logits[:, 0]])
        return losses.gather(-1, self.smallest(losses).flip(0)).mean(-1).sum()
