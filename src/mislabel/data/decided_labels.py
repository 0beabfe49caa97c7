"""Labels that are known, in a data set beside the given labels: a person checked them, or decided them in a review.

Both teach in the same way, and both come in here: trusted labels as codes, decisions by id.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from mislabel.data.classes import class_key
from mislabel.data.label_columns import rows_of
from mislabel.data.numerals import label_text
from mislabel.data.rows import FITS_NONE, UNDECIDED, Dataset, with_small_classes
from mislabel.errors import InputError, some_ids

NONE_OF_THESE = object()  # decided in place of a label: no class fits


class Words(NamedTuple):
    """How labels that are known are told of, by what becomes of their rows."""

    taken: str
    fits_none: str
    held_out: str
    unread: str


TRUSTED = Words(
    taken="Rows with a trusted label, which they learn",
    fits_none="",  # there is no such trusted label
    held_out="Trusted labels of rows that are held out, which teach nothing",
    unread="Rows with a trusted label, but without an input that can be read, not trained on",
)
DECIDED = Words(
    taken="Rows whose label a person decided, taken as known",
    fits_none="Rows that fit no class, as a person decided, not trained on",
    held_out="Decided rows that are held out and stay so",
    unread="Decided rows without an input that can be read, not trained on",
)


def with_trusted(dataset: Dataset, codes: np.ndarray, name: str) -> Dataset:
    """The data set with trusted labels, on training rows alone.

    Parameters
    ----------
    dataset : Dataset
        Without any.
    codes : (n,) int64
        Codes of the trusted labels, negative where there is none.
    name : str
        What they are called, for the notes.
    """
    found = _with_known(dataset, np.where(codes >= 0, codes, UNDECIDED), TRUSTED)
    if np.isin(found.status, ("judged", "class_too_small")).any() or not (found.status == "decided").any():
        return found
    note = f"{name} says a trusted label for every training row, so no given label is left to judge."
    return replace(found, notes=[*found.notes, note])


def with_decisions(dataset: Dataset, decided: Mapping[Any, Any]) -> Dataset:
    """The data set with decided labels, on training rows alone: labels of held-out rows never reach training.

    Parameters
    ----------
    dataset : Dataset
        Without decisions. Where it has a trusted label, the decision is newer and holds.
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
    found = _with_known(dataset, decided_codes, DECIDED)
    return found if dataset.decided is None else replace(found, notes=[*found.notes, *_overruled(dataset, found)])


def code_finder(classes: list[Any]) -> Callable[[Any], int | None]:
    """Gives the code of a label: by its value and type, or else by its text; None where it is no class."""
    exact = {class_key(value): code for code, value in enumerate(classes)}
    texts = [label_text(value) for value in classes]
    often = Counter(texts)
    by_text = {text: code for code, text in enumerate(texts) if often[text] == 1}
    return lambda label: exact.get(class_key(label), by_text.get(label_text(label)))


def _with_known(dataset: Dataset, codes: np.ndarray, words: Words) -> Dataset:
    """The data set in which these labels are known, over those that were known before.

    Parameters
    ----------
    codes : (n,) int64
        A class, or `FITS_NONE`; `UNDECIDED` for rows of which nothing is said.
    """
    said = codes != UNDECIDED
    held_out = said & (dataset.split != "train")
    unread = said & ~held_out & np.isin(dataset.status, ("empty_input", "unreadable"))
    taken = said & ~held_out & ~unread
    before = UNDECIDED if dataset.decided is None else dataset.decided
    found = replace(dataset, decided=np.where(taken, codes, before))
    labelled = taken & (codes >= 0)
    changed = int((labelled & (codes != dataset.labels.codes)).sum())
    rows = {
        f"{words.taken} ({changed} differ from the given label)": labelled,
        words.fits_none: taken & (codes == FITS_NONE),
        words.held_out: held_out,
        words.unread: unread,
    }
    notes = [f"{word}: {int(which.sum())} of {len(dataset)}." for word, which in rows.items() if which.any()]
    return replace(found, status=_status(found), notes=[*dataset.notes, *notes])


def _status(dataset: Dataset) -> np.ndarray:
    """The status (n,) str of each row; whether a class is too small is counted over what training learns."""
    assert dataset.decided is not None
    status = dataset.status.copy()
    status[dataset.decided >= 0] = "decided"
    status[dataset.decided == FITS_NONE] = "none_of_these"
    return with_small_classes(status, dataset.training_codes, dataset.labels.n_classes)


def _overruled(before: Dataset, after: Dataset) -> list[str]:
    """A note on the rows whose trusted label is another than what was decided."""
    assert before.decided is not None
    rows = np.flatnonzero((before.decided >= 0) & (before.decided != after.decided))
    if not len(rows):
        return []
    words = "Rows whose trusted label differs from what a review decided, which is newer and holds"
    return [f"{words}: {len(rows)} of {len(before)}; rows {rows_of(before.ids)(rows)}."]
