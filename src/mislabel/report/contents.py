"""The inputs that the report shows: read from the run, and the words for their kind."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.errors import RunError
from mislabel.run.folder import RunFolder


@dataclass(frozen=True)
class ContentWords:
    """What the page calls inputs.

    Attributes
    ----------
    title : str
        Of the column that shows them.
    contained : str
        What the page contains of the rows below.
    whole : str
        All of an input, of which only the beginning is shown at once.
    """

    title: str
    contained: str
    whole: str


WORDS = {
    "text": ContentWords("Text", "the texts", "full text"),
    "image": ContentWords("Image", "small copies of the images", ""),
    "features": ContentWords("Features", "the features", "full line"),
}


def read_inputs(folder: RunFolder, ids: list) -> dict[Any, str | bytes | None]:
    """Inputs by id, for the ids asked for; nothing where the run does not keep them.

    Raises
    ------
    RunError
        If the file cannot be read.
    """
    if not ids or not folder.inputs.is_file():
        return {}
    found: dict[Any, Any] = {}
    wanted = set(ids)
    try:
        with pq.ParquetFile(folder.inputs) as file:
            # One group after the other: the pictures of all rows may be gigabytes.
            for group in range(file.num_row_groups):
                names = file.read_row_group(group, columns=["id"])["id"].to_pylist()
                places = [place for place, name in enumerate(names) if name in wanted]
                if places:
                    inputs = file.read_row_group(group, columns=["input"])["input"].take(places).to_pylist()
                    found |= zip([names[place] for place in places], inputs, strict=True)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise RunError(f"{folder.inputs} cannot be read ({error}); the run has to be made again") from error
    return found
