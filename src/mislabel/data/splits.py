"""Which rows are trained on and which are held out: from a column, or by a seeded stratified draw."""

from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.columns import as_list
from mislabel.errors import InputError, some_ids

SPLIT_NAMES = {
    "train": "train", "training": "train",
    "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid",
    "test": "test",
}  # fmt: skip
HOLDOUT_PURPOSE = 0x5E11  # keeps this stream of random numbers apart from others with the same seed


def parse_split(values: Any, ids: Any, name: str = "split") -> np.ndarray:
    """(n,) str, each "train", "valid" or "test", from n names in any case ("Validation", "dev", ...).

    Raises
    ------
    InputError
        If a row has another name or none: what to do with such rows is not for us to guess.
    """
    listed = as_list(values, name)
    if len(listed) != len(ids):
        raise InputError(f"{name}: {len(listed)} values were given for {len(ids)} rows; one per row is needed")
    words = [str(value) for value in listed]
    meaning = {word: SPLIT_NAMES.get(word.strip().casefold()) for word in set(words)}
    unknown = [position for position, word in enumerate(words) if meaning[word] is None]
    if unknown:
        gaps = np.asarray(pd.Series(listed, dtype=object).isna()) | (np.array(words, dtype=object) == "")
        shown = dict.fromkeys("nothing" if gaps[position] else repr(words[position]) for position in unknown)
        raise InputError(
            f"{name}: {len(unknown)} rows hold {', '.join(list(shown)[:5])} instead of train, valid or test (rows "
            f"{some_ids(ids[position] for position in unknown)}). Filter these rows, or rename them"
        )
    return np.array([meaning[word] for word in words], dtype="U5")


def stratified_holdout(
    codes: np.ndarray, eligible: np.ndarray, order: np.ndarray, share: float, seed: int
) -> np.ndarray:
    """Choose the rows to hold out: `share` of the eligible rows, in each class as nearly as whole rows allow.

    Two rows of a class always stay for training. The choice depends on the order that is given, not on positions: the
    same rows in another table give the same choice.

    Parameters
    ----------
    codes : (n,) int64
        Class codes.
    eligible : (n,) bool
        Rows that may be chosen; they have a code of 0 or more.
    order : (n,) int64
        Positions of all rows, as `mislabel.data.order.row_order` gives them.
    share : float
        At least 0 and below 1.
    seed : int

    Returns
    -------
    (n,) bool
    """
    rng = np.random.default_rng([seed, HOLDOUT_PURPOSE])
    rows = order[eligible[order]]
    counts = np.bincount(codes[rows]) if len(rows) else np.zeros(0, dtype=np.int64)
    wanted = counts * share
    quota = np.floor(wanted + 1e-9).astype(np.int64)
    most = np.maximum(counts - 2, 0)
    # Largest remainder: what rounding down has lost goes to the classes that lost most.
    for code in np.argsort(quota - wanted, kind="stable")[: round(len(rows) * share) - int(quota.sum())]:
        quota[code] += 1
    quota = np.minimum(quota, most)
    chosen = np.zeros(len(codes), dtype=bool)
    shuffled = rows[rng.permutation(len(rows))]
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    starts = np.cumsum(counts) - counts
    for start, size in zip(starts, quota, strict=True):
        chosen[by_class[start : start + size]] = True
    return chosen
