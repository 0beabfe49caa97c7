"""Typed columns on their way into CSV and Excel: what cannot be held is refused, and formulas become plain text."""

from __future__ import annotations

from typing import Any

import numpy as np

from mislabel.errors import InputError
from mislabel.tables.characters import utf8_safe
from mislabel.tables.formulas import protected
from mislabel.tables.late import pd


def plain_text(frame: pd.DataFrame, ending: str) -> tuple[pd.DataFrame, int]:
    """The frame with text cells and names that a spreadsheet might run made plain text; and how many.

    Raises
    ------
    InputError
        If a column holds lists or bytes, which would become text that nobody can read back.
    """
    check_cells(frame, ending, lists=False)
    changed, replaced = 0, {}
    for index in text_columns(frame):
        column = frame.iloc[:, index]
        risky = {cell for cell in column if isinstance(cell, str) and protected(cell) != cell}
        if risky:
            changed += sum(isinstance(cell, str) and cell in risky for cell in column)
            cells = [protected(cell) if isinstance(cell, str) else cell for cell in column]
            replaced[index] = pd.Series(cells, dtype=object, index=column.index)
    header = [protected(str(name)) for name in frame.columns]
    changed += sum(str(old) != new for old, new in zip(frame.columns, header, strict=True))
    return _with(frame, replaced).set_axis(header, axis=1), changed


def check_cells(frame: pd.DataFrame, ending: str, lists: bool) -> None:
    """Raise InputError for a column of bytes, or of lists unless the format holds `lists`."""
    kinds = frame.dtypes.tolist()
    for index in text_columns(frame):
        for value in frame.iloc[:, index] if pd.api.types.is_object_dtype(kinds[index]) else ():
            many = not lists and isinstance(value, (list, tuple, dict, set, np.ndarray))
            if many or _has_bytes(value):
                what = "bytes" if _has_bytes(value) else "lists"
                name = str(frame.columns[index])
                raise InputError(f"the column {name!r} holds {what}, which {ending} cannot: write .parquet")


def encodable(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with lone surrogates replaced; only columns of Python objects can hold any."""
    replaced, kinds = {}, frame.dtypes.tolist()
    for index in text_columns(frame):
        if pd.api.types.is_object_dtype(kinds[index]):
            values = [utf8_safe(cell) if isinstance(cell, str) else cell for cell in frame.iloc[:, index]]
            replaced[index] = pd.Series(values, dtype=object, index=frame.index)
    return _with(frame, replaced).set_axis([utf8_safe(str(name)) for name in frame], axis=1)


def _with(frame: pd.DataFrame, replaced: dict[int, pd.Series]) -> pd.DataFrame:
    """The frame with some columns replaced, by their positions."""
    if not replaced:
        return frame
    columns = dict(enumerate(column for _, column in frame.items()))
    return pd.DataFrame({**columns, **replaced}, index=frame.index)


def text_columns(frame: pd.DataFrame) -> list[int]:
    """The places of columns that may hold texts."""
    return [
        index for index, kind in enumerate(frame.dtypes)
        if pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind)
        or isinstance(kind, pd.CategoricalDtype)
    ]  # fmt: skip


def _has_bytes(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_bytes, value.values()))
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == object):
        return any(map(_has_bytes, value))
    return isinstance(value, (bytes, bytearray))
