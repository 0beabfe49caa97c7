"""JSON as we write it: valid for every reader, and what JSON cannot hold is refused or null."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

import numpy as np

from mislabel.errors import InputError
from mislabel.tables.late import pd


def json_text(value: Any) -> str:
    """JSON in UTF-8; what holds half a surrogate pair is escaped, so that it comes back as it is.

    Raises
    ------
    ValueError
        If a number in it is NaN or infinite.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=plain_value)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, default=plain_value)
    return text


def write_objects(rows: Iterable[dict[str, Any]], handle: TextIO, array: bool) -> None:
    """Write one object a line; the lines of one array where other programs look for one value.

    Raises
    ------
    InputError
        If a number is infinite; NaN becomes null.
    """
    before, between, after = ("[\n", ",\n", "\n]\n") if array else ("", "\n", "\n")
    written = False
    for row in rows:
        handle.write((between if written else before) + _object_text(row))
        written = True
    handle.write(after if written else before + after.lstrip("\n"))


def frame_objects(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows of a frame, None where a cell is missing."""
    names = [str(name) for name in frame.columns]
    columns = []
    for _, column in frame.items():
        values = column.astype(object).to_numpy(dtype=object, copy=True)
        values[column.isna().to_numpy(dtype=bool)] = None
        columns.append(values.tolist())
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def plain_value(value: Any) -> Any:
    """What JSON can hold in place of a numpy value, a date, or whatever else a cell may be."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _object_text(row: dict[str, Any]) -> str:
    try:
        return json_text(row)
    except ValueError:  # NaN or infinite numbers, for which JSON has no word
        plain = json.loads(json.dumps(row, default=plain_value))
        return json_text({name: _without_nan(value, name) for name, value in plain.items()})


def _without_nan(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(held, name) for key, held in value.items()}
    if isinstance(value, list):
        return [_without_nan(held, name) for held in value]
    if isinstance(value, float) and math.isinf(value):
        raise InputError(f"the column {name!r} holds an infinite number, which JSON cannot: write .parquet")
    return None if value != value else value
