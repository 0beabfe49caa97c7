"""Cells that hold whole files, such as encoded images: they become files, and the column holds paths in their place."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from mislabel.tables.arrow import is_binary


def in_files(part: pa.Table, names: Sequence[str], folder: Path, numbers: Iterator[int]) -> pa.Table:
    """A part of a table whose cells of bytes are files in a folder, which is made with the first.

    Parameters
    ----------
    names : sequence of str
        Columns; of these, those of bytes, or as the datasets library has images, of structs of bytes and a path.
    numbers : iterator of int
        What the files are called.
    """
    for name in names:
        index = part.schema.get_field_index(name)
        kind = part.schema.field(index).type
        if is_binary(kind) or (pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0):
            column = part.column(index)
            paths = [_path(column[row].as_py(), folder, f"{next(numbers):09}") for row in range(len(column))]
            part = part.set_column(index, name, pa.array(paths, pa.string()))
    return part


def _path(cell: Any, folder: Path, name: str) -> str | None:
    """Where a cell's file is: a new one, or for a struct without bytes where it says."""
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if content is None:
        return cell.get("path") if isinstance(cell, dict) else None
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    path.write_bytes(content)
    return str(path.absolute())
