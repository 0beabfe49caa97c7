"""How near rows are to the classes of a frozen space, where nobody says in words what these mean.

A class is the mean direction of the rows that are called so, its prototype. A row is compared with the prototype of its
own class as it is without that row: otherwise it would vouch for its own label.
"""

import numpy as np

from mislabel.posterior.derived import parts

ROWS_AT_ONCE = 1 << 14
SMALLEST = 1e-6  # a sum of unit vectors shorter than this times their number has no direction


def prototype_similarity(points: np.ndarray, given: np.ndarray, n_classes: int) -> np.ndarray:
    """Cosines of rows and prototypes less their mean over all rows, (n, K) float64.

    Minus infinity for a class of fewer than two rows, which has no prototype but the row itself.

    Parameters
    ----------
    points : (n, d) float
    given : (n,) int in [0, n_classes)
    """
    sums, counts = np.zeros((n_classes, points.shape[1])), np.bincount(given, minlength=n_classes)
    for part in parts(len(points), ROWS_AT_ONCE):
        np.add.at(sums, given[part], _unit(points[part]))
    result = np.empty((len(points), n_classes))
    for part in parts(len(points), ROWS_AT_ONCE):
        unit, own = _unit(points[part]), (np.arange(len(given[part])), given[part])
        dots = unit @ sums.T
        result[part] = _cosine(dots, np.square(sums).sum(1), counts)
        one = np.square(unit).sum(1)  # 1, or 0 for a row without direction
        squares = np.square(sums).sum(1)[given[part]] - 2 * dots[own] + one
        result[part][own] = _cosine(dots[own] - one, squares, counts[given[part]] - 1)
    result -= result.mean(0)
    result[:, counts < 2] = -np.inf
    return result


def _cosine(dots: np.ndarray, squares: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Of unit vectors with sums of so many, from the products with them and their squared lengths; 0 without one."""
    there = squares > np.square(SMALLEST * np.maximum(counts, 1))
    return np.where(there, dots / np.sqrt(np.where(there, squares, 1.0)), 0.0)


def _unit(points: np.ndarray) -> np.ndarray:
    """Points of length 1, float64; one without direction stays at the origin."""
    points = points.astype(np.float64)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return points / np.where(lengths > 0, lengths, 1.0)
