"""JSON files: one object per line, an array of objects, objects over several lines, or one of the forms of pandas."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from mislabel.errors import InputError
from mislabel.tables.format import Columns, Header, Picked
from mislabel.tables.json_columns import blocks, frame_of_blocks, record_batches
from mislabel.tables.json_forms import table_rows
from mislabel.tables.json_items import Item, form_of, items
from mislabel.tables.json_text import frame_objects, write_objects
from mislabel.tables.json_values import read_value
from mislabel.tables.late import pd
from mislabel.tables.lines import Line, too_long
from mislabel.tables.location import Location, in_utf8
from mislabel.tables.plain_cells import check_cells

ENDINGS = (".jsonl", ".ndjson", ".json")
LOOKED_AT = 1000  # objects, for the names of their keys


class Json:
    """The format of .jsonl, .ndjson and .json: what is read depends on the content, what is written on the ending."""

    endings = ENDINGS
    compresses = True

    def header(self, file: Location) -> Header:
        rows = json_rows(file)
        names = list(dict.fromkeys(key for row in islice(rows, LOOKED_AT) for key in row))
        return Header(names, next(rows, None) is None)

    def batches(self, file: Location) -> Iterator[pa.RecordBatch]:
        return record_batches(blocks(json_rows(file), None))

    def read(
        self, file: Location, strings: Collection[str] = (), lossless: Collection[str] = (),
        only: Collection[str] | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """All rows, of the columns `only` or all. Values keep their types; a key that a row lacks is missing there."""
        return frame_of_blocks(blocks(json_rows(file), only))

    def tolerant(self, file: Location, usual: Collection[str] = ()) -> TolerantJson:
        return TolerantJson(file)

    def stored(self, file: Location, strings: Collection[str] = ()) -> StoredJson:
        names = list(dict.fromkeys(key for row in json_rows(file) for key in row))
        return StoredJson(partial(json_rows, file), names)

    def write(self, frame: pd.DataFrame, target: Location) -> int:
        check_cells(frame, target.ending, lists=True)
        with target.create_text() as handle:
            write_objects(frame_objects(frame), handle, array=target.ending == ".json")
        return 0


def json_rows(file: Location) -> Iterator[dict[str, Any]]:
    """The objects of a file one after the other, each as it stands there.

    Raises
    ------
    InputError
        If a value is not JSON or no object, the file is cut off, or not UTF-8; the message names the line.
    """
    with in_utf8(file):
        with file.open_text() as handle:
            form = form_of(handle)
        with file.open_text() as handle:
            values = items(handle, form)
            first, second = next(values, None), next(values, None)
            if first is None:
                return
            if second is None and (form == "objects" or (form == "lines" and file.ending == ".json")):
                value = _object(first, form, file)
                rows = table_rows(value, str(file))
                yield from [value] if rows is None else rows
                return
            for item in chain([first], [second] if second else [], values):
                yield _object(item, form, file)


def _object(item: Item, form: str, file: Location) -> dict[str, Any]:
    if item.row is not None:
        return item.row
    if item.text is None:
        raise InputError(f"{file}, line {item.line}: {item.problem}")
    try:
        row = read_value(item.text)
    except json.JSONDecodeError as error:
        line = item.line if form == "lines" else item.line + error.lineno - 1
        if form == "lines":
            fault = f"({error.msg} at character {error.pos + 1}). Each line must be one JSON object"
        else:
            fault = f"({error.msg} at column {error.colno})"
        raise InputError(f"{file}, line {line}: not JSON {fault}") from error
    except ValueError as error:
        raise InputError(f"{file}, line {item.line}: not JSON that can be read: {error}") from error
    if not isinstance(row, dict):
        where = f"item {item.number - 1}" if form == "array" else f"line {item.number}"
        raise InputError(f'{file}, {where}: a {type(row).__name__} where an object such as {{"text": "..."}} is needed')
    return row


class TolerantJson:
    """The objects of a file, of which those that cannot be read are given with what is wrong."""

    def __init__(self, file: Location):
        self.file: Location = file
        self.notes: list[str] = []
        names = (name for line in islice(self.lines(), LOOKED_AT) for name in line.cells)
        self.names: list[str] = list(dict.fromkeys(names))

    def lines(self) -> Iterator[Line]:
        with in_utf8(self.file):
            with self.file.open_text() as handle:
                form = form_of(handle)
            with self.file.open_text() as handle:
                parsed = (_line(item) for item in items(handle, form, bounded=True) if not _is_blank(item))
                first, second = next(parsed, None), next(parsed, None)
                if first is None:
                    return
                alone = second is None and (form == "objects" or (form == "lines" and self.file.ending == ".json"))
                rows = table_rows(first.cells, str(self.file)) if alone and not first.problem else None
                if rows is not None:
                    yield from (Line(number, row) for number, row in enumerate(rows, start=1))
                else:
                    yield from chain([first], [second] if second else [], parsed)


def _is_blank(item: Item) -> bool:
    return item.text is not None and not item.text.strip()


def _line(item: Item) -> Line:
    if item.row is not None:
        return Line(item.number, item.row)
    if item.text is None:
        return Line(item.number, problem=item.problem or too_long())
    try:
        row = read_value(item.text)
    except ValueError as error:
        return Line(item.number, problem=f"not JSON that can be read ({error})")
    if not isinstance(row, dict):
        return Line(item.number, problem=f"a {type(row).__name__} where an object is needed")
    return Line(item.number, row)


@dataclass(eq=False)
class StoredJson:
    """JSON objects as they stand, of which only the columns that are asked for are kept.

    Attributes
    ----------
    rows : callable
        Gives the objects, each time anew.
    """

    rows: Callable[[], Iterator[dict[str, Any]]]
    names: list[str]
    notes: list[str] = field(default_factory=list)
    endings = ENDINGS

    def column(self, name: str) -> pd.Series:
        return pd.Series(frame_of_blocks(blocks(self.rows(), [name]))[name])

    def frame(self) -> pd.DataFrame:
        return frame_of_blocks(blocks(self.rows(), None))

    def rewrite(self, columns: Columns, target: Location) -> int:
        with target.create_text() as handle:
            write_objects(self._objects(columns), handle, array=target.ending == ".json")
        return 0

    def _objects(self, columns: Columns) -> Iterator[dict[str, Any]]:
        """The rows with the new columns; a cell that stays in its column stays as it is, and absent where it is."""
        picked = {name: column for name, column in columns.items() if isinstance(column, Picked)}
        pools = {column.column: self._values(column.column) for column in picked.values()}
        values = {
            name: (column.rows if isinstance(column, Picked) else column).tolist() for name, column in columns.items()
        }
        for number, row in enumerate(self.rows()):
            given = dict(row)
            for name in columns:
                value = values[name][number]
                if name not in picked:
                    row[name] = value
                elif value != number:
                    row[name] = _pick(pools[picked[name].column], picked[name], value)
                elif name != picked[name].column:
                    row[name] = given.get(picked[name].column)
            yield row

    def _values(self, name: str) -> list:
        column = self.column(name).astype(object)
        return column.where(column.notna(), None).tolist()


def _pick(values: list, column: Picked, row: int) -> Any:
    if row < 0:
        return None
    return values[row] if row < len(values) else column.others[row - len(values)]
