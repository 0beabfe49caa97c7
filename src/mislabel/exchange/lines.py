"""Lines of files that somebody else wrote, one at a time and never more than 16 MB of one in memory.

A line that cannot be read is given with what is wrong with it, and the next one is read all the same.
"""

import csv
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.errors import InputError
from mislabel.tables.delimited import long_fields
from mislabel.tables.reading import DELIMITERS, JSON_ENDINGS, check_file, not_utf8

LONGEST = 16_000_000  # characters
LOOKED_AT = 1000  # objects, for the names of their keys
_OTHER_DELIMITERS = ";\t,|"  # what spreadsheets write for a comma, by the country
_MARKS = re.compile(r'["\\{}\[\],]')


@dataclass(frozen=True)
class Line:
    """One row of a file: its number, its cells by column, and what is wrong where it cannot be read.

    `number` counts lines from 1, the header of a CSV file too; items of a JSON array and rows of a Parquet file.
    """

    number: int
    cells: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


class TooLong(Exception):
    """A line goes on and on."""


class Reviewed:
    """A file of rows.

    Parameters
    ----------
    path : Path
        .csv, .tsv, .jsonl, .ndjson, .json (lines or one array) or .parquet.
    usual : collection of str
        Names of columns that tell what stands between the cells of a CSV file: whatever makes most of them appear.

    Raises
    ------
    InputError
        If it is missing, empty, no such file, not UTF-8, or has no header.
    """

    def __init__(self, path: Path, usual: Collection[str] = ()):
        self.path, self.ending, self.delimiter, self.usual = path, check_file(path), "", set(usual)
        try:
            self.names = self._names()
        except UnicodeDecodeError as error:
            raise InputError(not_utf8(path)) from error
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path} cannot be read: {error}") from error

    def lines(self) -> Iterator[Line]:
        """Every row; may be called again."""
        try:
            if self.ending in DELIMITERS:
                yield from self._delimited()
            elif self.ending in JSON_ENDINGS:
                yield from self._objects()
            else:
                yield from self._batches()
        except UnicodeDecodeError as error:
            raise InputError(not_utf8(self.path)) from error
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.path} cannot be read: {error}") from error

    def _names(self) -> list[str]:
        if self.ending in DELIMITERS:
            return self._header()
        if self.ending in JSON_ENDINGS:
            return list(dict.fromkeys(name for line in islice(self._objects(), LOOKED_AT) for name in line.cells))
        return pq.read_schema(self.path).names

    def _header(self) -> list[str]:
        """The names of the columns, after finding what stands between them."""
        by_name = DELIMITERS[self.ending]
        found = {delimiter: self._first(delimiter) for delimiter in by_name + _OTHER_DELIMITERS}

        def fitness(delimiter: str) -> tuple[int, bool, int]:
            header = found[delimiter]
            return len(self.usual & set(header)), delimiter == by_name and len(header) > 1, len(header)

        self.delimiter = max(found, key=fitness)
        header = found[self.delimiter]
        if not header:
            raise InputError(f"{self.path} has no header line; the first line must name the columns")
        twice = sorted({name for name in header if name and header.count(name) > 1})
        if twice:
            raise InputError(f"{self.path}: the header names {twice[0]!r} more than once; rename one of them")
        return header

    def _first(self, delimiter: str) -> list[str]:
        with _open(self.path) as handle:
            first = next(_records(handle, delimiter), None)
        return [] if first is None or isinstance(first[1], str) else first[1]

    def _delimited(self) -> Iterator[Line]:
        with _open(self.path) as handle, long_fields():
            records = _records(handle, self.delimiter)
            next(records)
            for number, cells in records:
                if isinstance(cells, str):
                    yield Line(number, problem=cells)
                elif len(cells) != len(self.names):
                    yield Line(number, problem=f"{len(cells)} cells where the header has {len(self.names)}")
                else:
                    yield Line(number, dict(zip(self.names, cells, strict=True)))

    def _objects(self) -> Iterator[Line]:
        with _open(self.path) as handle:
            start = handle.read(1)
            while start.isspace():
                start = handle.read(1)
            handle.seek(0)
            pieces = _items(handle) if start == "[" else _physical(handle)
            for number, text in pieces:
                if text is None:
                    yield Line(number, problem=f"longer than {LONGEST // 1_000_000} MB")
                elif not text.isspace():
                    yield _object(number, text)

    def _batches(self) -> Iterator[Line]:
        number = 0
        with pq.ParquetFile(self.path) as file:
            kinds = {one.name: one.type for one in file.schema_arrow}
            plain = [name for name, kind in kinds.items() if not (pa.types.is_nested(kind) or _is_binary(kind))]
            for batch in file.iter_batches(batch_size=4096, columns=plain):
                for cells in batch.to_pylist():
                    number += 1
                    yield Line(number, cells)


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _open(path: Path) -> TextIO:
    return open(path, encoding="utf-8-sig", newline="")


