"""CSV and TSV files: every broken line is named, and no cell changes its meaning on the way in.

All cells are read as text; a column then becomes numbers or booleans only where every cell that is not empty reads as
one (`typed_text`). What our own writers put before formulas comes off again (`formulas`).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import chain
from typing import NoReturn

import pyarrow as pa

from mislabel.errors import InputError, listed
from mislabel.tables.characters import utf8_safe
from mislabel.tables.delimited_rows import DELIMITERS, Dialect, Row, find_dialect, long_cells, rows
from mislabel.tables.delimited_stored import StoredCells
from mislabel.tables.format import Header
from mislabel.tables.formulas import restored, restored_cells
from mislabel.tables.late import pd
from mislabel.tables.lines import Line, too_long
from mislabel.tables.location import Location, in_utf8
from mislabel.tables.plain_cells import encodable, plain_text, text_columns
from mislabel.tables.stray_quotes import StrayQuotes

BLOCK = 50_000  # rows that exist as Python objects at a time


class Delimited:
    """The format of .csv and .tsv, in UTF-8 with or without a byte order mark, whatever stands between the cells."""

    endings: tuple[str, ...] = tuple(DELIMITERS)
    compresses = True

    def header(self, file: Location) -> Header:
        return Header(Reading(file).names)

    def batches(self, file: Location) -> Iterator[pa.RecordBatch]:
        reading = Reading(file)
        for arrays in reading.blocks():
            texts = [restored_cells(pa.chunked_array([array])).combine_chunks() for array in arrays]
            yield pa.record_batch(texts, names=list(map(utf8_safe, reading.names)))

    def read(self, file: Location, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
        return frame_of_cells(self.stored(file, strings), lossless)

    def tolerant(self, file: Location, usual: Collection[str] = ()) -> TolerantDelimited:
        return TolerantDelimited(file, usual)

    def stored(self, file: Location, strings: Collection[str] = ()) -> StoredCells:
        reading = Reading(file)
        return StoredCells(file, reading.dialect, reading.header, reading.names, reading.cells(), list(strings))

    def write(self, frame: pd.DataFrame, target: Location) -> int:
        frame, changed = plain_text(encodable(frame), target.ending)
        # The csv module leaves a carriage return bare where it does not end its lines; quotes keep it in its cell.
        quoting = csv.QUOTE_NONNUMERIC if _has_carriage_return(frame) else csv.QUOTE_MINIMAL
        with target.create_text() as handle:
            delimiter = DELIMITERS[target.ending]
            frame.to_csv(handle, sep=delimiter, index=False, lineterminator="\n", quoting=quoting)
        return changed


class Reading:
    """A file that is read strictly: the first problem is an InputError.

    Attributes
    ----------
    header, names : list of str
        The names of the columns as they stand there, and as they are called.

    Raises
    ------
    InputError
        Here or while it is read: if the header is missing or names a column twice, a line is broken, a stray quotation
        mark swallows lines, or the file is not UTF-8.
    """

    def __init__(self, file: Location):
        self.file = file
        with in_utf8(file):
            self.dialect: Dialect = find_dialect(file)
            with file.open_text() as handle, long_cells():
                first = next(rows(handle, self.dialect), None)
        self.header: list[str] = [] if first is None else _cells(first, file)
        self.names: list[str] = column_names(self.header, file)

    def cells(self) -> list[pa.ChunkedArray]:
        """The columns, every cell as the text that stands there."""
        pieces: list[list[pa.Array]] = [[] for _ in self.header]
        for arrays in self.blocks():
            for part, array in zip(pieces, arrays, strict=True):
                part.append(array)
        return [pa.chunked_array(parts, type=pa.large_string()) for parts in pieces]

    def blocks(self) -> Iterator[list[pa.Array]]:
        """The columns of `BLOCK` rows at a time."""
        width, watch, block = len(self.header), StrayQuotes(len(self.header), self.dialect), []
        with in_utf8(self.file):
            with self.file.open_text() as handle, long_cells():
                row_iterator = rows(handle, self.dialect)
                next(row_iterator)
                for first, last, cells, problem in row_iterator:
                    if cells is None or len(cells) != width:
                        self._refuse((first, last, cells, problem))
                    block.append(cells)
                    if last > first:
                        watch.see(first, last, cells)
                    if len(block) == BLOCK:
                        yield _arrays(block)
                        block = []
            if block:
                yield _arrays(block)
            swallowed = watch.swallowed(self.file)
        if swallowed:
            raise InputError(f"{self.file}, {_swallowed_text(swallowed)}")

    def _refuse(self, row: Row) -> NoReturn:
        cells = _cells(row, self.file)
        delimiter = {"\t": "a tab", ",": "a comma"}.get(self.dialect.delimiter, f'"{self.dialect.delimiter}"')
        raise InputError(
            f"{self.file}, line {row[0]}: {len(cells)} cells where the header has {len(self.header)}. Put a cell "
            f"that holds {delimiter} or a new line in double quotes"
        )


class TolerantDelimited:
    """A file of which each row that cannot be read is given with its problem."""

    def __init__(self, file: Location, usual: Collection[str]):
        self.file = file
        with in_utf8(file):
            self.dialect: Dialect = find_dialect(file, usual)
            with file.open_text() as handle:
                first = next(rows(handle, self.dialect, bounded=True), None)
            self.names: list[str] = (first[2] if first else None) or []
            column_names(self.names, file)
            self.notes: list[str] = [self.dialect.note] if self.dialect.note else []
            self.swallowed: dict[int, int] = dict(self._swallowed())

    def lines(self) -> Iterator[Line]:
        for first, last, cells, problem in self._rows():
            if cells is None:
                yield Line(first, problem=_broken(first, last, problem))
            elif len(cells) != len(self.names):
                yield Line(first, problem=f"{len(cells)} cells where the header has {len(self.names)}")
            elif first in self.swallowed:
                yield Line(first, problem=_swallowed_text([(first, last)]))
            else:
                yield Line(first, dict(zip(self.names, cells, strict=True)))

    def _rows(self) -> Iterator[Row]:
        with in_utf8(self.file), self.file.open_text() as handle, long_cells():
            row_iterator = rows(handle, self.dialect, bounded=True)
            next(row_iterator)
            yield from row_iterator

    def _swallowed(self) -> list[tuple[int, int]]:
        watch = StrayQuotes(len(self.names), self.dialect)
        for first, last, cells, _ in self._rows():
            if last > first and cells is not None and len(cells) == len(self.names):
                watch.see(first, last, cells)
        return watch.swallowed(self.file)


def frame_of_cells(table: StoredCells, lossless: Collection[str]) -> pd.DataFrame:
    """All columns with their types; those in `lossless` become numbers only where the same text comes back."""
    frame = table.typed_frame(lossless)
    if table.notes:
        frame.attrs["notes"] = table.notes
    return frame


def column_names(header: list[str], file: Location) -> list[str]:
    """What the columns are called: one without a name as pandas does, such as an index that was written along.

    Raises
    ------
    InputError
        If there is none, or two have one name.
    """
    if not header:
        raise InputError(f"{file} has no header line; the first line must name the columns")
    names = [restored(name) or f"Unnamed: {index}" for index, name in enumerate(header)]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise InputError(
            f"{file}: the header names {', '.join(map(repr, twice[:5]))} more than once; rename one of them"
        )
    return names


def _cells(row: Row, file: Location) -> list[str]:
    first, _, cells, problem = row
    if cells is None:
        raise InputError(
            f"{file}: the row that starts on line {first} is broken ({problem}). A cell that starts with a double "
            "quote must end with one, and a double quote inside such a cell is written twice"
        )
    return cells


def _broken(first: int, last: int, problem: str) -> str:
    if problem == too_long():
        return problem + (f", up to line {last}" if last > first else "")
    lost = f"; lines {first} to {last} are lost" if last > first else ""
    return f"broken ({problem}): a cell that starts with a double quote must end with one{lost}"


def _swallowed_text(swallowed: list[tuple[int, int]]) -> str:
    shown = listed((f"{first} to {last}" for first, last in swallowed), 5)
    return (
        f"lines {shown}: a quotation mark opens a cell that runs over lines which look like rows of their own. Where "
        "it belongs to a text, put that text in quotation marks and double those inside (as csv.writer does); where "
        "the lines are one text, write every cell in quotation marks (quoting=csv.QUOTE_ALL)"
    )


def _arrays(block: list[list[str]]) -> list[pa.Array]:
    return [pa.array(column, type=pa.large_string()) for column in zip(*block, strict=True)]


def _has_carriage_return(frame: pd.DataFrame) -> bool:
    cells = (cell for index in text_columns(frame) for cell in frame.iloc[:, index])
    return any(isinstance(cell, str) and "\r" in cell for cell in chain(frame.columns, cells))
