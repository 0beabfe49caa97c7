"""Write a table with corrected labels: in the format it was read from cell by cell, else as typed columns."""

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.errors import InputError
from mislabel.exchange.corrected import Labels
from mislabel.exchange.original import Cells, JsonLines, Original, Parquet
from mislabel.files import atomic_path
from mislabel.tables.arrow import compute
from mislabel.tables.formulas import neutralised
from mislabel.tables.json_lines import json_rows, plain_value
from mislabel.tables.reading import DELIMITERS, JSON_ENDINGS, table_ending, write_table

Columns = Mapping[str, Labels | np.ndarray]
"""Columns to put in place of those of that name, or behind the last: labels, or n strings, booleans or numbers."""

ROWS_AT_ONCE = 20_000


def write_corrected(original: Original, columns: Columns, path: Path) -> int:
    """Write the data with some columns replaced and others added, at once, with mode 0600.

    Returns
    -------
    int
        How many cells, the header's among them, were made plain text so that no spreadsheet runs them.

    Raises
    ------
    InputError
        If the end of the name is not known, or the format cannot hold a column.
    """
    ending, table = table_ending(path), original.table
    if ending in DELIMITERS and isinstance(table, Cells):
        with atomic_path(path) as temporary:
            return _write_cells(table, _as_text(table, original.label, columns), temporary, DELIMITERS[ending])
    if ending in JSON_ENDINGS and isinstance(table, JsonLines):
        with atomic_path(path) as temporary:
            _write_json(_objects(table, original, columns), temporary, ending)
        return 0
    if ending == ".parquet" and isinstance(table, Parquet):
        with atomic_path(path) as temporary:
            _write_batches(table, original.label, columns, temporary)
        return 0
    frame = _typed(original, columns)
    _check_cells(frame, ending)
    if ending in JSON_ENDINGS:
        with atomic_path(path) as temporary:
            _write_json(_rows(frame), temporary, ending)
        return 0
    changed = 0
    if ending in DELIMITERS:
        frame, changed = _without_formulas(frame)
    write_table(frame, path)
    return changed


