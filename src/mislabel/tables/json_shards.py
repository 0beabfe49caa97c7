"""Several JSON files that are one table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mislabel.tables import json_format
from mislabel.tables.format import Header
from mislabel.tables.json_columns import blocks, frame_of_blocks
from mislabel.tables.json_format import LOOKED_AT, StoredJson, json_rows
from mislabel.tables.late import pd
from mislabel.tables.shard import Shard, check_same_columns, parts_of, split_column, split_notes

ENDINGS: Sequence[str] = json_format.ENDINGS


@dataclass(eq=False)
class JsonShards:
    """The files of one table, in the order of its rows. Objects may lack keys, but each key must be in every file."""

    source: str
    shards: list[Shard]

    def __post_init__(self) -> None:
        names = [name for shard in self.shards for row in islice(json_rows(shard.file), LOOKED_AT) for name in row]
        self.names: list[str] = list(dict.fromkeys(names))  # as far as they can be told without reading all
        self.split: str | None = split_column(parts_of(self.shards), self.names)

    def header(self) -> Header:
        return Header(self.names + ([self.split] if self.split else []), complete=False)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The objects of all files one after the other.

        Raises
        ------
        InputError
            As `json_rows`, or if two files differ in their keys.
        """
        first: dict[str, None] = {}
        for shard in self.shards:
            known: dict[str, None] = {}
            for row in json_rows(shard.file):
                known |= dict.fromkeys(row)
                if self.split:
                    row[self.split] = shard.part
                yield row
            first = first or known
            check_same_columns(shard.file, known, self.shards[0].file, first)

    def read(self, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
        frame = frame_of_blocks(blocks(self.rows(), None))
        if self.split:
            frame.attrs["split"] = self.split
            frame.attrs["notes"] = split_notes(self.source, parts_of(self.shards), self.split)
        return frame

    def stored(self, strings: Collection[str] = ()) -> StoredJson:
        names = list(dict.fromkeys(name for row in self.rows() for name in row))
        return StoredJson(self.rows, names, split_notes(self.source, parts_of(self.shards), self.split))
