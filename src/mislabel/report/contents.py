"""The inputs that the report shows: read from the run, and the words for their kind."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mislabel.run.contents import find_places, read_contents
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
    places = find_places(folder.inputs, ids)
    inputs = read_contents(folder.inputs, np.array(list(places.values()), dtype=np.int64))
    return dict(zip(places, inputs, strict=True))