def _write_cells(table: Cells, columns: Mapping[str, list[str]], path: Path, delimiter: str) -> int:
    replaced: dict[str, Any] = {**dict(zip(table.names, table.cells, strict=True)), **columns}
    header = [*table.header, *(name for name in columns if name not in table.names)]
    changed = 0
    with open(path, "w", encoding="utf-8", newline="") as handle:
        plain = csv.writer(handle, delimiter=delimiter, lineterminator="\n")
        quoted = csv.writer(handle, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for cells in _lines(header, list(replaced.values())):
            safe = [neutralised(cell) for cell in cells]
            changed += sum(map(len, safe)) - sum(map(len, cells))  # one character for each that changed
            # The csv module leaves a carriage return bare where it does not end its lines: quotes keep it in its cell.
            (quoted if "\r" in "".join(safe) else plain).writerow(safe)
    return changed


def _lines(header: list[str], columns: list[Any]) -> Iterator[Sequence[str]]:
    yield header
    n = len(columns[0])
    for begin in range(0, n, ROWS_AT_ONCE):
        parts = [column[begin : begin + ROWS_AT_ONCE] for column in columns]
        yield from zip(*(part if isinstance(part, list) else part.to_pylist() for part in parts), strict=True)


def _as_text(table: Cells, label: str, columns: Columns) -> dict[str, list[str]]:
    """Every column as the cells that a CSV file is to hold."""
    text, found = table.text(label).to_pylist(), {}
    for name, column in columns.items():
        if isinstance(column, Labels):
            pool = [*text, *map(str, column.others), ""]
            found[name] = [pool[place] for place in column.places.tolist()]
        else:
            found[name] = ["" if value is None or value != value else str(value) for value in column.tolist()]
    return found


def _objects(table: JsonLines, original: Original, columns: Columns) -> Iterator[dict[str, Any]]:
    """The rows of a JSON file as they stand there, with the new columns."""
    values = {
        name: column.places.tolist() if isinstance(column, Labels) else column.tolist()
        for name, column in columns.items()
    }
    for place, row in enumerate(json_rows(table.path)):
        given = row.get(original.label)
        for name, column in columns.items():
            value = values[name][place]
            if not isinstance(column, Labels):
                row[name] = value
            elif value != place:
                row[name] = _label(original, column, value)
            elif name != original.label:  # the label itself stays as it is, and where it is not there so
                row[name] = given
        yield row


def _rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows of a frame, None where a cell is missing."""
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    cells = [column.astype(object).mask(column.isna(), None).tolist() for column in columns]
    for values in zip(*cells, strict=True):
        yield dict(zip(map(str, frame.columns), values, strict=True))


def _write_json(rows: Iterator[dict[str, Any]], path: Path, ending: str) -> None:
    """One object a line; in a .json file, where other programs look for one value, the lines of one array."""
    before, between, after = ("[\n", ",\n", "\n]\n") if ending == ".json" else ("", "\n", "\n")
    with open(path, "w", encoding="utf-8", newline="\n") as handle:
        for row in rows:
            handle.write(before + _json_line(row))
            before = between
        handle.write(after)


def _json_line(row: dict[str, Any]) -> str:
    try:
        return json_text(row)
    except ValueError:  # NaN or infinite numbers, for which JSON has no word
        plain = json.loads(json.dumps(row, default=plain_value))
        return json_text({name: _known(value, name) for name, value in plain.items()})


def _known(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _known(one, name) for key, one in value.items()}
    if isinstance(value, list):
        return [_known(one, name) for one in value]
    if isinstance(value, float) and math.isinf(value):
        raise InputError(f"the column {name!r} holds an infinite number, which JSON cannot: write .parquet")
    return None if value != value else value


def _label(original: Original, column: Labels, place: int) -> Any:
    if place < 0:
        return None
    n = len(original.labels)
    return original.labels[place] if place < n else column.others[place - n]


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


def _write_batches(table: Parquet, label: str, columns: Columns, path: Path) -> None:
    """Row group by row group: images of all rows may not fit into memory."""
    labels = table.arrow(label)
    added = {name: _arrow(labels, column) for name, column in columns.items()}
    with pq.ParquetFile(table.path) as file:
        schema, begin = file.schema_arrow, 0
        for name, column in added.items():
            place = schema.get_field_index(name)
            wanted = pa.field(name, column.type)
            if place >= 0:
                before = schema.field(place)
                nullable = before.nullable or bool(column.null_count)
                schema = schema.set(place, pa.field(name, column.type, nullable, before.metadata))
            else:
                schema = schema.append(wanted)
        with pq.ParquetWriter(path, schema) as writer:
            for number in range(file.num_row_groups):
                group = file.read_row_group(number)
                whole = {name: group.column(place) for place, name in enumerate(group.column_names)}
                whole |= {name: column.slice(begin, len(group)) for name, column in added.items()}
                writer.write_table(pa.table([whole[name] for name in schema.names], schema=schema))
                begin += len(group)


def _arrow(labels: pa.ChunkedArray, column: Labels | np.ndarray) -> pa.ChunkedArray:
    """The column in Arrow; labels in the type of the label column, a dictionary with its levels in their order."""
    if not isinstance(column, Labels):
        return pa.chunked_array([pa.array(column.tolist())])
    kind, places = labels.type, pa.array(column.places, mask=column.places < 0)
    coded = pa.types.is_dictionary(kind)
    try:
        others = pa.array(column.others, type=kind.value_type if coded else kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"a decided label does not fit into the label column ({error}); write .jsonl") from error
    if not coded:
        pool = pa.chunked_array([*labels.chunks, others], type=kind)
        return pa.chunked_array([compute.take(pool.combine_chunks(), places)])
    known = labels.combine_chunks()
    new = others.filter(compute.invert(compute.is_in(others, known.dictionary)))
    levels = pa.concat_arrays([known.dictionary, new])
    codes = pa.concat_arrays([known.indices.cast(pa.int64()), compute.index_in(others, levels).cast(pa.int64())])
    found = pa.DictionaryArray.from_arrays(compute.take(codes, places), levels, ordered=kind.ordered)
    try:
        return pa.chunked_array([found.cast(kind)])
    except pa.ArrowInvalid:  # more levels than its numbers can count
        return pa.chunked_array([found.cast(pa.dictionary(pa.int32(), kind.value_type, kind.ordered))])


def _typed(original: Original, columns: Columns) -> pd.DataFrame:
    """The data as typed columns, with the new ones."""
    frame = original.table.frame().copy(deep=False).set_axis(original.table.names, axis=1)
    label = original.table.column(original.label).reset_index(drop=True)
    for name, column in columns.items():
        values = _take(label, column) if isinstance(column, Labels) else pd.Series(column)
        frame[name] = values.set_axis(frame.index)
    return frame


def _take(label: pd.Series, column: Labels) -> pd.Series:
    """Labels out of a column, in its own type where that can hold them."""
    if column.others:
        pool = pd.Series([*label.astype(object), *column.others], dtype=object)
        if isinstance(label.dtype, pd.CategoricalDtype):
            new = [one for one in column.others if one not in label.cat.categories]
            label = pool.astype(pd.CategoricalDtype([*label.cat.categories, *new], label.cat.ordered))
        else:
            label = pool.infer_objects()
    gaps = column.places < 0
    if gaps.any():
        kind = label.dtype
        if isinstance(kind, np.dtype) and kind.kind in "iu":
            label = label.astype(kind.name.replace("int", "Int").replace("uI", "UI"))
        elif isinstance(kind, np.dtype) and kind.kind == "b":
            label = label.astype("boolean")
    found = label.take(np.where(gaps, 0, column.places)).reset_index(drop=True)
    return found.mask(gaps) if gaps.any() else found


def _check_cells(frame: pd.DataFrame, ending: str) -> None:
    """Raise InputError for a column that the format would only hold as text that nobody can read back."""
    if ending == ".parquet":
        return
    for name, column in frame.items():
        for value in column if pd.api.types.is_object_dtype(column.dtype) else ():
            many = ending in DELIMITERS and isinstance(value, (list, tuple, dict, set, np.ndarray))
            if many or _has_bytes(value):
                what = "bytes" if _has_bytes(value) else "lists"
                raise InputError(f"the column {name!r} holds {what}, which {ending} cannot: write .parquet")


def _has_bytes(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_bytes, value.values()))
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == object):
        return any(map(_has_bytes, value))
    return isinstance(value, (bytes, bytearray))


def _without_formulas(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Text cells and names of columns that a spreadsheet might run, made plain text; and how many."""
    changed, columns = 0, {}
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        risky = {cell for cell in column if isinstance(cell, str) and neutralised(cell) != cell}
        if risky:
            cells = [neutralised(cell) if isinstance(cell, str) else cell for cell in column]
            changed += sum(isinstance(cell, str) and cell in risky for cell in column)
            column = pd.Series(cells, dtype=object, index=column.index)
        columns[place] = column
    header = [neutralised(str(name)) for name in frame.columns]
    changed += sum(old != new for old, new in zip(frame.columns, header, strict=True))
    return pd.DataFrame(columns, index=frame.index).set_axis(header, axis=1), changed
