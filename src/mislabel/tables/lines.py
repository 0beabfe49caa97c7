"""Lines of text files, bounded: what a file of somebody else may hold is never kept whole."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

LONGEST = 16_000_000  # characters of a row that a tolerant reader takes into memory


class TooLong(Exception):
    """A row is longer than `LONGEST`."""


@dataclass(frozen=True)
class Line:
    """One row of a file: its number, its cells by column, and what is wrong where it cannot be read.

    `number` counts lines from 1, the header of a CSV file too; items of a JSON array and rows of a Parquet file.
    """

    number: int
    cells: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


def too_long() -> str:
    """What is wrong with a row longer than `LONGEST`."""
    return f"longer than {LONGEST // 1_000_000} MB"


def bounded_lines(handle: TextIO) -> Iterator[tuple[int, str | None]]:
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


class BoundedRows:
    """The lines of a file for a reader of rows that run over several: `TooLong` where a row grows too long.

    Attributes
    ----------
    size : int
        Characters of the row so far; set it to 0 where a row begins.
    """

    def __init__(self, handle: TextIO):
        self.lines: Iterator[tuple[int, str | None]] = bounded_lines(handle)
        self.size: int = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        _, text = next(self.lines)
        self.size += len(text or "")
        if text is None or self.size > LONGEST:
            raise TooLong
        return text
