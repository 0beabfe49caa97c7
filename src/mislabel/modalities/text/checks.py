"""Checks on texts: each is a string, the empty ones are known, and each can be written as UTF-8."""

import re
from typing import Any

import numpy as np

from mislabel.data.columns import as_list, kind_word
from mislabel.errors import InputError, some_ids
from mislabel.tables.characters import utf8_safe

# Spaces, control characters, and characters of no width: nothing that a reader or a model could see.
_BLANK = re.compile(r"[\s\x00-\x1f\x7f\u200b-\u200d\u2060\ufeff]*")


def is_blank(text: str) -> bool:
    """Whether there is nothing to read in `text`."""
    return _BLANK.fullmatch(text) is not None


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
