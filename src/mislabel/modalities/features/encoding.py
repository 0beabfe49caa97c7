"""The encoding of a table, a matrix or vectors as one matrix of features; it is kept for new data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.label_columns import Rows, rows_of
from mislabel.data.plan import MissingValues
from mislabel.errors import InputError, some_ids
from mislabel.modalities.features.columns import (
    FeatureColumn,
    learn_column,
    number_column,
    plain_column,
    with_fill,
    write_column,
)
from mislabel.modalities.features.dates import date_of
from mislabel.modalities.features.matrices import as_float32, blocks, refuse_unusable
from mislabel.modalities.features.selection import column_positions, table_or_matrix, where_of


@dataclass(frozen=True)
class FeatureEncoding:
    """The columns of a table in order, and what each becomes; a matrix is one vector without a name.

    Attributes
    ----------
    columns : tuple of FeatureColumn
    """

    columns: tuple[FeatureColumn, ...]

    @property
    def width(self) -> int:
        """How many columns the matrix has."""
        return sum(column.width for column in self.columns)

    @cached_property
    def placed(self) -> list[tuple[FeatureColumn, slice]]:
        """The columns, and where each stands in the matrix."""
        ends = accumulate(column.width for column in self.columns)
        return [(column, slice(end - column.width, end)) for column, end in zip(self.columns, ends, strict=True)]

    @property
    def names(self) -> list[str]:
        """What the columns of the matrix are called: "age", "colour=red", "emb[0]"; "[0]" for those of a matrix."""
        return [name for column in self.columns for name in column.names]

    @property
    def is_matrix(self) -> bool:
        """Whether it was learned from a matrix, whose columns have an index but no name."""
        return len(self.columns) == 1 and self.columns[0].kind == "vector" and not self.columns[0].name

    def plain(self) -> dict[Any, Any]:
        """The same as text, numbers, lists and dictionaries, for JSON."""
        return {"columns": [column.plain() for column in self.columns]}

    @classmethod
    def from_plain(cls, stored: Mapping[Any, Any]) -> "FeatureEncoding":
        """The encoding that `plain` wrote; `InputError` if `stored` is nothing that it writes."""
        try:
            columns = tuple(FeatureColumn.from_plain(item) for item in stored["columns"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"a stored encoding of features cannot be read ({error!r}): {stored!r:.200}") from error
        return cls(columns)

    def encode(self, values: Any, ids: Any, name: str) -> tuple[np.ndarray, list[str]]:
        """The matrix of other data.

        Parameters
        ----------
        values
            A table, whose columns are found by name in any order, or a matrix (or vectors) of the same width.
        ids
            n ids, for the messages.
        name
            What the values are called, for the messages.

        Returns
        -------
        matrix : (n, width) float32
            C-contiguous; `values` itself where that is so already.
        notes : list of str

        Raises
        ------
        InputError
            If there are no rows, a column is missing or holds something else than in training, the width differs, or a
            number is missing, infinite or too large.
        """
        say = rows_of(ids)
        values = table_or_matrix(values, ids, name)
        notes: list[str] = []
        if not isinstance(values, pd.DataFrame) and self.fills and all(column.is_number for column in self.columns):
            notes = self._check_matrix(values, name, len(self.columns))
            values = pd.DataFrame(values, columns=pd.Index([column.name for column in self.columns]))
        if not isinstance(values, pd.DataFrame):
            matrix, notes = as_float32(values), self._check_matrix(values, name, self.width)
        elif self.is_matrix:
            matrix, notes = self._by_order(values, ids, name)
        else:
            matrix, more = self._from_frame(values, name, say)
            notes += more
        numbers = any(column.is_number for column in self.columns)
        refuse_unusable(matrix, name, say, self._naming, ", or train with --missing-values impute" * numbers)
        return matrix, notes

    def _from_frame(self, frame: pd.DataFrame, name: str, say: Rows) -> tuple[np.ndarray, list[str]]:
        position_of = column_positions(frame, [column.name for column in self.columns], name)
        matrix = np.empty((len(frame), self.width), dtype=np.float32)
        numbers: list[tuple[int, np.ndarray]] = []
        notes: list[str] = []
        cells = list(_columns(frame))
        kinds = frame.dtypes.tolist()
        for needed, place in self.placed:
            if needed.kind == "number" and _is_plain_number(kinds[position_of[needed.name]]):
                numbers.append((place.start, cells[position_of[needed.name]].to_numpy()))
                continue
            where = where_of(name, needed.name)
            column = plain_column(cells[position_of[needed.name]], where)
            if needed.is_number:
                numbers.append((place.start, number_column(column, needed, where, say)))
            else:
                notes += write_column(column, needed, where, say, matrix[:, place])
        # Blocks of rows, because one column after the other would walk through the whole matrix for each.
        with np.errstate(over="ignore", invalid="ignore"):
            for block in blocks(matrix.shape):
                for position, column in numbers:
                    matrix[block, position] = column[block]
        return matrix, notes + (self._fill(matrix, name, say) if self.fills else [])

    @property
    def fills(self) -> bool:
        """Whether numbers may be missing."""
        return any(column.fill is not None for column in self.columns)

    def _fill(self, matrix: np.ndarray, name: str, say: Rows) -> list[str]:
        """Put medians where `matrix` (n, width) has gaps, mark them, and tell where."""
        notes = []
        for column, place in self.placed:
            if column.fill is None:
                continue
            gaps = np.isnan(matrix[:, place.start])
            matrix[gaps, place.start] = column.fill
            if column.marked:
                matrix[:, place.start + 1] = gaps
            if gaps.any():
                rows = np.flatnonzero(gaps)
                shown = date_of(column.fill) if column.kind == "date" else f"{column.fill:.6g}"
                notes.append(
                    f"{where_of(name, column.name)}: rows without a value, filled with the median {shown}"
                    f"{'' if column.marked else ', though training had none of them'}: {len(rows)}; rows {say(rows)}."
                )
        return notes

    def _check_matrix(self, matrix: np.ndarray, name: str, width: int) -> list[str]:
        named = [column.name for column in self.columns if column.kind in ("category", "date")]
        if named:
            raise InputError(
                f"{name}: a matrix of shape {matrix.shape} was given; training had a table with the categories or "
                f"dates {some_ids(named)}, so a table with these columns is needed"
            )
        if matrix.shape[1] != width:
            raise InputError(
                f"{name}: a matrix of shape {matrix.shape} was given, where training had {width} columns; a "
                f"matrix of shape ({len(matrix)}, {width}) is needed"
            )
        if len(self.columns) == 1:
            return []
        names = some_ids(column.name for column in self.columns)
        return [f"{name}: a matrix without names, whose columns are taken in the order of training: {names}."]

    def _by_order(self, frame: pd.DataFrame, ids: Any, name: str) -> tuple[np.ndarray, list[str]]:
        """A table for an encoding of a matrix, where columns have no name that could be looked up."""
        learned, _ = learn_encoding(frame, ids, name)
        self._check_matrix(np.empty((len(frame), learned.width), dtype=bool), name, self.width)
        if any(column.kind in ("category", "date") for column in learned.columns):
            listed = some_ids(column.name for column in learned.columns if column.kind in ("category", "date"))
            raise InputError(
                f"{name}: columns of text or dates were given ({listed}), where training had a matrix of numbers"
            )
        matrix, notes = learned.encode(frame, ids, name)
        return matrix, [*notes, f"{name}: training had a matrix without names, so columns are taken as they come."]

    def _naming(self, positions: np.ndarray) -> str:
        if self.is_matrix:
            return f"columns {some_ids(positions.tolist())}"
        ends = [place.stop for _, place in self.placed]
        wrong = dict.fromkeys(np.searchsorted(ends, positions, side="right").tolist())
        return f"columns {some_ids(self.columns[index].name for index in wrong)}"


def learn_encoding(
    values: Any, ids: Any, name: str, missing_values: MissingValues = "error"
) -> tuple[FeatureEncoding, list[str]]:
    """How each column of a table (or a matrix) becomes numbers, and notes; see `check_features`."""
    values = table_or_matrix(values, ids, name)
    if not isinstance(values, pd.DataFrame):
        return FeatureEncoding((FeatureColumn("", "vector", width=values.shape[1]),)), []
    names = [str(column) for column in values.columns]
    column_positions(values, names, name)
    columns, notes, say = [], [], rows_of(ids)
    for column_name, kind, cells in zip(names, values.dtypes.tolist(), _columns(values), strict=True):
        if _is_plain_number(kind):
            column, numbers = FeatureColumn(column_name, "number"), cells.to_numpy
        else:
            where = where_of(name, column_name)
            plain = plain_column(cells, where)
            column, more = learn_column(plain, column_name, where, say)
            notes += more
            numbers = partial(number_column, plain, column, where, say)
        if missing_values == "impute" and column.is_number:
            column = with_fill(column, numbers(), where_of(name, column_name))
        columns.append(column)
    return FeatureEncoding(tuple(columns)), notes


def _columns(frame: pd.DataFrame) -> Iterator[pd.Series]:
    """Every column, without its name: to look a hundred thousand of those up takes longer than all else."""
    return (column for _, column in frame.set_axis(range(frame.shape[1]), axis=1).items())


def _is_plain_number(kind: Any) -> bool:
    """Whether a column of this type holds numbers, in an array of numpy, without a look at the column."""
    return isinstance(kind, np.dtype) and kind.kind in "biuf"
