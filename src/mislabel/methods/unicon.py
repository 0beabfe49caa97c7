"""UNICON: two networks keep the labels of as many rows of every class, and tell the other rows apart.

Karim et al., "UNICON: Combating Label Noise Through Uniform Selection and Contrastive Learning", CVPR 2022,
arXiv 2203.14542.

DivideMix (`divide_mix.py`) with another division, and one more term. After each epoch both networks look at all rows:

    d_i = JSD(onehot(y_i) || p_i)          in bits, 0 where they agree with the given label, 1 where they exclude it
    cut = mean d, and where that is above 0.7, cut - (cut - min d) / 5
    R   = share of the rows with d below the cut

Of each class the R n / K rows with the lowest d keep their label: a class that swallowed others keeps no more of its
labels than a small one. All others train without theirs, and of these

    L_c = -mean over rows and views of log exp(s_ij / tau) / sum_k exp(s_ik / tau)

======  ===============================================================================
symbol  meaning
======  ===============================================================================
y       given label
p       mean of both networks' class probabilities in evaluation mode
n, K    rows, and classes that have any
s_ij    cosine of what the last layer reads of one view of a row and of the other one
s_ik    that of one view and any other view of any of these rows; k is never i
tau     temperature of the contrast, 0.5
======  ===============================================================================

L_c is added with a weight of 0.025 to L of DivideMix, for each network. JSD depends on p_y alone, so d follows from
the loss:  d = (1 - p_y) / 2 - (1 + p_y) / 2 log2((1 + p_y) / 2) + p_y / 2 log2 p_y.

Rows weigh as in DivideMix where classes are balanced besides; the contrast is not weighted.

What differs from the published code, beside what differs in DivideMix: d is in bits, so that the 0.7 can be reached (in
nats d is below 0.693); both networks get the same division; a row that keeps its label keeps it by w = 1 - d; and the
contrast compares what the last layer reads, without a projection of its own. A class of fewer than R n / K rows would
keep all its labels, wrong ones too: it keeps its rows below the cut, or a share R of its rows where those are more
(adaptation). The published lambda_u is 30; the default is DivideMix's 0, with the same reason.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.methods._division import NETWORKS, MixMatch
from mislabel.methods._losses import CrossEntropy
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch
from mislabel.training.stages import Stage

HIGH, RELAXED = 0.7, 5  # above which mean the cut is lowered, and by which part of the way to the smallest d
TAU = 0.5
SMALLEST = 1e-6  # w of a row that keeps its label although both networks exclude it


@register(
    "unicon",
    paper="Karim et al., CVPR 2022, arXiv 2203.14542",
    when="a class swallows others, and time is cheap",
    group="confused",
)
@dataclass(frozen=True)
class Unicon(DefaultPosterior):
    """Options of the method."""

    warm_epochs: Annotated[int, Setting("Epochs with cross-entropy.", 1, 10_000)] = 1
    epochs: Annotated[int, Setting("Epochs with divided rows.", 1, 10_000)] = 6
    temperature: Annotated[float, Setting("T of sharpening.", 0.01, 1)] = 0.5
    alpha: Annotated[float, Setting("Of the beta distribution.", 1e-3, 1e4)] = 4.0
    unlabelled_weight: Annotated[float, Setting("lambda_u; the published code has 30.", 0, 1e6)] = 0.0
    contrast_weight: Annotated[
        float, Setting("How much the contrast counts; 0 spares numeric inputs its backward pass.", 0, 1e6)
    ] = 0.025

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [
            Stage("warm", self.warm_epochs, CrossEntropy(), branches=NETWORKS, evaluates=True, decay=False),
            Stage(
                "divide", self.epochs, UniformLoss(self), views=2, branches=NETWORKS, mixes=True, evaluates=True,
                features=self.contrast_weight > 0, start="last",
            ),
        ]  # fmt: skip


class UniformLoss(MixMatch):
    """L of DivideMix with the uniform selection, and the contrast of the rows that lost their labels."""

    def __init__(self, options: Unicon):
        super().__init__(0.0, options.temperature, options.alpha, options.unlabelled_weight, options.epochs)
        self.contrast_weight: float = options.contrast_weight

    def divide(self, losses: np.ndarray) -> np.ndarray:
        """1 - d for the rows that keep their labels, 0 for the others; the same for both networks."""
        d = divergence(np.exp(-losses.astype(np.float64)).mean(0))
        weights = np.where(uniform_selection(d, self.target), np.maximum(1 - d, SMALLEST), 0.0)
        return np.broadcast_to(weights, (NETWORKS, len(weights)))

    def __call__(self, batch: Batch) -> Tensor:
        total = super().__call__(batch)
        if batch.features is None:
            return total
        doubtful = self.clean[:, batch.index] == 0
        for views, rows in zip(batch.features.float(), doubtful, strict=True):
            total = total + self.contrast_weight * contrast(views, rows)
        return total


def divergence(of_label: np.ndarray) -> np.ndarray:
    """d in bits, (n,) float64 in [0, 1], from the probability of the given label, (n,) float64."""
    middle = (1 + of_label) / 2
    own = of_label * np.log2(np.maximum(of_label, np.finfo(np.float64).tiny))
    return np.clip((1 - of_label) / 2 - middle * np.log2(middle) + own / 2, 0, 1)


def uniform_selection(d: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which rows keep their labels, (n,) bool, from d (n,) float64 and the labels (n,) int64."""
    if np.ptp(d) <= 1e-12:
        return np.ones(len(d), dtype=bool)  # nothing to divide by
    cut = d.mean()
    if cut > HIGH:
        cut -= (cut - d.min()) / RELAXED
    below, kept = d < cut, np.zeros(len(d), dtype=bool)
    classes = np.unique(labels)
    quota = max(1, round(below.sum() / len(classes)))
    for label in classes:
        rows = np.flatnonzero(labels == label)
        share = -(-int(below.sum()) * len(rows) // len(d))  # R of them, rounded up
        count = min(quota, max(share, int(below[rows].sum())))
        kept[rows[np.argsort(d[rows], kind="stable")[:count]]] = True
    return kept


def contrast(views: Tensor, rows: Tensor) -> Tensor:
    """L_c of one network, 0 without rows.

    Parameters
    ----------
    views : (2, b, d) float32
        Features.
    rows : (b,) bool
        Whose views are compared.
    """
    unit = functional.normalize(views.flatten(0, 1), dim=-1)
    m, chosen = len(unit), rows.repeat(2)
    itself = torch.eye(m, dtype=torch.bool, device=unit.device)
    similar = (unit @ unit.T / TAU).masked_fill(itself | ~chosen, torch.finfo(unit.dtype).min)
    other = torch.arange(m, device=unit.device).roll(m // 2)
    each = functional.cross_entropy(similar, other, reduction="none")
    return torch.where(chosen, each, 0.0).sum() / chosen.sum().clamp_min(1)
