"""FINE: how far a row points where the rows of its label do.

Kim et al., "FINE Samples for Learning with Noisy Labels", NeurIPS 2021, arXiv 2102.11628.

    f_i = <u, x_i>^2,   u the first eigenvector of the Gram matrix sum of x x^T over the rows of i's label

The paper goes on to divide the rows of each class by two Gaussians over f; as a score f itself ranks rows better. A
square does not tell the two ends of u apart.
"""

import numpy as np
from scipy.linalg import eigh


def alignment(points: np.ndarray, given: np.ndarray) -> np.ndarray:
    """f of each row, (n,) float64, higher = more likely right.

    Parameters
    ----------
    points : (n, d) float
        All finite.
    given : (n,) int, all >= 0
    """
    result = np.zeros(len(given))
    for label in np.unique(given):
        rows = given == label
        own = points[rows].astype(np.float64)
        result[rows] = (own @ first_direction(own)) ** 2
    return result


def first_direction(points: np.ndarray) -> np.ndarray:
    """The first eigenvector of X^T X, (d,) float64 of length 1, from X, (m, d) float64; 0 where X is."""
    m, d = points.shape
    gram = points @ points.T if m < d else points.T @ points
    size = len(gram)
    vector = eigh(gram, subset_by_index=[size - 1, size - 1])[1][:, 0]
    direction = points.T @ vector if m < d else vector
    length = np.linalg.norm(direction)
    return direction / length if length > 0 else direction
