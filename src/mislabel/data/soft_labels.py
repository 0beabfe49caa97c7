"""Soft labels: what one source says of a row, as a share of every class.

A cell is a mapping {class: share}, as JSON objects and Arrow structs are, or a list of K shares in the order of the
classes. Shares sum to 1; or they are counts, such as of the people who said each class, and are divided by their sum.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.label_columns import Rows, rows_of
from mislabel.data.labels import Labels, encode_against
from mislabel.data.order import class_ranks
from mislabel.errors import InputError

NEAR_ONE = 0.01  # how far from 1 shares may sum, for those that were rounded


def parsed(cells: np.ndarray) -> np.ndarray:
    """Cells (n,) object of which all that are filled are JSON lists or objects as text, read; any others as they are.

    A column of lists in a CSV file holds such text.
    """
    read = np.full(len(cells), None, dtype=object)
    for row, cell in enumerate(cells):
        if is_empty(cell):
            continue
        if not isinstance(cell, str) or cell.lstrip()[:1] not in ("[", "{"):
            return cells
        try:
            read[row] = json.loads(cell)
        except ValueError:  # labels that begin with a bracket
            return cells
    return read


def is_empty(cell: Any) -> bool:
    """Whether a cell says nothing: null, NaN, or blank text."""
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or (not isinstance(cell, (Sequence, Mapping, np.ndarray)) and bool(pd.isna(cell)))


def is_soft(column: Any) -> bool:
    """Whether a column is an array (n,) object whose cells hold mappings, or lists with shares among their numbers."""
    return (
        isinstance(column, np.ndarray)
        and column.dtype == object
        and any(
            isinstance(cell, Mapping)
            or (isinstance(cell, (list, tuple, np.ndarray)) and any(_is_share(value) for value in cell))
            for cell in column
        )
    )


def _is_share(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and bool(np.isfinite(value)) and value % 1 != 0


def likeliest(shares: np.ndarray) -> np.ndarray:
    """The class of the largest share, (n,) int64, the first of equal ones; -1 where a source abstains."""
    return np.where(shares.any(1), shares.argmax(1), -1)


def read_shares(
    cells: np.ndarray, labels: Labels, ids: np.ndarray, name: str, *, listed: bool
) -> tuple[np.ndarray, Labels]:
    """Shares of the classes, (n, K) float32, each row summing to 1 or, where the source abstains, 0; and the labels.

    Parameters
    ----------
    cells : (n,) object
        Mappings or lists, or nothing where the source abstains.
    labels : Labels
        The classes that are known so far; returned with those that mappings add.
    ids, name
        For the messages.
    listed : bool
        Whether the order of `labels.classes` is the user's, and so that of lists. Otherwise lists have the classes
        sorted, as scikit-learn's `predict_proba` does.

    Raises
    ------
    InputError
        If a cell is neither; if shares are negative, not finite, or sum to something else; if a list has not one
        share a class.
    """
    at = rows_of(ids)
    mappings = np.fromiter((isinstance(cell, Mapping) for cell in cells), bool, len(cells))
    lists = np.fromiter((isinstance(cell, (list, tuple, np.ndarray)) for cell in cells), bool, len(cells))
    odd = ~np.fromiter(map(is_empty, cells), bool, len(cells)) & ~mappings & ~lists
    if odd.any() or (mappings.any() and lists.any()):
        rows = np.flatnonzero(odd if odd.any() else lists)
        raise InputError(
            f"{name}: rows {at(rows)} hold such as {cells[rows[0]]!r:.80}, and others soft labels; each row needs a "
            "mapping {class: share}, or nothing"
        )
    if lists.any():
        table = _listed_shares(cells, np.flatnonzero(lists), labels, at, name)
        return _normalised(table if listed else table[:, class_ranks(labels.classes)], at, name), labels
    rows = np.flatnonzero(mappings)
    keys = list(dict.fromkeys(key for row in rows for key in cells[row]))
    codes, labels = encode_against(np.array(keys, dtype=object), labels, np.arange(len(keys)), name)
    code_of = dict(zip(keys, codes.tolist(), strict=True))
    table = np.zeros((len(cells), labels.n_classes))
    for row in rows.tolist():
        for key, share in cells[row].items():
            if share is not None:  # a struct has every class in every row
                table[row, code_of[key]] += _number(share)
    return _normalised(table, at, name), labels


def _listed_shares(cells: np.ndarray, rows: np.ndarray, labels: Labels, at: Rows, name: str) -> np.ndarray:
    width = labels.n_classes
    wrong = np.array([row for row in rows if len(cells[row]) != width], dtype=np.int64)
    if len(wrong):
        known = f"and there are {width} classes" if width else "and nothing says of which classes"
        raise InputError(
            f"{name}: rows {at(wrong)} hold lists of {len(cells[wrong[0]])} shares, {known}; give a mapping "
            "{class: share} a row, which names them"
        )
    table = np.zeros((len(cells), width))
    for row in rows.tolist():
        table[row] = [_number(share) for share in cells[row]]
    return table


def _number(share: Any) -> float:
    try:
        return float(share)
    except (TypeError, ValueError):
        return np.nan


def _normalised(table: np.ndarray, at: Rows, name: str) -> np.ndarray:
    total, counts = table.sum(1), (table % 1 == 0).all(1)
    bad = np.flatnonzero(~(table >= 0).all(1) | ~np.isfinite(total) | (~counts & (np.abs(total - 1) > NEAR_ONE)))
    if len(bad):
        raise InputError(
            f"{name}: shares of rows {at(bad)} sum to {total[bad[0]]:.3g}, or are below 0 or no numbers; shares sum "
            "to 1, or are counts"
        )
    return (table / np.where(total > 0, total, 1)[:, None]).astype(np.float32)
