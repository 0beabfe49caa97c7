"""Many columns of texts typed at once: where they are short, looking at one after the other would take the time.

What comes out is what `typed_column` gives, column by column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mislabel.tables.arrow import compute
from mislabel.tables.formulas import restored_cells
from mislabel.tables.late import pd
from mislabel.tables.typed_text import FRACTION, NUMBER, WHOLE, typed_column

_SHORT = 10_000  # rows up to which columns are taken together
_CELLS = 1_000_000  # that are taken together


def typed_columns(
    cells: Sequence[pa.ChunkedArray], keep: Sequence[bool], lossless: Sequence[bool]
) -> Iterator[pd.Series | Any]:
    """Columns (n,) of cells as they stand in a file, each with the type that it has; no comma is a decimal one.

    Parameters
    ----------
    keep, lossless
        For each column, see `typed_column`.

    Yields
    ------
    Series or array (n,)
    """
    rows = len(cells[0]) if cells else 0
    step = max(1, _CELLS // max(1, rows)) if rows <= _SHORT else 1
    for begin in range(0, len(cells), step):
        part = slice(begin, begin + step)
        if step == 1 or len(cells[part]) == 1 or not rows:
            for column, as_text, exact in zip(cells[part], keep[part], lossless[part], strict=True):
                yield typed_column(restored_cells(column), as_text, exact)
        else:
            yield from _Block(cells[part], rows).typed(keep[part], lossless[part])


class _Block:
    """Columns of n rows, one behind the other in one array."""

    def __init__(self, cells: Sequence[pa.ChunkedArray], rows: int):
        self.rows, self.shape = rows, (len(cells), rows)
        chunks = [chunk for column in cells for chunk in column.chunks]
        self.texts = restored_cells(pa.chunked_array([pa.concat_arrays(chunks)])).combine_chunks()
        self.empty = self._grid(compute.equal(self.texts, ""))

    def typed(self, keep: Sequence[bool], lossless: Sequence[bool]) -> Iterator[pd.Series | Any]:
        kinds = self._kinds(np.array(keep), np.array(lossless))
        numbers = {kind: self._numbers(kinds == kind, kind) for kind in ("whole", "float")}
        counts = dict.fromkeys(numbers, 0)
        strings = pd.Series(pa.chunked_array([self.texts]).to_pandas()).array
        for index, kind in enumerate(kinds):
            part, gaps = slice(index * self.rows, (index + 1) * self.rows), self.empty[index]
            if kind == "string":
                yield strings[part]
            elif kind == "boolean":
                values = self._grid(compute.equal(self.texts[part], "True"), one=True)
                yield pd.arrays.BooleanArray(values, gaps.copy()) if gaps.any() else values
            elif (known := numbers[kind]) is None:  # a whole number beyond 64 bits in one of them
                yield typed_column(pa.chunked_array([self.texts[part]]), False, bool(lossless[index]))
            else:
                values = known[counts[kind]]
                counts[kind] += 1
                whole_with_gaps = kind == "whole" and gaps.any()
                yield pd.arrays.IntegerArray(values, gaps.copy()) if whole_with_gaps else values

    def _kinds(self, keep: np.ndarray, lossless: np.ndarray) -> np.ndarray:
        """What each column holds: "string", "boolean", "whole" or "float"."""
        known = ~self.empty.all(1) & ~keep
        boolean = self._all(compute.is_in(self.texts, pa.array(["True", "False"], self.texts.type)))
        whole = self._all(compute.match_substring_regex(self.texts, WHOLE))
        number = self._all(compute.match_substring_regex(self.texts, NUMBER))
        fraction = self._grid(compute.match_substring_regex(self.texts, FRACTION)).any(1)
        number &= known & fraction & ~whole & ~boolean
        for index in np.flatnonzero(number & lossless):
            cells = self.texts[index * self.rows : (index + 1) * self.rows].to_pylist()
            number[index] = all(repr(float(cell)) == cell for cell in cells if cell)
        chosen = [known & boolean, known & whole, number]
        return np.select(chosen, ["boolean", "whole", "float"], "string")

    def _numbers(self, columns: np.ndarray, kind: str) -> np.ndarray | None:
        """The numbers (k, n) of some columns, whole ones 1 and others NaN where there is none; None beyond 64 bits."""
        wanted = self.texts.filter(pa.array(np.repeat(columns, self.rows)))
        gaps = self.empty[columns].ravel()
        filled = compute.if_else(pa.array(gaps), pa.scalar("1" if kind == "whole" else "nan", wanted.type), wanted)
        try:
            numbers = filled.cast(pa.int64() if kind == "whole" else pa.float64())
        except pa.ArrowInvalid:
            return None
        return numbers.to_numpy(zero_copy_only=False).reshape(-1, self.rows)

    def _all(self, mask: pa.Array) -> np.ndarray:
        return np.all(self._grid(mask) | self.empty, axis=1)

    def _grid(self, mask: pa.Array, one: bool = False) -> np.ndarray:
        values = mask.to_numpy(zero_copy_only=False)
        return values if one else values.reshape(self.shape)
