"""Tables in: a path, a hub name or an object in memory becomes a frame."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from mislabel.errors import InputError, did_you_mean, listed
from mislabel.tables.arrow import frame_of
from mislabel.tables.foreign import native, one_table
from mislabel.tables.late import pd
from mislabel.tables.sources import find_table

_SHOWN = 200  # names in a message

__all__ = ["as_frame", "check_columns", "columns", "pick_column", "read_table"]


def read_table(source: str | Path, *, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
    """Read a table: a file by the end of its name, a folder or glob of several, or ``hf:NAME[:CONFIG][:SPLIT]``.

    Parameters
    ----------
    source
        Text formats are UTF-8, with or without a byte order mark, with any kind of newline, and may be compressed.
        ``FILE.xlsx#Sheet`` names a sheet.
    strings, lossless
        Columns of CSV, TSV and Excel files that stay text, or that become floats only if no digit changes.

    Returns
    -------
    DataFrame
        Rows in file order under the index 0..n-1. Whole numbers with gaps are nullable integers, never floats. What is
        worth telling is in `attrs["notes"]`, a list of sentences; the column that says which part of the data a row
        belongs to, if the files say that, in `attrs["split"]`.

    Raises
    ------
    InputError
        If the file is missing, a folder without tables, empty, broken, of another kind, or not UTF-8.
    """
    return find_table(source).read(strings, lossless)


def columns(source: Any) -> list[str]:
    """The names of the columns, without reading all: of JSON those of the first 1000 objects, of the hub none."""
    if isinstance(source, (str, Path)):
        return find_table(source).header().names
    return [str(name) for name in as_frame(source).columns]


def check_columns(source: str | Path, wanted: Mapping[str, Iterable[str]]) -> None:
    """Look early whether columns are there, before anything is loaded that takes time.

    Parameters
    ----------
    wanted : mapping
        Names of columns by what they are for ("text", "label").

    Raises
    ------
    InputError
        If the source cannot be found, or it surely lacks a column.
    """
    header = find_table(source).header()
    if header.complete:
        check_names(header.names, wanted)


def check_names(known: list[str], wanted: Mapping[str, Iterable[str]]) -> None:
    """The same of names of columns that are known."""
    for what, names in wanted.items():
        for name in names:
            if name not in known:
                raise _no_column(name, what, known)


def pick_column(frame: Any, name: str, what: str) -> pd.Series:
    """The column `name` of `frame`; `what` says in the message what it was wanted for ("text", "label").

    Raises
    ------
    InputError
        If there is no such column (the nearest name and all names are given), if two have that name, or if `frame` is
        not one table.
    """
    frame = as_frame(frame)
    matching = [index for index, column in enumerate(frame.columns) if column == name]
    matching = matching or [index for index, column in enumerate(frame.columns) if str(column) == name]
    if not matching:
        raise _no_column(name, what, list(map(str, frame.columns)))
    if len(matching) > 1:
        raise InputError(
            f'{len(matching)} columns are named "{name}"; the {what} column must be one: rename the others'
        )
    return frame.iloc[:, matching[0]]


def as_frame(source: Any, *, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
    """One table in memory out of a path, a frame of pandas, Arrow or polars, or a Dataset or DatasetDict.

    Raises
    ------
    InputError
        If `source` is several tables that are no parts of one, has no random access, or is something else.
    """
    if isinstance(source, pd.DataFrame):
        return source
    if isinstance(source, (str, Path)):
        return read_table(source, strings=strings, lossless=lossless)
    if isinstance(source, pa.Table):
        return frame_of(source)
    if isinstance(source, Mapping):
        return _of_mapping(source)
    found = native(source)
    if isinstance(found, pd.DataFrame):
        return found
    iterable = any(parent.__name__ == "IterableDataset" for parent in type(source).__mro__)
    if iterable or (hasattr(source, "__iter__") and not hasattr(source, "__len__")):
        raise InputError(
            f"a {type(source).__name__} was given; learning from noisy labels needs random access by id. Load the "
            "data into a DataFrame, or a datasets.Dataset with streaming=False"
        )
    raise InputError(f"a {type(source).__name__} was given; a path, a DataFrame or a datasets.Dataset is needed")


def _of_mapping(source: Mapping) -> pd.DataFrame:
    kind = type(source).__name__
    if source and all(hasattr(table, "columns") or hasattr(table, "column_names") for table in source.values()):
        return one_table({name: as_frame(table) for name, table in source.items()}, f"a {kind}", "dataset['{}']")
    raise InputError(f"a {kind} was given; a table is needed, for example pandas.DataFrame(data)")


def _no_column(name: str, what: str, names: list[str]) -> InputError:
    return InputError(
        f'there is no {what} column "{name}"{did_you_mean(name, names)}; the columns found are: '
        f"{listed(names, _SHOWN) or 'none'}"
    )
