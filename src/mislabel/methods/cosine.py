"""COSINE: a network teaches itself what it is sure of, and moves rows of a class together and others apart.

Yu et al., "Fine-Tuning Pre-trained Language Model with Weak Supervision: A Contrastive-Regularized Self-Training
Approach", NAACL 2021, arXiv 2010.07835.

Stage 1 learns the given labels and stops early. From then on nobody asks for them: once an epoch the network predicts
all rows in evaluation mode, as the teacher of the next epoch.

    omega_i = 1 - H(p_i) / log K                    rows with omega_i > xi are learnt, the set C
    t_ik    = (p_ik^2 / f_k) / sum_j (p_ij^2 / f_j),    f_k = sum_i p_ik
    L = mean over C of  omega_i KL(t_i || q_i) + lambda CE(uniform, q_i)
        + mu mean over pairs of C of  d_ij^2 where t_i and t_j name the same class, else max(0, gamma - d_ij)^2

======  =======================================================================================
symbol  meaning
======  =======================================================================================
p       the teacher's class probabilities
q       those of the training pass
omega   how sure the teacher is: 1 of one class, 0 of none
t       soft target: sharper than p, and less of what is predicted often
f       how much of a class the teacher predicts
K       number of classes
d_ij    distance of what the last layer reads of rows i and j, each brought to length 1
lambda  weight of the pull to equal probabilities, which keeps the network from being too sure
gamma   how far apart rows of two classes are to be
======  =======================================================================================

xi is the lowest and lambda a middle value of those that the authors searched by validation on right labels, which are
not to be had here; the early stop is IDO's, where theirs asks validation. Where classes are balanced the KL counts by
the row's weight, as the labels of stage 1 do; the pull and the pairs do not.

What differs from the published code: omega divides by log K (theirs by the logarithm of the batch size); the pairs move
the network itself (theirs the teacher's features, without gradient), and distances are of unit vectors, so that gamma
means the same for every encoder; f is summed over all rows, where theirs is of a batch, which may lack a class. The
teacher is renewed once an epoch, theirs every 50 to 200 steps. Stage 1 takes labels as they are, not smoothed.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import CrossEntropy
from mislabel.methods.ce import label_wave
from mislabel.methods.registry import register
from mislabel.posterior.mean_probability import evidence
from mislabel.posterior.posterior import Posterior
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

SMALLEST = 1e-12


@register(
    "cosine", paper="Yu et al., NAACL 2021, arXiv 2010.07835", when="rules wrote the labels of texts", group="written"
)
@dataclass(frozen=True)
class Cosine:
    """Options of the method."""

    warm_epochs: Annotated[int, Setting("Epochs of stage 1.", 1, 10_000)] = 4
    epochs: Annotated[int, Setting("Epochs of self-training.", 1, 10_000)] = 4
    threshold: Annotated[float, Setting("xi, how sure the teacher must be of a row.", 0, 1)] = 0.2
    uniform_weight: Annotated[float, Setting("lambda.", 0, 1e6)] = 0.05
    contrast_weight: Annotated[float, Setting("mu, how much pairs of rows count.", 0, 1e6)] = 1.0
    margin: Annotated[float, Setting("gamma; unit vectors are at most 2 apart.", 0, 2)] = 1.0

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [
            Stage("warm", self.warm_epochs, CrossEntropy(), select=label_wave(self.warm_epochs), decay=False),
            Stage(
                "self", self.epochs, SelfTrainingLoss(self), start="selected", evaluates="probabilities", features=True
            ),
        ]

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """What the final model says: it learnt from itself, not from the given labels by heart."""
        return Posterior(probabilities=probabilities, evidence=evidence(dynamics, given))


class SelfTrainingLoss(Loss):
    """L, for one branch and one view.

    Attributes
    ----------
    sure : (n,) float32
        omega of all training rows.
    soft : (n, classes) float32
        t of them.
    """

    def __init__(self, options: Cosine):
        super().__init__()
        self.options = options
        self.device, self.sure, self.soft = torch.device("cpu"), torch.empty(0), torch.empty(0)

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.device: torch.device = device
        self.epoch_end(dynamics)

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        assert dynamics.probabilities is not None
        p = dynamics.probabilities[0].astype(np.float64)
        self.sure: Tensor = torch.as_tensor(certainty(p), dtype=torch.float32, device=self.device)
        self.soft: Tensor = torch.as_tensor(soft_targets(p), dtype=torch.float32, device=self.device)

    def __call__(self, batch: Batch) -> Tensor:
        assert batch.features is not None
        options, sure, soft = self.options, self.sure[batch.index], self.soft[batch.index]
        kept = sure > options.threshold
        log_q = batch.logits[0, 0].log_softmax(-1)
        apart = functional.kl_div(log_q, soft.to(log_q.dtype), reduction="none").sum(-1)
        each = batch.weigh(sure * apart) - options.uniform_weight * log_q.mean(-1)
        pairs = contrast(batch.features[0, 0].float(), soft.argmax(-1), options.margin)
        count = kept[:, None] & kept & ~torch.eye(len(kept), dtype=torch.bool, device=kept.device)
        total = (each * kept).sum() / kept.sum().clamp_min(1)
        return total + options.contrast_weight * (pairs * count).sum() / count.sum().clamp_min(1)


def certainty(p: np.ndarray) -> np.ndarray:
    """omega of each row, (n,) float64 in [0, 1], from class probabilities (n, K) float64."""
    entropy = -(p * np.log(np.maximum(p, np.finfo(np.float64).tiny))).sum(1)
    return np.clip(1 - entropy / np.log(p.shape[1]), 0, 1)


def soft_targets(p: np.ndarray) -> np.ndarray:
    """t of each row, (n, K) float64, from class probabilities (n, K) float64."""
    target = p**2 / np.maximum(p.sum(0), np.finfo(np.float64).tiny)
    return target / target.sum(1, keepdims=True)


def contrast(features: Tensor, label: Tensor, margin: float) -> Tensor:
    """What each pair of rows costs, (b, b), from features (b, d) and the classes (b,) that the teacher names."""
    unit = functional.normalize(features, dim=-1)
    squared = (2 - 2 * unit @ unit.T).clamp_min(SMALLEST)
    return torch.where(label[:, None] == label, squared, (margin - squared.sqrt()).clamp_min(0).square())
