"""The gate behind every method: nothing is called wrong that independent evidence does not confirm.

A method's posterior ranks rows well, but how many of them it calls wrong rests on its own training. A mixture always
finds two kinds of rows, also where there is one; a network that has hardly been trained doubts every label; one that
learnt all by heart doubts none. The gate asks something that no training can spoil: a classifier on the frozen space
that was fitted without the row (`frozen_space.py`), of sampled rows. With s_i its probability of row i's given label,
it asks three questions.

*Can the inputs tell the labels at all?* The share of rows whose label the classifier meets, against the same share with
labels dealt out at random: the mean and the variance over all permutations are known in closed form.

*Are there two kinds of rows?* With one kind, labels are as the classifier says: its own doubt near the borders of
classes explains those that it does not meet. With two, a share of the rows got any other class (`kinds.py`).

*Are those rows wrong that the method doubts?* 1 - s_i, regressed on the method's probability p_i that the label is
wrong, by a function g that never falls (isotonic calibration, Zadrozny and Elkan, KDD 2002): of rows that the method
doubts as much as this one, how far does the classifier doubt the labels?

    gated p = KEPT p + (1 - KEPT) min(p, P(two kinds) g(p))

It is never above p, and equals p where the evidence doubts such rows no less. It rises with p, so that the method's
order of rows stays: the share KEPT is there for that alone. What p loses, the given class gets.

The method's own opinion is kept beside it. What cannot be seen: errors that follow a pattern in the inputs, since the
classifier learns these as well, and less than USUAL of the labels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from mislabel.posterior.kinds import SMALLEST, Kinds
from mislabel.posterior.posterior import Probabilities, replace_given
from mislabel.posterior.summary import p_mislabeled

KEPT = 0.01
# Standard deviations above chance up to which nothing was learnt from the inputs, if all labels met would lie as far as
# REACHABLE above it. Labels beside the inputs reach 3.3 in the worst of 200 draws, since the space is chosen by them.
CHANCE, REACHABLE = 4.0, 6.0


@dataclass(frozen=True)
class Met:
    """How often a classifier of the inputs meets labels that it was not told.

    Attributes
    ----------
    share, chance : float
        Of the rows; with labels dealt out at random, in the mean.
    deviations, reachable : float
        How far `share` lies above chance in standard deviations, and a share of 1 would.
    """

    share: float
    chance: float
    deviations: float
    reachable: float

    @property
    def learnt(self) -> bool | None:
        """Whether the inputs tell the labels; None where even a perfect classifier could not show it."""
        if self.deviations > CHANCE:
            return True
        return False if self.reachable >= REACHABLE else None


def met(predicted: np.ndarray, given: np.ndarray, n_classes: int) -> Met:
    """Compare predictions with labels, and with all permutations of these.

    Parameters
    ----------
    predicted, given : (n,) int in [0, n_classes), n >= 2
        The predictions were made without the row's own label.
    """
    n = len(given)
    said, had = (np.bincount(codes, minlength=n_classes) / n for codes in (predicted, given))
    share, chance = float((predicted == given).mean()), float(said @ had)
    spread, perfect = _spread(said, had, n), _spread(had, had, n)
    deviations = (share - chance) / spread if spread else 0.0  # none where one class is predicted throughout
    return Met(share, chance, deviations, (1 - float(had @ had)) / perfect if perfect else 0.0)


def _spread(said: np.ndarray, had: np.ndarray, n: int) -> float:
    """Standard deviation of the share of n predictions that are met, over all permutations of the labels.

    By Hoeffding's formula for permuted sums of a[i, j] = [predicted_i = given_j], from the shares (K,) of classes.
    """
    mean = said @ had
    squares = mean - said @ had**2 - had @ said**2 + mean**2  # mean square of a, centred over rows and columns
    return float(np.sqrt(max(squares, 0.0) / (n - 1))) if squares > SMALLEST else 0.0


@dataclass(frozen=True, eq=False)
class Independent:
    """What a classifier that knows no row's own label says of sampled rows.

    Attributes
    ----------
    rows : (s,) int64
        Which of the n rows.
    doubt : (s,) float64
        1 - s: how likely it finds another class than the given one.
    met : Met
    kinds : Kinds
    """

    rows: np.ndarray
    doubt: np.ndarray
    met: Met
    kinds: Kinds

    def confirmed(self, p: np.ndarray) -> np.ndarray:
        """P(wrong) that stands, (n,) float64, from what a method says of all rows, (n,) float in [0, 1]."""
        p = np.asarray(p, dtype=np.float64)
        regression = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        expected = regression.fit(p[self.rows], self.doubt).predict(p)
        return KEPT * p + (1 - KEPT) * np.minimum(p, self.kinds.two * expected)


def gated(probabilities: Probabilities, given: np.ndarray, evidence: Independent) -> Probabilities:
    """A posterior of which the gate took what is not confirmed, (n, K) float32; other rows stay to the bit.

    Parameters
    ----------
    probabilities : (n, K) float32, or Likeliest
    given : (n,) int, all >= 0
    """
    before = p_mislabeled(probabilities, given)
    after = evidence.confirmed(before)
    result: Any = probabilities.astype(np.float32)
    less = after < before
    result[less] = replace_given(probabilities[less], given[less], 1 - after[less])
    return result
