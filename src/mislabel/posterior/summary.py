"""What follows from a posterior: scores per row, the transition matrix; and an interval for a share."""

from typing import Any

import numpy as np

from mislabel.posterior.likeliest import Likeliest

Z_95 = 1.959964  # standard deviations on either side that hold 95 % of a normal distribution


def p_mislabeled(probabilities: np.ndarray | Likeliest, given: np.ndarray) -> np.ndarray:
    """1 - posterior of the given label, (n,) float64; NaN where no label is given (-1)."""
    of_given = probabilities[np.arange(len(given)), np.maximum(given, 0)].astype(np.float64)
    return np.where(given >= 0, np.clip(1.0 - of_given, 0.0, 1.0), np.nan)


def suggested(probabilities: np.ndarray | Likeliest) -> np.ndarray:
    """The most probable true label, (n,) int64; the lower code on a tie."""
    return probabilities.argmax(1)


def transition_matrix(probabilities: np.ndarray | Likeliest, given: np.ndarray, rows: np.ndarray | None = None) -> Any:
    """T[i, j] = P(given = j | true = i), estimated as a share of posterior mass.

    Parameters
    ----------
    probabilities : (n, K) float, or Likeliest
    given : (n,) int, >= 0 where rows count
    rows : (m,) int64, optional
        Those that count; all without it.

    Returns
    -------
    (K, K) float64
        Rows sum to 1; the row of a class that no row seems to belong to is that of the identity. Of Likeliest it is
        sparse, and knows nothing of what rows say of the classes that they do not keep.
    """
    rows = np.arange(len(given)) if rows is None else rows
    if isinstance(probabilities, Likeliest):
        return probabilities[rows].transition(given[rows])
    classes = probabilities.shape[1]
    mass = np.zeros((classes, classes))
    labels = given[rows]
    for label in range(classes):
        mass[:, label] = probabilities[rows[labels == label]].sum(0, dtype=np.float64)
    total = mass.sum(1, keepdims=True)
    return np.where(total > 0, mass / np.where(total > 0, total, 1), np.eye(classes))


def wilson(share: np.ndarray | float, n: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's 95 % interval of a share of n rows, low and high, each of the shape of `share`."""
    shrink = 1 + Z_95**2 / np.asarray(n)
    middle = (share + Z_95**2 / (2 * np.asarray(n))) / shrink
    half = Z_95 * np.sqrt(share * (1 - share) / n + Z_95**2 / (4 * np.asarray(n) ** 2)) / shrink
    return np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)
