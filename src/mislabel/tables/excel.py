"""Excel files (.xlsx): the first sheet, or the one that is named as FILE.xlsx#Sheet."""

from __future__ import annotations

import importlib
import warnings
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from xml.etree.ElementTree import ParseError

import pyarrow as pa

from mislabel.errors import InputError, did_you_mean
from mislabel.tables.arrow_stored import StoredFrame
from mislabel.tables.delimited import column_names
from mislabel.tables.excel_cells import typed_cells, value_of, writable_column
from mislabel.tables.format import Header
from mislabel.tables.late import pd
from mislabel.tables.lines import Line
from mislabel.tables.location import Location
from mislabel.tables.plain_cells import encodable, plain_text

_ROWS, _COLUMNS = 1_048_576, 16_384  # what a sheet holds


class Excel:
    """The format of .xlsx, by the openpyxl library, row by row.

    An empty text and an empty cell are one, and floats are written with 16 digits.
    """

    endings: tuple[str, ...] = (".xlsx",)
    compresses = False

    def header(self, file: Location) -> Header:
        return Header(Sheet(file).names)

    def batches(self, file: Location) -> Iterator[pa.RecordBatch]:
        yield from pa.Table.from_pandas(self.read(file), preserve_index=False).to_batches()

    def read(self, file: Location, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
        sheet = Sheet(file)
        columns: list[list[Any]] = [[] for _ in sheet.names]
        for line in sheet.lines():
            if line.problem:
                raise InputError(f"{file}, row {line.number}: {line.problem}")
            for column, value in zip(columns, line.cells.values(), strict=True):
                column.append(value)
        typed = {name: typed_cells(cells, name in strings) for name, cells in zip(sheet.names, columns, strict=True)}
        frame = pd.DataFrame(typed, columns=pd.Index(sheet.names))
        if sheet.notes:
            frame.attrs["notes"] = sheet.notes
        return frame

    def tolerant(self, file: Location, usual: Collection[str] = ()) -> Sheet:
        return Sheet(file)

    def stored(self, file: Location, strings: Collection[str] = ()) -> StoredFrame:
        return StoredFrame(self.read(file, strings))

    def write(self, frame: pd.DataFrame, target: Location) -> int:
        library = openpyxl(target)
        frame, changed = plain_text(encodable(frame), target.ending)
        if len(frame) >= _ROWS or frame.shape[1] > _COLUMNS:
            raise InputError(
                f"a sheet holds {_ROWS - 1:,} rows under the names of {_COLUMNS:,} columns, and the table has "
                f"{len(frame):,} rows and {frame.shape[1]:,} columns: write .csv or .parquet"
            )
        names = writable_column(pd.Series(list(frame.columns), dtype=object), "header")
        columns = [writable_column(frame.iloc[:, index], str(name)) for index, name in enumerate(frame.columns)]
        book = library.Workbook(write_only=True)
        sheet = book.create_sheet("data")
        for row in (names, *zip(*columns, strict=True)):
            sheet.append([_as_text(library, sheet, cell) if isinstance(cell, str) else cell for cell in row])
        book.save(target.path)
        return changed


class Sheet:
    """The rows of a sheet under its first one, which names the columns; rows and columns without anything are none.

    Attributes
    ----------
    names, notes : list of str
    """

    def __init__(self, file: Location):
        self.file: Location = file
        self.notes: list[str] = []
        with self._opened() as sheet:
            header = [value_of(value) for value in next(sheet.iter_rows(values_only=True), ())]
        while header and header[-1] is None:
            header.pop()
        self.names: list[str] = column_names(["" if name is None else str(name) for name in header], file)

    def lines(self) -> Iterator[Line]:
        width = len(self.names)
        with self._opened() as sheet:
            for number, row in enumerate(_rows(sheet, values_only=True), start=2):
                values = [value_of(value) for value in row]
                if all(value is None for value in values) and number not in self._not_computed:
                    continue
                values += [None] * (width - len(values))
                if any(value is not None for value in values[width:]):
                    yield Line(number, problem=f"{len(values)} cells where the header has {width}")
                elif None in values and number in self._not_computed:
                    yield Line(
                        number, problem="a formula has no value: open the file in a spreadsheet program, and save it"
                    )
                else:
                    yield Line(number, dict(zip(self.names, values[:width], strict=True)))

    @cached_property
    def _not_computed(self) -> set[int]:
        """The rows with a formula of which the file does not hold the value, as a program wrote it."""
        with self._opened() as sheet, self._opened(formulas=True) as formulas:
            rows = enumerate(zip(_rows(sheet), _rows(formulas), strict=True), start=2)
            return {number for number, (values, cells) in rows if any(map(_lacks_value, values, cells))}

    @contextmanager
    def _opened(self, formulas: bool = False) -> Iterator[Any]:
        library = openpyxl(self.file)
        try:
            with _quiet():
                book = library.load_workbook(self.file.path, read_only=True, data_only=not formulas, keep_links=False)
            try:
                sheet = self._sheet(book)
                sheet.reset_dimensions()  # what a file says of its size may be wrong
                yield sheet
            finally:
                book.close()
        except InputError:
            raise
        except (zipfile.BadZipFile, LookupError, OSError, EOFError, ParseError, ValueError, TypeError) as error:
            raise InputError(
                f"{self.file} is no Excel file that can be read ({error}): it may be damaged, or protected "
                "by a password"
            ) from error

    def _sheet(self, book: Any) -> Any:
        sheets = {sheet.title: sheet for sheet in book.worksheets}
        if self.file.sheet is None:
            first = next(iter(sheets), None)
            if first is None:
                raise InputError(f"{self.file} has no sheet with cells")
            if len(sheets) > 1:
                self.notes = [
                    f"{self.file} has the sheets {', '.join(map(repr, sheets))}, of which the first was read; another "
                    f"is named as {self.file.path.name}#{list(sheets)[1]}"
                ]
            return sheets[first]
        if self.file.sheet not in sheets:
            raise InputError(
                f"{self.file} has no sheet {self.file.sheet!r}{did_you_mean(self.file.sheet, sheets)}; there are "
                f"{', '.join(map(repr, sheets))}"
            )
        return sheets[self.file.sheet]


def openpyxl(file: Location) -> Any:
    """The library, which is an extra.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return importlib.import_module("openpyxl")
    except ImportError as error:
        raise InputError(f"{file}: .xlsx files need the openpyxl library: pip install 'mislabel[excel]'") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """The library warns of what it leaves out of a file: styles, checks of cells."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _rows(sheet: Any, values_only: bool = False) -> Iterator[Any]:
    """The rows behind the first."""
    rows = sheet.iter_rows(min_row=2, values_only=values_only)
    while True:
        with _quiet():
            row = next(rows, None)
        if row is None:
            return
        yield row


def _lacks_value(value: Any, cell: Any) -> bool:
    return cell.data_type == "f" and value.value is None


def _as_text(library: Any, sheet: Any, text: str) -> Any:
    """A cell that is text, whatever it begins with."""
    if text[:1] not in ("=", "#"):
        return text
    cell = library.cell.WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    return cell
