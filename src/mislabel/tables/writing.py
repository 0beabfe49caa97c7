"""Tables out: a frame becomes a file, and a table that a file holds is written again with other columns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mislabel.files import atomic_path, check_writable
from mislabel.tables.format import Columns, Picked, StoredTable
from mislabel.tables.late import pd
from mislabel.tables.registry import format_to_write

__all__ = ["check_output", "rewrite_table", "write_table"]


def write_table(frame: pd.DataFrame, path: str | Path) -> int:
    """Write `frame` (without its index) in the format that the end of `path` names, at once, with mode 0600.

    Returns
    -------
    int
        How many cells, the header's among them, were made plain text so that no spreadsheet runs them; readers of this
        package undo it.

    Raises
    ------
    InputError
        If the end of the name is not known, the folder does not exist, or the format cannot hold a column.
    """
    format, target = format_to_write(path)
    with atomic_path(target.path) as temporary:
        return format.write(frame, replace(target, path=temporary))


def rewrite_table(table: StoredTable, columns: Columns, path: str | Path) -> int:
    """Write a table with some columns replaced and others added, at once, with mode 0600.

    In its own format no other cell changes; in another one columns have the types that a run gave them.

    Returns
    -------
    int
        As `write_table`.

    Raises
    ------
    InputError
        If the end of the name is not known, or the format cannot hold a column.
    """
    format, target = format_to_write(path)
    own = target.ending in table.endings
    frame = None if own else _with_columns(table, columns)
    with atomic_path(target.path) as temporary:
        target = replace(target, path=temporary)
        return table.rewrite(columns, target) if frame is None else format.write(frame, target)


def check_output(path: str | Path) -> None:
    """Look whether a table can be written there, before the work that is to fill it.

    Raises
    ------
    InputError
        If the end of the name is none that is written, the folder does not exist or cannot be written into, the path
        is a folder, or the format needs a library that is not there.
    """
    format, target = format_to_write(path)
    check_writable(target.path)
    with TemporaryDirectory() as folder:  # a row for practice: what the format itself lacks is told now
        format.write(pd.DataFrame({"id": [0]}), replace(target, path=Path(folder) / target.path.name))


def _with_columns(table: StoredTable, columns: Columns) -> pd.DataFrame:
    """The table as typed columns, with the new ones."""
    frame = table.frame().copy(deep=False).set_axis(table.names, axis=1)
    for name, column in columns.items():
        values = _take(table.column(column.column), column) if isinstance(column, Picked) else pd.Series(column)
        frame[name] = values.set_axis(frame.index)
    return frame


def _take(cells: pd.Series, column: Picked) -> pd.Series:
    """Cells out of a column, in its own type where that can hold them."""
    cells = cells.reset_index(drop=True)
    if column.others:
        pool = pd.Series([*cells.astype(object), *column.others], dtype=object)
        if isinstance(cells.dtype, pd.CategoricalDtype):
            new = [value for value in column.others if value not in cells.cat.categories]
            cells = pool.astype(pd.CategoricalDtype([*cells.cat.categories, *new], cells.cat.ordered))
        else:
            cells = pool.infer_objects()
    gaps = column.rows < 0
    if gaps.any():
        kind = cells.dtype
        if isinstance(kind, np.dtype) and kind.kind in "iu":
            cells = cells.astype(kind.name.replace("int", "Int").replace("uI", "UI"))
        elif isinstance(kind, np.dtype) and kind.kind == "b":
            cells = cells.astype("boolean")
    taken = cells.take(np.where(gaps, 0, column.rows)).reset_index(drop=True)
    return taken.mask(gaps) if gaps.any() else taken
