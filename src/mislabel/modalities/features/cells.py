"""Cells that are Python objects: what kind of feature they are, which are missing, and the numbers in them."""

import datetime
import math
import numbers
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd

Kind = Literal["number", "category", "vector", "date"]
Found = Literal["number", "category", "vector", "date", "nothing", "other"]

_NUMBERS = (numbers.Real, np.bool_, Decimal)
DATES = (datetime.date, np.datetime64)  # a datetime is a date
_VECTORS = (list, tuple, np.ndarray)


def absent(cells: np.ndarray) -> np.ndarray:
    """Which of the cells, of any shape, are None, NaN, NA or NaT, as bools of that shape."""
    return np.asarray(pd.isna(cells), dtype=bool)


def kind_of_cells(cells: np.ndarray) -> Found:
    """What the cells (n,) object are that are not missing: "nothing" without any, "other" for mixed or alien ones."""
    kinds = set(map(type, cells[~absent(cells)]))
    if not kinds:
        return "nothing"
    if all(issubclass(kind, str) for kind in kinds):
        return "category"
    if all(issubclass(kind, _NUMBERS) for kind in kinds):
        return "number"
    if all(issubclass(kind, DATES) for kind in kinds):
        return "date"
    if all(issubclass(kind, _VECTORS) or hasattr(kind, "detach") for kind in kinds):
        return "vector"
    return "other"


def type_words(cells: np.ndarray) -> str:
    """The types of the cells that are not missing, as in "int, str"."""
    return ", ".join(sorted({kind.__name__ for kind in set(map(type, cells[~absent(cells)]))}))


def not_numbers(cells: np.ndarray) -> np.ndarray:
    """Which of the cells, of any shape, are neither a real number nor missing, as bools of that shape."""
    flat = cells.ravel()
    wrong = np.fromiter((not isinstance(cell, _NUMBERS) for cell in flat), dtype=bool, count=flat.size)
    return wrong.reshape(cells.shape) & ~absent(cells)


def floats_of(cells: np.ndarray) -> np.ndarray:
    """Real numbers as Python objects, of any shape, as float64; NaN where missing, infinite where too large."""
    missing = absent(cells)
    floats = np.full(cells.shape, np.nan)
    floats[~missing] = [_float(cell) for cell in cells[~missing]]
    return floats


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond 1e308
        return math.inf if value > 0 else -math.inf
