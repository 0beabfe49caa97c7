"""A CSV or TSV file as it stands: cells of text, written again without touching any that has not changed."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from mislabel.tables.delimited_rows import DELIMITERS, Dialect
from mislabel.tables.format import Columns, Picked
from mislabel.tables.formulas import neutralised, protected, restored_cells
from mislabel.tables.late import pd
from mislabel.tables.location import Location
from mislabel.tables.typed_blocks import typed_columns
from mislabel.tables.typed_text import has_decimal_commas, typed_column

ROWS_AT_ONCE = 20_000


@dataclass(eq=False)
class StoredCells:
    """The cells of a file, which only `column` and `frame` take for numbers.

    What would be written otherwise as a number stays text (1.10 may be a version), but for the columns in `features`:
    there 1.10 is a number, and a run on an export must not find a category.

    Attributes
    ----------
    header : list of str
        The names as they stand there.
    names : list of str
        The names as the columns are called.
    cells : list of ChunkedArray
        (n,) large_string each, as they stand there.
    strings : list of str
        Columns that stay text.
    """

    file: Location
    dialect: Dialect
    header: list[str]
    names: list[str]
    cells: list[pa.ChunkedArray]
    strings: list[str]
    features: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    endings = tuple(DELIMITERS)

    def __post_init__(self) -> None:
        if self.dialect.note:
            self.notes.append(self.dialect.note)
        self.index_of: dict[str, int] = {name: index for index, name in enumerate(self.names)}

    def column(self, name: str) -> pd.Series:
        return self.typed(name, self.text(name), lossless=name not in self.features)

    def text(self, name: str) -> pa.ChunkedArray:
        """What the cells of a column say."""
        return restored_cells(self.cells[self.index_of[name]])

    def typed(self, name: str, texts: pa.ChunkedArray, lossless: bool) -> pd.Series:
        """The texts of a column with the type that they have; decimal commas are noted."""
        decimal_comma = self.dialect.decimal_comma and has_decimal_commas(texts)
        column = typed_column(texts, name in self.strings, lossless, decimal_comma)
        if decimal_comma and pd.api.types.is_float_dtype(column.dtype):
            note = f"{self.file} has decimal commas in the column {name!r}, which was read as numbers"
            self.notes += [] if note in self.notes else [note]
        return column

    def frame(self) -> pd.DataFrame:
        return self.typed_frame(set(self.names) - set(self.features))

    def typed_frame(self, lossless: Collection[str]) -> pd.DataFrame:
        """All columns with their types; those in `lossless` become numbers only where the same text comes back."""
        columns: Iterable[Any]
        if self.dialect.decimal_comma:
            columns = (self.typed(name, self.text(name), name in lossless) for name in self.names)
        else:
            keep, exact = set(self.strings), set(lossless)
            columns = typed_columns(
                self.cells, [name in keep for name in self.names], [name in exact for name in self.names]
            )
        return pd.DataFrame(dict(zip(self.names, columns, strict=True)), columns=pd.Index(self.names))

    def rewrite(self, columns: Columns, target: Location) -> int:
        """As `StoredTable.rewrite`; what stood between the cells stands there again, if the ending allows it."""
        cells: dict[str, Any] = dict(zip(self.names, self.cells, strict=True))
        header, changed = list(self.header), 0
        for name, column in columns.items():
            if name not in self.index_of:
                header.append(protected(name))
                changed += header[-1] != name
            cells[name], more = self._as_text(column)
            changed += more
        delimiter = self.dialect.delimiter if target.ending == self.file.ending else DELIMITERS[target.ending]
        with target.create_text() as handle:
            plain = csv.writer(handle, delimiter=delimiter, lineterminator="\n")
            quoted = csv.writer(handle, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
            for row in _rows(header, list(cells.values())):
                safe = [neutralised(cell) for cell in row]
                changed += sum(map(len, safe)) - sum(map(len, row))  # one character for each that changed
                # The csv module leaves a bare carriage return where it does not end lines: quotes keep it in its cell.
                (quoted if "\r" in "".join(safe) else plain).writerow(safe)
        return changed

    def _as_text(self, column: Picked | np.ndarray) -> tuple[list[str], int]:
        """A column as the cells that the file is to hold, and how many new ones got an apostrophe."""
        if isinstance(column, Picked):
            values = [*self.cells[self.index_of[column.column]].to_pylist(), *map(str, column.others), ""]
            first, last = len(values) - len(column.others) - 1, len(values) - 1
            pool = [*values[:first], *map(protected, values[first:])]
            rows = column.rows.tolist()
            return [pool[row] for row in rows], sum(pool[row] != values[row] for row in rows if first <= row < last)
        values = ["" if value is None or value != value else str(value) for value in column.tolist()]
        cells = list(map(protected, values))
        return cells, sum(cell != value for cell, value in zip(cells, values, strict=True))


def _rows(header: list[str], columns: list[Any]) -> Iterator[Sequence[str]]:
    yield header
    for begin in range(0, len(columns[0]), ROWS_AT_ONCE):
        parts = [column[begin : begin + ROWS_AT_ONCE] for column in columns]
        yield from zip(*(part if isinstance(part, list) else part.to_pylist() for part in parts), strict=True)
