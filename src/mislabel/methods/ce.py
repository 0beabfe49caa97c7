"""Plain fine-tuning: cross-entropy on the given labels, and the weights of the last epoch or of an earlier one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Literal

import numpy as np

from mislabel.dynamics.scores import label_wave_epoch
from mislabel.methods._losses import CrossEntropy
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.stages import Stage


def label_wave(epochs: int) -> Callable[[np.ndarray], int]:
    """The choice of an epoch by `label_wave_epoch`, over an eighth of a stage's epochs where that is more than one."""
    return partial(label_wave_epoch, window=max(1, epochs // 8))


@register("ce", paper="plain fine-tuning", when="labels are right, or as a yardstick", group="right")
@dataclass(frozen=True)
class CE(DefaultPosterior):
    """Options of the method."""

    many_classes: ClassVar[bool] = True

    epochs: Annotated[int, Setting("Passes over the rows.", 1, 10_000)] = 5
    stop: Annotated[
        Literal["last", "label_wave", "validation"],
        Setting(
            "Whose weights are kept: the last epoch's; at a constant learning rate, those of the epoch after which "
            "predictions stop settling (Label Wave, ICLR 2024); or those that best predict the given labels, wrong as "
            "they may be, of rows that were held back."
        ),
    ] = "last"
    validation: Annotated[float, Setting("Share of the rows to hold back where stop is validation.", 0.001, 0.9)] = 0.1

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        if self.stop == "last":
            return [Stage("train", self.epochs, CrossEntropy())]
        if self.stop == "validation":
            train = Stage("train", self.epochs, CrossEntropy(), validation=self.validation)
        else:
            train = Stage("train", self.epochs, CrossEntropy(), select=label_wave(self.epochs), decay=False)
        return [train, Stage("selected", 0, CrossEntropy(), start="selected")]
