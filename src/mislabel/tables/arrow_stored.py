"""A table in Arrow, part by part: of a Parquet file, an Arrow file, or several of them one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.errors import InputError
from mislabel.tables.arrow import compute, frame_of, is_binary, series_of
from mislabel.tables.format import Columns, Picked
from mislabel.tables.late import pd
from mislabel.tables.lines import Line
from mislabel.tables.location import Location

_ROWS_AT_ONCE = 4096

Parts = Callable[[Sequence[str] | None], Iterator[pa.Table]]
"""Gives the parts of a table one after the other, with the columns that are named or all."""


@dataclass(eq=False)
class StoredArrow:
    """A table of which only the columns that are asked for are read, and never more than a part of all of them."""

    schema: pa.Schema
    parts: Parts
    notes: list[str] = field(default_factory=list)
    endings = (".parquet",)

    @property
    def names(self) -> list[str]:
        return self.schema.names

    def column(self, name: str) -> pd.Series:
        return series_of(self.arrow(name))

    def arrow(self, name: str) -> pa.ChunkedArray:
        return concat(self.parts([name]), self.schema).column(name)

    def frame(self) -> pd.DataFrame:
        return frame_of(concat(self.parts(None), self.schema))

    def rewrite(self, columns: Columns, target: Location) -> int:
        """Write a Parquet file with the schema of the table; images of all rows may not fit into memory."""
        added = {name: self._column(column) for name, column in columns.items()}
        schema, begin = self.schema, 0
        for name, column in added.items():
            index = schema.get_field_index(name)
            if index >= 0:
                before = schema.field(index)
                nullable = before.nullable or bool(column.null_count)
                schema = schema.set(index, pa.field(name, column.type, nullable, before.metadata))
            else:
                schema = schema.append(pa.field(name, column.type))
        with pq.ParquetWriter(target.path, schema) as writer:
            for part in self.parts(None):
                whole = {name: part.column(index) for index, name in enumerate(part.column_names)}
                whole |= {name: column.slice(begin, len(part)) for name, column in added.items()}
                writer.write_table(pa.table([whole[name] for name in schema.names], schema=schema))
                begin += len(part)
        return 0

    def _column(self, column: Picked | np.ndarray) -> pa.ChunkedArray:
        """A new column in Arrow; picked cells in the type of theirs, a dictionary with its levels in their order."""
        if not isinstance(column, Picked):
            return pa.chunked_array([pa.array(column.tolist())])
        cells = self.arrow(column.column)
        kind, rows = cells.type, pa.array(column.rows, mask=column.rows < 0)
        coded = pa.types.is_dictionary(kind)
        try:
            others = pa.array(column.others, type=kind.value_type if coded else kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InputError(
                f"a value does not fit into the column {column.column!r} ({error}); write .jsonl"
            ) from error
        if not coded:
            pool = pa.chunked_array([*cells.chunks, others], type=kind)
            return pa.chunked_array([compute.take(pool.combine_chunks(), rows)])
        known = cells.combine_chunks()
        new = others.filter(compute.invert(compute.is_in(others, known.dictionary)))
        levels = pa.concat_arrays([known.dictionary, new])
        codes = pa.concat_arrays([known.indices.cast(pa.int64()), compute.index_in(others, levels).cast(pa.int64())])
        picked_cells = pa.DictionaryArray.from_arrays(compute.take(codes, rows), levels, ordered=kind.ordered)
        try:
            return pa.chunked_array([picked_cells.cast(kind)])
        except pa.ArrowInvalid:  # more levels than its numbers can count
            return pa.chunked_array([picked_cells.cast(pa.dictionary(pa.int32(), kind.value_type, kind.ordered))])


@dataclass(eq=False)
class StoredFrame:
    """What is no file of ours, or holds its cells as they are shown: a data set of the hub, a folder, a sheet."""

    table: pd.DataFrame
    endings = ()

    def __post_init__(self) -> None:
        self.names: list[str] = [str(name) for name in self.table.columns]
        self.notes: list[str] = self.table.attrs.get("notes", [])

    def column(self, name: str) -> pd.Series:
        return pd.Series(self.table.iloc[:, self.names.index(name)])

    def frame(self) -> pd.DataFrame:
        return self.table

    def rewrite(self, columns: Columns, target: Location) -> int:
        raise NotImplementedError("it has no format of its own; see `mislabel.tables.writing`")


def concat(parts: Iterator[pa.Table], schema: pa.Schema) -> pa.Table:
    """The parts as one table, also where there is none."""
    listed = list(parts)
    return pa.concat_tables(listed) if listed else schema.empty_table()


@dataclass(eq=False)
class TolerantArrow:
    """The rows of a table in Arrow, in which no single row can be broken; nested and binary cells are left out."""

    file: Location
    schema: pa.Schema
    batches: Callable[[], Iterator[pa.RecordBatch]]
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return self.schema.names

    def lines(self) -> Iterator[Line]:
        plain = [field.name for field in self.schema if not (pa.types.is_nested(field.type) or is_binary(field.type))]
        number = 0
        for batch in self.batches():
            for begin in range(0, len(batch), _ROWS_AT_ONCE):
                for cells in batch.slice(begin, _ROWS_AT_ONCE).select(plain).to_pylist():
                    number += 1
                    yield Line(number, cells)
