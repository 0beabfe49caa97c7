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

# Rows that are written at once, and unpacked at once where one of them is read: all pictures would not fit into memory.
TEXTS_AT_ONCE, PICTURES_AT_ONCE = 4096, 256


def write_contents(dataset: Dataset, path: Path) -> None:
    """A Parquet file with `id` and `input`: text, or a PNG or JPEG of at most 128 pixels a side, or None."""
    ids, pictures = pa.array(dataset.ids.tolist()), dataset.inputs.modality == "image"
    kind, step = (pa.binary(), PICTURES_AT_ONCE) if pictures else (pa.string(), TEXTS_AT_ONCE)
    schema = pa.schema([("id", ids.type), ("input", kind)])
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for begin in range(0, len(dataset), step):
            places = range(begin, min(begin + step, len(dataset)))
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
