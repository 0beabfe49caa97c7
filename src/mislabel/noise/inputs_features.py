"""Features for noise that depends on the input, from the rows of a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mislabel.errors import InputError
from mislabel.modalities import modality, modality_names


@dataclass(frozen=True)
class NoiseFeatures:
    """What a hurried annotator sees of rows.

    Attributes
    ----------
    of : callable
        From the positions of some rows to their features, (m, L) float.
    words : str
        What they are computed from: "image pixels".
    """

    of: Callable[[np.ndarray], np.ndarray]
    words: str


def read_noise_features(
    frame: pd.DataFrame, inputs: Mapping[str, str | None], taken: Sequence[str | None], root: Path | None, seed: int
) -> NoiseFeatures:
    """Read the inputs of all rows, for features of some of them later.

    Parameters
    ----------
    inputs : mapping
        What the input is, by the name of a modality, as in `load_dataset`.
    taken : sequence of str
        Columns that are something else.
    root : Path, optional
        Where relative paths in the table start.
    seed : int
        Of what a modality draws.

    Raises
    ------
    InputError
        If not exactly one input is named, or it cannot be read.
    """
    given = [(name, option) for name, option in inputs.items() if option is not None]
    if len(given) != 1:
        *most, last = (f"--{name}" for name in modality_names())
        raise InputError(
            f"kind idn looks at the inputs, so that similar rows get similar wrong labels: name them with one of "
            f"{', '.join(most)} and {last}"
        )
    name, option = given[0]
    kind = modality(name)
    values = kind.values(frame, option, taken)
    checked = kind.check(values, np.arange(len(frame)), option, root=root).values
    return NoiseFeatures(lambda rows: kind.noise_features(checked.take(rows), seed), kind.words.noise_features)
