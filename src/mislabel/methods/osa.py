"""OSA: how near a row is to its class, before any training, says how much its label counts.

"One-Step Anti-Noise", arXiv 2410.01944.

    u_i = s_i - beta_y
    w_i = u_i^2 (1 - u_i) if u_i > 0, else 0
    L = mean_i w_i CE(p(x_i), y_i)

With beta = .2, similarities of .1, .3, .5 and .8 weigh 0, .009, .063 and .144 before they are scaled.

======  ====================================================================
symbol  meaning
======  ====================================================================
y, p    given label, class probabilities
s       cosine of the row and its given class, by a frozen model
beta    what is usual: where unrelated rows and classes lie
w       weight of a row, from then on the same; scaled to a mean of 1
======  ====================================================================

The paper compares images with captions or names of classes by a model with a tower for each. Here the class is what
a sentence or its name says (`--describe`), for texts and, with an image-text backbone, for images. Where there is no
such model, or a class is no word, its prototype stands for it: the mean direction of the other rows that are called so
(an adaptation). That is no second view, since it comes from the labels themselves.

What else differs from the paper:

- beta is one number a class, the mean similarity of all rows to it: sentences differ in how near they are to anything
  more than rows do. The paper has one beta, from random inputs.
- Weights are scaled to a mean of 1. They are at most 4/27, and would shrink the learning rate.
- From u = 2/3 on, where w is largest, it stays there. Pairs of two towers hardly come so far; rows and prototypes do,
  and the nearest ones would count for nothing.
- A class none of whose rows is nearer than usual, or of which nothing is known, keeps weights of 1: it would vanish.

The published code, by contrast, divides by the largest weight of a batch, so that a row's weight hangs on the others
there. `--balance` balances the sums of these weights.

A row that weighs nothing is never learnt, so what the network says of it is said by the other rows. Where the frozen
model hardly tells the classes apart, the weights throw away right labels; `panel` asks it with more care.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from mislabel.methods._losses import CrossEntropy
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.stages import Stage

LARGEST = 2 / 3  # u, of which w is largest


@register("osa", paper="arXiv 2410.01944", when="an encoder knows what the classes mean (--describe)", group="written")
@dataclass(frozen=True)
class OSA(DefaultPosterior):
    """Options of the method."""

    epochs: Annotated[int, Setting("Passes over the rows.", 1, 10_000)] = 5

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [Stage("train", self.epochs, CrossEntropy())]

    def row_worth(self, nearness: np.ndarray, given: np.ndarray) -> np.ndarray:
        """w, (n,) float64 with a mean of 1.

        Parameters
        ----------
        nearness : (n, K) float
            s - beta, of every row and class; minus infinity where nothing is known of a class.
        given : (n,) int64
        """
        raw = weight_of(nearness[np.arange(len(given)), given])
        total = np.bincount(given, weights=raw)
        known = total[given] > 0
        return np.where(known, raw / raw[known].mean() if known.any() else 0.0, 1.0)


def weight_of(above: np.ndarray) -> np.ndarray:
    """w before it is scaled, of u (n,)."""
    held = np.clip(above, 0.0, LARGEST)
    return held * held * (1 - held)
