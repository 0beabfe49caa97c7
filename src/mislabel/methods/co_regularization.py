"""Co-regularisation: networks side by side that are asked to agree, since they agree sooner on what is right.

Zhou and Chen, "Learning from Noisy Labels for Entity-Centric Information Extraction", EMNLP 2021, arXiv 2104.08656.

    L = (1/M) sum_m CE(y, p_m) + a(t) (1/M) sum_m KL(pbar || p_m),   pbar = (1/M) sum_m p_m

======  ==============================================================
symbol  meaning
======  ==============================================================
y       given label
p_m     class probabilities of network m
M       number of networks
a(t)    zero over the first tenth of the steps, then constant
======  ==============================================================

The defaults are the paper's. It is the first stage of DyGen (`dygen.py`) without trajectories, with its loss,
which adds 1e-5 inside the logarithms of KL. The paper ships one of the networks; here the final model is their mean.
"""

from dataclasses import dataclass
from typing import Annotated

from mislabel.methods._losses import CoRegularised
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.stages import Stage


@register(
    "co_regularization",
    paper="Zhou and Chen, EMNLP 2021, arXiv 2104.08656",
    when="texts of which some labels are wrong",
    group="thorough",
)
@dataclass(frozen=True)
class CoRegularization(DefaultPosterior):
    """Options of the method."""

    epochs: Annotated[int, Setting("Passes over the rows.", 1, 10_000)] = 5
    weight: Annotated[float, Setting("a after the first steps.", 0, 1e6)] = 5.0
    count: Annotated[int, Setting("M, how many networks.", 2, 100)] = 2
    warmup: Annotated[float, Setting("Share of the steps over which a is zero.", 0, 1)] = 0.1

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        loss = CoRegularised(self.weight, warmup=self.warmup * self.epochs)
        return [Stage("train", self.epochs, loss, branches=self.count)]
