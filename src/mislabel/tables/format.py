"""What every format of tables offers, and what a table in a file is for whoever writes it again with other labels."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa

from mislabel.tables.late import pd
from mislabel.tables.lines import Line
from mislabel.tables.location import Location


@dataclass(frozen=True)
class Header:
    """The names of columns, as far as they can be told without reading all.

    Attributes
    ----------
    names : list of str
    complete : bool
        Whether there are no others: a later JSON object may have keys of its own.
    """

    names: list[str]
    complete: bool = True


@dataclass(frozen=True, eq=False)
class Picked:
    """A column made of cells of another, so that every cell keeps its form and type.

    Attributes
    ----------
    column : str
        Where the cells are from.
    rows : (n,) int64
        The row of the table whose cell it is; -1 for none; n + k for `others[k]`.
    others : list
        Values that no row shows.
    """

    column: str
    rows: np.ndarray
    others: list[Any] = field(default_factory=list)


Columns = Mapping[str, Picked | np.ndarray]
"""Columns to put in place of those of that name, or behind the last: picked cells; n strings, booleans or numbers."""


class StoredTable(Protocol):
    """n rows as a file holds them, every cell with its form and type."""

    notes: list[str]

    @property
    def endings(self) -> Sequence[str]:
        """Of files to which `rewrite` can write it."""
        ...

    @property
    def names(self) -> list[str]: ...

    def column(self, name: str) -> pd.Series:
        """One column, typed as a run typed it, under the index 0..n-1."""
        ...

    def frame(self) -> pd.DataFrame:
        """All columns, typed."""
        ...

    def rewrite(self, columns: Columns, target: Location) -> int:
        """Write the table in its own format with some columns replaced and others added.

        Returns
        -------
        int
            How many cells, the header's among them, were made plain text so that no spreadsheet runs them.
        """
        ...


class TolerantTable(Protocol):
    """A file that somebody else wrote, of which each row that cannot be read is given with its problem."""

    file: Location
    notes: list[str]

    @property
    def names(self) -> list[str]: ...

    def lines(self) -> Iterator[Line]:
        """Every row; may be called again."""
        ...


class Format(Protocol):
    """One way to hold a table in a file, for those who read it; see `mislabel.tables.registry` for all."""

    compresses: bool

    @property
    def endings(self) -> Sequence[str]: ...

    def header(self, file: Location) -> Header:
        """The names of the columns, cheaply."""
        ...

    def batches(self, file: Location) -> Iterator[pa.RecordBatch]:
        """All rows in Arrow, a block at a time; the first problem is an InputError."""
        ...

    def read(self, file: Location, strings: Collection[str], lossless: Collection[str]) -> pd.DataFrame:
        """All rows as typed columns, with `attrs["notes"]` where there is something to tell."""
        ...

    def tolerant(self, file: Location, usual: Collection[str]) -> TolerantTable:
        """The rows one by one; `usual` are names that the columns are expected to have."""
        ...

    def stored(self, file: Location, strings: Collection[str]) -> StoredTable:
        """The table as it stands; columns in `strings` stay text."""
        ...


@runtime_checkable
class WritableFormat(Format, Protocol):
    """A format in which tables are written too."""

    def write(self, frame: pd.DataFrame, target: Location) -> int:
        """Write a frame; gives the number of cells that were made plain text for spreadsheets."""
        ...
