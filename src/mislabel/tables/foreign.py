"""Tables and columns of other libraries, as pandas has them: polars and all that speak Arrow's stream, datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from mislabel.errors import InputError
from mislabel.tables.arrow import frame_of, series_of
from mislabel.tables.arrow_files import named_classes
from mislabel.tables.late import pd
from mislabel.tables.shard import PARTS, split_column, split_notes


def native(values: Any) -> Any:
    """A table or column of another library as a frame or Series under the index 0..n-1; anything else as it is.

    Known are what gives a stream of Arrow, such as frames and series of polars, and of the datasets library a Dataset
    and its columns, in which a ClassLabel shows its names instead of its codes (-1: no label).

    Raises
    ------
    InputError
        If it is a query that nobody ran yet.
    """
    # Those are read where they are used.
    if isinstance(values, (pd.DataFrame, pd.Series, pd.Index, pa.Table, pa.Array, pa.ChunkedArray)):
        return values
    if hasattr(values, "collect") and hasattr(values, "lazy"):
        raise InputError(f"a {type(values).__name__} was given, whose rows are not there yet: .collect() it")
    if hasattr(values, "__arrow_c_stream__"):
        is_table = hasattr(values, "columns") or hasattr(values, "column_names")
        return frame_of(pa.table(values)) if is_table else series_of(pa.chunked_array(values))
    if hasattr(values, "source") and hasattr(values, "column_name"):  # datasets.Column
        name, table = values.column_name, values.source
        return native(table.select_columns([name]))[name] if hasattr(table, "select_columns") else list(values)
    if hasattr(values, "with_format") and hasattr(values, "features") and hasattr(values, "__len__"):
        table = values.with_format("arrow")[:]
        return frame_of(named_classes(table, _class_names(values.features)))
    if hasattr(values, "to_pandas") and hasattr(values, "__len__"):
        return _converted(values)
    return values


def one_table(tables: Mapping[Any, Any], what: str, pick: str) -> pd.DataFrame:
    """The tables of several parts of the data as one, such as those of a DatasetDict.

    A column says of which part a row is, called "split", or "part" beside one of that name; `attrs["split"]` names it.

    Parameters
    ----------
    tables : mapping
        Tables by the name of the part.
    what, pick : str
        For the message: what was given, and how one of the tables is named, with a {} in the place of its name.

    Raises
    ------
    InputError
        If parts are not called train, validation or test, or have different columns.
    """
    parts = list(map(str, tables))
    if len(parts) > 1 and not all(part.lower() in PARTS for part in parts):
        raise InputError(
            f"{what} has the splits {', '.join(parts)}; pick one, for example "
            f"{pick.format('train' if 'train' in parts else parts[0])}"
        )
    frames = [native(table) for table in tables.values()]
    if len(frames) == 1:
        return frames[0]
    names = list(frames[0].columns)
    for part, frame in zip(parts, frames, strict=True):
        if other := sorted(map(str, set(names) ^ set(frame.columns))):
            raise InputError(
                f"{what}: not all of {', '.join(parts)} have the column {other[0]!r}; pick one, for example "
                f"{pick.format(part)}"
            )
    column = split_column(parts, names)
    whole = pd.concat([frame[names] for frame in frames], ignore_index=True)
    whole[column] = np.repeat(np.array(parts, dtype=object), [len(frame) for frame in frames])
    whole.attrs["split"] = column
    whole.attrs["notes"] = split_notes(what, parts, column)
    return whole


def _class_names(features: Any) -> dict[str, list[str]]:
    """The names of the classes by column, of the features of a datasets.Dataset."""
    return {name: list(kind.names) for name, kind in (features or {}).items() if getattr(kind, "names", None)}


def _converted(table: Any) -> pd.DataFrame:
    """What a table of yet another library says that it is in pandas."""
    frame = pd.DataFrame(table.to_pandas()).reset_index(drop=True)
    for column, names in _class_names(getattr(table, "features", None)).items():
        if column in frame.columns and pd.api.types.is_numeric_dtype(frame[column]):
            codes = frame[column].fillna(-1).astype("int64")
            frame[column] = pd.Categorical.from_codes(codes.where(codes >= 0, -1), categories=names, ordered=True)
    return frame
