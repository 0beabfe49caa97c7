"""Parquet files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.errors import InputError
from mislabel.tables.arrow import frame_of
from mislabel.tables.arrow_stored import StoredArrow, TolerantArrow
from mislabel.tables.format import Header
from mislabel.tables.late import pd
from mislabel.tables.location import Location
from mislabel.tables.plain_cells import encodable

ROWS_AT_ONCE = 1 << 14


class Parquet:
    """The format of .parquet."""

    endings: tuple[str, ...] = (".parquet",)
    compresses = False

    def header(self, file: Location) -> Header:
        return Header(self.schema(file).names)

    def schema(self, file: Location) -> pa.Schema:
        with readable(file):
            return pq.read_schema(file.path)

    def batches(self, file: Location) -> Iterator[pa.RecordBatch]:
        for part in self.parts(file, None):
            yield from part.to_batches()

    def parts(self, file: Location, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """The row groups one after the other; columns that are named at once."""
        with readable(file):
            if columns is not None:
                yield pq.read_table(file.path, columns=list(columns))
                return
            with pq.ParquetFile(file.path) as opened:
                for number in range(opened.num_row_groups):
                    yield opened.read_row_group(number)

    def blocks(self, file: Location, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """All rows, a bounded number at a time whatever the row groups; all columns or those that are named."""
        names = None if columns is None else list(columns)
        with readable(file), pq.ParquetFile(file.path, memory_map=True) as opened:
            for batch in opened.iter_batches(ROWS_AT_ONCE, columns=names):
                yield pa.Table.from_batches([batch])

    def read(self, file: Location, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
        with readable(file):
            return frame_of(pq.read_table(file.path))

    def tolerant(self, file: Location, usual: Collection[str] = ()) -> TolerantArrow:
        return TolerantArrow(file, self.schema(file), partial(self.batches, file))

    def stored(self, file: Location, strings: Collection[str] = ()) -> StoredArrow:
        return StoredArrow(self.schema(file), partial(self.parts, file))

    def write(self, frame: pd.DataFrame, target: Location) -> int:
        try:
            encodable(frame).to_parquet(target.path, index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise InputError(f"Parquet cannot hold this table ({error}); write .jsonl") from error
        return 0


@contextmanager
def readable(file: Location) -> Iterator[None]:
    """One sentence for whatever is wrong with the file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file} is not a Parquet file that can be read: {error}") from error
