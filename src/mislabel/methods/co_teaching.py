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

In the paper tau is given; here it is estimated from the passes so far after each epoch, unless it is given. T_k
is the paper's share of all epochs, 10 of 200, but at least one: R is 1 in the first epoch, when losses say little. The
official code divides the mean over the rows kept by their number once more; here it is the mean. The final model is the
mean of the two networks, where the paper tests them one by one.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mislabel.methods._small_loss import SmallLoss, SmallLossOptions
from mislabel.methods.registry import register
from mislabel.training.losses import Batch
from mislabel.training.stages import Stage


@register(
    "co_teaching",
    paper="Han et al., NeurIPS 2018, arXiv 1804.06872",
    when="many labels are wrong, and how many is known",
    group="thorough",
)
@dataclass(frozen=True)
class CoTeaching(SmallLossOptions):
    """Options of the method."""

    def stages(self) -> list[Stage]:
        return [Stage("train", self.epochs, ExchangeLoss(self), branches=2)]


class ExchangeLoss(SmallLoss):
    """The sum over the two networks, which share no weights, of the mean over the rows that the other one chose.

    Rows are chosen by the loss itself; in the mean each counts by its weight.
    """

    def __call__(self, batch: Batch) -> Tensor:
        losses = torch.stack([functional.cross_entropy(z, batch.target, reduction="none") for z in batch.logits[:, 0]])
        return batch.weigh(losses).gather(-1, self.smallest(losses).flip(0)).mean(-1).sum()
