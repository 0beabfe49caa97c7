"""The inputs as a run keeps them, for its report and for review: texts, small pictures, or features in words."""

from collections.abc import Collection
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.data.inputs import RawInputs
from mislabel.files import atomic_path
from mislabel.modalities import modality
from mislabel.run.opening import open_parquet

BY_PLACE_ALONE = "rows were matched by their place alone: they have no ids, and nothing else shows whether they moved"


def write_inputs(ids: np.ndarray, inputs: RawInputs, path: Path) -> None:
    """A Parquet file with `id` and `input`: text, or bytes such as those of a small picture, or None.

    Where that is not all of a row, as for features, which are a line in words, a `digest` is.
    """
    kind, names = modality(inputs.modality), pa.array(ids.tolist())
    stored, step = pa.binary() if kind.kept_bytes else pa.string(), kind.kept_at_once
    schema = pa.schema([("id", names.type), ("input", stored)])
    digests = inputs.digests()
    if digests is not None:
        schema = schema.append(pa.field("digest", pa.binary(16)))
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for begin in range(0, len(inputs), step):
            places = range(begin, min(begin + step, len(inputs)))
            columns = [names.slice(begin, len(places)), pa.array(inputs.kept(places), type=stored)]
            if digests is not None:
                columns.append(pa.array(islice(digests, len(places)), type=pa.binary(16)))
            writer.write_table(pa.table(columns, schema=schema))


def read_inputs(path: Path, places: np.ndarray, column: str = "input") -> list[str | bytes | None]:
    """The inputs at some places of the data (m,), None where none is kept; or another column of the file.

    Raises
    ------
    RunError
        If the file cannot be read.
    """
    found: list[str | bytes | None] = [None] * len(places)
    with open_parquet(path) as file:
        end = 0
        for group in range(file.num_row_groups):
            begin, end = end, end + file.metadata.row_group(group).num_rows
            inside = np.flatnonzero((places >= begin) & (places < end))
            if len(inside):  # one group after the other: the pictures of all rows may be gigabytes
                inputs = file.read_row_group(group, columns=[column])[column].take(places[inside] - begin)
                for k, value in zip(inside.tolist(), inputs.to_pylist(), strict=True):
                    found[k] = value
    return found


def told_by(path: Path) -> str:
    """The column of the file that tells all of an input: `digest` where there is one, else `input`."""
    with open_parquet(path) as file:
        return "digest" if "digest" in file.schema_arrow.names else "input"


def read_by_id(path: Path, ids: Collection[Any], column: str = "input") -> dict[Any, str | bytes | None]:
    """What `read_inputs` gives, by id, for those of the ids that are there.

    Raises
    ------
    RunError
        If the file cannot be read.
    """
    wanted = set(ids)
    with open_parquet(path) as file:
        known = file.read(columns=["id"])["id"].to_pylist()
    places = {id: place for place, id in enumerate(known) if id in wanted}
    return dict(zip(places, read_inputs(path, np.array(list(places.values()), dtype=np.int64), column), strict=True))
