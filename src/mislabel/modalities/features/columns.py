"""One column of a table: whether it holds numbers, dates, categories or vectors, and how a matrix holds it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mislabel.data.label_columns import Rows, is_categorical
from mislabel.errors import InputError
from mislabel.modalities.features.categories import learn_levels, write_levels
from mislabel.modalities.features.cells import Found, Kind, absent, floats_of, kind_of_cells, not_numbers, type_words
from mislabel.modalities.features.dates import days_of, read_as_dates
from mislabel.modalities.features.stacking import stack_vectors, vector_width
from mislabel.tables.arrow import series_of


@dataclass(frozen=True)
class FeatureColumn:
    """How one column becomes columns of a matrix.

    Attributes
    ----------
    name : str
        The column; empty for a matrix, whose columns have no names.
    kind : "number", "date", "category" or "vector"
        A date is a number: of days since 1970.
    levels : tuple of str
        The values of a category, in words; each has a column of the matrix, which is 1 where a row has that value.
    width : int
        How many columns of the matrix it takes.
    fill : float, optional
        What stands for a number that is missing: the median of those that were there in training. Without it, none may
        be missing.
    marked : bool
        Whether a second column says with a 1 where it was missing, as it was in some rows of training.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    width: int = 1
    fill: float | None = None
    marked: bool = False

    @property
    def is_number(self) -> bool:
        """Whether each row has one number, which may be a date."""
        return self.kind in ("number", "date")

    @property
    def names(self) -> list[str]:
        """What its columns of the matrix are called."""
        if self.is_number:
            return [self.name, *([f"{self.name} missing"] if self.marked else [])]
        if self.kind == "category":
            return [f"{self.name}={level}" for level in self.levels]
        return [f"{self.name}[{index}]" for index in range(self.width)]

    def plain(self) -> dict[str, Any]:
        """The same as text, numbers and lists, for JSON."""
        stored: dict[str, Any] = {"name": self.name, "kind": self.kind}
        if self.kind == "category":
            stored["levels"] = list(self.levels)
        if self.kind == "vector":
            stored["width"] = self.width
        if self.fill is not None:
            stored |= {"fill": self.fill, "marked": self.marked}
        return stored

    @classmethod
    def from_plain(cls, stored: Mapping[Any, Any]) -> "FeatureColumn":
        """The column that `plain` wrote; KeyError, TypeError or ValueError for anything that it does not write."""
        name, kind = stored["name"], stored["kind"]
        levels = tuple(stored["levels"]) if kind == "category" else ()
        fill, marked = stored.get("fill"), stored.get("marked", False)
        width = {
            "number": 1 + marked, "date": 1 + marked, "category": len(levels), "vector": stored.get("width"),
        }[kind]  # fmt: skip
        if not all(isinstance(text, str) for text in (name, *levels)) or type(width) is not int or width < 1:
            raise ValueError(f"column {name!r}")
        if not (fill is None or (isinstance(fill, float) and math.isfinite(fill))) or type(marked) is not bool:
            raise ValueError(f"column {name!r}: fill {fill!r}, marked {marked!r}")
        return cls(name, kind, levels, width, fill, marked)


def plain_column(column: pd.Series, where: str) -> pd.Series:
    """`column` without Arrow types; `InputError` if it is sparse."""
    if isinstance(column.dtype, pd.SparseDtype):
        raise InputError(f"{where} is sparse; a dense column is needed: .sparse.to_dense()")
    return series_of(pa.array(column.array)) if isinstance(column.dtype, pd.ArrowDtype) else column


def kind_of(column: pd.Series) -> Found:
    """What a column holds: by its type, or where that is "object", by its cells."""
    kind = column.dtype
    if is_categorical(column):
        levels = np.asarray(column.cat.categories, dtype=object)
        return "category" if all(isinstance(level, str) for level in levels[not_numbers(levels)]) else "other"
    if isinstance(kind, pd.StringDtype):
        return "category"
    if pd.api.types.is_object_dtype(kind):
        return kind_of_cells(column.to_numpy())
    if pd.api.types.is_datetime64_any_dtype(kind):
        return "date"
    real = pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind)
    return "number" if real else "other"


