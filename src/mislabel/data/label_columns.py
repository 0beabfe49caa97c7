"""Whatever a caller gives as labels becomes one plain column, or an error that says what it looks like instead."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mislabel.errors import InputError, some_ids
from mislabel.tables.arrow import series_of

Rows = Callable[[np.ndarray], str]
"""From positions in a column to a few ids, as text for a message."""


@dataclass
class Column:
    """n values, and where there is none.

    Attributes
    ----------
    values : (m,) array of a numeric, boolean or object dtype
        The values of the m rows that are not missing.
    missing : (n,) bool
        Rows that hold None, NaN, NA or NaT.
    notes : list of str
        What had to be decided to get here.
    one_hot : int
        The number of columns where a one-hot matrix was given (the values are then column numbers), else 0.
    """

    values: np.ndarray
    missing: np.ndarray
    notes: list[str] = field(default_factory=list)
    one_hot: int = 0


def rows_of(ids: Any) -> Rows:
    """The ids at given positions, at most five of them in words."""
    if isinstance(ids, pd.Series):  # positions, never the labels of its index
        ids = ids.tolist()

    def say(positions: np.ndarray) -> str:
        first = [ids[int(position)] for position in positions[:5]]
        first = [item.item() if isinstance(item, np.generic) else item for item in first]
        more = len(positions) - len(first)
        return some_ids(first) + (f" (and {more} more)" if more else "")

    return say


def is_categorical(values: Any) -> bool:
    """Whether `values` is a pandas Categorical, or a Series or Index of one."""
    return isinstance(getattr(values, "dtype", None), pd.CategoricalDtype)


def plain(values: Any, name: str) -> Any:
    """Unwrap Arrow columns, tensors and one-column frames; lists become arrays. No copy where none is needed.

    Returns
    -------
    A Series or Categorical of extension dtype, or an ndarray of any shape. Ragged lists stay objects.
    """
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        values = series_of(values)
    if isinstance(getattr(values, "dtype", None), pd.ArrowDtype):
        values = series_of(pa.chunked_array(pa.array(values)))
    if isinstance(values, (pd.Series, pd.Index)):
        values = values.array
    if isinstance(values, pd.api.extensions.ExtensionArray):
        numpy_backed = isinstance(values.dtype, np.dtype)
        return values.to_numpy() if numpy_backed else values
    if isinstance(values, pd.DataFrame):
        return values.iloc[:, 0].to_numpy() if values.shape[1] == 1 else values.to_numpy()
    if isinstance(values, np.ma.MaskedArray):
        cells = np.array(values.data, dtype=object)
        cells[np.ma.getmaskarray(values)] = None
        return cells
    if isinstance(values, np.ndarray):
        return values
    if isinstance(values, (list, tuple)):
        return _from_list(list(values))
    if hasattr(values, "__array__") and not hasattr(values, "toarray"):
        return np.asarray(values)
    raise InputError(f"{name}: a {type(values).__name__} was given; one label per row is needed, as a list or an array")


def _from_list(values: list[Any]) -> np.ndarray:
    kinds = set(map(type, values))
    if kinds == {int}:
        try:
            return np.array(values, dtype=np.int64)
        except OverflowError:
            pass
    elif kinds == {float} or kinds == {bool}:
        return np.array(values)
    cells = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        cells[index] = value
    return cells


def as_column(values: Any, name: str, say: Rows) -> Column:
    """The one column of labels in `values` (anything but a Categorical).

    Parameters
    ----------
    values
        (n,) values in a list, array, Series or Arrow column; or an (n, K) one-hot matrix; or (n, 1).
    name, say
        For the messages: what the column is called, and ids by position.

    Raises
    ------
    InputError
        If the rows hold several labels, probabilities, or cells that cannot be a label.
    """
    array = plain(values, name)
    if isinstance(array, pd.api.extensions.ExtensionArray):
        missing = np.asarray(array.isna(), dtype=bool)
        kind = array.dtype
        numpy_dtype = getattr(kind, "numpy_dtype", None)
        known = array[~missing] if missing.any() else array
        return Column(known.to_numpy(dtype=numpy_dtype if numpy_dtype is not None else object), missing)
    if array.ndim == 1 and array.dtype == object:
        array = _stack_cells(array, name, say)
    if array.ndim != 1:
        return _from_matrix(array, name)
    if array.dtype.kind in "biu":
        return Column(array, np.zeros(len(array), dtype=bool))
    if array.dtype.kind == "f":
        missing = np.isnan(array)
        return Column(array[~missing] if missing.any() else array, missing)
    if array.dtype.kind in "mM":  # numpy would make whole numbers of nanoseconds
        array = pd.Series(array).astype(object).to_numpy()
    cells = array.astype(object)
    missing = np.asarray(pd.isna(cells), dtype=bool)
    return Column(cells[~missing] if missing.any() else cells, missing)


def _stack_cells(cells: np.ndarray, name: str, say: Rows) -> np.ndarray:
    """Rows that are lists of one length become a matrix; a list in some of the rows is an error."""
    listed = np.fromiter((isinstance(cell, (list, tuple, set, dict, np.ndarray)) for cell in cells), bool, len(cells))
    if not listed.any():
        return cells
    lengths = {len(cell) if np.ndim(cell) == 1 else -1 for cell in cells[listed]}
    if not listed.all() or len(lengths) > 1 or lengths == {-1}:
        raise InputError(
            f"{name}: a row holds a list of labels, so this looks like several labels per row; multilabel is not "
            f"supported (rows {say(np.flatnonzero(listed))}). Give one label per row"
        )
    return np.array([list(cell) for cell in cells])


def _from_matrix(matrix: np.ndarray, name: str) -> Column:
    """Class numbers out of a one-hot (n, K) matrix, or the flat column out of an (n, 1) one."""
    if matrix.ndim == 2 and matrix.shape[1] == 1:
        return as_column(matrix.ravel(), name, lambda positions: some_ids(positions))
    if matrix.ndim == 2 and matrix.shape[1] > 1 and matrix.dtype.kind in "biuf":
        numbers = matrix.astype(np.float64)
        sums_to_one = bool(np.all(np.abs(numbers.sum(axis=1) - 1) <= 1e-3))
        if sums_to_one and bool(np.all((numbers == 0) | (numbers == 1))):
            note = f"{name}: a one-hot matrix of shape {matrix.shape} was given; its column numbers are the classes."
            return Column(numbers.argmax(axis=1), np.zeros(len(matrix), dtype=bool), [note], matrix.shape[1])
        if sums_to_one and bool(np.all(numbers >= 0)):
            raise InputError(
                f"{name}: a matrix of shape {matrix.shape} was given whose rows sum to 1. Soft labels are not "
                "supported by this command yet; give one class per row, such as matrix.argmax(axis=1)"
            )
    raise InputError(
        f"{name}: an array of shape {matrix.shape} was given, which looks like several labels per row; multilabel is "
        f"not supported. Give one label per row, of shape ({len(matrix)},)"
    )
