"""Cells of Excel files: what a value is on the way in, and how it is written so that it comes back."""

from __future__ import annotations

import datetime
import math
import re
from typing import Any

import numpy as np

from mislabel.errors import InputError
from mislabel.tables.formulas import restored
from mislabel.tables.late import pd

_LONGEST = 32_767  # characters of a cell
_EXACT = 10**15  # whole numbers below it have all their digits
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TO_ESCAPE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def value_of(value: Any) -> Any:
    """What a cell says: texts as they were before they were written, None for an empty cell."""
    if not isinstance(value, str):
        return value
    return restored(_ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)) or None


def typed_cells(values: list[Any], keep: bool) -> pd.Series:
    """A column (n,) as texts, booleans, dates or numbers, whichever all cells are; else objects as they stand there.

    Excel has one kind of number: these are whole numbers where all of them are.

    Parameters
    ----------
    keep : bool
        Whether all cells become texts.
    """
    if keep:
        return pd.Series([None if value is None else str(value) for value in values], dtype=object).infer_objects()
    kinds = set(map(type, values)) - {type(None)}
    gaps = None in values
    try:
        if kinds == {int}:
            return pd.Series(pd.array(values, dtype="Int64") if gaps else np.array(values, dtype=np.int64))
    except OverflowError:  # beyond 64 bits
        return pd.Series(values, dtype=object)
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean" if gaps else bool)
    if kinds and kinds <= {int, float}:
        return pd.Series(values, dtype="float64")
    if kinds in ({str}, {datetime.datetime}):
        return pd.Series(values)
    return pd.Series(values, dtype=object)


def writable_column(column: pd.Series, name: str) -> list[Any]:
    """The cells of a column as Excel holds them; whole numbers of more than 15 digits as texts, which lose none.

    Raises
    ------
    InputError
        If a text is too long for a cell, or a number infinite.
    """
    cells = [_plain(value, name) for value in column.astype(object).mask(column.isna().to_numpy(dtype=bool), None)]
    if any(isinstance(cell, int) and abs(cell) >= _EXACT for cell in cells):
        return [str(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell for cell in cells]
    return cells


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            raise InputError(f"the column {name!r} holds an infinite number, which .xlsx cannot: write .parquet")
        return None if value != value else value
    if isinstance(value, datetime.datetime | datetime.date | datetime.timedelta):
        return str(value) if getattr(value, "tzinfo", None) else value  # Excel knows no time zones
    text = _TO_ESCAPE.sub(lambda match: f"_x{ord(match[0]):04X}_", str(value))
    if len(text) > _LONGEST:
        raise InputError(
            f"the column {name!r} holds a text of {len(text):,} characters, and a cell of .xlsx at most {_LONGEST:,}: "
            "write .csv or .parquet"
        )
    return text
