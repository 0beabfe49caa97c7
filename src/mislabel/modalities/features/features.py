"""Features: columns of a table, a matrix, or one vector per row, as a float32 matrix and the encoding that made it."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from mislabel.data.inputs import CAPTION, RawInputs
from mislabel.data.plan import MissingValues
from mislabel.errors import some_ids
from mislabel.modalities.features.columns import FeatureColumn
from mislabel.modalities.features.dates import date_of
from mislabel.modalities.features.encoding import FeatureEncoding, learn_encoding
from mislabel.modalities.features.matrices import blocks, constant_columns, row_bytes
from mislabel.modalities.features.selection import table_or_matrix
from mislabel.tables.formulas import restored


@dataclass(frozen=True, eq=False)
class Features(RawInputs):
    """n rows of numbers.

    Attributes
    ----------
    matrix : (n, d) float32
        C-contiguous, finite. It may be the caller's own array, so nobody may write to it.
    encoding : FeatureEncoding
        What the columns mean, and how other data become such a matrix.
    """

    matrix: np.ndarray
    encoding: FeatureEncoding
    modality: ClassVar[str] = "features"
    repeated: ClassVar[str] = "Rows of equal features"

    def __len__(self) -> int:
        return len(self.matrix)

    def take(self, index: Any) -> "Features":
        """The rows at the positions `index` (m,) int, in that order, or where (n,) bool says so."""
        index = np.asarray(index)
        if index.size == 0:  # an empty list would be an array of floats
            index = index.astype(np.int64)
        return Features(self.matrix[index], self.encoding)

    def contents(self) -> Iterator[bytes]:
        """The bytes of each row, as little-endian float32: equal for equal rows, on every machine."""
        return row_bytes(self.matrix)

    def content_sizes(self) -> np.ndarray:
        return np.full(len(self), 4 * self.matrix.shape[1])

    def digests(self, spell: Callable[[str], str] = str) -> Iterator[bytes]:
        """16 bytes a row, equal for rows that hold the same under the same names, in whatever order columns come.

        Parameters
        ----------
        spell : callable
            Gives the name of a column or level as it was written once.
        """
        named = sorted(
            ((spell(column.name), place.start, column) for column, place in self.encoding.placed),
            key=lambda item: item[0],
        )
        numbers = [position for _, start, column in named if column.kind != "category"
                   for position in range(start, start + column.width - column.marked)]  # fmt: skip
        names = repr([(name, column.kind) for name, _, column in named]).encode("utf-8", "surrogatepass") + b"\0"
        place_of = {position: place for place, position in enumerate(numbers)}
        categories = [(start, column) for _, start, column in named if column.kind == "category"]
        for block in blocks(self.matrix.shape):
            part = Features(self.matrix[block], self.encoding)
            cells = np.ascontiguousarray(part.matrix[:, numbers])
            for start in (start for _, start, column in named if column.marked):  # whatever the others' median is
                cells[part.matrix[:, start + 1] != 0, place_of[start]] = np.nan
            words = [part._levels(start, column, spell) for start, column in categories]
            for position, row in enumerate(row_bytes(cells)):
                levels = repr([levels_of[position] for levels_of in words]).encode("utf-8", "surrogatepass")
                yield hashlib.blake2b(names + row + levels, digest_size=16).digest()

    def matcher(self, column: str) -> Callable[[int, Any], bool]:
        """The same features, or those whose names and levels have the apostrophe of a CSV export."""
        if column == "digest":
            known = list(zip(self.digests(), self.digests(restored), strict=True))
            return lambda position, before: before in known[position]
        plain = Features(self.matrix, _restored(self.encoding))  # runs of older versions kept captions alone
        return lambda position, before: before in (self.caption(position), plain.caption(position))

    def _levels(self, start: int, column: FeatureColumn, spell: Callable[[str], str]) -> list[str | None]:
        """The level of each row in one category, None for one that training did not know."""
        cells, levels = self.matrix[:, start : start + column.width], [spell(level) for level in column.levels]
        known = (cells != 0).any(axis=1).tolist()
        return [levels[code] if there else None for code, there in zip(cells.argmax(1), known, strict=True)]

    def caption(self, position: int) -> str:
        """One line of at most 70 characters on a row: ``age 37, colour=red, ...`` or ``[0.12, -3.4, ...]``."""
        row = self.matrix[position]
        if len(self.encoding.columns) == 1 and self.encoding.columns[0].kind == "vector":
            name = _cut(self.encoding.columns[0].name)
            return _join(map(_number, row), len(row), f"{name} [" if name else "[", "]")
        parts = (_words(column, row[place]) for column, place in self.encoding.placed)
        return _join(parts, len(self.encoding.columns))

    def in_words(self, position: int) -> str | None:
        """A line ``name: value`` for each column; vectors say nothing in words."""
        row, lines = self.matrix[position], []
        for column, place in self.encoding.placed:
            cells = row[place]
            if column.is_number:
                number = float(cells[0])
                shown = int(number) if number.is_integer() else f"{number:.7g}"
                shown = date_of(number) if column.kind == "date" else shown
                lines.append(f"{column.name}: {'?' if column.marked and cells[1] else shown}")
            elif column.kind == "category":
                lines.append(f"{column.name}: {column.levels[int(cells.argmax())] if cells.any() else '?'}")
        return "\n".join(lines) or None


def check_features(
    values: Any,
    ids: Any,
    name: str,
    *,
    encoding: FeatureEncoding | None = None,
    missing_values: MissingValues = "error",
) -> tuple[Features, list[str]]:
    """Features from a table, a matrix or vectors.

    Parameters
    ----------
    values
        A DataFrame or Arrow table, all of whose columns are features; an (n, d) array of any real dtype; a tensor; or
        n vectors of one length, in a list, array, Series or Arrow column.
    ids
        n ids, for the messages.
    name
        What the values are called, for the messages.
    encoding
        How to read them, as learned from the training data. Without it, it is learned: columns of numbers and booleans
        stay one column; dates become days since 1970; text and Categoricals become one column of zeros and ones per
        level; lists and arrays become one column per element.
    missing_values : "error" or "impute"
        Of columns of numbers and dates, where the encoding is learned; see `mislabel.data.plan.Plan`.

    Returns
    -------
    features : Features
        Without a copy, where `values` is a C-contiguous float32 matrix that may be written to.
    notes : list of str

    Raises
    ------
    InputError
        If there are no rows or columns; a name is there twice, or missing; a column holds objects, or looks like
        ids or free text; vectors differ in length; a number is missing where none may be, infinite or beyond float32;
        or the width is not that of `encoding`.
    """
    values = table_or_matrix(values, ids, name)
    if encoding is not None:
        matrix, notes = encoding.encode(values, ids, name)
        return Features(matrix, encoding), notes
    learned, notes = learn_encoding(values, ids, name, missing_values)
    matrix, more = learned.encode(values, ids, name)
    return Features(matrix, learned), notes + more + _constant_notes(matrix, learned, name)


def _constant_notes(matrix: np.ndarray, encoding: FeatureEncoding, name: str) -> list[str]:
    constant = constant_columns(matrix) if len(matrix) > 1 else np.empty(0, dtype=np.int64)
    if not len(constant):
        return []
    names = encoding.names
    listed = some_ids(names[position] for position in constant)
    return [f"{name}: columns with the same number in every row, kept but of no use: {len(constant)}; {listed}."]


def _restored(encoding: FeatureEncoding) -> FeatureEncoding:
    columns = (
        replace(column, name=restored(column.name), levels=tuple(map(restored, column.levels)))
        for column in encoding.columns
    )
    return FeatureEncoding(tuple(columns))


def _words(column: FeatureColumn, cells: np.ndarray) -> str:
    """One column of one row in words; `cells` (width,) float32."""
    name = _cut(column.name)
    if column.is_number:
        shown = date_of(cells[0]) if column.kind == "date" else _number(cells[0])
        return f"{name} {'?' if column.marked and cells[1] else shown}"
    if column.kind == "category":
        return f"{name}={_cut(column.levels[int(cells.argmax())]) if cells.any() else '?'}"
    return f"{name} " + _join(map(_number, cells[:2]), len(cells), "[", "]")


def _number(value: np.floating) -> str:
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e7 else f"{number:.3g}"


def _cut(text: str, length: int = 30) -> str:
    """`text` on one line, without what cannot be seen, and not longer than `length`."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _join(words: Iterable[str], total: int, before: str = "", after: str = "") -> str:
    """As many of the words as a caption has room for, with an ellipsis where there are more (`total` in all).

    No more of them are made than that: most of the time that a run on features takes to be saved goes here.
    """
    room = CAPTION - len(before) - len(after)
    parts: list[str] = []
    filled = 0
    for word in words:
        parts.append(word)
        filled += len(word) + 2
        if filled > CAPTION + 2:
            break
    shown = len(parts)
    while shown > 1 and len(", ".join(parts[:shown])) + (3 if shown < total else 0) > room:
        shown -= 1
    return before + ", ".join([*parts[:shown], *(["…"] if shown < total else [])]) + after
