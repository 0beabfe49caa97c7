"""Whether labels look like one kind of rows or like two, from a classifier that knows no row's own label.

With s_i its probability of row i's given label and K classes: if there is one kind, labels are as the classifier says.
If there are two, a share r of the rows got any other class:

    log-likelihood L(r) = sum_i log((1 - r) s_i + r (1 - s_i) / (K - 1)),   P(two kinds) = 1 / (1 + sqrt(n) e^-gain)
    gain = max over r >= USUAL of L(r), less L(USUAL)

the posterior odds of the two models by BIC (Schwarz 1978), both held for as likely beforehand. L is concave in r. Up to
USUAL of the rows are unusual where all labels are right, too, so that share alone is one kind.

A ridge classifier of many classes says too little for that: of a hundred it gives the right one a third, and a wrong
one no less than any other. So its probabilities are raised to a power of 1 or more and brought back to sum 1
(`temperature.py`); of each model that power counts under which it makes the given labels most likely. Of ten classes it
is 1 as a rule, of fifty 2 to 4.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from mislabel.posterior.temperature import sharpen

USUAL = 0.01
SMALLEST = 1e-9
POWERS = tuple(2 ** (step / 4) for step in range(21))  # 1 to 32


@dataclass(frozen=True)
class Kinds:
    """Whether labels look like one kind of rows, or like two.

    Attributes
    ----------
    rate : float
        r, USUAL where there is one kind.
    gain : float
        In log-likelihood.
    two : float
        P(two kinds).
    power : float
        What the classifier's probabilities are raised to if there are two.
    """

    rate: float
    gain: float
    two: float
    power: float = 1.0


def kinds(of_given: np.ndarray, n_classes: int) -> Kinds:
    """Compare one kind with two.

    Parameters
    ----------
    of_given : (n,) float in [0, 1]
        s: what a classifier that does not know the row's label gives it.
    n_classes : int
        K, at least 2.
    """
    s, other = chances(of_given, n_classes)

    def slope(rate: float) -> float:
        return float(((other - s) / (s + rate * (other - s))).sum())

    if slope(USUAL) <= 0:
        rate = USUAL
    elif slope(1 - SMALLEST) >= 0:
        rate = 1 - SMALLEST
    else:
        rate = float(brentq(slope, USUAL, 1 - SMALLEST))
    gain = log_likelihood(s, n_classes, rate) - log_likelihood(s, n_classes, USUAL)
    return Kinds(rate, gain, odds(gain, len(s)))


def best_power_of_one_kind(probabilities: np.ndarray, given: np.ndarray) -> float:
    """The power under which one kind of rows makes the given labels (n,) most likely; see `sharpened_kinds`."""
    rows, n_classes = np.arange(len(given)), probabilities.shape[1]
    likelihoods = [log_likelihood(sharpen(probabilities, power)[rows, given], n_classes, USUAL) for power in POWERS]
    return POWERS[int(np.argmax(likelihoods))]


def sharpened_kinds(probabilities: np.ndarray, given: np.ndarray) -> tuple[Kinds, np.ndarray]:
    """Compare one kind with two, each with the power that suits it; and s under the power of two kinds, (n,) float64.

    Parameters
    ----------
    probabilities : (n, K) float
        Of a classifier that does not know the row's label.
    given : (n,) int in [0, K), n >= 1, K >= 2
    """
    n, n_classes = probabilities.shape
    said = [sharpen(probabilities, power)[np.arange(n), given] for power in POWERS]
    one = [log_likelihood(of_given, n_classes, USUAL) for of_given in said]
    two = [kinds(of_given, n_classes) for of_given in said]
    best = int(np.argmax([usual + found.gain for usual, found in zip(one, two, strict=True)]))
    gain = one[best] + two[best].gain - max(one)
    return Kinds(two[best].rate, gain, odds(gain, n), POWERS[best]), said[best]


def log_likelihood(of_given: np.ndarray, n_classes: int, rate: float) -> float:
    """L(r)."""
    s, other = chances(of_given, n_classes)
    return float(np.log(s + rate * (other - s)).sum())


def chances(of_given: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """s, away from 0 and 1, and what each other class has in the mean."""
    s = np.clip(np.asarray(of_given, dtype=np.float64), SMALLEST, 1 - SMALLEST)
    return s, (1 - s) / (n_classes - 1)


def odds(gain: float, n: int) -> float:
    """P(two kinds) from the gain in log-likelihood over n rows."""
    return float(expit(gain - np.log(n) / 2))
