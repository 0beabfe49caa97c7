"""Losses, and parts of losses, that several methods share; the files of the methods say what each is for."""

import math
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Beta
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.posterior.disagreement import disagreement
from mislabel.posterior.estimated_rate import estimated_rate
from mislabel.training.losses import Batch, Loss

LARGEST_ESTIMATE = 0.5


class CrossEntropy(Loss):
    """Mean cross-entropy of the targets over views and branches."""

    def __call__(self, batch: Batch) -> Tensor:
        branches, views, rows, classes = batch.logits.shape
        target = batch.target.expand(branches, views, rows)
        return functional.cross_entropy(batch.logits.reshape(-1, classes), target.reshape(-1))


class CoRegularised(Loss):
    """Cross-entropy of each branch, and their agreement (`co_regularization.py`, and l_1 of `dygen.py`).

    Parameters
    ----------
    weight : float
        Of the agreement.
    warmup : float
        For how many epochs from the start it is zero; a part of an epoch is counted by the rows that were seen.
    """

    def __init__(self, weight: float, warmup: float):
        super().__init__()
        self.weight, self.warmup = weight, warmup
        self.epoch = self.seen = self.rows = 0

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        several = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.rows = len(target) // (torch.distributed.get_world_size() if several else 1)
        self.epoch = self.seen = 0

    def __call__(self, batch: Batch) -> Tensor:
        logits = batch.logits[:, 0]
        task = functional.cross_entropy(logits.flatten(0, 1), batch.target.repeat(len(logits)))
        warming = self._warming
        self.seen += len(batch.target)
        if len(logits) == 1 or not self.weight or warming:
            return task
        return task + self.weight * disagreement(logits.softmax(-1)).mean()

    @property
    def _warming(self) -> bool:
        whole = math.floor(self.warmup)
        return self.epoch < whole or (self.epoch == whole and self.seen < (self.warmup - whole) * self.rows)

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        self.epoch, self.seen = self.epoch + 1, 0

    def state(self) -> dict[str, Any]:
        return {"epoch": self.epoch}

    def load_state(self, state: dict[str, Any]) -> None:
        self.epoch = state["epoch"]


class KeepingSchedule(Protocol):
    """The options of co-teaching and JoCoR that say how many rows are kept; see `co_teaching.py`."""

    @property
    def epochs(self) -> int: ...
    @property
    def noise_rate(self) -> float | None: ...
    @property
    def ramp_share(self) -> float: ...
    @property
    def exponent(self) -> float: ...


class SmallLoss(Loss):
    """How many rows of a batch are kept, by the epoch and the share of wrong labels.

    An estimate above a half is not believed: what is not kept is not learnt, and would be counted as wrong for good.
    """

    def __init__(self, options: KeepingSchedule):
        super().__init__()
        self.options, self.epoch, self.rate = options, 0, options.noise_rate or 0.0
        self.target = np.empty(0, dtype=np.int64)

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
        """R(t), the share of rows to keep."""
        ramp = max(1, round(self.options.ramp_share * self.options.epochs))
        return 1 - self.rate * min((self.epoch / ramp) ** self.options.exponent, 1)

    def smallest(self, losses: Tensor) -> Tensor:
        """Positions of the rows to keep, at least one: (..., kept) from losses (..., b)."""
        kept = max(1, round(self.share * losses.shape[-1]))
        return losses.detach().argsort(dim=-1, stable=True)[..., :kept]


class MixedCrossEntropy(Loss):
    """Cross-entropy of mixed rows with both of their labels (L of `mixup.py`), for one branch and one view."""

    def __init__(self, alpha: float):
        super().__init__()
        self.alpha = alpha

    def __call__(self, batch: Batch) -> Tensor:
        partner, share = draw_partners(batch.logits.flatten(1, 2), self.alpha)
        log_p = batch.mixed(partner, share)[0].log_softmax(-1)
        own, other = (log_p.gather(1, label[:, None])[:, 0] for label in (batch.target, batch.target[partner[0]]))
        return -(share[0] * own + (1 - share[0]) * other).mean()


def draw_partners(logits: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Which rows to mix, and how: `partner` (branches, m) int64 and `share` (branches, m) float32, equal in a branch.

    Parameters
    ----------
    logits : (branches, m, classes)
        Only shape and device matter.
    """
    branches, rows, device = len(logits), logits.shape[1], logits.device
    partner = torch.stack([torch.randperm(rows, device=device) for _ in range(branches)])
    share = Beta(alpha, alpha).sample((branches, 1)).to(device, torch.float32)
    return partner, share.expand(branches, rows)


def from_uniform(log_p: Tensor) -> Tensor:
    """KL(uniform || mean prediction of the rows), a number from log probabilities (m, classes)."""
    mean = log_p.exp().mean(0).clamp_min(torch.finfo(log_p.dtype).tiny)
    return -(mean.log().mean() + np.log(len(mean)))
