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

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._division import NETWORKS, MixMatch, clean
from mislabel.methods._losses import CrossEntropy, PenalisedCrossEntropy
from mislabel.methods.registry import register
from mislabel.posterior.mean_probability import given_replaced
from mislabel.posterior.posterior import Posterior
from mislabel.settings import Setting, check_settings
from mislabel.training.stages import Stage


@register(
    "divide_mix",
    paper="Li et al., ICLR 2020, arXiv 2002.07394",
    when="many labels are wrong and time is cheap",
    group="thorough",
)
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


class DividedLoss(MixMatch):
    """L, with the rows that each network keeps for the other one."""

    def __init__(self, options: DivideMix):
        super().__init__(
            options.threshold, options.temperature, options.alpha, options.unlabelled_weight, options.epochs
        )
