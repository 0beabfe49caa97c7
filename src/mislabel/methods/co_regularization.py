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

The defaults are the paper's. It is the first stage of DyGen (`dygen.py`, whose loss this is, with 1e-5 added inside
the logarithms of KL) without trajectories. The paper ships one of the networks; here the final model is their mean.
"""

from dataclasses import dataclass

from mislabel.errors import in_range
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.dygen import CoRegularised
from mislabel.training.stages import Stage


@dataclass(frozen=True)
class CoRegularization(DefaultPosterior):
    """Options of the method.

    Attributes
    ----------
    epochs : int
    weight : float
        a after the first steps.
    count : int
        M.
    warmup : float
        Share of the steps over which a is zero.
    """

    epochs: int = 5
    weight: float = 5.0
    count: int = 2
    warmup: float = 0.1

    def __post_init__(self) -> None:
        in_range("epochs", self.epochs, 1, 10_000)
        in_range("weight", self.weight, 0, 1e6)
        in_range("count", self.count, 2, 100)
        in_range("warmup", self.warmup, 0, 1)

    def stages(self) -> list[Stage]:
        loss = CoRegularised(self.weight, warmup=self.warmup * self.epochs)
        return [Stage("train", self.epochs, loss, branches=self.count)]
