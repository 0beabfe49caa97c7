"""Losses, and parts of losses, that several methods share; the files of the methods say what each is for."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Beta
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.posterior.disagreement import disagreement
from mislabel.training.losses import Batch, Loss


def cross_entropy(batch: Batch, logits: Tensor, target: Tensor) -> Tensor:
    """Mean cross-entropy over the leading axes and the rows, by their weights.

    Parameters
    ----------
    logits : (..., b, classes)
    target : (b,) int64 or (b, classes) float
        Labels, or a distribution for each row.
    """
    leading = logits.ndim - 2
    target = target.expand(*logits.shape[:leading], *target.shape).flatten(0, leading)
    if batch.weight is None:
        return functional.cross_entropy(logits.flatten(0, leading), target)
    each = functional.cross_entropy(logits.flatten(0, leading), target, reduction="none")
    return batch.mean(each.view(logits.shape[:-1]))


class CrossEntropy(Loss):
    """Mean cross-entropy of the targets over views and branches, weighted by row."""

    def __call__(self, batch: Batch) -> Tensor:
        return cross_entropy(batch, batch.logits, batch.target)


class EpochLoss(Loss):
    """A loss that goes by how many epochs of its stage are over: `epoch`, kept in the state."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = 0

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.epoch = 0

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        self.epoch += 1

    def state(self) -> dict[str, Any]:
        return {"epoch": self.epoch}

    def load_state(self, state: dict[str, Any]) -> None:
        self.epoch: int = state["epoch"]


class PenalisedCrossEntropy(CrossEntropy):
    """Cross-entropy, weighted by row, less the mean entropy of the predictions, which is not."""

    def __call__(self, batch: Batch) -> Tensor:
        log_p = batch.logits.log_softmax(-1)
        return super().__call__(batch) + (log_p.exp() * log_p).sum(-1).mean()


class CoRegularised(EpochLoss):
    """Cross-entropy of each branch, and their agreement (`co_regularization.py`, and l_1 of `dygen.py`).

    The cross-entropy is weighted by row, the agreement is not.

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
        self.seen = self.rows = 0

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        super().begin(dynamics, target, n_classes, device)
        several = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.rows = len(target) // (torch.distributed.get_world_size() if several else 1)
        self.seen = 0

    def __call__(self, batch: Batch) -> Tensor:
        logits = batch.logits[:, 0]
        task = cross_entropy(batch, logits, batch.target)
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
        super().epoch_end(dynamics)
        self.seen = 0


class MixedCrossEntropy(Loss):
    """Cross-entropy of mixed rows with both of their labels (L of `mixup.py`), for one branch and one view.

    Each label brings the weight of its own row.
    """

    def __init__(self, alpha: float):
        super().__init__()
        self.alpha = alpha

    def __call__(self, batch: Batch) -> Tensor:
        partner, share = draw_partners(batch.logits.flatten(1, 2), self.alpha)
        log_p = batch.mixed(partner, share)[0].log_softmax(-1)
        own, other = (log_p.gather(1, label[:, None])[:, 0] for label in (batch.target, batch.target[partner[0]]))
        if batch.weight is not None:
            own, other = batch.weight * own, batch.weight[partner[0]] * other
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


def symmetric_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p || q) + KL(q || p) by row, (b,), from log probabilities (b, classes): both in one sum."""
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1)
