"""From Arrow columns to pandas ones without losing what the values are."""

from __future__ import annotations

from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute

from mislabel.errors import InputError
from mislabel.tables.late import pd

compute: Any = pyarrow.compute  # its functions are made when it is imported, where no type checker sees them


@cache
def _with_gaps() -> dict[pa.DataType, Any]:
    """pandas would turn whole numbers and booleans with gaps into floats and objects: 3 would become 3.0."""
    return {
        pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(), pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(), pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype(),
    }  # fmt: skip


def series_of(column: pa.Array | pa.ChunkedArray) -> pd.Series:
    """One Arrow column (n,) as a Series: a dictionary becomes a Categorical, whole numbers with gaps stay whole.

    Raises
    ------
    InputError
        See `checked_text`.
    """
    column = checked_text(column)
    if column.null_count and column.type in _with_gaps():
        return pd.Series(column.to_pandas(types_mapper=_with_gaps().get))
    return pd.Series(_signed(column).to_pandas())


def _signed(column: Any) -> Any:
    """The same column, where it is a dictionary with signed codes: pyarrow before 23 gives pandas no others."""
    kind = column.type
    if not pa.types.is_dictionary(kind) or not pa.types.is_unsigned_integer(kind.index_type):
        return column
    return column.cast(pa.dictionary(pa.int64(), kind.value_type, kind.ordered))


def checked_text(column: pa.Array | pa.ChunkedArray) -> Any:
    """The same column. Raises InputError where it is text that is not UTF-8, which pandas would find out too late."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            raise InputError(f"text that is not UTF-8 ({error}): write it as UTF-8, or as binary") from error
    return column


def is_binary(kind: pa.DataType) -> bool:
    """Whether a column of this type holds bytes."""
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def frame_of(table: pa.Table) -> pd.DataFrame:
    """An Arrow table as a frame. Every stored column stays a column, one that pandas had used as an index too."""
    columns = {name: _named(name, table.column(index)) for index, name in enumerate(table.column_names)}
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), columns=pd.Index(table.column_names))


def _named(name: str, column: pa.ChunkedArray) -> pd.Series:
    try:
        return series_of(column)
    except InputError as error:
        raise InputError(f'column "{name}": {error}') from error
