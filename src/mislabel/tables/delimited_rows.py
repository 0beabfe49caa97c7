"""The rows of a CSV or TSV file, one after the other: the one tokenizer of every reader of such files."""

import contextlib
import csv
import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TextIO

from mislabel.tables.lines import BoundedRows, TooLong, too_long
from mislabel.tables.location import Location

DELIMITERS = {".csv": ",", ".tsv": "\t"}
_OTHERS = ",;\t|"  # what spreadsheets write for a comma, by the country
_NAMED = re.compile(r'"?sep=([^"\r\n])"?\s*', re.IGNORECASE)
_ROWS, _LINES, _CHARACTERS = 20, 1000, 4_000_000  # as much of a file is looked at to find what stands between cells
_WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


Row = tuple[int, int, list[str] | None, str]
"""The first and the last of the lines on which a row stands, counted from 1, and its cells; None and a problem where it
is broken."""


@dataclass(frozen=True)
class Dialect:
    """What stands between the cells of a file.

    Attributes
    ----------
    delimiter : str
    skipped : int
        Lines before the header: 1 where the first says ``sep=;``.
    note : str
        What to tell of it, where it is not what the ending of the name says.
    """

    delimiter: str
    skipped: int = 0
    note: str = ""

    @property
    def decimal_comma(self) -> bool:
        """Whether numbers may be written like 1,5: where semicolons are needed because of that."""
        return self.delimiter == ";"


def rows(handle: TextIO, dialect: Dialect, bounded: bool = False) -> Iterator[Row]:
    """Every row, the header first; blank lines are no rows, and behind a broken row the next line starts afresh.

    Parameters
    ----------
    bounded : bool
        Whether a row of more than `lines.LONGEST` characters is broken, and never kept whole.
    """
    for _ in range(dialect.skipped):
        handle.readline()
    lines = BoundedRows(handle) if bounded else None
    reader = csv.reader(lines or handle, delimiter=dialect.delimiter, strict=True)
    before = dialect.skipped
    last = before
    while True:
        first, problem = last + 1, ""
        if lines is not None:
            lines.size = 0
        try:
            cells = next(reader, None)
        except TooLong:
            before += 1  # a line that the reader has not counted
            cells, problem = None, too_long()
        except csv.Error as error:
            cells, problem = None, str(error)
        last = reader.line_num + before
        if cells:
            yield first, last, cells, ""
        elif problem:
            yield first, last, None, problem
        elif cells is None:
            return


def find_dialect(file: Location, usual: Collection[str] = ()) -> Dialect:
    """What stands between the cells of a file, by its first line, the header and the rows behind it.

    A first line ``sep=;`` says it. Else it is what the ending of the name promises, unless the header is one name
    then and another delimiter gives several, with as many cells in most rows; or unless it gives more of the `usual`
    names, those that the columns are expected to have.
    """
    with file.open_text() as handle, long_cells():
        head = list(_head(handle))
        named = _NAMED.fullmatch(head[0]) if head else None
        if named:
            note = f"{file}: the first line, {head[0].strip(chr(13) + chr(10))}, says what stands between the cells"
            return Dialect(named[1], 1, note)
        own = DELIMITERS[file.ending]
        fitness_of = {delimiter: _fitness(head, delimiter, set(usual)) for delimiter in dict.fromkeys(own + _OTHERS)}

    def fitness(delimiter: str) -> tuple[int, bool, bool, int]:
        known, consistent, width = fitness_of[delimiter]
        return known, consistent, delimiter == own, width

    best = max(fitness_of, key=fitness)
    if best == own:
        return Dialect(own)
    return Dialect(best, 0, f"{file} has {_WORDS[best]} between its cells, not {_WORDS[own]}")


def _head(handle: TextIO) -> Iterator[str]:
    """The first lines, as many as are looked at."""
    size = 0
    for _ in range(_LINES):
        line = handle.readline(_CHARACTERS)
        size += len(line)
        if not line or size > _CHARACTERS:
            return
        yield line


def _fitness(head: list[str], delimiter: str, usual: set[str]) -> tuple[int, bool, int]:
    """How many of the usual names a delimiter finds, whether it cuts most rows as the header, and into how many."""
    reader, widths, known = csv.reader(head, delimiter=delimiter, strict=True), [], 0
    while len(widths) <= _ROWS:
        try:
            cells = next(reader, None)
        except csv.Error:
            if not widths:
                return 0, False, 0
            cells = [""]
        if cells is None:
            break
        if cells:
            known = known if widths else len(usual & set(cells))
            widths.append(len(cells))
    if not widths:
        return 0, False, 0
    same = sum(width == widths[0] for width in widths[1:])
    return known, widths[0] > 1 and 2 * same >= len(widths) - 1, widths[0]


@contextlib.contextmanager
def long_cells() -> Iterator[None]:
    """Let a cell be longer than the 128 KiB that the csv module allows by default."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)
