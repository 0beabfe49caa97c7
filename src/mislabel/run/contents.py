"""The inputs as a run keeps them, for its report and for review: texts, small pictures, or features in words."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.data import Dataset
from mislabel.data.images import Images
from mislabel.data.inputs import Texts
from mislabel.files import atomic_path

ROWS_AT_ONCE = 4096  # pictures of all rows would not fit into memory


def write_contents(dataset: Dataset, path: Path) -> None:
    """A Parquet file with `id` and `input`: text, or a PNG or JPEG of at most 128 pixels a side, or None."""
    ids = pa.array(dataset.ids.tolist())
    kind = pa.binary() if dataset.inputs.modality == "image" else pa.string()
    schema = pa.schema([("id", ids.type), ("input", kind)])
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for begin in range(0, len(dataset), ROWS_AT_ONCE):
            places = range(begin, min(begin + ROWS_AT_ONCE, len(dataset)))
            contents = pa.array(_contents(dataset, places), type=kind)
            writer.write_table(pa.table([ids.slice(begin, len(places)), contents], schema=schema))


def _contents(dataset: Dataset, places: range) -> Iterator[str | bytes | None]:
    inputs = dataset.inputs
    if inputs.modality == "text":
        texts = cast(Texts, inputs)
        yield from (texts[place] for place in places)
    elif inputs.modality == "features":
        yield from (inputs.caption(place) for place in places)
    else:
        images, readable = cast(Images, inputs), np.asarray(dataset.status != "unreadable")
        with ThreadPoolExecutor() as workers:
            yield from workers.map(lambda place: images.thumbnail(place) if readable[place] else None, places)
