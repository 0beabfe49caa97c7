"""What a command or a caller names as data: a file, several that are one table, a data set of the hub."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Protocol

from mislabel.errors import InputError
from mislabel.tables.arrow_shards import FORMATS as ARROW
from mislabel.tables.arrow_shards import ArrowShards
from mislabel.tables.arrow_stored import StoredFrame
from mislabel.tables.format import Format, Header, StoredTable, TolerantTable
from mislabel.tables.hub import is_hub, local_part, read_hub
from mislabel.tables.late import pd
from mislabel.tables.location import Location, locate
from mislabel.tables.registry import open_format
from mislabel.tables.remote import is_remote
from mislabel.tables.shard import Shard
from mislabel.tables.shards import find_shards, is_glob
from mislabel.tables.spool import Streamed
from mislabel.tables.streams import StreamedShards, find_streams

LARGE = 1 << 25  # bytes of files


class TableSource(Protocol):
    """A table that is somewhere."""

    @property
    def split(self) -> str | None:
        """The column that says to which part of the data a row belongs, where files say that."""
        ...

    def header(self) -> Header: ...

    def read(self, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame: ...

    def stored(self, strings: Collection[str] = ()) -> StoredTable: ...


@dataclass(frozen=True)
class FileSource:
    """A table in one file."""

    format: Format
    file: Location
    split: None = None

    def header(self) -> Header:
        return self.format.header(self.file)

    def read(self, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
        return self.format.read(self.file, strings, lossless)

    def stored(self, strings: Collection[str] = ()) -> StoredTable:
        return self.format.stored(self.file, strings)


@dataclass(eq=False)
class HubSource:
    """A data set of the hub, of which nothing is known before it is loaded."""

    name: str

    @property
    def split(self) -> str | None:
        return self._frame.attrs.get("split")

    def header(self) -> Header:
        return Header([], complete=False)

    def read(self, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
        return self._frame

    def stored(self, strings: Collection[str] = ()) -> StoredTable:
        return StoredFrame(self._frame)

    @cached_property
    def _frame(self) -> pd.DataFrame:
        return read_hub(self.name)


def find_table(source: str | Path) -> TableSource:
    """Find a table by its name: a file, a folder or glob of files that are one table, or ``hf:NAME[:CONFIG][:SPLIT]``.

    A name behind ``hf:`` that is a file or folder here is read here; then codes of classes show their names, as the
    datasets library has them.

    Raises
    ------
    InputError
        If there is none.
    """
    if is_hub(source):
        here = local_part(str(source))
        if here is None:
            return HubSource(str(source))
        path, part = here
        if path.is_dir():
            return find_shards(path, part, named=True) or HubSource(str(source))
        if part:
            raise InputError(f"{source}: a file has no parts; leave out :{part}")
        format, file = open_format(path)
        return ArrowShards(str(path), [Shard(file)], named=True) if file.ending in ARROW else FileSource(format, file)
    return find_streams(source) or find_shards(source) or FileSource(*open_format(source))


def find_streamed(source: str | Path) -> Streamed | None:
    """A table that goes through a spool: from afar, of tar files, or of many bytes in Parquet; None for any other."""
    table = find_table(source)
    if isinstance(table, FileSource) and table.file.ending == ".parquet":
        table = ArrowShards(str(source), [Shard(table.file)])
    if isinstance(table, StreamedShards):
        return table
    if not isinstance(table, ArrowShards):
        return None
    return table if sum(shard.file.path.stat().st_size for shard in table.shards) > LARGE else None


def open_tolerant(path: str | Path, usual: Collection[str] = ()) -> TolerantTable:
    """Open a file that somebody else wrote, to read it row by row whatever is wrong with some of them.

    Parameters
    ----------
    usual : collection of str
        Names that the columns are expected to have, which tell what stands between the cells of a CSV file.

    Raises
    ------
    InputError
        If it is missing, empty, no such file, not UTF-8, or has no header.
    """
    format, file = open_format(path)
    return format.tolerant(file, usual)


def is_there(source: str | Path) -> bool:
    """Whether there is something of that name here; of the hub nobody knows before asking it."""
    if is_hub(source):
        return True
    if is_remote(source):
        return False  # who was given a run folder asks no server that it names
    return Path(source).exists() or locate(source).path.exists() or is_glob(source)


def holds_tables(path: str | Path) -> bool:
    """Whether a folder, a glob or ``hf:PATH`` is read as a table of several files."""
    if is_hub(source := str(path)):
        return local_part(source) is not None
    if is_glob(path) or is_remote(path):
        return True
    return Path(path).is_dir() and (find_streams(path) or find_shards(path)) is not None


def becomes_part(output: Path, source: str | Path) -> bool:
    """Whether a file that is written there would be read as one of several that are the table `source`, or spoil it."""
    if is_hub(source):
        here = local_part(str(source))
        return here is not None and becomes_part(output, here[0])
    if is_remote(source):
        return False
    if is_glob(source):
        return fnmatch(str(output.resolve()), str(Path(source).absolute()))
    folder = Path(source)
    if not folder.is_dir() or not output.resolve().is_relative_to(folder.resolve()):
        return False
    shards = find_shards(folder)
    return shards is not None and (not isinstance(shards, ArrowShards) or locate(output).ending in ARROW)


def folder_of(source: str | Path) -> Path | None:
    """The folder from which relative paths in a table lead on; None for data of the hub."""
    if is_hub(source):
        here = local_part(str(source))
        return None if here is None else folder_of(here[0])
    if is_remote(source):
        return None
    path = Path(source)
    return path if path.is_dir() else path.parent
