"""Columns of a table of features: which are named, where they are, and whether there are any."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase, translate
from typing import Any

import pandas as pd
import pyarrow as pa

from mislabel.data.label_columns import rows_of
from mislabel.errors import InputError, did_you_mean, listed, some_ids
from mislabel.modalities.features.stacking import matrix_of
from mislabel.tables.arrow import frame_of

_SHOWN = 200  # names in a message


def choose_columns(columns: Sequence[Any], pattern: str, exclude: Collection[str]) -> list[str]:
    """The names of the columns that a pattern means, in the order of the table.

    Parameters
    ----------
    columns
        Those of the table.
    pattern
        Shell globs between commas, such as ``"age,emb_*"``; capitals count. The exact name of a column means that
        column alone, whatever signs are in it.
    exclude
        Columns with another use, such as the label, which no glob means.

    Raises
    ------
    InputError
        If a part of the pattern means no column, or a name that was chosen belongs to two columns.
    """
    names = [str(column) for column in columns]
    known, taken = set(names), {str(other) for other in exclude}
    free = [name for name in names if name not in taken]
    parts = [pattern] if pattern in names else [part.strip() for part in pattern.split(",") if part.strip()]
    chosen: set[str] = set()
    for part in parts or [pattern]:
        matches = part.__eq__ if part in known else re.compile(translate(part)).match
        matching = {name for name in free if matches(name)}
        if not matching:
            raise InputError(_no_match(part, pattern, names, free))
        chosen |= matching
    in_order = [name for name in names if name in chosen]
    _refuse_twice(in_order, "the table")
    return in_order


def take_columns(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The columns with these names, also where a frame has numbers for names; `InputError` if one is missing."""
    positions = column_positions(frame, names, "the table")
    return frame.iloc[:, [positions[name] for name in names]]


def column_positions(frame: pd.DataFrame, names: Sequence[str], name: str) -> dict[str, int]:
    """The index of each of the columns in `frame`; `InputError` if one is not there, or is there twice."""
    columns = [str(column) for column in frame.columns]
    position_of = {column: position for position, column in enumerate(columns)}
    lacking = [wanted for wanted in names if wanted not in position_of]
    if lacking:
        near = did_you_mean(lacking[0], columns) if len(lacking) == 1 else ""
        raise InputError(
            f"{name}: {len(lacking)} of {len(names)} columns of features are not in the table: {some_ids(lacking)}"
            f"{near}. The columns found are: {listed(columns, _SHOWN) or 'none'}"
        )
    wanted = set(names)
    _refuse_twice([column for column in columns if column in wanted], name)
    return position_of


def table_or_matrix(values: Any, ids: Any, name: str) -> Any:
    """A DataFrame where a table was given, else a matrix (n, d) of a real dtype; neither is empty.

    Raises
    ------
    InputError
        If there are no rows or columns, ids are not as many as rows, or `values` is no matrix.
    """
    if isinstance(values, pa.Table):
        values = frame_of(values)
    if hasattr(values, "__len__") and getattr(values, "ndim", 1) and not isinstance(values, (str, Mapping)):
        _check_ids(values, ids, name)
    table = values if isinstance(values, pd.DataFrame) else matrix_of(values, name, rows_of(ids))
    if 0 in table.shape:
        raise InputError(f"{name}: a table of shape {table.shape}; at least one row and one column are needed")
    return table


def where_of(name: str, column: str) -> str:
    """How messages begin that are about one column."""
    return f'{name}: column "{column}"'


def _check_ids(values: Any, ids: Any, name: str) -> None:
    try:
        rows = len(values)
    except TypeError:  # a sparse matrix; `matrix_of` says so
        return
    if rows != len(ids):
        raise InputError(f"{name}: {rows} rows but {len(ids)} ids were given; one id per row is needed")


def _refuse_twice(columns: list[str], name: str) -> None:
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise InputError(f"{name}: more than one column is named {some_ids(twice)}; rename all but one of each")


def _no_match(part: str, pattern: str, names: list[str], free: list[str]) -> str:
    given = f'"{part}"' + (f' (of the pattern "{pattern}")' if part != pattern else "")
    if set(free) < set(names) and any(name == part or fnmatchcase(name, part) for name in names):
        why = f"{given} means only columns with another use, such as the label"
    else:
        why = f"no column of features is called {given}{did_you_mean(part, free)}"
    return f'{why}. Give names, or globs such as "f_*,age"; the columns found are: {listed(names, _SHOWN) or "none"}'
