"""JSON lines: one object per line; a file that is one array of objects is read too."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from mislabel.errors import InputError
from mislabel.tables.characters import utf8_safe


def read_json_lines(path: Path, only: Collection[str] | None = None) -> pd.DataFrame:
    """Read a file of JSON objects. Values keep their types; a key that a row lacks is missing there.

    Parameters
    ----------
    only
        The keys to read; all of them without it.

    Raises
    ------
    InputError
        If a line is not a JSON object; the message names the line.
    UnicodeDecodeError
        If the file is not UTF-8.
    """
    columns: dict[str, list] = {}
    rows = 0
    for row in json_rows(path):
        for key, value in row.items():
            if only is not None and key not in only:
                continue
            column = columns.get(key)
            if column is None:
                column = columns[key] = [None] * rows
            column.append(value)
        rows += 1
        if only is not None or len(row) < len(columns):
            for column in columns.values():
                if len(column) < rows:
                    column.append(None)
    return pd.DataFrame({key: _typed(values) for key, values in columns.items()}, index=pd.RangeIndex(rows))


def json_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file one after the other, each as it stands there.

    Raises
    ------
    InputError, UnicodeDecodeError
        As `read_json_lines`.
    """
    with open(path, encoding="utf-8-sig") as handle:
        yield from _rows(handle, path)


def write_json_lines(frame: pd.DataFrame, path: Path) -> None:
    """Write one object per row; a missing value is ``null``."""
    names = [str(name) for name in frame.columns]
    columns = []
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        missing = column.isna().to_numpy(dtype=bool)
        values = column.astype(object).to_numpy(dtype=object, copy=True)
        values[missing] = None
        columns.append(values.tolist())
    with open(path, "w", encoding="utf-8", newline="\n") as handle:
        for values in zip(*columns, strict=True):
            line = json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False, default=plain_value)
            handle.write(utf8_safe(line) + "\n")


def _rows(handle: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(handle, start=1):
        if line.isspace():
            continue
        if number == 1 and line.lstrip().startswith("["):
            yield from _array(line + handle.read(), path)
            return
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(
                f"{path}, line {number}: not JSON ({error.msg} at character {error.pos + 1}). "
                "Each line must be one JSON object"
            ) from error
        yield _object(row, f"{path}, line {number}")


def _array(text: str, path: Path) -> Iterator[dict[str, Any]]:
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}: not JSON ({error.msg} at column {error.colno})") from error
    for place, row in enumerate(rows):
        yield _object(row, f"{path}, item {place}")


def _object(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise InputError(f'{where}: a {type(row).__name__} where an object such as {{"text": "..."}} is needed')
    return row


def _typed(values: list) -> pd.Series:
    """The narrowest column that holds the values unchanged; anything mixed stays a column of objects."""
    kinds = set(map(type, values)) - {type(None)}
    gaps = None in values if kinds in ({int}, {bool}) else False
    try:
        if kinds == {int}:
            return pd.Series(pd.array(values, dtype="Int64") if gaps else np.array(values, dtype=np.int64))
        if kinds == {bool}:
            return pd.Series(values, dtype="boolean" if gaps else bool)
        if kinds == {float}:
            return pd.Series(values, dtype="float64")
        if kinds == {str}:
            return pd.Series([None if value is None else utf8_safe(value) for value in values])
    except OverflowError:  # a whole number beyond 64 bits
        pass
    return pd.Series(values, dtype=object)


def plain_value(value: Any) -> Any:
    """What JSON can hold in place of a numpy value, a date, or whatever else a cell may be."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
