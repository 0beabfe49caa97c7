"""`mislabel corrupt`: read a table or folder, look at its inputs where the noise depends on them, plant errors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from mislabel.errors import InputError, listed
from mislabel.modalities import modality_names
from mislabel.modalities.features.matrices import read_matrix
from mislabel.modalities.loading import open_source, text_columns
from mislabel.noise import corrupt_table
from mislabel.tables import read_table
from mislabel.tables.sources import folder_of


def corrupt_source(
    source: str,
    *,
    label: str | None,
    kind: str,
    seed: int,
    split: str | None = None,
    superclass: str | None = None,
    transition: Path | None = None,
    inputs: Mapping[str, str | None],
    **settings: Any,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table with its new column, and the report; see `mislabel.noise.corrupt_table`.

    Parameters
    ----------
    source : str
        As `DATA` of every command. The rows of a folder of images become a table with the full path of each.
    inputs : mapping
        What the input is, by the name of a modality, as in `load_dataset`; needed for kind "idn".
    transition : Path, optional
        File of the matrix for kind "matrix".
    settings
        See `corrupt_table`.

    Raises
    ------
    InputError
        If the inputs that `idn` has to look at are not named or cannot be read.
    """
    own, inputs = open_source(source), dict(inputs)
    if own is not None:
        frame, root, roles = own.frame, own.root or Path(), own.roles
        for name in (name for name in modality_names() if name in roles):
            inputs[name] = inputs.get(name) or roles[name]
            if own.root is not None:  # so that a table elsewhere still finds its files
                frame[roles[name]] = [str((root / path).resolve()) for path in frame[roles[name]]]
        label, split = label or roles.get("label"), split or roles.get("split")
    else:
        named = [name for name in (label, superclass) if name]
        frame = read_table(source, strings=text_columns(inputs), lossless=named)
        root, split = folder_of(source) or Path(), split or frame.attrs.get("split")
    if label is None:
        raise InputError(f"which column holds the true labels? There are {listed(frame.columns, 200)}: --label")
    return corrupt_table(
        frame,
        label=label,
        kind=kind,  # pyright: ignore[reportArgumentType]
        seed=seed,
        split=split,
        superclass=superclass,
        transition=None if transition is None else read_transition(transition),
        root=root,
        **settings,
        **cast(Any, inputs),
    )


def read_transition(path: Path) -> np.ndarray:
    """A square matrix of numbers from .npy or .csv."""
    if path.suffix == ".npy":
        return read_matrix(path, None)
    try:
        return np.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a matrix ({error}): give .npy, or .csv of numbers alone") from error
