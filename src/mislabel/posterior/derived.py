"""Rows that are too many to keep twice: computed from others when they are read, and worked on part by part."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

MANY = 1 << 15  # rows, up to which all is kept, and sums and products are taken at once
ROWS_AT_ONCE = 1 << 13

Precision = type[np.float64] | type[np.float32]


class Derived:
    """n rows, each a function of a row of something else. They take no memory, and time whenever they are read.

    Whoever reads rows by `[begin:end]` or `[(m,) int]` reads an array and this alike.

    Parameters
    ----------
    source : array or Derived
        What rows are made of.
    change : callable
        From rows of the source (m, ...) to rows (m, width).
    width : int
    rows : (n,) int, optional
        Which rows of the source, in which order; all of them without it.
    """

    ndim = 2
    shape: tuple[int, int]

    def __init__(self, source: Any, change: Callable[[np.ndarray], np.ndarray], width: int, rows: Any = None):
        self.source: Any = source
        self.change: Callable[[np.ndarray], np.ndarray] = change
        self.rows: Any = rows
        self.shape = (len(source if rows is None else rows), width)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        return self.change(self.source[index if self.rows is None else self.rows[index]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.concatenate([self[part] for part in parts(len(self))]).astype(dtype, copy=False)


def derived(source: Any, change: Callable[[np.ndarray], np.ndarray], width: int, rows: Any = None) -> Any:
    """`Derived`, or an array (n, width) where rows are few."""
    result = Derived(source, change, width, rows)
    return result if len(result) > MANY else result[:]


def one_hot(codes: np.ndarray, n_classes: int) -> Any:
    """A 1 for each row's class and 0 elsewhere, (n, K) float64; `Derived` where rows are many."""
    return derived(np.eye(n_classes), lambda lines: lines, n_classes, codes)


def evenly(rows: int, count: int) -> np.ndarray:
    """So many evenly spaced rows of `rows`, the first and the last among them; or all, (m,) int64, increasing."""
    return np.unique(np.linspace(0, rows - 1, min(rows, count)).astype(np.int64))


def parts(rows: int, step: int = ROWS_AT_ONCE) -> Iterator[slice]:
    """Slices of `step` rows, the last perhaps of fewer, that cover so many rows."""
    return (slice(begin, min(begin + step, rows)) for begin in range(0, rows, step))


def by_part(function: Callable[..., np.ndarray], first: Any, *others: Any) -> np.ndarray:
    """A function of rows that treats each alike, (n, ...), of rows (n, ...) that are given to it part by part.

    Where rows are many the result has the precision of the first argument.
    """
    if len(first) <= MANY:
        return function(first[:], *(each[:] for each in others))
    result = None
    for part in parts(len(first)):
        done = function(first[part], *(each[part] for each in others))
        if result is None:
            result = np.empty((len(first), *done.shape[1:]), dtype=first[:0].dtype)
        result[part] = done
    assert result is not None
    return result


def column_sums(rows: Any) -> np.ndarray:
    """Of rows (n, d), (d,) float64."""
    if isinstance(rows, np.ndarray):
        return rows.sum(0, dtype=np.float64)
    return sum((rows[part].sum(0, dtype=np.float64) for part in parts(len(rows))), np.zeros(rows.shape[1]))


def column_means(rows: Any) -> np.ndarray:
    """Of rows (n, d), (d,) float64."""
    return rows.mean(0, dtype=np.float64) if isinstance(rows, np.ndarray) else column_sums(rows) / len(rows)


def crossed(left: Any, right: Any) -> np.ndarray:
    """left^T right, (K, L) float64, of rows (n, K) and (n, L)."""
    if len(left) <= MANY:
        return left[:].T @ right[:]
    total = np.zeros((left.shape[1], right.shape[1]))
    for part in parts(len(left)):
        total += left[part].T @ right[part]
    return total


def kept_precision(rows: int) -> Precision:
    """Of what is kept by row and class: float64, or float32 where rows are many."""
    return np.float64 if rows <= MANY else np.float32
