"""Which rows train, and whether memory holds the probabilities of all rows."""

from itertools import compress

import numpy as np
import psutil

from mislabel.data import Dataset
from mislabel.errors import InputError, NotAssessed, some_ids

TRAINS = ("judged", "class_too_small", "decided")  # the statuses of rows that train


def trainable_rows(dataset: Dataset) -> np.ndarray:
    """Positions of the rows that train, (m,) int64, in the order in which a run takes them.

    They are marked train, and have a label and something to read.

    Raises
    ------
    NotAssessed
        If fewer than two classes are left, or fewer than two of which there are two rows, or rows are few per class,
        or all rows hold the same.
    """
    rows = dataset.in_order(np.isin(dataset.status, TRAINS))
    present, counts = np.unique(dataset.training_codes[rows], return_counts=True)
    if len(present) < 2:
        shown = [dataset.labels.classes[code] for code in present]
        raise NotAssessed(
            f"{dataset.name}: the {len(rows)} training rows show {len(present)} class(es), {shown}; training needs at "
            f"least 2.{_left_out(dataset)} Is this the right --label column, and does --split leave rows to train on?"
        )
    if len(rows) < 2 * len(present):
        raise NotAssessed(
            f"{dataset.name}: {len(rows)} training rows for {len(present)} classes; training needs at least "
            f"{2 * len(present)} (two per class). Is --label a column of ids or free text?"
        )
    if (counts > 1).sum() < 2:  # a class of one row is learned by heart, and never found wrong
        left, single = (
            [dataset.labels.classes[code] for code in present[several]] for several in (counts > 1, counts == 1)
        )
        raise NotAssessed(
            f"{dataset.name}: not assessed: one class is left, {some_ids(left)}, since of {some_ids(single)} there is "
            "a single training row each. Training needs 2 classes of at least 2 rows: label more rows. Is this the "
            "right --label column?"
        )
    if _all_equal(dataset, rows):
        raise NotAssessed(
            f"{dataset.name}: not assessed: all {len(rows)} training rows hold the same, so that nothing tells their "
            f"labels apart. Is --{dataset.inputs.modality} the right one?"
        )
    return rows


def _left_out(dataset: Dataset) -> str:
    """How many rows do not train, by their status, as a sentence."""
    status, counts = np.unique(dataset.status[~np.isin(dataset.status, TRAINS)], return_counts=True)
    parts = [f"{count} {name}" for name, count in zip(status.tolist(), counts.tolist(), strict=True)]
    return f" Left out of {len(dataset)} rows: {', '.join(parts)}." if parts else ""


def _all_equal(dataset: Dataset, rows: np.ndarray) -> bool:
    """Whether all these rows have the same content; looks no further than to the first that differs."""
    trains = np.zeros(len(dataset), dtype=bool)
    trains[rows] = True
    contents = compress(dataset.inputs.contents(), trains)
    first = next(contents)
    return all(content == first for content in contents)


def check_memory(dataset: Dataset, instead: str = "") -> None:
    """Raise where probabilities of all rows and classes would not fit: three (n, K) float32 arrays live at once.

    Parameters
    ----------
    instead : str
        What else could be done, as the end of a sentence.
    """
    needed = 3 * 4 * len(dataset) * dataset.labels.n_classes
    there = psutil.virtual_memory().total
    if needed > there:
        raise InputError(
            f"{dataset.name}: probabilities for {len(dataset)} rows x {dataset.labels.n_classes} classes need "
            f"{needed / 1e9:.1f} GB and this machine has {there / 1e9:.1f} GB. Is --label a column of ids or free "
            f"text? Otherwise merge rare classes{instead} or train on a part of the rows"
        )
