"""The order in which a run takes rows and classes, which hangs neither on the table's nor on a list of classes.

Batches, draws, sums and the first weights of a network follow it, so that the same rows in another order, or the same
classes listed otherwise, give the same numbers. Whatever is stored by position stays in the order of the table.
"""

from typing import Any

import numpy as np

from mislabel.data.classes import class_key
from mislabel.data.inputs import RawInputs


def row_order(ids: np.ndarray | None, inputs: RawInputs, codes: np.ndarray) -> np.ndarray:
    """Positions of all rows in the order in which a run takes them, (n,) int64.

    By id: numbers as numbers, strings by code points. Without ids by a digest of the input, then by the label; rows
    that are equal in both are told apart by nothing, and are taken as they come.

    Parameters
    ----------
    ids : (n,) int64 or object, optional
        Those that were given; None where rows are named by their position.
    codes : (n,) int64
        Of the given labels.
    """
    if ids is not None:
        return np.argsort(ids, kind="stable")
    return np.lexsort((codes, inputs.content_digests))


def equal_rows(inputs: RawInputs, codes: np.ndarray) -> np.ndarray:
    """A number for each row, (n,) int64, which rows of the same input and the same label share."""
    digests = inputs.content_digests
    order = np.lexsort((codes, digests))
    another = (np.diff(digests[order]) != 0) | (np.diff(codes[order]) != 0)
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.concatenate([[0], np.cumsum(another)])
    return group


def class_ranks(classes: list[Any]) -> np.ndarray:
    """The position of each class among all of them sorted by type and value, (K,) int64."""
    ranks = np.empty(len(classes), dtype=np.int64)
    ranks[sorted(range(len(classes)), key=lambda code: class_key(classes[code]))] = np.arange(len(classes))
    return ranks


def class_positions(classes: list[Any], others: list[Any]) -> np.ndarray | None:
    """The position of each class among the same classes in another order, (K,) int64; None where that is the same."""
    position_of = {class_key(value): code for code, value in enumerate(others)}
    positions = np.array([position_of[class_key(value)] for value in classes], dtype=np.int64)
    return None if np.array_equal(positions, np.arange(len(positions))) else positions


def recoded(codes: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Codes (n,) after classes were put in another order; what stands for no class, or one beyond them, stays."""
    known = (codes >= 0) & (codes < len(ranks))
    return np.where(known, ranks[np.where(known, codes, 0)], codes)
