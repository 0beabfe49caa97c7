"""Several CSV or TSV files that are one table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

from mislabel.errors import InputError
from mislabel.tables.delimited import Delimited, Reading, frame_of_cells
from mislabel.tables.delimited_stored import StoredCells
from mislabel.tables.format import Header
from mislabel.tables.late import pd
from mislabel.tables.shard import Shard, check_same_columns, parts_of, split_column, split_notes

ENDINGS: Sequence[str] = Delimited.endings


@dataclass(eq=False)
class DelimitedShards:
    """The files of one table, in the order of its rows. A column has one type, which all of its cells settle."""

    source: str
    shards: list[Shard]

    def __post_init__(self) -> None:
        self.readings: list[Reading] = [Reading(shard.file) for shard in self.shards]
        first = self.readings[0]
        for reading in self.readings[1:]:
            check_same_columns(reading.file, reading.names, first.file, first.names)
            if reading.dialect.decimal_comma != first.dialect.decimal_comma:
                raise InputError(
                    f"{reading.file} and {first.file} differ in what stands between cells, and so in whether 1,5 is a "
                    "number: write all files in one way"
                )
        self.split: str | None = split_column(parts_of(self.shards), first.names)

    def header(self) -> Header:
        return Header(self.readings[0].names + ([self.split] if self.split else []))

    def read(self, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
        frame = frame_of_cells(self.stored(strings), lossless)
        if self.split:
            frame.attrs["split"] = self.split
        return frame

    def stored(self, strings: Collection[str] = ()) -> StoredCells:
        first, pieces = self.readings[0], []
        for shard, reading in zip(self.shards, self.readings, strict=True):
            cells = dict(zip(reading.names, reading.cells(), strict=True))
            ordered = [cells[name] for name in first.names]
            if self.split:
                ordered.append(pa.chunked_array([pa.array([shard.part] * len(ordered[0]), pa.large_string())]))
            pieces.append(ordered)
        columns = [
            pa.chunked_array([chunk for cells in column for chunk in cells.chunks], pa.large_string())
            for column in zip(*pieces, strict=True)
        ]
        more = [self.split] if self.split else []
        stored = StoredCells(
            first.file, first.dialect, first.header + more, first.names + more, columns, [*strings, *more]
        )
        stored.notes += split_notes(self.source, parts_of(self.shards), self.split)
        return stored
