"""Weighted ridge regression of class shares on a frozen space, and what it says of each row without that row.

For points z_i with a 1 appended, targets q_i that sum to 1, and row weights w_i:

    B = A^-1 sum_i w_i z_i q_i^T,   A = sum_i w_i z_i z_i^T + ridge I
    f_i = z_i^T B,   h_i = w_i z_i^T A^-1 z_i,   without row i: (f_i - h_i q_i) / (1 - h_i)

The last is what a fit to all other rows says of row i, exactly and without fitting n times (PRESS). A and
z_i^T A^-1 z_i take half the work as what they are, a symmetric product and one with a triangle. Of very many rows some
are fitted to, drawn by chance, and the others are told by these: a fit of a few hundred numbers a class learns no more
from more rows, and its time is that of the squares of the width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import linalg
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular

from mislabel.posterior.derived import Precision, column_means, kept_precision

ROWS_AT_ONCE = 1 << 13
FITTED = 1 << 18  # rows
LARGEST_LEVERAGE = 0.999
blas: Any = getattr(linalg, "blas")  # noqa: B009  # scipy tells no types of these
SYMMETRIC: dict[Precision, Any] = {np.float32: blas.ssyrk, np.float64: blas.dsyrk}
TRIANGULAR: Any = blas.strmm


@dataclass(frozen=True, eq=False)
class Space:
    """Points of n rows, centred, and read chunk by chunk: beside them memory does not grow with n.

    Attributes
    ----------
    points : (n, d) float32
        An array, or `Derived`.
    """

    points: Any

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def mean(self) -> np.ndarray:
        """(d,) float64."""
        return column_means(self.points)

    def rows(self, begin: int, end: int) -> np.ndarray:
        """These rows centred, with a 1 appended, (m, d + 1) float32."""
        return self.centred(self.points[begin:end])

    def centred(self, points: np.ndarray) -> np.ndarray:
        """Rows of any origin in this space, (m, d + 1) float32."""
        result = np.ones((len(points), points.shape[1] + 1), dtype=np.float32)
        np.subtract(points, self.mean.astype(np.float32), out=result[:, :-1])
        return result

    def chunks(self) -> list[tuple[int, int]]:
        return [(begin, min(begin + ROWS_AT_ONCE, len(self))) for begin in range(0, len(self), ROWS_AT_ONCE)]

    @cached_property
    def fitted(self) -> np.ndarray:
        """The rows that are fitted to, (m,) int64, ascending."""
        if len(self) <= FITTED:
            return np.arange(len(self))
        return np.sort(np.random.default_rng(0).permutation(len(self))[:FITTED])

    def take(self, rows: np.ndarray) -> "Space":
        """Some of the rows, about their own mean."""
        return Space(self.points[rows])


def fit(space: Space, targets: Any, weights: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """B and the lower Cholesky factor of A.

    Parameters
    ----------
    targets : (n, K) float
        An array, or `Derived`.
    weights : (n,) float, not negative
    ridge : float
        Above 0.

    Returns
    -------
    (d + 1, K) float64, (d + 1, d + 1) float64
    """
    try:
        gram, moments = _sums(space, targets, weights, np.float32)
        factor, _ = cho_factor(gram + ridge * np.eye(len(gram)), lower=True)
    except LinAlgError:  # a far row that weighs much: what float32 rounds off it is more than the ridge
        gram, moments = _sums(space, targets, weights, np.float64)
        factor, _ = cho_factor(gram + ridge * np.eye(len(gram)), lower=True)
    return cho_solve((factor, True), moments), np.tril(factor)


def _sums(space: Space, targets: Any, weights: np.ndarray, precision: Precision) -> tuple[np.ndarray, np.ndarray]:
    """The lower triangle of sum_i w_i z_i z_i^T, and sum_i w_i z_i q_i^T, float64, of chunks in this precision."""
    width = space.points.shape[1] + 1
    gram, moments = np.zeros((width, width)), np.zeros((width, targets.shape[1]))
    for begin in range(0, len(space.fitted), ROWS_AT_ONCE):
        some = space.fitted[begin : begin + ROWS_AT_ONCE]
        rows = space.centred(space.points[some]).astype(precision, copy=False)
        root = np.sqrt(weights[some, None])
        weighted = rows * root.astype(precision)
        gram += SYMMETRIC[precision](1.0, weighted.T, lower=1)
        moments += weighted.T @ (root * targets[some]).astype(precision, copy=False)
    return gram, moments


def leave_one_out(
    space: Space,
    targets: Any,
    weights: np.ndarray,
    ridge: float,
    change: Callable[[np.ndarray], np.ndarray] = lambda scores: scores,
) -> np.ndarray:
    """What a fit to all other rows says of each row, (n, K) float64, of many rows float32; rows sum to about 1.

    A row of weight 0 is predicted by all others as it is. What float32 rounds off grows by 1 / (1 - h), and h counts as
    at most .999. See `fit` for the parameters.

    Parameters
    ----------
    change : callable
        What becomes of the scores of some rows, (m, K) float64 each.
    """
    coefficients, factor = fit(space, targets, weights, ridge)
    inverse = np.asfortranarray(solve_triangular(factor, np.eye(len(factor)), lower=True), dtype=np.float32)
    narrow = coefficients.astype(np.float32)
    result = np.empty(targets.shape, dtype=kept_precision(len(targets)))
    for begin, end in space.chunks():
        rows, leverage = space.rows(begin, end), np.zeros((end - begin, 1))
        first, last = np.searchsorted(space.fitted, (begin, end))
        some = space.fitted[first:last] - begin  # without the others, those were fitted already
        if len(some):
            turned = TRIANGULAR(1.0, inverse, rows[some].T, lower=1)  # A^-1 = inverse^T inverse
            leverage[some, 0] = np.minimum(weights[begin:end][some] * np.square(turned).sum(0), LARGEST_LEVERAGE)
        result[begin:end] = change((rows @ narrow - leverage * targets[begin:end]) / (1 - leverage))
    return result


def predict(space: Space, coefficients: np.ndarray, points: np.ndarray) -> np.ndarray:
    """What a fit says of new points (m, d), (m, K) float64."""
    return space.centred(points) @ coefficients
