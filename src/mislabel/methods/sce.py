"""SCE: symmetric cross-entropy, that of the label under the prediction and of the prediction under the label.

Wang et al., "Symmetric Cross Entropy for Robust Learning with Noisy Labels", ICCV 2019, arXiv 1908.06112.

    L = a CE + b RCE,   CE = -log p_y,   RCE = -sum_k p_k log y_k = -A (1 - p_y)

=======  =============================================================================
symbol   meaning
=======  =============================================================================
p_k      class probabilities, p_y that of the given label
y_k      1 for the given label, 0 for the others
A        what stands for log 0, negative
a, b     weights of the two parts; cross-entropy learns, the reverse does not overfit
=======  =============================================================================

The defaults are the paper's for CIFAR-10; for CIFAR-100 it takes a = 6, b = 0.1. RCE is a sum over classes: one
published code takes the mean over them, which makes b depend on their number.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from mislabel.errors import InputError
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage


@register(
    "sce",
    paper="Wang et al., ICCV 2019, arXiv 1908.06112",
    when="as gce, with more trust in the labels",
    group="random",
)
@dataclass(frozen=True)
class SCE(DefaultPosterior):
    """Options of the method."""

    many_classes: ClassVar[bool] = True

    epochs: Annotated[int, Setting("Passes over the rows.", 1, 10_000)] = 5
    ce_weight: Annotated[float, Setting("a, weight of the cross-entropy.", 0, 1e6)] = 0.1
    rce_weight: Annotated[float, Setting("b, weight of the reverse cross-entropy.", 0, 1e6)] = 1.0
    log_zero: Annotated[float, Setting("A, what stands for the logarithm of 0.", -100, -1e-6)] = -4.0

    def __post_init__(self) -> None:
        check_settings(self)
        if self.ce_weight == self.rce_weight == 0:
            raise InputError("ce_weight and rce_weight are both 0, needed one above 0: nothing would be learnt")

    def stages(self) -> list[Stage]:
        return [Stage("train", self.epochs, SymmetricCrossEntropy(self))]


class SymmetricCrossEntropy(Loss):
    """The mean over rows of a CE + b RCE, both weighted by row."""

    def __init__(self, options: SCE):
        super().__init__()
        self.options = options

    def __call__(self, batch: Batch) -> Tensor:
        options = self.options
        log_p = batch.logits[0, 0].log_softmax(-1).gather(-1, batch.target.unsqueeze(-1)).squeeze(-1)
        reverse = options.log_zero * torch.expm1(log_p)
        return batch.mean(options.rce_weight * reverse - options.ce_weight * log_p)
