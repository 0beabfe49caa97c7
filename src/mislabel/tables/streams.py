"""Shards that are read once, one after the other: from far away, or out of tar files."""

from __future__ import annotations

import glob
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from mislabel.errors import InputError, some_ids
from mislabel.tables.arrow_shards import FORMATS, as_first
from mislabel.tables.arrow_stored import StoredArrow
from mislabel.tables.format import Header
from mislabel.tables.late import pd
from mislabel.tables.location import Location, check_exists, locate
from mislabel.tables.remote import addresses, expanded, fetched, has_range, is_remote, name_of, shown
from mislabel.tables.shard import check_same_columns, split_column, split_notes
from mislabel.tables.shards import is_glob, natural, part_of
from mislabel.tables.spool import Spool
from mislabel.tables.tar import ENDING, read_tar

ENDINGS = (ENDING, *FORMATS)
_temporary: list[TemporaryDirectory] = []  # images that are read until the process ends


@dataclass(eq=False)
class StreamedShards:
    """The files of one table, of which one at a time is here and in memory.

    Attributes
    ----------
    source : str
        What was named, for messages.
    files : list of str
        Paths or addresses, in the order of the rows.
    parts : list of str
        To which part of the data each belongs; "" where its name does not say.
    """

    source: str
    files: list[str]
    parts: list[str]
    _left_out: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._begun = ExitStack()  # holds the first file, which was looked into already

    @property
    def names(self) -> list[str]:
        """What the files are called in messages."""
        return [shown(file) if is_remote(file) else file for file in self.files]

    @property
    def schema(self) -> pa.Schema:
        """That of the first file, and the column of parts."""
        first = self._first_schema
        return first if self.split is None else first.append(pa.field(self.split, pa.string()))

    @property
    def split(self) -> str | None:
        return split_column(list(dict.fromkeys(self.parts)), self._first_schema.names)

    @property
    def notes(self) -> list[str]:
        notes = split_notes(self.source, list(dict.fromkeys(self.parts)), self.split)
        if self._left_out:
            notes.append(f"Members of tar files that are no column: {', '.join(sorted(self._left_out))}.")
        return notes

    def header(self) -> Header:
        return Header(self.schema.names)

    def tables(self, number: int, folder: Path | None, columns: Collection[str] | None = None) -> Iterator[pa.Table]:
        """One file in tables of the schema, with the columns that are named or all.

        Parameters
        ----------
        folder : Path, optional
            A new folder for images out of a tar file, whose column then holds paths; else it has the members' names.

        Raises
        ------
        InputError
            If the file cannot be read, or has other columns, or types of columns, than the first; it is named.
        """
        schema = self.schema
        if columns is not None:
            schema = pa.schema([each for each in schema if each.name in columns], schema.metadata)
        first = schema.remove(schema.get_field_index(self.split)) if self.split in schema.names else schema
        with self._open(number) as file:
            for table in self._read(file, folder, None if columns is None else first.names):
                check_same_columns(file, table.column_names, self.names[0], first.names)
                table = as_first(table.select(first.names), first, file, self.names[0])
                if first is not schema:
                    named = pa.array([self.parts[number]] * len(table), pa.string())
                    table = table.append_column(pa.field(str(self.split), pa.string()), named).select(schema.names)
                yield table

    def read(self, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
        folder = TemporaryDirectory(prefix="mislabel-")
        _temporary.append(folder)
        return Spool(Path(folder.name)).frame(self)

    def stored(self, strings: Collection[str] = ()) -> StoredArrow:
        def parts(columns: Collection[str] | None) -> Iterator[pa.Table]:
            for number in range(len(self.files)):
                yield from self.tables(number, None, columns)

        return StoredArrow(self.schema, parts, self.notes)

    @cached_property
    def _first_schema(self) -> pa.Schema:
        with self._open(0) as file:
            if file.ending != ENDING:
                return FORMATS[file.ending].schema(file)
            return next(self._read(file, None, None)).schema

    def _read(self, file: Location, folder: Path | None, wanted: list[str] | None) -> Iterator[pa.Table]:
        if file.ending == ENDING:
            table, left_out = read_tar(file, folder, wanted)
            self._left_out |= left_out
            yield table if wanted is None else table.select([name for name in table.column_names if name in wanted])
            return
        check_same_columns(file, FORMATS[file.ending].schema(file).names, self.names[0], self._first_schema.names)
        yield from FORMATS[file.ending].blocks(file, wanted)

    @contextmanager
    def _open(self, number: int) -> Iterator[Location]:
        """A file that is here until the block ends; the first stays, as it is looked into twice."""
        file = self.files[number]
        if not is_remote(file):
            yield locate(file)
        elif number:
            with fetched(file) as here:
                yield here
        else:
            yield self._first_file

    @cached_property
    def _first_file(self) -> Location:
        return self._begun.enter_context(fetched(self.files[0]))


def find_streams(source: str | Path) -> StreamedShards | None:
    """The shards that an address names, or a range of numbers, or tar files here; None for whatever is read in place.

    Raises
    ------
    InputError
        If there are none, or they are of several kinds or none that is read.
    """
    text, path = str(source), Path(source)
    if is_remote(text):
        files = [file for file in addresses(text) if not name_of(file).startswith((".", "_"))]
        files = [file for file in files if len(files) == 1 or _ending(file) in ENDINGS]
    elif has_range(text) and not path.exists():
        files = expanded(text)
        for file in files:
            check_exists(locate(file))
    else:
        named = path.glob("*.tar") if path.is_dir() else glob.glob(text, recursive=True) if is_glob(text) else [text]
        files = [str(file) for file in named]
        if not any(_ending(file) == ENDING for file in files):
            return None
        if len(files) == 1:
            check_exists(locate(files[0]))
    files = sorted(files, key=lambda file: natural(Path(file)))
    endings = sorted({_ending(file) or "no ending" for file in files})
    if len(endings) != 1 or endings[0] not in ENDINGS:
        raise InputError(
            f"{shown(text)} names files with {' and '.join(endings) or 'no known ending'}: what is read from afar, and "
            f"by a range, is {', '.join(ENDINGS)}, and all of one kind"
        )
    parts = [part_of([name_of(file) if is_remote(file) else Path(file).name]) for file in files]
    if any(parts) and not all(parts):
        without = [files[place] for place, part in enumerate(parts) if not part]
        raise InputError(f"{shown(text)} has files of the part {max(parts)!r} and files of none, {some_ids(without)}")
    return StreamedShards(shown(text), files, parts)


def _ending(file: str) -> str:
    """The ending by which a file is read: the last, so that what is compressed is none of ours."""
    return Path(name_of(file) if is_remote(file) else file).suffix.lower()
