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
from typing import Annotated, ClassVar

from mislabel.methods._losses import MixedCrossEntropy
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.stages import Stage


@register("mixup", paper="Zhang et al., ICLR 2018, arXiv 1710.09412", when="few labels are wrong", group="right")
@dataclass(frozen=True)
class Mixup(DefaultPosterior):
    """Options of the method."""

    many_classes: ClassVar[bool] = True

    epochs: Annotated[int, Setting("Passes over the rows.", 1, 10_000)] = 5
    alpha: Annotated[
        float,
        Setting(
            "Of the beta distribution: 1 is the paper's for CIFAR; for labels drawn at random it also tried 2, 8 "
            "and 32.",
            1e-3,
            1e4,
        ),
    ] = 1.0

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [Stage("train", self.epochs, MixedCrossEntropy(self.alpha), mixes=True)]
