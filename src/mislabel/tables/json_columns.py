"""From JSON objects to columns, block by block: plain values in Arrow, anything else as it is."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import pyarrow as pa

from mislabel.tables.arrow import series_of
from mislabel.tables.characters import utf8_safe
from mislabel.tables.late import pd

BLOCK = 50_000  # rows that exist as Python objects at a time
JSON_CELLS = {b"mislabel": b"json"}  # metadata of a column whose cells are JSON, as it may hold anything

_ARROW = {int: pa.int64(), bool: pa.bool_(), float: pa.float64(), str: pa.large_string()}

Cells = (
    pa.Array | list[Any]
)  # of one block: in Arrow if all are whole numbers, booleans, floats or texts, else Python objects


def blocks(rows: Iterable[dict[str, Any]], only: Collection[str] | None) -> Iterator[tuple[int, dict[str, Cells]]]:
    """(number of rows, cells by key) of `BLOCK` rows at a time; a key that a row lacks is None there.

    Parameters
    ----------
    only
        The keys to keep; all of them without it.
    """
    columns: dict[str, list] = {}
    count = 0
    for row in rows:
        for key, value in row.items():
            if only is not None and key not in only:
                continue
            column = columns.get(key)
            if column is None:
                column = columns[key] = [None] * count
            column.append(value)
        count += 1
        if only is not None or len(row) < len(columns):
            for column in columns.values():
                if len(column) < count:
                    column.append(None)
        if count == BLOCK:
            yield count, {key: _cells(column) for key, column in columns.items()}
            columns, count = {}, 0
    if count:
        yield count, {key: _cells(column) for key, column in columns.items()}


def record_batches(parts: Iterable[tuple[int, dict[str, Cells]]]) -> Iterator[pa.RecordBatch]:
    """The blocks in Arrow; columns of Python objects as JSON, and marked so."""
    for _, columns in parts:
        fields, arrays = [], []
        for key, cells in columns.items():
            if isinstance(cells, list):
                arrays.append(
                    pa.array([None if cell is None else json.dumps(cell) for cell in cells], pa.large_string())
                )
            else:
                arrays.append(cells)
            metadata = JSON_CELLS if isinstance(cells, list) else None
            fields.append(pa.field(utf8_safe(key), arrays[-1].type, metadata=metadata))
        yield pa.record_batch(arrays, schema=pa.schema(fields))


def frame_of_blocks(parts: Iterable[tuple[int, dict[str, Cells]]]) -> pd.DataFrame:
    """All blocks as one frame: each column the narrowest that holds its values unchanged."""
    columns: dict[str, list[tuple[int, Cells | None]]] = {}
    counts: list[int] = []
    for count, block in parts:
        for key, cells in block.items():
            columns.setdefault(key, [(before, None) for before in counts]).append((count, cells))
        counts.append(count)
        for column in columns.values():
            if len(column) < len(counts):
                column.append((count, None))
    joined = {}
    for key in list(columns):
        joined[key] = _join(columns.pop(key))
    return pd.DataFrame(joined, index=pd.RangeIndex(sum(counts)))


def _cells(values: list) -> Cells:
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values))
    kind = kinds.pop()
    if kinds or kind not in _ARROW:
        return values
    try:
        return pa.array(values, type=_ARROW[kind], from_pandas=False)
    except (OverflowError, UnicodeEncodeError, pa.ArrowException):  # beyond 64 bits, or half of a surrogate pair
        return values


def _join(parts: list[tuple[int, Cells | None]]) -> pd.Series:
    """The cells of all blocks; None stands for one without the column."""
    arrays = [pa.nulls(count) if cells is None else cells for count, cells in parts]
    plain: list[Any] = [cells for cells in arrays if not isinstance(cells, list)]
    kinds = {cells.type for cells in plain} - {pa.null()}
    if len(kinds) == 1 and len(plain) == len(arrays):
        kind = kinds.pop()
        return series_of(pa.chunked_array([cells.cast(kind) for cells in plain], kind))
    values: list = []
    for cells in arrays:
        values += cells if isinstance(cells, list) else cells.to_pylist()
    return _typed(values)


def _typed(values: list) -> pd.Series:
    """A column of Python objects; if all are texts, these with lone surrogates replaced."""
    if set(map(type, values)) - {type(None)} == {str}:
        return pd.Series([None if value is None else utf8_safe(value) for value in values])
    return pd.Series(values, dtype=object)
