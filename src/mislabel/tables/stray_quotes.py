"""Rows that a stray quotation mark swallowed.

A file that was written without quoting may hold a text that begins with a quotation mark and, lines later, one that
ends with one. To every reader of CSV all of this is one cell. A legal cell of several lines looks the same, so what
the lines hold decides. A row over several lines is taken for swallowed ones if, cut at every delimiter, more than half
of the lines that would be rows of their own

- have exactly as many cells as the header, and
- hold in a column beside that of the text what other rows of the file have there: the same value (such as a label); or
  in three lines and more names and numbers of the same shape as those of other rows (an id), or, where these lines are
  more than the other rows, values that repeat.

Cells are compared as they are written: where a writer quotes all cells, no line inside a text looks like a row. A legal
text that passes all the same, such as ``"fine, positive\\nreally"`` beside labels called ``positive``, can be told from
swallowed rows by nobody; written with all cells in quotation marks it is read.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from mislabel.tables.delimited_rows import Dialect
from mislabel.tables.lines import bounded_lines
from mislabel.tables.location import Location

_NEWLINE = re.compile(r"\r\n|\r|\n")
_LONGEST = 100  # characters of a value that may be a label or an id
_MOST = 100_000  # different values of a column that are kept
_RUNS = re.compile(r"[0-9]+|[^\W\d_]+")


@dataclass(frozen=True)
class _Suspect:
    """A row over several lines, and by column what its lines hold that would be rows of their own."""

    first: int
    last: int
    columns: tuple[int, int]  # the first and the last that runs over lines
    lines: int
    values: dict[int, list[str]]


class StrayQuotes:
    """Collects rows over several lines while a file is read, and says at the end which are swallowed rows.

    Parameters
    ----------
    width : int
        The number of columns.
    dialect : Dialect
    """

    def __init__(self, width: int, dialect: Dialect):
        self.width: int = width
        self.dialect: Dialect = dialect
        self.suspects: list[_Suspect] = []
        self.long: list[tuple[int, int]] = []  # lines of all rows over several

    def see(self, first: int, last: int, row: list[str]) -> None:
        """Take note of a row that stands on several lines and has as many cells as the header."""
        self.long.append((first, last))
        delimiter = self.dialect.delimiter
        lines = [line.split(delimiter) for line in _NEWLINE.split(delimiter.join(row))]
        if self.width < 2 or 2 * sum(len(cells) == self.width for cells in lines) < len(lines):
            return
        over = [column for column, cell in enumerate(row) if "\n" in cell or "\r" in cell]
        values: dict[int, list[str]] = {}
        for column in (*range(over[0]), *range(over[-1] + 1, self.width)):
            inside = lines[1:] if column < over[0] else lines[:-1]
            held = [cells[column] for cells in inside if len(cells) == self.width and 0 < len(cells[column]) < _LONGEST]
            if 2 * len(held) > len(inside):
                values[column] = held
        if values:
            self.suspects.append(_Suspect(first, last, (over[0], over[-1]), len(lines) - 1, values))

    def swallowed(self, file: Location) -> list[tuple[int, int]]:
        """The first and the last line of every row that is swallowed ones; reads the file again if any may be."""
        if not self.suspects:
            return []
        known = self._values(file, {column for suspect in self.suspects for column in suspect.values})
        return [
            (suspect.first, suspect.last)
            for suspect in self.suspects
            if any(known[column].have(held, suspect.lines) for column, held in suspect.values.items())
        ]

    def _values(self, file: Location, columns: Iterable[int]) -> dict[int, "_Values"]:
        """What is written in columns of rows that are beyond doubt."""
        known = {column: _Values() for column in columns}
        long, suspects = iter(self.long), {suspect.first: suspect for suspect in self.suspects}
        first, last = next(long, (0, 0))
        with file.open_text() as handle:
            for number, line in bounded_lines(handle):
                if number <= self.dialect.skipped + 1 or line is None:
                    continue
                while number > last > 0:
                    first, last = next(long, (0, 0))
                within = first <= number <= last
                suspect = suspects.get(first) if within and number in (first, last) else None
                if within and suspect is None:
                    continue
                cells = line.rstrip("\r\n").split(self.dialect.delimiter)
                if len(cells) != self.width:
                    continue
                for column, values in known.items():
                    sure = suspect is None or (
                        column < suspect.columns[0] if number == first else column > suspect.columns[1]
                    )
                    if sure:
                        values.add(cells[column])
        return known


class _Values:
    """What a column holds in rows that are beyond doubt."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.quoted = True

    def add(self, cell: str) -> None:
        if 0 < len(cell) < _LONGEST and (cell in self.counts or len(self.counts) < _MOST):
            self.counts[cell] += 1
            self.quoted &= cell[0] == '"'

    def have(self, held: list[str], lines: int) -> bool:
        """Whether most of `lines` hold what belongs into this column, going by the values `held` there."""
        if self.counts and self.quoted:
            return False
        few = self.counts.total() < lines > 2
        again = {value for value, times in Counter(held).items() if times > 1} if few else set()
        if 2 * sum(value in self.counts or value in again for value in held) > lines:
            return True
        if lines < 3 or 2 * len(self.counts) < self.counts.total():  # too few lines, or a column of values that repeat
            return False
        shapes = {_shape(value) for value in self.counts if _shape(value)}
        return len(held) == lines and all(_shape(value) in shapes for value in held)


def _shape(value: str) -> str:
    """How a name or number with digits is built: m079 and k12 alike; nothing without a digit."""
    return _RUNS.sub(lambda run: "0" if run[0][0].isdecimal() else "a", value) if re.search("[0-9]", value) else ""
