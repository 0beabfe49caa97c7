"""Columns whose rows belong together by position: a pandas index can show that they do not."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from mislabel.errors import InputError, some_ids


def refuse_misaligned(columns: Sequence[tuple[str, Any]]) -> None:
    """Raise InputError where the indexes of two pandas objects differ, so that joining them by position would mix rows.

    The index 0, 1, 2, ... is what pandas gives a new column, so it may differ from the other index. It is refused only
    where the other holds the same numbers in another order, as after a shuffle or a sort.

    Parameters
    ----------
    columns : sequence of (str, any)
        What is to be joined, with its name for the message; only Series and DataFrames are looked at.
    """
    indexed = [(name, values.index) for name, values in columns if isinstance(values, (pd.Series, pd.DataFrame))]
    for (first, first_index), (second, second_index) in combinations(indexed, 2):
        if len(first_index) != len(second_index) or first_index is second_index or first_index.equals(second_index):
            continue  # another number of rows is an error elsewhere
        first_names, second_names = set(first_index.tolist()), set(second_index.tolist())
        begins = (
            f"{first} begins with {some_ids(first_index[:3].tolist())}, "
            f"{second} with {some_ids(second_index[:3].tolist())}"
        )
        drop = "if the rows are in the right order, drop the indexes with .reset_index(drop=True)"
        if first_names == second_names:
            align = f"{second}.loc[{first}.index] brings {second} into the order of {first}; "
            align = align if first_index.is_unique else ""
            raise InputError(
                f"{first} and {second} have the same index in two orders ({begins}), and rows are taken by their "
                f"place: {align}{drop}"
            )
        if not _is_default(first_index) and not _is_default(second_index):
            raise InputError(
                f"{first} and {second} have different indexes ({begins}; {len(first_names - second_names)} rows of "
                f"{first} are not in {second}), and rows are taken by their place: choose the same rows of both, "
                f"such as {second}.loc[{first}.index]; or {drop}"
            )


def _is_default(index: pd.Index) -> bool:
    """Whether an index is 0, 1, 2, ..., as pandas makes it."""
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1
