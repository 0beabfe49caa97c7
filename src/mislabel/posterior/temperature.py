"""A temperature for posteriors, fitted to the given labels, without any gold label.

If P(true | x) is right, the given labels follow from it through a transition matrix: P(given = j | x) =
sum_k P(true = k | x) T[k, j]. A posterior that is too timid or too bold makes the given labels less likely than they
could be. So P is raised to a power t, brought back to sum 1, and t is the power under which the given labels are most
likely, with T fitted by expectation and maximisation for each t.
"""

import numpy as np
from scipy.optimize import minimize_scalar

from mislabel.posterior.derived import evenly

ROWS = 20_000  # more rows do not move t
STEPS = 30
SMALLEST, LARGEST = 0.5, 10.0
PRIOR_COUNT = 1e-3


def sharpen(probabilities: np.ndarray, power: float) -> np.ndarray:
    """probabilities ** power with rows that sum to 1, (n, K) float64; the most probable class stays so."""
    logs = power * np.log(np.maximum(probabilities.astype(np.float64), 1e-300))
    scaled = np.exp(logs - logs.max(1, keepdims=True))
    return scaled / scaled.sum(1, keepdims=True)


def best_power(probabilities: np.ndarray, given: np.ndarray) -> float:
    """The power between 0.5 and 10 under which the given labels are most likely.

    Parameters
    ----------
    probabilities : (n, K) float
        P(true = k | x), found without the row's own given label.
    given : (n,) int, all >= 0
    """
    some = evenly(len(given), ROWS)
    chosen, labels = probabilities[some], np.asarray(given)[some]
    minimum = minimize_scalar(
        lambda power: -noisy_likelihood(sharpen(chosen, np.exp(power)), labels),
        bounds=(np.log(SMALLEST), np.log(LARGEST)),
        method="bounded",
        options={"xatol": 0.02},
    )
    return float(np.exp(minimum.x))


def noisy_likelihood(probabilities: np.ndarray, given: np.ndarray) -> float:
    """Mean log-likelihood of the given labels through the transition matrix that suits them best."""
    classes = probabilities.shape[1]
    transition = np.full((classes, classes), 0.5 / max(classes - 1, 1))
    np.fill_diagonal(transition, 0.5)
    likelihood = 0.0
    for _ in range(STEPS):
        joint = probabilities * transition[:, given].T
        total = joint.sum(1, keepdims=True)
        likelihood = float(np.log(total).mean())
        joint /= total
        mass = np.full((classes, classes), PRIOR_COUNT)
        for label in np.unique(given):
            mass[:, label] += joint[given == label].sum(0)
        transition = mass / mass.sum(1, keepdims=True)
    return likelihood
