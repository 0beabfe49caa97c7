"""GCE: generalised cross-entropy, between cross-entropy and mean absolute error.

Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels", NeurIPS 2018,
arXiv 1805.07836.

    L = (1 - p_y^q) / q

Its gradient is that of cross-entropy times p_y^q, so rows that the network disbelieves pull less.

======  ===================================================
symbol  meaning
======  ===================================================
p_y     class probability of the given label
q       towards 0 it is cross-entropy, at 1 it is 1 - p_y
======  ===================================================

The default q is the paper's. Its truncated form, which leaves out rows with p_y under a half after forty epochs, is not
here: a few epochs of fine-tuning have no room for it.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage


@register(
    "gce",
    paper="Zhang and Sabuncu, NeurIPS 2018, arXiv 1805.07836",
    when="labels are wrong at random, at least cost",
    group="random",
)
@dataclass(frozen=True)
class GCE(DefaultPosterior):
    """Options of the method."""

    many_classes: ClassVar[bool] = True

    epochs: Annotated[int, Setting("Passes over the rows.", 1, 10_000)] = 5
    q: Annotated[
        float, Setting("How little rows pull that the network disbelieves: towards 0 as in ce, at 1 least.", 1e-6, 1)
    ] = 0.7

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [Stage("train", self.epochs, GeneralisedCrossEntropy(self.q))]


class GeneralisedCrossEntropy(Loss):
    """The mean over rows of (1 - p_y^q) / q, all of it weighted by row."""

    def __init__(self, q: float):
        super().__init__()
        self.q = q

    def __call__(self, batch: Batch) -> Tensor:
        log_p = batch.logits[0, 0].log_softmax(-1).gather(-1, batch.target.unsqueeze(-1)).squeeze(-1)
        return batch.mean(generalised(log_p, self.q))


def generalised(log_p: Tensor, q: float) -> Tensor:
    """(1 - p_y^q) / q from the logarithm of p_y: the power's gradient at 0 is infinite."""
    return -torch.expm1(q * log_p) / q
