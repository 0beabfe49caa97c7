"""Cells of CSV files that a spreadsheet would run as formulas, made plain text and back.

Spreadsheets take a cell for a formula by its first character: = + - @, their full-width twins, whatever blanks and
invisible characters stand before. An apostrophe in front makes the cell text. Cells that can only be a number or a
row of signs (``-1.5``, ``-``, ``--``) stay as they are: there is nothing in them to run.
"""

import re
import unicodedata

_SIGNS = "=+-@"
# What a spreadsheet may skip before it looks for a formula: white space, control characters, characters of no width.
_SKIPPED = re.compile(r"[\s\x00-\x1f\x7f-\x9f\xad\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\u00a0\u3000]*")
_NUMBER = re.compile(r"[+-]?(?:[0-9.,]*[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?%?|inf)")
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
    """The cell as text for every spreadsheet."""
    return "'" + cell if is_formula(cell) else cell


def restored(cell: str) -> str:
    """The cell without the apostrophe that `neutralised` may have put there."""
    return cell[1:] if cell[:1] == "'" and is_formula(cell[1:]) else cell
