"""Answers as a file that trains: the data with a column of answers, or a table of votes on rows of a run."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mislabel.ask.replies import Reply
from mislabel.data.numerals import label_text
from mislabel.errors import InputError
from mislabel.modalities.loading import text_columns
from mislabel.run.folder import RunFolder
from mislabel.tables.format import Columns
from mislabel.tables.location import locate
from mislabel.tables.sources import becomes_part, find_table, is_there
from mislabel.tables.writing import check_output, rewrite_table, write_table

DIGITS = 6  # of a share


def soft_column(name: str) -> str:
    """The name of the column of probabilities beside a column of answers; no pattern of the other's name fits it."""
    return f"p_{name}"


def check_new(out: Path, source: str, overwrite: bool) -> None:
    """Look whether the answers can be written, before anything is asked.

    Raises
    ------
    InputError
        If they cannot, a file is there and `overwrite` was not asked for, or it is that of the data or of the run.
    """
    check_output(out)
    target, data = locate(out).path, locate(source).path
    if target.exists() and data.exists() and target.samefile(data):
        raise InputError(f"{out} holds the data themselves: choose another --out")
    if data.is_dir() and any(target.resolve().is_relative_to(path.resolve()) for path in RunFolder(data).own_paths):
        raise InputError(f"{out} belongs to the run itself: choose another --out")
    if is_there(source) and becomes_part(out, source):
        raise InputError(f"{out} would be read as a part of {source}: choose another --out")
    if target.exists() and not overwrite:
        raise InputError(f"{out} is there already: choose another --out, or replace it with --overwrite")


def check_columns_free(names: Collection[str], source: str, name: str) -> None:
    """Look whether the names of the new columns are free in a table.

    Raises
    ------
    InputError
        If one is not.
    """
    taken = {name, soft_column(name)} & set(names)
    if taken:
        raise InputError(f"{source} has a column {min(taken)!r} already: give another name with --column")


def write_with_data(
    source: str,
    inputs: Mapping[str, str | None],
    answers: Mapping[int, Reply],
    classes: list[Any],
    keys: list[str],
    name: str,
    out: Path,
) -> list[str]:
    """Write the data again, every cell as it is, with the answers and, where any came, the probabilities.

    Parameters
    ----------
    answers : mapping
        By the place of a row; no answer for those that are not in it.

    Returns
    -------
    list of str
        The names of the new columns.
    """
    table = find_table(source).stored(text_columns(inputs))
    check_columns_free(table.names, source, name)
    n = len(table.column(table.names[0]))
    columns: dict[str, np.ndarray] = {name: _cells(n, said_labels(answers, classes, keys))}
    soft = soft_labels(answers, classes, keys)
    if soft:
        columns[soft_column(name)] = _cells(n, soft)
    written: Columns = dict(columns)
    rewrite_table(table, written, out)
    return list(columns)


def write_votes(
    ids: list[Any], answers: Mapping[int, Reply], classes: list[Any], keys: list[str], name: str, out: Path
) -> list[str]:
    """Write a table of votes: id, source, label, and the probabilities where any came; rows without an answer too."""
    n, soft = len(ids), soft_labels(answers, classes, keys)
    labels = pd.Series(_cells(n, said_labels(answers, classes, keys)), dtype=object)
    frame = pd.DataFrame({"id": ids, "source": name, "label": labels.infer_objects()})
    if soft:
        frame["shares"] = _cells(n, soft)
    write_table(frame, out)
    return list(frame.columns)


def said_labels(answers: Mapping[int, Reply], classes: list[Any], keys: list[str]) -> dict[int, Any]:
    """The class that each answer names, the user's own value, by the place of the row."""
    value_of = dict(zip(keys, classes, strict=True))
    return {place: value_of[reply.key] for place, reply in answers.items() if reply.key is not None}


def soft_labels(answers: Mapping[int, Reply], classes: list[Any], keys: list[str]) -> dict[int, str]:
    """A soft label for each answer that names a class, as JSON; nothing where no answer came with probabilities."""
    text_of = {key: label_text(value) for key, value in zip(keys, classes, strict=True)}
    if not any(reply.shares for reply in answers.values()):
        return {}
    found = {}
    for place, reply in answers.items():
        if reply.key is not None:
            shares = {text_of[key]: round(share, DIGITS) for key, share in (reply.shares or {reply.key: 1.0}).items()}
            kept = {label: share for label, share in shares.items() if share}
            found[place] = json.dumps(kept, ensure_ascii=False)
    return found


def _cells(n: int, values: Mapping[int, Any]) -> np.ndarray:
    cells = np.full(n, None, dtype=object)
    for place, value in values.items():
        cells[place] = value
    return cells
