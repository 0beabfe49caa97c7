"""What follows from a posterior: scores per row, the noise rate, the transition matrix."""

from dataclasses import dataclass

import numpy as np

INTERVAL = 0.95
BOOTSTRAPS = 400


def p_mislabeled(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """1 - posterior of the given label, (n,) float64; NaN where no label is given (-1)."""
    of_given = probabilities[np.arange(len(given)), np.maximum(given, 0)].astype(np.float64)
    return np.where(given >= 0, np.clip(1.0 - of_given, 0.0, 1.0), np.nan)


def suggested(probabilities: np.ndarray) -> np.ndarray:
    """The most probable true label, (n,) int64; the lower code on a tie."""
    return probabilities.argmax(1)


def transition_matrix(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """T[i, j] = P(given = j | true = i), estimated as a share of posterior mass.

    Parameters
    ----------
    probabilities : (n, K) float
    given : (n,) int, all >= 0

    Returns
    -------
    (K, K) float64
        Rows sum to 1; the row of a class that no row seems to belong to is that of the identity.
    """
    classes = probabilities.shape[1]
    mass = np.zeros((classes, classes))
    for label in range(classes):
        mass[:, label] = probabilities[given == label].sum(0, dtype=np.float64)
    total = mass.sum(1, keepdims=True)
    return np.where(total > 0, mass / np.where(total > 0, total, 1), np.eye(classes))


@dataclass(frozen=True)
class NoiseRate:
    """Estimated share of wrong labels and a 95 % interval."""

    estimate: float
    low: float
    high: float


def noise_rate(probabilities: np.ndarray, given: np.ndarray, seed: int = 0) -> NoiseRate:
    """The share of wrong labels, with an interval for two doubts: which rows were drawn, and how to count.

    The posterior mass beside the given labels and the share of rows whose most probable label is another one would
    agree if the posterior were calibrated. The estimate lies midway, the interval spans both and adds the bootstrap's
    95 % interval over rows on either side.

    Parameters
    ----------
    probabilities : (n, K) float
    given : (n,) int, all >= 0, n >= 1
    """
    wrong = p_mislabeled(probabilities, given)
    disagrees = (suggested(probabilities) != given).astype(np.float64)
    random = np.random.default_rng(seed)
    n = len(given)
    # Poisson weights: a bootstrap in one pass that needs no (bootstraps, n) array
    spreads = []
    for _ in range(BOOTSTRAPS):
        weight = random.poisson(1.0, n)
        total = max(1, weight.sum())
        spreads.append(((weight @ wrong) / total, (weight @ disagrees) / total))
    tail = (1 - INTERVAL) / 2
    low, high = np.quantile(np.array(spreads), [tail, 1 - tail], axis=0)
    # A binomial margin for few rows, where a bootstrap of all-right rows would have no width at all
    margin = 2.0 / (n + 4)
    return NoiseRate(
        estimate=float((wrong.mean() + disagrees.mean()) / 2),
        low=float(max(0.0, low.min() - margin)),
        high=float(min(1.0, high.max() + margin)),
    )
