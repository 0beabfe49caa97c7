"""Columns that belong to the same rows by their place: pandas objects say by their index where that cannot be."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from mislabel.errors import InputError, some_ids


def refuse_misaligned(columns: Sequence[tuple[str, Any]]) -> None:
    """Raise InputError where two pandas objects name their rows differently, so that joining by place would mix rows.

    An index 0, 1, 2, ... says nothing against another one: a column that was made anew has it. Only where the other
    holds the same numbers in another order, as after a shuffle or a sort, it does.

    Parameters
    ----------
    columns : sequence of (str, any)
        What is to be joined, with its name for the message; only Series and DataFrames are looked at.
    """
    indexed = [(name, values.index) for name, values in columns if isinstance(values, (pd.Series, pd.DataFrame))]
    for (first, one), (second, other) in combinations(indexed, 2):
        if len(one) != len(other) or one is other or one.equals(other):
            continue  # another number of rows is told elsewhere
        names, others = set(one.tolist()), set(other.tolist())
        begins = f"{first} begins with {some_ids(one[:3].tolist())}, {second} with {some_ids(other[:3].tolist())}"
        drop = "if the rows are in the right order, drop the indexes with .reset_index(drop=True)"
        if names == others:
            align = f"{second}.loc[{first}.index] brings {second} into the order of {first}; " if one.is_unique else ""
            raise InputError(
                f"{first} and {second} have the same index in two orders ({begins}), and rows are taken by their "
                f"place: {align}{drop}"
            )
        if not _is_default(one) and not _is_default(other):
            raise InputError(
                f"{first} and {second} have different indexes ({begins}; {len(names - others)} rows of {first} are not "
                f"in {second}), and rows are taken by their place: choose the same rows of both, such as "
                f"{second}.loc[{first}.index]; or {drop}"
            )


def _is_default(index: pd.Index) -> bool:
    """Whether an index is 0, 1, 2, ..., as pandas makes it."""
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1
