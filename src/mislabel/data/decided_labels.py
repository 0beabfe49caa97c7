"""Labels that a person decided, in a data set beside the given labels."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mislabel.data.classes import class_key
from mislabel.data.numerals import label_text
from mislabel.data.rows import FITS_NONE, UNDECIDED, Dataset, with_small_classes
from mislabel.errors import InputError, some_ids

NONE_OF_THESE = object()  # decided in place of a label: no class fits


def with_decisions(dataset: Dataset, decided: Mapping[Any, Any]) -> Dataset:
    """The data set with decided labels, on training rows alone: labels of held-out rows never reach training.

    Parameters
    ----------
    dataset : Dataset
        Without decisions.
    decided : mapping
        From ids to labels, or to `NONE_OF_THESE`. A label that is no class by value and type is looked up as text: 1
        in one table may be "1" in the next.

    Raises
    ------
    InputError
        If an id is not in the data, or a label not among the classes.
    """
    position_of = {id: position for position, id in enumerate(dataset.ids.tolist())}
    code_of = code_finder(dataset.labels.classes)
    absent = [id for id in decided if id not in position_of]
    if absent:
        raise InputError(
            f"{dataset.name} has no rows {some_ids(absent)}, which were decided: give the data that were reviewed, "
            "with the same --id column, and --missing unlabeled where they have rows without a label"
        )
    codes = [FITS_NONE if label is NONE_OF_THESE else code_of(label) for label in decided.values()]
    foreign = [id for id, code in zip(decided, codes, strict=True) if code is None]
    if foreign:
        raise InputError(
            f"{dataset.name}: the labels decided for rows {some_ids(foreign)} are no classes, such as "
            f"{decided[foreign[0]]!r}; there are {some_ids(dataset.labels.classes)}. A class is what at least one row "
            "is given: label one so, or undo the decision"
        )
    decided_codes = np.full(len(dataset), UNDECIDED, dtype=np.int64)
    decided_codes[[position_of[id] for id in decided]] = np.array(codes, dtype=np.int64)
    held_out = (decided_codes != UNDECIDED) & (dataset.split != "train")
    unread = (decided_codes != UNDECIDED) & ~held_out & np.isin(dataset.status, ("empty_input", "unreadable"))
    decided_codes[held_out | unread] = UNDECIDED
    with_codes = replace(dataset, decided=decided_codes)
    return replace(
        with_codes, status=_status(with_codes), notes=[*dataset.notes, *_notes(with_codes, held_out, unread)]
    )


def code_finder(classes: list) -> Callable[[Any], int | None]:
    """Gives the code of a label: by its value and type, or else by its text; None where it is no class."""
    exact = {class_key(value): code for code, value in enumerate(classes)}
    texts = [label_text(value) for value in classes]
    often = Counter(texts)
    by_text = {text: code for code, text in enumerate(texts) if often[text] == 1}
    return lambda label: exact.get(class_key(label), by_text.get(label_text(label)))


def _status(dataset: Dataset) -> np.ndarray:
    """The status (n,) str of each row; whether a class is too small is counted over what training learns."""
    assert dataset.decided is not None
    status = dataset.status.copy()
    status[dataset.decided >= 0] = "decided"
    status[dataset.decided == FITS_NONE] = "none_of_these"
    return with_small_classes(status, dataset.training_codes, dataset.labels.n_classes)


def _notes(dataset: Dataset, held_out: np.ndarray, unread: np.ndarray) -> list[str]:
    assert dataset.decided is not None
    labelled = dataset.decided >= 0
    changed = int((labelled & (dataset.decided != dataset.labels.codes)).sum())
    rows = {
        f"Rows whose label a person decided, taken as known ({changed} differ from the given label)": labelled,
        "Rows that fit no class, as a person decided, not trained on": dataset.decided == FITS_NONE,
        "Decided rows that are held out and stay so": held_out,
        "Decided rows without an input that can be read, not trained on": unread,
    }
    return [f"{words}: {int(which.sum())} of {len(dataset)}." for words, which in rows.items() if which.any()]
