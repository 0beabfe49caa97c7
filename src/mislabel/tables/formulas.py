"""Cells of CSV, TSV and Excel files that a spreadsheet would run as formulas, made plain text and back.

Spreadsheets take a cell for a formula by its first character: = + - @, their full-width twins, whatever blanks and
invisible characters stand before. An apostrophe in front makes the cell text. Cells that can only be a number or a
row of signs (``-1.5``, ``-``, ``--``) stay as they are: there is nothing in them to run.

One rule holds for everything that writes and reads such files. A cell that begins with apostrophes and would be a
formula without them says the text with one apostrophe less. So our writers put one apostrophe before such a text (and
before a text that has apostrophes there already), our readers take one off, and every text comes back as it was. The
rule does not ask who wrote a file: a cell ``'=x`` of the user's own is read as ``=x``, which is what a spreadsheet
shows for it, and an export writes it as ``'=x`` again.
"""

import re
import unicodedata

import pyarrow as pa

from mislabel.tables.arrow import compute

_SIGNS = "=+-@"
# What a spreadsheet may skip before it looks for a formula: white space, control characters, characters of no width.
_SKIPPED = re.compile(r"[\s\x00-\x1f\x7f-\x9f\xad\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\u00a0\u3000]*")
# Possessive: each sign is looked at once, however long a cell is.
_NUMBER = re.compile(r"[+-]?(?:[.,]*+[0-9][0-9.,]*+(?:[eE][+-]?[0-9]++)?%?|inf)")
_ONLY_SIGNS = re.compile(r"[=+\-@\s]*")


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet might run the cell, or swallows its first character (a tab or a new line)."""
    if not cell or cell[0].isalnum():  # most cells
        return False
    shown = cell[_SKIPPED.match(cell).end() :]  # pyright: ignore[reportOptionalMemberAccess]
    if not shown:
        return False
    if cell[0] in "\t\r\n":
        return True
    if unicodedata.normalize("NFKC", shown[0])[:1] not in tuple(_SIGNS):
        return False
    return not _NUMBER.fullmatch(shown.strip()) and not _ONLY_SIGNS.fullmatch(shown)


def neutralised(cell: str) -> str:
    """A cell as it stands in a file, made safe for every spreadsheet; one that is safe stays as it is."""
    return "'" + cell if is_formula(cell) else cell


def protected(text: str) -> str:
    """The cell to write for a text, of which `restored` gives the text again."""
    return "'" + text if is_formula(text.lstrip("'")) else text


def restored(cell: str) -> str:
    """The text that a cell says: without the apostrophe that `protected` may have put there."""
    return cell[1:] if cell[:1] == "'" and is_formula(cell.lstrip("'")) else cell


def note(cells: int) -> str:
    """What to tell of cells that got an apostrophe in a file."""
    return (
        f"{cells} cells got an apostrophe in front, so that no spreadsheet runs them as formulas; .jsonl and .parquet "
        "keep them as they are"
    )


def restored_cells(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of cells (n,) large_string as the texts that they say."""
    if not compute.any(compute.starts_with(cells, "'")).as_py():  # nearly always
        return cells
    return pa.chunked_array(
        [pa.array(map(restored, chunk.to_pylist()), type=pa.large_string()) for chunk in cells.chunks],
        type=pa.large_string(),
    )
