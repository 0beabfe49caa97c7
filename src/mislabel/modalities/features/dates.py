"""Dates in a column, as days since 1970."""

import datetime
import re
from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.label_columns import Rows
from mislabel.errors import InputError
from mislabel.modalities.features.cells import absent
from mislabel.tables.characters import is_blank

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?)?")
_DAY = 86_400_000_000  # microseconds


def read_as_dates(column: pd.Series) -> bool:
    """Whether a column of text holds nothing but dates as ISO 8601 writes them, such as 2024-02-29 or 2024-02-29T18:30.

    Empty cells do not count, and a cell that no calendar has, such as 2023-02-29, is no date.
    """
    texts = {text.strip() for text in column.dropna().unique().tolist() if not is_blank(text)}
    if not texts or not all(_ISO.fullmatch(text) for text in texts):
        return False
    return bool(_parsed(pd.Series(sorted(texts), dtype=object)).notna().all())


def days_of(column: pd.Series, where: str, say: Rows) -> np.ndarray:
    """Days (n,) float64 from 1970-01-01, midnight UTC, to each cell, NaN where there is none.

    A time without a zone is taken as UTC.

    Raises
    ------
    InputError
        If a cell is no date.
    """
    cells = column
    if pd.api.types.is_object_dtype(column.dtype) or isinstance(column.dtype, pd.StringDtype):
        cells = pd.Series([_cell(cell) for cell in column.to_numpy(dtype=object)], dtype=object)
    found = _parsed(cells)
    wrong = np.flatnonzero(found.isna().to_numpy() & ~absent(cells.to_numpy(dtype=object)))
    if len(wrong):
        raise InputError(
            f"{where} held dates in training and now holds {str(cells.iloc[wrong[0]])!r:.60} in rows {say(wrong)}; "
            "write dates as 2024-02-29 or 2024-02-29T18:30"
        )
    days = found.astype("int64").to_numpy() / _DAY
    days[found.isna().to_numpy()] = np.nan
    return days


def date_of(days: float) -> str:
    """The date that so many days after 1970-01-01 is, with the time if that is not midnight: "2024-02-29 18:30"."""
    minutes = round(float(days) * 1440)
    try:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(minutes=minutes)
    except OverflowError:
        return f"day {days:.6g}"
    return moment.strftime("%Y-%m-%d" if minutes % 1440 == 0 else "%Y-%m-%d %H:%M")


def _cell(value: Any) -> Any:
    """A cell for pandas, which reads datetime.date and text; an empty text is missing, and anything else no date."""
    if isinstance(value, str):
        return None if is_blank(value) else value.strip()
    if isinstance(value, np.datetime64):
        return pd.Timestamp(value)
    known = isinstance(value, datetime.date) or (not np.ndim(value) and pd.isna(value))
    return value if known else f"{value} ({type(value).__name__})"


def _parsed(cells: pd.Series) -> pd.Series:
    """Moments (n,) in microseconds of UTC, NaT where a cell is missing or no date."""
    if pd.api.types.is_numeric_dtype(cells.dtype):  # which pandas would take as nanoseconds
        cells = pd.Series([None] * len(cells), dtype=object)
    moments = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce")
    return moments.dt.as_unit("us")