def _physical(handle: TextIO) -> Iterator[tuple[int, str | None]]:
    """(number, line) with its end; None for a line that is too long, of which nothing is kept."""
    number = 0
    while piece := handle.readline(LONGEST):
        number += 1
        if len(piece) == LONGEST and piece[-1] not in "\r\n":
            while piece and piece[-1] not in "\r\n":
                piece = handle.readline(LONGEST)
            yield number, None
        else:
            yield number, piece


def _records(handle: TextIO, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """(number of its first line, cells or what is wrong) of every row of a CSV file; blank lines are no rows."""
    lines, last, size = _physical(handle), 0, 0

    def pull() -> Iterator[str]:
        nonlocal last, size
        for number, text in lines:
            last, size = number, size + len(text or "")
            if text is None or size > LONGEST:
                raise TooLong
            yield text

    while True:
        start, size = last + 1, 0
        try:
            # A reader of its own for each row: after a broken one the next line starts afresh.
            cells = next(csv.reader(pull(), delimiter=delimiter, strict=True), None)
        except TooLong:
            cells = f"longer than {LONGEST // 1_000_000} MB" + (f", up to line {last}" if last > start else "")
        except csv.Error as error:
            cells = f"broken ({error}): a cell that starts with a double quote must end with one" + (
                f"; lines {start} to {last} are lost" if last > start else ""
            )
        if cells is None:
            return
        if cells:
            yield start, cells


def _object(number: int, text: str) -> Line:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Line(number, problem=f"not JSON ({error})")
    if not isinstance(row, dict):
        return Line(number, problem=f"a {type(row).__name__} where an object is needed")
    return Line(number, row)


def _items(handle: TextIO) -> Iterator[tuple[int, str | None]]:
    """(number from 1, text) of the items of one JSON array, told apart by their brackets; None for one too long."""
    number, depth, size = 0, 0, 0
    item: list[str] | None = []
    for before, sign in _signs(handle):
        size += len(before)
        if size > LONGEST:
            item = None
        ends = (sign in "}]" and depth == 1) or (sign == "," and depth == 1)
        if item is not None:
            item.append(before if ends else before + sign)
        depth += (sign in "{[") - (sign in "}]") if sign else 0
        starts = depth == 1 and sign == "["  # the array itself: within it brackets lie deeper
        if ends and (item is None or "".join(item).strip()):
            number += 1
            yield number, None if item is None else "".join(item)
        if ends or starts:
            item, size = [], 0
    if item is None or (depth and "".join(item).strip()):
        yield number + 1, None if item is None else "".join(item)


def _signs(handle: TextIO) -> Iterator[tuple[str, str]]:
    """(text before it, sign) of every bracket and comma outside of strings; the sign is empty where a chunk ends."""
    quoted, escaped = False, False  # within a string; the next character says nothing
    while chunk := handle.read(1 << 16):
        begin, skip = 0, 0 if escaped else -1
        escaped = False
        for mark in _MARKS.finditer(chunk):
            at, sign = mark.start(), mark.group()
            if at == skip:
                continue
            if sign == '"':
                quoted = not quoted
            elif quoted and sign == "\\":
                skip, escaped = at + 1, at + 1 == len(chunk)
            elif not quoted and sign != "\\":
                yield chunk[begin:at], sign
                begin = at + 1
        yield chunk[begin:], ""
