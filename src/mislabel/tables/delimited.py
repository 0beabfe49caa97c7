"""CSV and TSV files: every broken line is named, and no cell changes its meaning on the way in.

All cells are read as text. A column then becomes numbers or booleans only where every cell that is not empty reads as
one: so ``NA``, ``null`` and ``007`` stay what they are, and an empty cell is an empty text or a missing number.
"""

import contextlib
import csv
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from mislabel.errors import InputError
from mislabel.tables.arrow import compute, series_of

_BLOCK = 50_000  # rows that exist as Python objects at a time
_WHOLE = r"\A(?:0|-?[1-9][0-9]{0,18})\z"
_NUMBER = r"\A(?:-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|-?inf)\z"
_FRACTION = r"[.eEi]"


def read_delimited(
    path: Path, delimiter: str, strings: Collection[str] = (), lossless: Collection[str] = ()
) -> pd.DataFrame:
    """Read a CSV or TSV file with a header line, in UTF-8 (with or without a byte order mark).

    Parameters
    ----------
    path, delimiter
        The file, and what stands between its cells.
    strings
        Columns that stay text even if every cell looks like a number.
    lossless
        Columns that become floats only if that changes no digit (``1.10`` is a name there, not 1.1).

    Raises
    ------
    InputError
        If the header is missing or names a column twice, or a line is broken.
    UnicodeDecodeError
        If the file is not UTF-8.
    """
    header, cells = read_cells(path, delimiter)
    # The name that pandas gives to a column without one, such as an index that was written along.
    names = [name or f"Unnamed: {place}" for place, name in enumerate(header)]
    columns = {
        name: typed_column(column, name in strings, name in lossless) for name, column in zip(names, cells, strict=True)
    }
    return pd.DataFrame(columns, columns=pd.Index(names))


def read_cells(path: Path, delimiter: str) -> tuple[list[str], list[pa.ChunkedArray]]:
    """The header and the columns of a CSV or TSV file, every cell as the text that it is.

    Raises
    ------
    InputError, UnicodeDecodeError
        As `read_delimited`.
    """
    with open(path, encoding="utf-8-sig", newline="") as handle, long_fields():
        reader = csv.reader(handle, delimiter=delimiter, strict=True)
        lines = _numbered(reader, path)
        header = _check_header(next(lines, (1, []))[1], path)
        pieces: list[list[pa.Array]] = [[] for _ in header]
        block: list[list[str]] = []
        for line, cells in lines:
            if len(cells) != len(header):
                raise InputError(
                    f"{path}, line {line}: {len(cells)} cells where the header has {len(header)}. Put a cell that "
                    f"holds {'a tab' if delimiter == chr(9) else 'a comma'} or a new line in double quotes"
                )
            block.append(cells)
            if len(block) == _BLOCK:
                _store(block, pieces)
                block = []
        _store(block, pieces)
    return header, [pa.chunked_array(parts, type=pa.large_string()) for parts in pieces]


def _numbered(reader, path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line on which the row starts, its cells) for every row; blank lines are no rows."""
    start = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise InputError(
                f"{path}: the row that starts on line {start} is broken ({error}). A cell that starts with a double "
                "quote must end with one, and a double quote inside such a cell is written twice"
            ) from error
        if cells is None:
            return
        if cells:
            yield start, cells
        start = reader.line_num + 1


def _check_header(header: list[str], path: Path) -> list[str]:
    if not header:
        raise InputError(f"{path} has no header line; the first line must name the columns")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise InputError(f"{path}: the header names {', '.join(map(repr, twice))} more than once; rename one of them")
    return header


def _store(block: list[list[str]], pieces: list[list[pa.Array]]) -> None:
    for part, column in zip(pieces, zip(*block, strict=True), strict=False):
        part.append(pa.array(column, type=pa.large_string()))


def typed_column(cells: pa.ChunkedArray, keep: bool = False, lossless: bool = False) -> pd.Series:
    """The column as whole numbers, floats or booleans where every cell that is not empty says so, else as text."""
    empty = compute.equal(cells, "")
    known = cells.filter(compute.invert(empty))
    if keep or len(known) == 0:
        return series_of(cells)
    filled = compute.if_else(empty, pa.scalar(None, cells.type), cells)
    if _all(compute.is_in(known, pa.array(["True", "False"], cells.type))):
        return series_of(
            compute.if_else(compute.is_null(filled), pa.scalar(None, pa.bool_()), compute.equal(cells, "True"))
        )
    try:
        if _all(compute.match_substring_regex(known, _WHOLE)):
            return series_of(filled.cast(pa.int64()))
        fractions = compute.any(compute.match_substring_regex(known, _FRACTION)).as_py()
        if (
            fractions
            and _all(compute.match_substring_regex(known, _NUMBER))
            and not (lossless and _loses_digits(known))
        ):
            return series_of(filled.cast(pa.float64()))
    except pa.ArrowInvalid:  # a whole number beyond 64 bits: as text it keeps all its digits
        pass
    return series_of(cells)


def _loses_digits(cells: pa.ChunkedArray) -> bool:
    return any(repr(float(cell)) != cell for cell in compute.unique(cells).to_pylist())


def _all(mask: pa.ChunkedArray) -> bool:
    return bool(compute.all(mask).as_py())


@contextlib.contextmanager
def long_fields() -> Iterator[None]:
    """Let a cell be longer than the 128 KiB that the csv module allows by default."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)
