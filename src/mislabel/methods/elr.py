"""ELR: early-learning regularisation, which holds a network to what it predicted before it learnt wrong labels.

Liu et al., "Early-Learning Regularization Prevents Memorization of Noisy Labels", NeurIPS 2020, arXiv 2007.00151.

    t <- beta t + (1 - beta) p / sum_k p_k
    L = CE(y, p) + lambda log(1 - <t, p>)

The second term pulls the prediction towards t, which is made before it, without gradients, and starts at zero.

======  =====================================================================================
symbol  meaning
======  =====================================================================================
y       given label
p       class probabilities of the training pass; cut to [1e-4, 1 - 1e-4] but in CE
t       a row's target, the running mean of its predictions; one vector of classes per row
beta    how slowly t follows
lambda  weight of the pull
======  =====================================================================================

The defaults are the paper's for CIFAR-10 with symmetric noise, and for Clothing1M. The paper takes beta 0.9, lambda 1
for asymmetric noise and 0.9, 7 for CIFAR-100; lambda is the sensitive one.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import cross_entropy
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

SMALLEST = 1e-4


@register(
    "elr", paper="Liu et al., NeurIPS 2020, arXiv 2007.00151", when="training goes on for many epochs", group="random"
)
@dataclass(frozen=True)
class ELR(DefaultPosterior):
    """Options of the method."""

    epochs: Annotated[int, Setting("Passes over the rows.", 1, 10_000)] = 5
    beta: Annotated[float, Setting("How slowly a row's target follows its predictions.", 0, 1)] = 0.7
    weight: Annotated[float, Setting("lambda, how strongly predictions are held to the targets.", 0, 1e6)] = 3.0

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [Stage("train", self.epochs, EarlyLearningLoss(self.beta, self.weight))]


class EarlyLearningLoss(Loss):
    """Cross-entropy, weighted by row, and the pull towards the targets, which is not; these lie in `tables`."""

    def __init__(self, beta: float, weight: float):
        super().__init__()
        self.beta: float = beta
        self.weight: float = weight

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.tables: dict[str, Tensor] = {"targets": torch.zeros(len(target), n_classes, device=device)}

    def __call__(self, batch: Batch) -> Tensor:
        logits, targets = batch.logits[0, 0], self.tables["targets"]
        p = logits.softmax(-1).clamp(SMALLEST, 1 - SMALLEST)
        now = p.detach().float()
        target = self.beta * targets[batch.index] + (1 - self.beta) * now / now.sum(-1, keepdim=True)
        targets[batch.index] = target
        pull = (1 - (target * p).sum(-1)).log().mean()
        return cross_entropy(batch, logits, batch.target) + self.weight * pull
