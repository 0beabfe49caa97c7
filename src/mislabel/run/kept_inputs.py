"""The inputs as a run keeps them, for its report and for review: texts, small pictures, or features in words."""

from collections.abc import Collection, Iterator
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
from mislabel.tables.arrow import compute

BY_PLACE_ALONE = "rows were matched by their place alone: they have no ids, and nothing else shows whether they moved"


def write_inputs(ids: np.ndarray, inputs: RawInputs, path: Path) -> None:
    """A Parquet file with `id` and `input`: text, or bytes such as those of a small picture, or None.

    Where that is not the whole input, as for features, which are kept as a line of text, a column `digest` is added;
    where inputs are files, `file` and `sha256` say which.
    """
    kind, named = modality(inputs.modality), pa.int64() if ids.dtype.kind == "i" else pa.string()
    stored, step = pa.binary() if kind.kept_bytes else pa.string(), kind.kept_at_once
    schema = pa.schema([("id", named), ("input", stored)])
    digests = inputs.digests()
    if digests is not None:
        schema = schema.append(pa.field("digest", pa.binary(16)))
    files = inputs.files()
    if files is not None:
        schema = schema.append(pa.field("file", pa.string())).append(pa.field("sha256", pa.binary(32)))
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for begin in range(0, len(inputs), step):
            positions = range(begin, min(begin + step, len(inputs)))
            # By way of lists: Arrow ends an array's string at its first NUL.
            names = pa.array(ids[begin : begin + step].tolist(), type=named)
            columns = [names, pa.array(inputs.kept(positions), type=stored)]
            if digests is not None:
                columns.append(pa.array(islice(digests, len(positions)), type=pa.binary(16)))
            if files is not None:
                some = [file or (None, None) for file in islice(files, len(positions))]
                columns += [pa.array([name for name, _ in some], pa.string())]
                columns += [pa.array([sha256 for _, sha256 in some], pa.binary(32))]
            writer.write_table(pa.table(columns, schema=schema))


def read_inputs(path: Path, positions: np.ndarray, column: str = "input") -> list[str | bytes | None]:
    """The inputs at these positions (m,) of the data, None where none is kept; or another column of the file.

    Raises
    ------
    RunError
        If the file cannot be read.
    """
    contents: list[str | bytes | None] = [None] * len(positions)
    with open_parquet(path) as file:
        end = 0
        for group in range(file.num_row_groups):
            begin, end = end, end + file.metadata.row_group(group).num_rows
            inside = np.flatnonzero((positions >= begin) & (positions < end))
            if len(inside):  # one group after the other: the pictures of all rows may be gigabytes
                inputs = file.read_row_group(group, columns=[column])[column].take(positions[inside] - begin)
                for k, value in zip(inside.tolist(), inputs.to_pylist(), strict=True):
                    contents[k] = value
    return contents


def each_input(path: Path, column: str = "input") -> Iterator[str | bytes | None]:
    """The inputs of all rows, or another column of the file, one after the other. Raises as `read_inputs`."""
    with open_parquet(path) as file:
        for group in range(file.num_row_groups):
            yield from file.read_row_group(group, columns=[column])[column].to_pylist()


def comparable_column(path: Path) -> str:
    """The column by which inputs are compared: `digest` where there is one, else `input`."""
    with open_parquet(path) as file:
        return "digest" if "digest" in file.schema_arrow.names else "input"


def keeps_files(path: Path) -> bool:
    """Whether the run kept where its inputs lie as files, in the columns `file` and `sha256`."""
    with open_parquet(path) as file:
        return {"file", "sha256"} <= set(file.schema_arrow.names)


def read_by_id(path: Path, ids: Collection[Any], column: str = "input") -> dict[Any, str | bytes | None]:
    """What `read_inputs` gives, by id, for those of the ids that are there.

    Raises
    ------
    RunError
        If the file cannot be read.
    """
    with open_parquet(path) as file:
        known = file.read(columns=["id"])["id"].combine_chunks()
    kind = str if pa.types.is_string(known.type) else int
    wanted = pa.array([id for id in ids if isinstance(id, kind)], type=known.type)
    positions = np.flatnonzero(compute.is_in(known, value_set=wanted).to_numpy(zero_copy_only=False))
    position_of = known.take(pa.array(positions)).to_pylist()
    return dict(zip(position_of, read_inputs(path, positions, column), strict=True))
