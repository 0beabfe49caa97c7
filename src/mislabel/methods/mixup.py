"""Mixup: train on mixtures of rows and of their labels.

Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, arXiv 1710.09412. Against wrong labels it helps
because no mixture is seen twice, so that there is less to learn by heart (their section 3.4).

    x~ = l x + (1 - l) x',   L = l CE(p(x~), y) + (1 - l) CE(p(x~), y'),   l ~ Beta(alpha, alpha)

l is drawn once per batch and x' is another row of the batch, as in the paper's code. Features and pixels are mixed
themselves. Texts are mixed in the embedding that the last layer reads (as in Guo et al., arXiv 1905.08941): words
have no mean. The clean rows are looked at besides, without gradients where inputs are mixed, so that there are
dynamics to judge labels by.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Beta

from mislabel.errors import in_range
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage


@dataclass(frozen=True)
class Mixup(DefaultPosterior):
    """Options of the method.

    Attributes
    ----------
    epochs : int
    alpha : float
        Of the beta distribution: 1 is the paper's for CIFAR; for labels drawn at random it also tried 2, 8 and 32.
    """

    epochs: int = 5
    alpha: float = 1.0

    def __post_init__(self) -> None:
        in_range("epochs", self.epochs, 1, 10_000)
        in_range("alpha", self.alpha, 1e-3, 1e4)

    def stages(self) -> list[Stage]:
        return [Stage("train", self.epochs, MixedCrossEntropy(self.alpha), mixes=True)]


class MixedCrossEntropy(Loss):
    """L, for one branch and one view."""

    def __init__(self, alpha: float):
        super().__init__()
        self.alpha = alpha

    def __call__(self, batch: Batch) -> Tensor:
        partner, share = draw(batch.logits.flatten(1, 2), self.alpha)
        log_p = batch.mixed(partner, share)[0].log_softmax(-1)
        own, other = (log_p.gather(1, label[:, None])[:, 0] for label in (batch.target, batch.target[partner[0]]))
        return -(share[0] * own + (1 - share[0]) * other).mean()


def draw(logits: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Whom to mix with and how: `partner` (branches, m) int64 and `share` (branches, m) float32, equal in a branch.

    Parameters
    ----------
    logits : (branches, m, classes)
        Only shape and device matter.
    """
    branches, rows, device = len(logits), logits.shape[1], logits.device
    partner = torch.stack([torch.randperm(rows, device=device) for _ in range(branches)])
    share = Beta(alpha, alpha).sample((branches, 1)).to(device, torch.float32)
    return partner, share.expand(branches, rows)
