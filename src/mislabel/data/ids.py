"""Ids: the name of a row that never changes. Whole numbers or strings, none missing, none twice."""

from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.columns import as_list
from mislabel.errors import InputError, some_ids


def check_ids(values: Any, n: int, name: str = "id") -> tuple[np.ndarray, list[str]]:
    """The n ids, and a note where they were generated.

    Parameters
    ----------
    values
        n whole numbers or strings; None makes 0..n-1.
    n
        The number of rows.
    name
        What the column is called, for the messages.

    Returns
    -------
    ids : (n,) int64, or object where they are strings
    notes : list of str

    Raises
    ------
    InputError
        If ids are missing, of mixed types, of another type, given twice, or not n.
    """
    if values is None:
        return np.arange(n, dtype=np.int64), ["No ids were given, so rows are named by their place: 0, 1, 2, ..."]
    numbers = _whole_numbers(values)
    if numbers is not None and len(numbers) == n:
        return numbers, []
    listed = as_list(values, name)
    if len(listed) != n:
        raise InputError(f"{name}: {len(listed)} ids were given for {n} rows; one per row is needed")
    cells = np.empty(n, dtype=object)
    for position, value in enumerate(listed):  # one by one: numpy would look into cells that are lists
        cells[position] = value
    empty = np.fromiter((isinstance(value, str) and not value for value in listed), dtype=bool, count=n)
    missing = empty | np.asarray(pd.isna(cells), dtype=bool)
    if missing.any():
        raise InputError(
            f"{name}: {int(missing.sum())} of {n} rows have no id (row numbers {some_ids(np.flatnonzero(missing))}, "
            "counted from 0). Fill them, or leave the id column out to have the rows numbered"
        )
    types = {_type_words(value) for value in listed}
    if len(types) > 1 or types - {"text", "whole numbers"}:
        raise InputError(
            f"{name}: the ids are {' and '.join(sorted(types))}; all of them must be whole numbers, or all text"
        )
    # Compared as Python objects: numpy's and pandas' strings would drop what follows a NUL.
    if len(set(listed)) < n:
        seen: set = set()
        twice = dict.fromkeys(value for value in listed if value in seen or seen.add(value))
        raise InputError(
            f"{name}: {len(twice)} ids name more than one row: {some_ids(twice)}. Every row needs an id of its own; "
            "leave the id column out to have the rows numbered"
        )
    if types == {"text"}:
        cells[:] = [str(value) for value in listed]
        return cells, []
    try:
        return np.array([int(value) for value in listed], dtype=np.int64), []
    except OverflowError as error:
        raise InputError(f"{name}: an id does not fit into 64 bits; write the ids as text") from error


def _whole_numbers(values: Any) -> np.ndarray | None:
    """Ids that are an array of different whole numbers, (n,) int64: of very many no list is made; None for others."""
    if not isinstance(values, pd.Series | np.ndarray) or getattr(values.dtype, "kind", "") not in "iu":
        return None
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "iu" or len(np.unique(numbers)) < numbers.size:
        return None
    return numbers.astype(np.int64) if numbers.max(initial=0) <= np.iinfo(np.int64).max else None


def _type_words(value: object) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, (bool, np.bool_)):
        return "true/false"
    if isinstance(value, (int, np.integer)):
        return "whole numbers"
    if isinstance(value, (float, np.floating)):
        # A column of whole numbers with gaps elsewhere often arrives as floats; 3.0 names row 3.
        return "whole numbers" if float(value).is_integer() else "decimal numbers"
    return f"of type {type(value).__name__}"
