"""Rows of several groups in turns, so that a list shows some of each."""

import numpy as np


def in_turns(*keys: np.ndarray) -> np.ndarray:
    """An order in which groups of rows take turns: the first row of each, then the second of each, and so on.

    Parameters
    ----------
    *keys : (m,) arrays
        Rows that agree in all of them are a group. Groups come in the order of their first rows.

    Returns
    -------
    (m,) int64
        Positions of the rows; those of a group stay in their order.
    """
    _, group = np.unique(np.column_stack(keys), axis=0, return_inverse=True)
    group = group.reshape(-1)
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    turn, first = np.empty((2, len(group)), dtype=np.int64)
    turn[order] = np.arange(len(group)) - np.repeat(starts, sizes)
    first[order] = np.repeat(order[starts], sizes)
    return np.lexsort((first, turn))
