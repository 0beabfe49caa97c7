"""What a column of texts holds: numbers or booleans where every cell says so, else the texts as they are.

An empty cell is an empty text or a missing number. ``NA``, ``null`` and ``007`` stay what they are.
"""

from __future__ import annotations

import pyarrow as pa

from mislabel.tables.arrow import compute, series_of
from mislabel.tables.late import pd

WHOLE = r"\A(?:0|-?[1-9][0-9]{0,18})\z"
NUMBER = r"\A(?:-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|-?inf)\z"
FRACTION = r"[.eEi]"
_DECIMAL_COMMA = r"\A-?(?:0|[1-9][0-9]*)(?:,[0-9]+)?\z"


def typed_column(
    cells: pa.ChunkedArray, keep: bool = False, lossless: bool = False, decimal_comma: bool = False
) -> pd.Series:
    """The column as whole numbers, floats or booleans where every cell that is not empty says so, else as text.

    Parameters
    ----------
    cells : (n,) large_string
    keep : bool
        Whether it stays text in any case.
    lossless : bool
        Whether it becomes floats only if that changes no digit (``1.10`` is a name there, not 1.1).
    decimal_comma : bool
        Whether ``1,5`` is a number, as where semicolons stand between cells.
    """
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
        if _all(compute.match_substring_regex(known, WHOLE)):
            return series_of(filled.cast(pa.int64()))
        if decimal_comma and not lossless and has_decimal_commas(known):
            return series_of(compute.replace_substring(filled, ",", ".").cast(pa.float64()))
        fractions = compute.any(compute.match_substring_regex(known, FRACTION)).as_py()
        if fractions and _all(compute.match_substring_regex(known, NUMBER)) and not (lossless and _loses_digits(known)):
            return series_of(filled.cast(pa.float64()))
    except pa.ArrowInvalid:  # a whole number beyond 64 bits: as text it keeps all its digits
        pass
    return series_of(cells)


def has_decimal_commas(cells: pa.ChunkedArray) -> bool:
    """Whether the cells are numbers, of which some are written like 1,5."""
    known = cells.filter(compute.not_equal(cells, ""))
    if not compute.any(compute.match_substring(known, ",")).as_py():
        return False
    return _all(compute.match_substring_regex(known, _DECIMAL_COMMA))


def _loses_digits(cells: pa.ChunkedArray) -> bool:
    return any(repr(float(cell)) != cell for cell in compute.unique(cells).to_pylist())


def _all(mask: pa.ChunkedArray) -> bool:
    return bool(compute.all(mask).as_py())