def learn_column(column: pd.Series, name: str, where: str, say: Rows) -> tuple[FeatureColumn, list[str]]:
    """How `column` (n,) is to be written, and notes; it comes from `plain_column`.

    Raises
    ------
    InputError
        If it is empty, holds neither numbers, categories nor vectors, or looks like ids or free text.
    """
    kind = kind_of(column)
    if kind == "number":
        return FeatureColumn(name, "number"), []
    if kind == "date":
        return FeatureColumn(name, "date"), []
    if kind == "category" and not is_categorical(column) and read_as_dates(column):
        return FeatureColumn(name, "date"), [f"{where} holds dates, read as days since 1970."]
    if kind == "vector":
        return FeatureColumn(name, "vector", width=vector_width(column.to_numpy(), where, say)), []
    if kind == "category":
        levels, notes = learn_levels(column, where)
        return FeatureColumn(name, "category", levels, len(levels)), notes
    if kind == "nothing":
        raise InputError(f"{where} has no value in any row; leave it out of --features")
    raise InputError(
        f"{where} holds {_contents(column, say)}; numbers, dates, categories (text) or vectors are needed. Turn it "
        "into one of these, such as the days of a period, or leave it out of --features"
    )


def with_fill(column: FeatureColumn, numbers: np.ndarray, where: str) -> FeatureColumn:
    """The same column, which knows what stands for a missing number; `numbers` (n,) are those of training.

    Raises
    ------
    InputError
        If there is none.
    """
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        raise InputError(f"{where} has no value in any row; leave it out of --features")
    marked = bool(np.isnan(numbers).any())
    fill = float(np.float32(np.median(known.astype(np.float64))))
    return replace(column, fill=fill, marked=marked, width=1 + marked)


def number_column(column: pd.Series, needed: FeatureColumn, where: str, say: Rows) -> np.ndarray:
    """The numbers (n,) of a column, of a real dtype, NaN where missing; `InputError` if it holds anything else."""
    kind = kind_of(column)
    if needed.kind == "date":
        return days_of(column, where, say)
    if kind not in ("number", "nothing"):
        raise InputError(
            f"{where} held numbers in training and now holds {_contents(column, say)}; turn it into numbers, e.g. "
            "pandas.to_numeric"
        )
    if isinstance(column.dtype, np.dtype):
        return floats_of(column.to_numpy()) if column.dtype == object else column.to_numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        return column.to_numpy(dtype=np.float32, na_value=np.nan)


def write_column(column: pd.Series, needed: FeatureColumn, where: str, say: Rows, out: np.ndarray) -> list[str]:
    """Write vectors or a category into `out` (n, width) float32: NaN where there is no vector, zeros without a level.

    Raises
    ------
    InputError
        If the column holds anything else, or vectors of another length.
    """
    kind = kind_of(column)
    if needed.kind == "vector":
        if kind not in ("vector", "nothing"):
            raise InputError(
                f"{where} held vectors in training and now holds {_contents(column, say)}; {needed.width} numbers per "
                "row are needed"
            )
        stack_vectors(column.to_numpy(), where, say, out, needed.width)
        return []
    # Numbers are welcome: in a smaller file, a column of text may happen to have nothing but digits.
    if kind in ("vector", "date", "other"):
        raise InputError(
            f"{where} held categories in training and now holds {_contents(column, say)}; turn it into text"
        )
    return write_levels(column, needed.levels, where, say, out)


def _contents(column: pd.Series, say: Rows) -> str:
    """What a column holds, in words, with the rows of the rarest type where there are several."""
    if is_categorical(column):
        return f"categories of type {type_words(np.asarray(column.cat.categories, dtype=object))}"
    if not pd.api.types.is_object_dtype(column.dtype):
        return f"values of type {column.dtype}"
    cells = column.to_numpy()
    known = np.flatnonzero(~absent(cells))
    names = np.array([type(cells[index]).__name__ for index in known])
    kinds, counts = np.unique(names, return_counts=True)
    if len(kinds) < 2:
        return f"values of type {type_words(cells)}"
    rarest = kinds[counts.argmin()]
    return f"values of the types {type_words(cells)} ({rarest} in rows {say(known[names == rarest])})"
