"""SelfMix: one network that divides the rows by its own losses and learns from mixtures of them.

Qiao et al., "SelfMix: Robust Learning Against Textual Label Noise with Self-Mixup Training", COLING 2022,
arXiv 2210.04525.

After a warm-up Gaussian mixtures over the losses in evaluation mode, one per given class, say how likely each given
label is right, once an epoch. Rows with w_i > 1/2 keep their label; the others get what the network says, sharpened.
All of them are mixed, texts in their embedding:

    t   = onehot(y) where w > 1/2, else sharpen(mean over views of p)
    t~  = l t + (1 - l) t',   l = max(l', 1 - l'),   l' ~ Beta(alpha, alpha)
    L   = mean over rows of CE(p(x~), t~)
          + lambda_r mean over unlabelled of (KL(p || q) + KL(q || p)) / 2
          + lambda_p mean over unlabelled of -log max_k q_k

========  ===================================================================================
symbol    meaning
========  ===================================================================================
y         given label
w_i       probability that row i's loss belongs to its mixture's component of the lower losses
p, q      class probabilities of the weak and of the strong view, both unmixed
x~        the weak view of a row, mixed with that of another row of the batch; t' is the other's
lambda_r  weight of the agreement of two looks at a row
lambda_p  weight of the pseudo term, which pulls a look to what it says itself
========  ===================================================================================

The defaults are the paper's for TREC and for AG News with asymmetric noise; it takes lambda_p 0 where errors depend on
the input. Where classes are balanced, a label that is kept brings the weight of its row, in the warm-up and in every
mixture; rows that lost theirs bring 1, and the two other terms are not weighted.
Where one class has labels of many others, classes are to be balanced: what the warm-up learns too well, the mixtures
take for right.

What differs from the published code: it fits one mixture over all rows, which takes the label from most rows of a class
that is hard to learn and from few of one that swallows the others (adaptation for labels that rules, models and crowds
wrote; `scope=global` is the paper's). The losses are cross-entropies (theirs are taken of probabilities that are
softmaxed once more, and span at most 1); the pseudo term takes the largest probability (theirs the smallest, which
pulls to equal ones); both other terms are means over rows, not sums. The two looks at a row are the weak and the strong
view, where theirs are two passes with dropout, and opinions come from these looks, where theirs come from a pass of
their own. A batch holds labelled and unlabelled rows as they come, each row once an epoch. Inputs that are numbers are
mixed themselves; p then has no gradient, q has.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._division import clean
from mislabel.methods._losses import CrossEntropy, draw_partners, symmetric_kl
from mislabel.methods.registry import register
from mislabel.posterior.mean_probability import given_replaced
from mislabel.posterior.posterior import Posterior
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

MINIMUM_CLASS_SIZE = 30


@register(
    "selfmix",
    paper="Qiao et al., COLING 2022, arXiv 2210.04525",
    when="texts, and labels that people got wrong",
    group="written",
)
@dataclass(frozen=True)
class SelfMix:
    """Options of the method."""

    warm_epochs: Annotated[int, Setting("Epochs with cross-entropy.", 1, 10_000)] = 2
    epochs: Annotated[int, Setting("Epochs with divided rows.", 1, 10_000)] = 4
    threshold: Annotated[float, Setting("w above which a row keeps its label.", 0, 1)] = 0.5
    scope: Annotated[
        Literal["class", "global"],
        Setting(
            f"One mixture per given class, where a class under {MINIMUM_CLASS_SIZE} rows uses that of all rows, or one "
            "for all."
        ),
    ] = "class"
    temperature: Annotated[float, Setting("T of sharpening; above 1 it flattens.", 0.01, 100)] = 0.5
    alpha: Annotated[float, Setting("Of the beta distribution.", 1e-3, 1e4)] = 0.75
    agreement_weight: Annotated[float, Setting("lambda_r.", 0, 1e6)] = 0.3
    pseudo_weight: Annotated[float, Setting("lambda_p.", 0, 1e6)] = 0.2

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [
            Stage("warm", self.warm_epochs, CrossEntropy(), evaluates=True, decay=False),
            Stage("mix", self.epochs, SelfMixLoss(self), views=2, mixes=True, evaluates=True, start="last"),
        ]

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """w for the given label, from the losses after the last epoch; the rest as the model says."""
        assert dynamics.evaluation is not None
        return given_replaced(dynamics, given, probabilities, divide(dynamics.evaluation, given, self.scope))


class SelfMixLoss(Loss):
    """L, for one branch and two views.

    Attributes
    ----------
    clean : (n,) float32
        w of all training rows.
    """

    def __init__(self, options: SelfMix):
        super().__init__()
        self.options = options
        self.device, self.clean = torch.device("cpu"), torch.empty(0)
        self.target = np.empty(0, dtype=np.int64)

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.device: torch.device = device
        self.target: np.ndarray = target
        self.epoch_end(dynamics)

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        assert dynamics.evaluation is not None
        weights = divide(dynamics.evaluation, self.target, self.options.scope)
        self.clean: Tensor = torch.as_tensor(weights, dtype=torch.float32, device=self.device)

    def __call__(self, batch: Batch) -> Tensor:
        options, rows = self.options, len(batch.target)
        keeps = self.clean[batch.index] > options.threshold
        opinion = batch.logits[0].detach().softmax(-1).mean(0) ** (1 / options.temperature)
        opinion = opinion / opinion.sum(-1, keepdim=True)
        target = torch.where(keeps[:, None], functional.one_hot(batch.target, opinion.shape[-1]), opinion)
        if batch.weight is not None:
            target = target * batch.weight.where(keeps, 1.0)[:, None]
        partner, share = draw_partners(batch.logits[:, 0], options.alpha)
        share = torch.maximum(share, 1 - share)
        # One call for both: the weak views mixed, and the strong ones as they are.
        strong = torch.arange(rows, 2 * rows, device=partner.device)[None]
        log_p = batch.mixed(torch.cat([partner, strong], 1), torch.cat([share, torch.ones_like(share)], 1))[0]
        mixed, second = torch.split(log_p.log_softmax(-1), rows)
        part = share[0, :, None]
        fit = -((part * target + (1 - part) * target[partner[0]]) * mixed).sum(-1).mean()
        apart = symmetric_kl(batch.logits[0, 0].log_softmax(-1), second) / 2
        doubtful = options.agreement_weight * apart - options.pseudo_weight * second.amax(-1)
        return fit + (doubtful * ~keeps).sum() / (~keeps).sum().clamp_min(1)


def divide(losses: np.ndarray, labels: np.ndarray, scope: str) -> np.ndarray:
    """w of all rows, (n,) float64.

    Parameters
    ----------
    losses : (1, n) float32
        Of the labels (n,) int64.
    scope : "class" or "global"
    """
    weights = clean(losses)[0]
    if scope == "class":
        for label in np.flatnonzero(np.bincount(labels) >= MINIMUM_CLASS_SIZE):
            rows = labels == label
            weights[rows] = clean(losses[:, rows])[0]
    return weights
