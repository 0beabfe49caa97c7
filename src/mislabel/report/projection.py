"""Embeddings projected on a plane: the one in which the centroids of the classes are furthest apart."""

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
    axes = _components(centroids, 2, scale)
    if len(axes) < 2:
        rest = rows - (rows @ axes.T) @ axes
        axes = np.concatenate([axes, _components(rest, 2 - len(axes), scale)])
    largest = axes[np.arange(len(axes)), np.abs(axes).argmax(1)]
    axes = axes * np.sign(largest)[:, None]
    return np.concatenate([axes, np.zeros((2 - len(axes), axes.shape[1]))]).T


def spaced(rows: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the rows (m,), evenly spaced from the first to the last, in order."""
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(np.int64)]


def _components(points: np.ndarray, count: int, scale: float) -> np.ndarray:
    """At most `count` principal components of points (m, d), those along which they spread, (k, d) float64."""
    _, spread, directions = np.linalg.svd(points - points.mean(0), full_matrices=False)
    return directions[:count][spread[:count] > NOTHING * scale]
