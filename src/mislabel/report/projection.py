"""A plane to look at embeddings in: the one in which the centroids of classes lie furthest apart."""

import numpy as np

NOTHING = 1e-6  # a spread below this share of the largest value is rounding


def plane(centroids: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Two directions at right angles to each other, of length 1: the principal components of the centroids.

    Where the centroids spread along fewer than two (two classes lie on a line), the principal component of what the
    rows have beside them fills up. A direction in which nothing spreads is 0. The sign, which principal components
    leave open, makes the entry that is largest in size positive.

    Parameters
    ----------
    centroids : (c, d) float64, c >= 1
    rows : (b, d) float64, b >= 1

    Returns
    -------
    (d, 2) float64
    """
    scale = max(float(np.abs(centroids).max()), float(np.abs(rows).max()))
    found = _components(centroids, 2, scale)
    if len(found) < 2:
        rest = rows - (rows @ found.T) @ found
        found = np.concatenate([found, _components(rest, 2 - len(found), scale)])
    largest = found[np.arange(len(found)), np.abs(found).argmax(1)]
    found = found * np.sign(largest)[:, None]
    return np.concatenate([found, np.zeros((2 - len(found), found.shape[1]))]).T


def spaced(rows: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the rows (m,), evenly spaced from the first to the last, in order."""
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(np.int64)]


def _components(points: np.ndarray, count: int, scale: float) -> np.ndarray:
    """At most `count` principal components of points (m, d), those along which they spread, (k, d) float64."""
    _, spread, directions = np.linalg.svd(points - points.mean(0), full_matrices=False)
    return directions[:count][spread[:count] > NOTHING * scale]
