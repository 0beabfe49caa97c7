"""JoCoR: two networks that are asked to agree, and learn from the rows that are easy for both.

Wei et al., "Combating Noisy Labels by Agreement: A Joint Training Method with Co-Regularization", CVPR 2020,
arXiv 2003.02752.

    l = (1 - lambda) (CE_1 + CE_2) + lambda (KL(p_1 || p_2) + KL(p_2 || p_1))

Of each batch the share R(t) with the smallest l is kept, R as in co-teaching (`co_teaching.py`); the loss is the mean
of l over it, for both networks.

========  =========================================================
symbol    meaning
========  =========================================================
p_1, p_2  class probabilities of the two networks
CE_m      -log of p_m of the given label
lambda    how much agreement counts
========  =========================================================

lambda is 0.9 here, what the authors recommend for CIFAR-10 with 20 % and 50 % symmetric and with asymmetric noise (0.65
at 80 %, 0.85 for CIFAR-100); the 0.1 of their code's default hardly asks for agreement. As in co-teaching the share of
wrong labels is estimated unless it is given, and the final model is the mean of the two networks.
"""

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor
from torch.nn import functional

from mislabel.methods._losses import symmetric_kl
from mislabel.methods._small_loss import SmallLoss, SmallLossOptions
from mislabel.methods.registry import register
from mislabel.settings import Setting
from mislabel.training.losses import Batch
from mislabel.training.stages import Stage


@register(
    "jocor",
    paper="Wei et al., CVPR 2020, arXiv 2003.02752",
    when="as co_teaching, with networks that agree",
    group="thorough",
)
@dataclass(frozen=True)
class JoCoR(SmallLossOptions):
    """Options of the method."""

    co_weight: Annotated[float, Setting("lambda, how much agreement counts.", 0, 0.999)] = 0.9

    def stages(self) -> list[Stage]:
        return [Stage("train", self.epochs, JointLoss(self), branches=2)]


class JointLoss(SmallLoss):
    """The mean of l over the rows where it is smallest.

    In the mean CE_1 + CE_2 counts by the row's weight; agreement does not, nor does the choice of rows look at weights.
    """

    def __init__(self, options: JoCoR):
        super().__init__(options)
        self.co_weight: float = options.co_weight

    def __call__(self, batch: Batch) -> Tensor:
        first, second = batch.logits[:, 0].log_softmax(-1)
        fit = functional.nll_loss(first, batch.target, reduction="none")
        fit = fit + functional.nll_loss(second, batch.target, reduction="none")
        apart = symmetric_kl(first, second)
        kept = self.smallest((1 - self.co_weight) * fit + self.co_weight * apart)
        losses = (1 - self.co_weight) * batch.weigh(fit) + self.co_weight * apart
        return losses[kept].mean()
