"""Mean and standard deviation of the columns of a large matrix, chunk by chunk."""

from typing import Any

import numpy as np

from mislabel.posterior.derived import column_means

ROWS_AT_ONCE = 1 << 13
ROUNDING = 3e-7  # of float32: a spread far below the size of the numbers is none


def mean_and_deviation(points: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both (d,) float64, of points (n, d) float; the deviation is 0 where a column is constant but for rounding."""
    mean = column_means(points)
    squares = np.zeros(points.shape[1])
    for begin in range(0, len(points), ROWS_AT_ONCE):
        squares += np.square(points[begin : begin + ROWS_AT_ONCE] - mean).sum(0)
    deviation = np.sqrt(squares / max(1, len(points)))
    return mean, np.where(deviation > ROUNDING * np.abs(mean), deviation, 0.0)
