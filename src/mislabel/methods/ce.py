"""Plain fine-tuning: cross-entropy on the given labels, and the weights of the last epoch or of an earlier one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.scores import label_wave_epoch
from mislabel.errors import in_range, one_of
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage


class CrossEntropy(Loss):
    """Mean cross-entropy of the given labels over views and branches."""

    def __call__(self, batch: Batch) -> Tensor:
        branches, views, rows, classes = batch.logits.shape
        target = batch.target.expand(branches, views, rows)
        return functional.cross_entropy(batch.logits.reshape(-1, classes), target.reshape(-1))


def label_wave(epochs: int) -> Callable[[np.ndarray], int]:
    """The choice of an epoch by `label_wave_epoch`, over an eighth of a stage's epochs where that is more than one."""
    return partial(label_wave_epoch, window=max(1, epochs // 8))


@dataclass(frozen=True)
class CE(DefaultPosterior):
    """Options of the method.

    Attributes
    ----------
    epochs : int
    stop : "last", "label_wave" or "validation"
        Whose weights are kept: the last epoch's; or, at a constant learning rate, those of the epoch after which
        predictions stop settling (Label Wave, ICLR 2024); or those that predict best the given labels, wrong as they
        may be, of rows that were held back.
    validation : float
        Share of the rows to hold back for the last of these.
    """

    epochs: int = 5
    stop: Literal["last", "label_wave", "validation"] = "last"
    validation: float = 0.1

    def __post_init__(self) -> None:
        in_range("epochs", self.epochs, 1, 10_000)
        one_of("stop", self.stop, ("last", "label_wave", "validation"))
        in_range("validation", self.validation, 0.001, 0.9)

    def stages(self) -> list[Stage]:
        if self.stop == "last":
            return [Stage("train", self.epochs, CrossEntropy())]
        if self.stop == "validation":
            train = Stage("train", self.epochs, CrossEntropy(), validation=self.validation)
        else:
            train = Stage("train", self.epochs, CrossEntropy(), select=label_wave(self.epochs), decay=False)
        return [train, Stage("selected", 0, CrossEntropy(), start="selected")]
