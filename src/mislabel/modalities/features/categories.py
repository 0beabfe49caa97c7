"""Categories in a column: their levels in words, and the columns of zeros and ones that stand for them."""

import numbers
from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.label_columns import Rows, is_categorical
from mislabel.errors import InputError, some_ids
from mislabel.modalities.features.cells import absent
from mislabel.tables.characters import is_blank, utf8_safe

MOST_LEVELS = 1_000
_FEW_ROWS = 50  # among so few, values that all differ say nothing


def level_of(value: Any) -> str | None:
    """A value in words, the same for 3 and 3.0; None for a text with nothing to read, as an empty cell of a CSV."""
    if isinstance(value, str):
        return None if is_blank(value) else utf8_safe(str(value))
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, numbers.Integral) or float(value).is_integer():
        return str(int(value))
    return repr(float(value))


def learn_levels(column: pd.Series, where: str) -> tuple[tuple[str, ...], list[str]]:
    """The levels of a category: sorted texts, or the levels of a Categorical in its order, also those unused.

    Returns
    -------
    levels : tuple of str
    notes : list of str

    Raises
    ------
    InputError
        If there is none, there are more than 1,000, or nearly every row has its own.
    """
    texts = [text for text in _texts(column) if text is not None]
    used = set(texts)
    if not used:
        raise InputError(f"{where} has no value in any row; leave it out of --features")
    levels = _levels_of_type(column, where) if is_categorical(column) else sorted(used)
    likely_numbers = 2 * sum(map(_reads_as_number, levels)) >= len(levels)
    if len(levels) > MOST_LEVELS or (len(texts) > _FEW_ROWS and len(used) > 0.9 * len(texts)):
        raise InputError(_too_many(levels, len(texts), where, likely_numbers))
    notes = []
    if likely_numbers and not is_categorical(column):
        notes.append(
            f"{where} holds text, so it is a category, though most of its {len(levels)} values read as numbers; if "
            "they mean numbers, turn them into numbers, e.g. with pandas.to_numeric."
        )
    return tuple(levels), notes


def write_levels(column: pd.Series, levels: tuple[str, ...], where: str, say: Rows, out: np.ndarray) -> list[str]:
    """Write a 1 for the level of each row into `out` (n, levels) float32, and 0 elsewhere.

    Returns
    -------
    list of str
        Notes on the rows of all zeros: those without a value, and those with one that is not among `levels`.
    """
    texts = _texts(column)
    code_of: dict[str | None, int] = {level: code for code, level in enumerate(levels)}
    codes = np.fromiter((code_of.get(text, -1) for text in texts), dtype=np.int64, count=len(texts))
    known = np.flatnonzero(codes >= 0)
    out[:] = 0
    out[known, codes[known]] = 1
    unknown = np.flatnonzero(codes < 0)
    missing = np.array([row for row in unknown if texts[row] is None], dtype=np.int64)
    new = np.array([row for row in unknown if texts[row] is not None], dtype=np.int64)
    notes = []
    if len(missing):
        notes.append(f"{where}: rows without a value, now all zeros: {len(missing)}; rows {say(missing)}.")
    if len(new):
        values = some_ids(dict.fromkeys(texts[row] for row in new))
        notes.append(f"{where}: values not seen in training, now all zeros: {values}; rows {say(new)}.")
    return notes


def _texts(column: pd.Series) -> list[str | None]:
    """The values (n,) in words, None where there is none."""
    cells = np.asarray(column.to_numpy(dtype=object))
    known = ~absent(cells)
    word_of = {value: level_of(value) for value in dict.fromkeys(cells[known])}
    return [word_of[cell] if there else None for cell, there in zip(cells, known, strict=True)]


def _levels_of_type(column: pd.Series, where: str) -> list[str]:
    levels = [level for level in map(level_of, column.cat.categories) if level is not None]
    if len(set(levels)) < len(levels):
        twice = some_ids(sorted({level for level in levels if levels.count(level) > 1}))
        raise InputError(f"{where}: different categories read the same in words ({twice}); rename one of them")
    return levels


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _too_many(levels: list[str], rows: int, where: str, likely_numbers: bool) -> str:
    message = f"{where} holds {len(levels)} different texts in {rows} rows"
    if all(level.startswith("[") and level.endswith("]") for level in levels):
        return f"{message} that look like vectors; store them as lists of numbers, in .parquet or .jsonl"
    if likely_numbers:
        return (
            f"{message}, most of which read as numbers; turn the column into numbers, e.g. "
            "pandas.to_numeric, or leave it out of --features"
        )
    return (
        f"{message} (at most {MOST_LEVELS:,} levels make a category), which looks like an id or free text. Leave it "
        "out of --features, or use --text if it is what to learn from"
    )
