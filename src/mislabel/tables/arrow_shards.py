"""Several Parquet or Arrow files that are one table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from mislabel.errors import InputError
from mislabel.tables.arrow import frame_of
from mislabel.tables.arrow_files import ArrowFile, named_classes
from mislabel.tables.arrow_stored import StoredArrow, concat
from mislabel.tables.format import Header
from mislabel.tables.late import pd
from mislabel.tables.parquet import Parquet
from mislabel.tables.shard import Shard, check_same_columns, parts_of, split_column, split_notes

FORMATS = {ending: format for format in (Parquet(), ArrowFile()) for ending in format.endings}


@dataclass(eq=False)
class ArrowShards:
    """The files of one table, in the order of its rows.

    Where they belong to several parts, a column says which, called "split" unless the table has one: then "part".

    Attributes
    ----------
    source : str
        What was named, for messages.
    shards : list of Shard
    classes : dict
        The names of classes by column of codes, where the files do not say them.
    named : bool
        Whether such columns show names also in Parquet files.
    """

    source: str
    shards: list[Shard]
    classes: dict[str, list[str]] = field(default_factory=dict)
    named: bool = False

    def __post_init__(self) -> None:
        first = self._common_schema()
        self.split: str | None = split_column(parts_of(self.shards), first.names)
        self.schema: pa.Schema = first if self.split is None else first.append(pa.field(self.split, pa.string()))
        self.notes: list[str] = split_notes(self.source, parts_of(self.shards), self.split)

    def header(self) -> Header:
        return Header(self.schema.names)

    def read(self, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
        frame = frame_of(concat(self.parts(None), self.schema))
        if self.notes:
            frame.attrs["notes"] = self.notes
        if self.split:
            frame.attrs["split"] = self.split
        return frame

    def stored(self, strings: Collection[str] = ()) -> StoredArrow:
        return StoredArrow(self.schema, self.parts, self.notes)

    @property
    def names(self) -> list[str]:
        """What the files are called in messages."""
        return [str(shard.file) for shard in self.shards]

    def tables(self, number: int, folder: Path | None, columns: Collection[str] | None = None) -> Iterator[pa.Table]:
        """One file in blocks, with the columns that are named or all; see `StreamedShards.tables`."""
        wanted = [name for name in self.schema.names if columns is None or name in columns]
        stored, shard = [name for name in wanted if name != self.split], self.shards[number]
        for table in FORMATS[shard.file.ending].blocks(shard.file, stored):
            yield self._as_first(self._with_names(table).select(stored), shard, wanted)

    def parts(self, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """The tables of all files one after the other, with the columns that are named or all."""
        wanted = self.schema.names if columns is None else list(columns)
        stored = [name for name in wanted if name != self.split]
        for shard in self.shards:
            for table in FORMATS[shard.file.ending].parts(shard.file, stored if columns is not None else None):
                yield self._as_first(self._with_names(table).select(stored), shard, wanted)

    def _as_first(self, table: pa.Table, shard: Shard, wanted: list[str]) -> pa.Table:
        """A table of a file with the types of the first file, and the name of its part."""
        if self.split in wanted:
            table = table.append_column(self.split, pa.array([shard.part] * len(table), pa.string()))
        schema = pa.schema([self.schema.field(name) for name in wanted], self.schema.metadata)
        return as_first(table.select(wanted), schema, shard.file, self.shards[0].file)

    def _common_schema(self) -> pa.Schema:
        """The schema of the first file, with the type of another where the first has nothing but gaps."""
        first = self._schema_of(self.shards[0])
        for shard in self.shards[1:]:
            schema = self._schema_of(shard)
            check_same_columns(shard.file, schema.names, self.shards[0].file, first.names)
            gaps = [name for name in first.names if pa.types.is_null(first.field(name).type)]
            for name in gaps:
                first = first.set(first.get_field_index(name), schema.field(name))
        return first

    def _schema_of(self, shard: Shard) -> pa.Schema:
        return self._with_names(FORMATS[shard.file.ending].schema(shard.file).empty_table()).schema

    def _with_names(self, table: pa.Table) -> pa.Table:
        return named_classes(table, self.classes) if self.named or self.classes else table


def as_first(table: pa.Table, schema: pa.Schema, file: object, first: object) -> pa.Table:
    """A table of a file with the types of the first file.

    Raises
    ------
    InputError
        If a value is none of that type.
    """
    if table.schema.types == schema.types:
        return table.replace_schema_metadata(schema.metadata)
    try:
        return table.cast(schema)
    except (pa.ArrowException, ValueError) as error:
        raise InputError(
            f"{file} has other types of columns than {first} ({error}): write all files with one schema"
        ) from error
