"""Checks on texts: each is a string, the empty ones are known, and each can be written as UTF-8."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mislabel.data.arrow import series_of
from mislabel.errors import InputError, some_ids

# Spaces, control characters, and characters of no width: nothing that a reader or a model could see.
_BLANK = re.compile(r"[\s\x00-\x1f\x7f\u200b-\u200d\u2060\ufeff]*")


def is_blank(text: str) -> bool:
    """Whether there is nothing to read in `text`."""
    return _BLANK.fullmatch(text) is not None


def utf8_safe(text: str) -> str:
    """`text` with lone surrogates replaced by U+FFFD (and pairs of them joined), so that it can always be encoded."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def as_list(values: Any, what: str) -> list:
    """A list of Python objects out of a list, array, Series or Arrow column; `InputError` for anything else."""
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        values = series_of(values)
    if isinstance(values, (pd.Series, pd.Index, np.ndarray, pd.api.extensions.ExtensionArray)):
        if values.ndim != 1:
            raise InputError(f"{what}: an array of shape {values.shape} was given; one value per row is needed")
        return list(values.tolist()) if hasattr(values, "tolist") else list(values)
    if isinstance(values, (list, tuple)):
        return list(values)
    raise InputError(f"{what}: a {type(values).__name__} was given; a list, an array or a column is needed")


def check_texts(values: Any, ids: Any, name: str) -> tuple[list[str], np.ndarray, list[str]]:
    """The texts, which of them are empty, and what was done to them.

    Parameters
    ----------
    values : sequence of str
        n texts.
    ids : sequence
        n ids, for the messages.
    name : str
        What the texts are called, for the messages.

    Returns
    -------
    texts : list of str
        n texts that UTF-8 can hold.
    empty : (n,) bool
        Where a text has nothing to read.
    notes : list of str

    Raises
    ------
    InputError
        If a value is not a string.
    """
    texts = as_list(values, name)
    kinds = set(map(type, texts))
    if not all(issubclass(kind, str) for kind in kinds):
        wrong = [place for place, text in enumerate(texts) if not isinstance(text, str)]
        found = sorted({kind_word(texts[place]) for place in wrong})
        raise InputError(
            f"{name}: {len(wrong)} of {len(texts)} rows hold no text but {', '.join(found)}: rows "
            f"{some_ids(ids[place] for place in wrong)}. Every row needs a string; fill these rows, turn them into "
            "text, or leave them out"
        )
    notes = []
    safe = [utf8_safe(text) for text in texts] if kinds <= {str} else [utf8_safe(str(text)) for text in texts]
    mended = sum(before != after for before, after in zip(texts, safe, strict=True))
    if mended:
        notes.append(f"Texts with broken characters (lone surrogates), now replaced by U+FFFD: {mended}.")
    empty = np.fromiter(map(is_blank, safe), dtype=bool, count=len(safe))
    if empty.any():
        rows = some_ids(ids[place] for place in np.flatnonzero(empty))
        notes.append(f"Rows with an empty text, kept but not judged: {int(empty.sum())}; rows {rows}.")
    return safe, empty, notes


def kind_word(value: object) -> str:
    """The type of a cell in words, for messages; None, NaN, NA and NaT are "a missing value"."""
    missing = value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)
    return "a missing value" if missing else type(value).__name__
