"""The inputs that the report shows."""

from typing import Any

import numpy as np

from mislabel.run.contents import find_places, read_contents
from mislabel.run.folder import RunFolder


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
