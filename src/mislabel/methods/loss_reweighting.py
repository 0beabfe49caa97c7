"""Loss-based reweighting: how much a row counts in its batch hangs on how its loss stands among the others.

Sow et al., "Dynamic Loss-Based Sample Reweighting for Improved Large Language Model Pretraining", ICLR 2025,
arXiv 2502.06733. For the losses l_i of a batch, held:

    t_i = (2 l_i - max l - min l) / max(max l - min l, 1e-6)                          in [-1, 1]
    upper      g = min(t + 1, 1)       all but the low losses count the same
    quadratic  g = 1 - t^2             those in the middle count most
    extremes   g = |t|                 those at both ends count most
    w = softmax(g / r),   L = sum_i w_i l_i

No weight is more than e^(1/r) times another. Where all losses are equal, so are the weights. The first epochs count all
rows the same; later ones need a loss that tells rows apart.

The paper is about pre-training language models, where `upper` is best: it leaves out what is learnt already
(`examples/pretrain_reweighted.py` does that). What differs here, as an adaptation for classification with wrong labels,
is the default: `quadratic`, since the highest losses are often wrong labels, with r = 0.4, the paper's for its large
models. Where classes are balanced, the weight of a row multiplies its loss and moves no other row's w. Wrong labels by
rules have low losses: of these it finds nothing.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from mislabel.methods._losses import EpochLoss
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch
from mislabel.training.stages import Stage

Strategy = Literal["upper", "quadratic", "extremes"]
SMALLEST = 1e-6


@register(
    "loss_reweighting",
    paper="Sow et al., ICLR 2025, arXiv 2502.06733",
    when="few labels are wrong and time is short",
    group="right",
)
@dataclass(frozen=True)
class LossReweighting(DefaultPosterior):
    """Options of the method."""

    many_classes: ClassVar[bool] = True

    warm_epochs: Annotated[int, Setting("Epochs in which all rows count the same.", 0, 10_000)] = 1
    epochs: Annotated[int, Setting("Epochs after these.", 1, 10_000)] = 4
    strategy: Annotated[Strategy, Setting("Which losses count most.")] = "quadratic"
    temperature: Annotated[float, Setting("r, how little weights differ.", 0.01, 1000)] = 0.4

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        loss = ReweightedLoss(self.warm_epochs, self.strategy, self.temperature)
        return [Stage("train", self.warm_epochs + self.epochs, loss)]


class ReweightedLoss(EpochLoss):
    """L as above; before that the mean."""

    def __init__(self, warm_epochs: int, strategy: Strategy, temperature: float):
        super().__init__()
        self.strategy: Strategy = strategy
        self.warm_epochs: int = warm_epochs
        self.temperature: float = temperature

    def __call__(self, batch: Batch) -> Tensor:
        losses = functional.cross_entropy(batch.logits[0, 0], batch.target, reduction="none")
        if self.epoch < self.warm_epochs:
            return batch.mean(losses)
        return (loss_weights(losses, self.strategy, self.temperature) * batch.weigh(losses)).sum()


def loss_weights(losses: Tensor, strategy: Strategy, temperature: float) -> Tensor:
    """w of each loss, (b,) float, without gradients; they sum to 1.

    Parameters
    ----------
    losses : (b,) float
        b >= 1.
    temperature : float
        r, above 0.
    """
    held = losses.detach()
    low, high = held.min(), held.max()
    t = (2 * held - high - low) / (high - low).clamp_min(SMALLEST)
    rise = {"upper": (t + 1).clamp_max(1), "quadratic": 1 - t.square(), "extremes": t.abs()}[strategy]
    return torch.softmax(rise / temperature, dim=0)
