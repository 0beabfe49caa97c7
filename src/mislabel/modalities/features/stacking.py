"""Whatever holds one vector per row, a matrix, nested lists, a tensor or a column of lists, becomes one matrix."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mislabel.data.label_columns import Rows
from mislabel.errors import InputError
from mislabel.modalities.features.cells import absent, floats_of, kind_of_cells, not_numbers, type_words
from mislabel.modalities.features.matrices import blocks
from mislabel.tables.arrow import series_of

_HINTS = {
    "number": "one number per row was given, where a matrix (rows, columns) or a vector per row is needed; one column "
    "of numbers is array.reshape(-1, 1), or a table",
    "category": "texts were given, where numbers are needed; texts to learn from go in as texts, and a category goes "
    "in as a column of a DataFrame",
    "nothing": "no row has a value; a vector per row is needed",
}


def matrix_of(values: Any, name: str, say: Rows) -> np.ndarray:
    """A matrix out of everything but a table.

    Parameters
    ----------
    values
        An (n, d) array or tensor, nested lists, or n vectors of one length in a list, array, Series or Arrow column.
    name, say
        For the messages: what the values are called, and ids by position.

    Returns
    -------
    (n, d) of a boolean, integer or float dtype
        An array is not copied. What is missing is NaN.

    Raises
    ------
    InputError
        If `values` is sparse, not of two dimensions, holds anything but real numbers, or vectors of several lengths.
    """
    array = _array_of(values, name)
    if array.ndim == 1 and len(array) == 0:
        raise InputError(f"{name} has no rows; at least one is needed")
    if array.ndim == 1 and array.dtype == object:
        kind = kind_of_cells(array)
        if kind == "vector":
            return stack_vectors(array, name, say)
        raise InputError(f"{name}: " + _HINTS.get(kind, _alien(array)))
    if array.ndim != 2:
        fix = ".reshape(-1, 1) makes one column of it" if array.ndim == 1 else ".reshape(len(array), -1) flattens rows"
        raise InputError(f"{name}: an array of shape {array.shape} was given; (rows, columns) is needed. {fix}")
    if array.dtype == object:
        wrong = not_numbers(array)
        if wrong.any():
            raise InputError(
                f"{name}: the matrix holds {type_words(array[wrong])} besides numbers (rows "
                f"{say(np.flatnonzero(wrong.any(axis=1)))}); give a pandas DataFrame, whose columns of text become "
                "categories, or turn everything into numbers"
            )
        return floats_of(array)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name}: a matrix of dtype {array.dtype} was given; real numbers are needed, such as float32")
    return array


def vector_width(cells: np.ndarray, where: str, say: Rows, needed: int | None = None) -> int:
    """The length of the vectors in `cells` (n,) object; rows without a vector are not looked at.

    Raises
    ------
    InputError
        If lengths differ from each other or from the one `needed`, are 0, or a cell is not flat.
    """
    present = np.flatnonzero(~absent(cells))
    deep = np.array([row for row in present if getattr(cells[row], "ndim", 1) != 1], dtype=np.int64)
    if len(deep):
        shape = tuple(cells[deep[0]].shape)
        raise InputError(f"{where}: an array of shape {shape} in rows {say(deep)}; one flat vector per row is needed")
    lengths = np.fromiter((len(cells[row]) for row in present), dtype=np.int64, count=len(present))
    width = needed or Counter(lengths.tolist()).most_common(1)[0][0]
    wrong = present[lengths != width]
    if len(wrong):
        other_lengths = sorted(set(lengths[lengths != width].tolist()))
        shown = ", ".join(map(str, other_lengths[:5]))
        raise InputError(
            f"{where}: {len(wrong)} of {len(cells)} vectors have a length of {shown}, where "
            f"{'training' if needed else 'most rows'} had {width}; rows {say(wrong)}. Give all rows vectors of one "
            "length"
        )
    if width == 0:
        raise InputError(f"{where}: the vectors are empty; at least one number per row is needed")
    return width


def stack_vectors(
    cells: np.ndarray, where: str, say: Rows, out: np.ndarray | None = None, needed: int | None = None
) -> np.ndarray:
    """The vectors in `cells` (n,) object as the rows of a float32 matrix, which is `out` (n, d) where that is given.

    Raises
    ------
    InputError
        As `vector_width`, or if a vector holds anything but real numbers.
    """
    width = vector_width(cells, where, say, needed)
    matrix = np.empty((len(cells), width), dtype=np.float32) if out is None else out
    missing = absent(cells)
    matrix[missing] = np.nan
    present = np.flatnonzero(~missing)
    for block in blocks((len(present), width)):
        rows = present[block]
        vectors = [_plain_vector(cell) for cell in cells[rows]]
        with np.errstate(over="ignore", invalid="ignore"):
            matrix[rows] = _numbers_in(vectors, where, rows, say)
    return matrix


def _numbers_in(vectors: list[Any], where: str, rows: np.ndarray, say: Rows) -> np.ndarray:
    """The numbers (m, d) in m vectors of one length, which stand in the rows (m,) int64."""
    try:
        block = np.array(vectors)
        if block.ndim == 2 and block.dtype.kind in "biuf":
            return block
    except ValueError:  # lists within a vector
        pass
    cells = np.empty((len(vectors), len(vectors[0])), dtype=object)
    for row, vector in enumerate(vectors):
        for column, value in enumerate(vector):
            cells[row, column] = value
    wrong = not_numbers(cells)
    if wrong.any():
        raise InputError(
            f"{where}: vectors with {type_words(cells[wrong])} in them (rows {say(rows[wrong.any(axis=1)])}); every "
            "element must be a real number"
        )
    return floats_of(cells)


def _array_of(values: Any, name: str) -> np.ndarray:
    """Unwrap columns and tensors; a list becomes an array of its items, whatever they are."""
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        values = series_of(values)
    if isinstance(getattr(values, "dtype", None), pd.ArrowDtype):
        values = series_of(pa.array(values))
    if isinstance(values, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)):
        return np.asarray(values.to_numpy(dtype=object))
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64 if values.dtype.kind in "biuf" else object), np.nan)
    if isinstance(values, np.ndarray):
        return np.asarray(values)
    if isinstance(values, (list, tuple)):
        cells = np.empty(len(values), dtype=object)
        for index, value in enumerate(values):
            cells[index] = value
        return cells
    return _from_tensor(values, name) if hasattr(values, "detach") else _from_other(values, name)


def _from_other(values: Any, name: str) -> np.ndarray:
    if hasattr(values, "toarray"):
        raise InputError(f"{name}: a sparse {type(values).__name__} was given; a dense matrix is needed: .toarray()")
    if hasattr(values, "__array__"):
        return np.asarray(values)
    fix = "; pandas.DataFrame(data) makes a table of it" if isinstance(values, Mapping) else ""
    raise InputError(
        f"{name}: a {type(values).__name__} was given; a DataFrame, a matrix or one vector per row is needed{fix}"
    )


def _from_tensor(tensor: Any, name: str) -> np.ndarray:
    if str(getattr(tensor, "layout", "torch.strided")) != "torch.strided":
        raise InputError(f"{name}: a sparse tensor was given; a dense one is needed: .to_dense()")
    tensor = tensor.detach().cpu()
    try:
        return tensor.numpy()
    except TypeError:  # a kind of number that numpy does not know, such as bfloat16
        return tensor.float().numpy()


def _plain_vector(cell: Any) -> Any:
    return _from_tensor(cell, "a vector") if hasattr(cell, "detach") else cell


def _alien(cells: np.ndarray) -> str:
    return f"rows hold {type_words(cells)}; a DataFrame, a matrix or one vector per row is needed"
