"""Balanced transition EM: a classifier on a frozen space and a class transition matrix, each estimated from the other.

An adaptation of LCCN (Yao et al., "Latent Class-Conditional Noise Model", TPAMI 2023, arXiv 2302.09595) to a closed
form: the network is a ridge regression, the sampled labels are their probabilities, and classes are balanced. Labels
that rules, LLMs or crowds wrote are wrong in one direction: a class that swallows others is learnt by whoever fits the
given class shares. So every fit weighs a row by

    w_i = sum_k q_ik (n / (K sum_j q_jk))^power

and no step multiplies by class shares. With P what the classifier says of a row without that row (`ridge.py`), and
yt the given labels, each round does

    N[k, l] = sum_i P_ik [yt_i = l] + 1/2 + 2 [k = l]
    T[k, l] = (N[k, l] + held [k = l] sum_m N[k, m]) / sum over l
    q_ik    = P_ik T[k, yt_i] / sum over k
    P       = softmax(temperature * leave-one-out fit to q)

With `held` at 0 the matrix may say whatever the rows say, also that a class is hardly ever given its own name, as where
one rule swallows half of the others. At 1 it cannot say that: at least half of a class carry its own label. That is
safe where classifier and matrix would swap or merge classes (`frozen_space.py` tells when).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax

from mislabel.posterior.class_balance import balanced
from mislabel.posterior.derived import by_part, crossed, one_hot
from mislabel.posterior.ridge import Space, leave_one_out

ROUNDS, TEMPERATURE, RIDGE = 10, 8.0, 1.0
COUNT, DIAGONAL = 0.5, 2.0  # rows that a cell of T, and one on its diagonal, has beforehand
SMALLEST = 1e-12


@dataclass(frozen=True, eq=False)
class Fit:
    """What the rounds end with.

    Attributes
    ----------
    posterior : (n, K) float64
        q, which knows what the row was labelled.
    classifier : (n, K) float64
        P, which knows neither the row's labels nor anything that follows from them.
    """

    posterior: np.ndarray
    classifier: np.ndarray


@dataclass(frozen=True, eq=False)
class TransitionFit(Fit):
    """The same of one label a row.

    Attributes
    ----------
    transition : (K, K) float64
        T[k, l] = P(given = l | true = k). It is not to be shown: the rate that follows from it is 20 points off, both
        ways, on labels by rules.
    """

    transition: np.ndarray


def given_classifier(
    space: Space,
    given: np.ndarray,
    n_classes: int,
    power: float,
    ridge: float,
    change: Callable[[np.ndarray], np.ndarray] = lambda scores: scores,
) -> np.ndarray:
    """What a balanced fit to the given labels says of each row without it, (n, K): no probabilities yet."""
    targets = one_hot(given, n_classes)
    return leave_one_out(space, targets, balanced(targets, power), ridge, change)


def balanced_transition(
    space: Space,
    given: np.ndarray,
    n_classes: int,
    *,
    held: float = 0.0,
    power: float = 1.0,
    temperature: float = TEMPERATURE,
    ridge: float = RIDGE,
    rounds: int = ROUNDS,
    start: np.ndarray | None = None,
) -> TransitionFit:
    """Fit as above.

    Parameters
    ----------
    given : (n,) int in [0, n_classes)
    held : float
        Above or at 0; see above.
    start : (n, K) float, optional
        What P is before the first round; without it, the balanced fit to the given labels.
    """
    targets = one_hot(given, n_classes)
    if start is None:
        start = given_classifier(space, given, n_classes, power, ridge, softened(temperature))
    assert start is not None
    transition = np.eye(n_classes)

    def reading(classifier: np.ndarray) -> np.ndarray:
        nonlocal transition
        transition = transition_matrix(classifier, targets, held)
        return through(classifier, transition, given)

    fit = alternated(space, start, reading, power, temperature, ridge, rounds)
    return TransitionFit(fit.posterior, fit.classifier, transition)


def alternated(
    space: Space,
    start: np.ndarray,
    reading: Callable[[np.ndarray], np.ndarray],
    power: float,
    temperature: float,
    ridge: float,
    rounds: int,
) -> Fit:
    """q and P after these rounds.

    Parameters
    ----------
    start : (n, K) float
        What P is before the first round.
    reading : callable
        From P to q: the step that reads the labels.
    """
    classifier = posterior = start
    for _ in range(rounds):
        posterior = reading(classifier)
        classifier = leave_one_out(space, posterior, balanced(posterior, power), ridge, softened(temperature))
    return Fit(posterior, classifier)


def softened(temperature: float) -> Callable[[np.ndarray], np.ndarray]:
    """From scores (m, K) to probabilities."""
    return lambda scores: softmax(temperature * scores, axis=1)


def transition_matrix(classifier: np.ndarray, one_hot: Any, held: float) -> np.ndarray:
    """T, (K, K) float64, from probabilities (n, K) and given labels (n, K)."""
    return transition_of(crossed(classifier, one_hot), held)


def transition_of(counts: np.ndarray, held: float) -> np.ndarray:
    """T, (..., K, K) float64, from how many rows of class k were given l, without what a cell has beforehand."""
    counts = counts + COUNT + DIAGONAL * np.eye(counts.shape[-1])
    counts = counts + held * np.eye(counts.shape[-1]) * counts.sum(-1, keepdims=True)
    return counts / counts.sum(-1, keepdims=True)


def through(classifier: np.ndarray, transition: np.ndarray, given: np.ndarray) -> np.ndarray:
    """P(true = k | x, given label), (n, K) float, from P(true = k | x) and T."""

    def joined(classifier: np.ndarray, given: np.ndarray) -> np.ndarray:
        joint = classifier * transition[:, given].T
        return joint / np.maximum(joint.sum(1, keepdims=True), SMALLEST)

    return by_part(joined, classifier, given)
