"""Arrow files, streams or with a footer, as the datasets library keeps its tables."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow as pa

from mislabel.errors import InputError
from mislabel.tables.arrow import compute, frame_of
from mislabel.tables.arrow_stored import StoredArrow, TolerantArrow, concat
from mislabel.tables.format import Header
from mislabel.tables.late import pd
from mislabel.tables.location import Location

_MAGIC = b"ARROW1"
_END = b"\xff\xff\xff\xff\0\0\0\0"  # of a stream


class ArrowFile:
    """The format of .arrow and .feather, which is read and not written.

    A column that the datasets library calls a ClassLabel shows its names instead of its codes (-1: no label).
    """

    endings: tuple[str, ...] = (".arrow", ".feather")
    compresses = False

    def header(self, file: Location) -> Header:
        return Header(self.schema(file).names)

    def schema(self, file: Location) -> pa.Schema:
        with readable(file), _opened(file) as reader:
            return named_classes(reader.schema.empty_table()).schema

    def batches(self, file: Location) -> Iterator[pa.RecordBatch]:
        for part in self.parts(file, None):
            yield from part.to_batches()

    def parts(self, file: Location, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """The batches one after the other; columns that are not asked for cost nothing, as the file is only mapped."""
        with readable(file), _opened(file) as reader:
            if isinstance(reader, pa.RecordBatchFileReader):
                batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
            else:
                batches = iter(reader)
            for batch in batches:
                part = named_classes(pa.Table.from_batches([batch]))
                yield part if columns is None else part.select(list(columns))
            if not isinstance(reader, pa.RecordBatchFileReader) and not _has_end(file):
                raise InputError(f"{file} ends without the mark of its end: it may be cut off")

    blocks = parts

    def read(self, file: Location, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
        return frame_of(concat(self.parts(file, None), self.schema(file)))

    def tolerant(self, file: Location, usual: Collection[str] = ()) -> TolerantArrow:
        return TolerantArrow(file, self.schema(file), partial(self.batches, file))

    def stored(self, file: Location, strings: Collection[str] = ()) -> StoredArrow:
        return StoredArrow(self.schema(file), partial(self.parts, file))


def named_classes(table: pa.Table, more: Mapping[str, list[str]] | None = None) -> pa.Table:
    """The table with names in place of the codes of every ClassLabel, as the metadata of the datasets library say.

    Parameters
    ----------
    more : mapping, optional
        Names by column, where they are noted elsewhere.
    """
    for name, names in {**class_labels(_features(table.schema)), **(more or {})}.items():
        index = table.schema.get_field_index(name)
        if index < 0 or not pa.types.is_integer(table.schema.field(index).type):
            continue
        kind = pa.dictionary(pa.int32(), pa.string(), ordered=True)
        levels = pa.array(names, pa.string())
        chunks = []
        for chunk in table.column(index).chunks:
            codes = compute.if_else(compute.greater_equal(chunk, 0), chunk, pa.scalar(None, chunk.type)).cast(
                pa.int32()
            )
            chunks.append(pa.DictionaryArray.from_arrays(codes, levels, ordered=True))
        table = table.set_column(index, pa.field(name, kind), pa.chunked_array(chunks, kind))
    return table


def class_labels(features: Any) -> dict[str, list[str]]:
    """The names of the classes by column, of features as the datasets library notes them."""
    return {
        name: feature["names"] for name, feature in (features.items() if isinstance(features, dict) else ())
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
    }  # fmt: skip


def _features(schema: pa.Schema) -> Any:
    try:
        return json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}


@contextmanager
def readable(file: Location) -> Iterator[None]:
    """One sentence for whatever is wrong with the file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file} is not an Arrow file that can be read: {error}") from error


@contextmanager
def _opened(file: Location) -> Iterator[pa.RecordBatchFileReader | pa.RecordBatchStreamReader]:
    with pa.memory_map(str(file.path)) as source:
        start = source.read(len(_MAGIC))
        source.seek(0)
        with pa.ipc.open_file(source) if start == _MAGIC else pa.ipc.open_stream(source) as reader:
            yield reader


def _has_end(file: Location) -> bool:
    """Whether a stream ends as a writer that was closed ends it; without that, rows may be missing without a word."""
    with open(file.path, "rb") as handle:
        handle.seek(0, 2)
        handle.seek(max(0, handle.tell() - len(_END)))
        return handle.read() == _END
