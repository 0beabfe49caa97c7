"""DivideMix: two networks divide the rows for each other; rows with doubtful labels train without them.

Li et al., "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR 2020, arXiv 2002.07394.

After a warm-up each network divides the rows for the other one: a Gaussian mixture over its losses, brought to [0, 1],
says how likely each given label is right, w_i. Rows with w_i > 1/2 keep their label, mixed with the network's own
opinion; the others get the opinion of both networks. Then MixMatch:

    labelled       t = sharpen(w onehot(y) + (1 - w) mean over views of p_own)
    unlabelled     t = sharpen(mean over views and networks of p)
    sharpen(p)     = p^(1/T) / sum p^(1/T)
    x~ = l x + (1 - l) x',  t~ = l t + (1 - l) t',   l = max(l', 1 - l'),  l' ~ Beta(alpha, alpha)
    L  = mean over labelled CE(p(x~), t~) + lambda_u mean over unlabelled ||p(x~) - t~||^2 / C
         + KL(uniform || mean of p(x~))

Both views of a row are mixed with any rows of the batch. The model that comes out is the mean of both networks.

The KL term pulls the mean prediction to equal shares of all classes. Where classes are balanced besides, a label that
is kept brings the weight of its row into every CE that it is mixed into; rows that lost theirs bring 1, and the other
terms are not weighted.

What differs from the published code: a batch holds labelled and unlabelled rows as they come, each row once an epoch,
where theirs takes equal numbers of both and repeats the fewer ones; the views are the weak and the strong one, where
theirs are two crops; and texts are mixed in their embedding, which spares the pass without gradients that guesses the
labels. lambda_u rises over the same share of the epochs as theirs (16 of 290).
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._division import clean
from mislabel.methods._losses import CrossEntropy, draw_partners, from_uniform
from mislabel.methods.registry import register
from mislabel.posterior.mean_probability import given_replaced
from mislabel.posterior.posterior import Posterior
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

RAMP = 16 / 290
NETWORKS = 2


@register("divide_mix", paper="Li et al., ICLR 2020, arXiv 2002.07394", when="many labels are wrong and time is cheap")
@dataclass(frozen=True)
class DivideMix:
    """Options of the method."""

    warm_epochs: Annotated[int, Setting("Epochs with cross-entropy.", 1, 10_000)] = 1
    epochs: Annotated[int, Setting("Epochs with divided rows.", 1, 10_000)] = 6
    threshold: Annotated[float, Setting("w above which a row keeps its label.", 0, 1)] = 0.5
    temperature: Annotated[float, Setting("T of sharpening.", 0.01, 1)] = 0.5
    alpha: Annotated[float, Setting("Of the beta distribution.", 1e-3, 1e4)] = 4.0
    unlabelled_weight: Annotated[
        float,
        Setting(
            "lambda_u. The published code has 0 for labels with real errors (Clothing1M, WebVision), and for "
            "asymmetric and light noise; 25 to 150 for heavy symmetric noise on CIFAR. Without it the rows that lost "
            "their labels still count in mixtures with others and in the KL term.",
            0,
            1e6,
        ),
    ] = 0.0
    penalty: Annotated[
        bool,
        Setting(
            "Whether the warm-up subtracts the entropy of the predictions, which the paper does where flips are "
            "asymmetric."
        ),
    ] = False

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        warm = PenalisedCrossEntropy() if self.penalty else CrossEntropy()
        return [
            Stage("warm", self.warm_epochs, warm, branches=NETWORKS, evaluates=True, decay=False),
            Stage(
                "divide", self.epochs, DividedLoss(self), views=2, branches=NETWORKS, mixes=True, evaluates=True,
                start="last",
            ),
        ]  # fmt: skip

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """The mean of both networks' w for the given label, after the last epoch; the rest as the model says."""
        assert dynamics.evaluation is not None
        return given_replaced(dynamics, given, probabilities, clean(dynamics.evaluation).mean(0))


class PenalisedCrossEntropy(CrossEntropy):
    """Cross-entropy, weighted by row, less the mean entropy of the predictions, which is not."""

    def __call__(self, batch: Batch) -> Tensor:
        log_p = batch.logits.log_softmax(-1)
        return super().__call__(batch) + (log_p.exp() * log_p).sum(-1).mean()


class DividedLoss(Loss):
    """L, the sum over both networks; each has weights of its own.

    Attributes
    ----------
    clean : (networks, n) float32
        w, by which each network learns.
    """

    def __init__(self, options: DivideMix):
        super().__init__()
        self.options = options
        self.device, self.epoch, self.clean = torch.device("cpu"), 0, torch.empty(NETWORKS, 0)

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.device, self.epoch = device, 0
        self._divide(dynamics)

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        self.epoch += 1
        self._divide(dynamics)

    def state(self) -> dict[str, int]:
        return {"epoch": self.epoch}

    def load_state(self, state: dict[str, int]) -> None:
        self.epoch = state["epoch"]

    def __call__(self, batch: Batch) -> Tensor:
        options, views = self.options, batch.logits.shape[1]
        clean = self.clean[:, batch.index]  # (networks, b)
        target = guess(batch.logits.detach().softmax(-1), batch.target, clean, options.threshold, options.temperature)
        target, labelled = target.repeat(1, views, 1), (clean > options.threshold).repeat(1, views)
        partner, share = draw_partners(batch.logits.flatten(1, 2), options.alpha)
        share = torch.maximum(share, 1 - share)
        log_p = batch.mixed(partner, share).log_softmax(-1)  # (networks, m, classes)
        total = log_p.new_zeros(())
        for own, goal, keeps, other, part in zip(log_p, target, labelled, partner, share[..., None], strict=True):
            mixed = part * goal + (1 - part) * goal[other]
            miss = (own.exp() - mixed).square().mean(-1) * ~keeps
            if batch.weight is not None:
                goal = goal * batch.weight.repeat(views).where(keeps, 1.0)[:, None]
                mixed = part * goal + (1 - part) * goal[other]
            fit = -(mixed * own).sum(-1) * keeps
            total = total + fit.sum() / keeps.sum().clamp_min(1) + from_uniform(own)
            total = total + self._weight() * miss.sum() / (~keeps).sum().clamp_min(1)
        return total

    def _weight(self) -> float:
        """lambda_u of this epoch."""
        return self.options.unlabelled_weight * min(1.0, self.epoch / max(1.0, RAMP * self.options.epochs))

    def _divide(self, dynamics: DynamicsStore) -> None:
        """Each network learns from what the other one thinks of the labels."""
        assert dynamics.evaluation is not None
        self.clean = torch.as_tensor(clean(dynamics.evaluation)[::-1].copy(), dtype=torch.float32, device=self.device)


def guess(p: Tensor, label: Tensor, clean: Tensor, threshold: float, temperature: float) -> Tensor:
    """The sharpened targets t of both networks, (networks, b, classes).

    Parameters
    ----------
    p : (networks, views, b, classes)
        Class probabilities.
    label : (b,) int64
    clean : (networks, b)
        w, by which each network learns.
    """
    own, both = p.mean(1), p.mean((0, 1))
    weight = clean[..., None]
    labelled = weight * functional.one_hot(label, p.shape[-1]) + (1 - weight) * own
    target = torch.where(weight > threshold, labelled, both) ** (1 / temperature)
    return target / target.sum(-1, keepdim=True)
