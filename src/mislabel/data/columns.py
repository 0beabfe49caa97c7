"""One column of cells as a list of Python objects, and the type of a cell in words."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mislabel.errors import InputError
from mislabel.tables.arrow import series_of


def as_list(values: Any, what: str) -> list[Any]:
    """A list of Python objects out of a list, array, Series or Arrow column; `InputError` for anything else."""
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        values = series_of(values)
    if isinstance(values, pd.DataFrame) and values.shape[1] == 1:
        values = values.iloc[:, 0]
    if isinstance(values, (pd.Series, pd.Index, np.ndarray, pd.api.extensions.ExtensionArray)):
        if values.ndim != 1:
            raise InputError(f"{what}: an array of shape {values.shape} was given; one value per row is needed")
        return list(values.tolist()) if hasattr(values, "tolist") else list(values)
    if isinstance(values, (list, tuple)):
        return list(values)
    raise InputError(f"{what}: a {type(values).__name__} was given; a list, an array or a column is needed")


def kind_word(value: object) -> str:
    """The type of a cell in words, for messages; None, NaN, NA and NaT are "a missing value"."""
    missing = value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)
    return "a missing value" if missing else type(value).__name__
