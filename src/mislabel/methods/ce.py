"""Plain fine-tuning: cross-entropy on the given labels, one stage, the last epoch's weights."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.scores import wrong_events
from mislabel.dynamics.store import DynamicsStore
from mislabel.errors import in_range
from mislabel.posterior.posterior import Posterior, replace_given
from mislabel.training.stages import Batch, Stage, StatelessLoss


class CrossEntropy(StatelessLoss):
    """Mean cross-entropy of the given labels over views and branches."""

    def __call__(self, batch: Batch) -> Tensor:
        branches, views, rows, classes = batch.logits.shape
        target = batch.given.expand(branches, views, rows)
        return functional.cross_entropy(batch.logits.reshape(-1, classes), target.reshape(-1))


@dataclass(frozen=True)
class CE:
    """Options of the method."""

    epochs: int = 5

    def __post_init__(self) -> None:
        in_range("epochs", self.epochs, 1, 10_000)

    def stages(self) -> list[Stage]:
        return [Stage("train", self.epochs, CrossEntropy())]

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """The given label's mean probability over the passes (data maps, arXiv 2009.10795), the rest as the model says.

        The final model alone would not do: by the last epoch plain training has learnt many wrong labels by heart.
        """
        mean = np.zeros(len(given))
        for loss in dynamics.loss:
            mean += np.exp(-loss.astype(np.float64))
        mean = np.clip(mean / len(dynamics.loss), 0.0, 1.0)
        wrong, observed = wrong_events(dynamics.prediction, given)
        return Posterior(
            probabilities=replace_given(probabilities, given, mean).astype(np.float32),
            evidence={
                "wrong_events": wrong,
                "observations": observed,
                "mean_margin": np.asarray(np.nanmean(dynamics.margin, axis=0, dtype=np.float64)),
            },
        )
