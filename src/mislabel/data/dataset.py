"""From a table or from arrays to a Dataset: everything is checked here, once, at the door."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.data.classes import Found, find_classes
from mislabel.data.ids import check_ids
from mislabel.data.label_columns import rows_of
from mislabel.data.labels import MISSING_POLICIES, Labels, Missing, encode_against, refuse_missing
from mislabel.data.names import one_of
from mislabel.data.rows import STATUSES, Dataset, conflicts, fingerprint, row_status
from mislabel.data.splits import parse_split, stratified_holdout
from mislabel.data.tables import as_frame, pick_column
from mislabel.data.text import as_list, check_texts
from mislabel.errors import InputError

__all__ = ["STATUSES", "Dataset", "conflicts", "load_dataset", "make_dataset"]


def load_dataset(
    source: Any,
    *,
    text: str,
    label: str | None = None,
    gold: str | None = None,
    id: str | None = None,
    split: str | None = None,
    missing: Missing = "error",
    holdout: float = 0.0,
    seed: int = 0,
    classes: Sequence | None = None,
    need_labels: bool = True,
) -> Dataset:
    """Read a table and check it.

    Parameters
    ----------
    source
        A path, ``hf:NAME[:SPLIT]``, a DataFrame, an Arrow table or a map-style Hugging Face data set.
    text, label, gold, id, split
        The names of columns. Rows are taken by their place; an index is not looked at.
    missing, holdout, seed, classes, need_labels
        See `make_dataset`.

    Raises
    ------
    InputError
        If the table cannot be read, lacks a column, or does not pass the checks of `make_dataset`.
    """
    kept = [name for name in (label, gold, id, split) if name is not None]
    frame = as_frame(source, strings=[text], lossless=kept)

    def column(name: str | None, what: str) -> Any:
        return None if name is None else pick_column(frame, name, what)

    if need_labels and label is None:
        raise InputError(f"which column holds the labels? There are {', '.join(map(str, frame.columns))}")
    return make_dataset(
        pick_column(frame, text, "text"),
        column(label, "label"),
        ids=column(id, "id"),
        gold=column(gold, "gold"),
        split=column(split, "split"),
        missing=missing,
        holdout=holdout,
        seed=seed,
        classes=classes,
        need_labels=need_labels,
        name=_name_of(source),
        text_name=text,
        label_name=label or "label",
        gold_name=gold or "gold",
        id_name=id or "id",
        split_name=split or "split",
    )


def make_dataset(
    texts: Any,
    labels: Any = None,
    *,
    ids: Any = None,
    gold: Any = None,
    split: Any = None,
    missing: Missing = "error",
    holdout: float = 0.0,
    seed: int = 0,
    classes: Sequence | None = None,
    need_labels: bool = True,
    name: str = "data",
    text_name: str = "texts",
    label_name: str = "labels",
    gold_name: str = "gold",
    id_name: str = "ids",
    split_name: str = "split",
) -> Dataset:
    """Check arrays and make a Dataset of them.

    Parameters
    ----------
    texts : sequence of str
        n texts. An empty one is kept and marked.
    labels
        n labels in any form that `encode_labels` takes.
    ids
        n whole numbers or strings; without them the rows are called 0..n-1.
    gold
        n true labels, some of which may be missing.
    split
        n times train, valid or test. Without it all rows train.
    missing
        What becomes of rows without a label: "error", "drop", or "unlabeled". A valid or test row that has a gold
        label does not need a given one.
    holdout, seed
        The share of the labelled rows to hold out as test, stratified by the given label, and the seed of the draw.
    classes
        The classes, in order; see `encode_labels`.
    need_labels
        Whether labels are needed at all; they are not for prediction, where missing ones are fine.
    name, text_name, label_name, gold_name, id_name, split_name
        What things are called, for the messages.

    Raises
    ------
    InputError
        If there are no rows, lengths differ, or texts, labels, ids or splits are not what they should be.
    """
    one_of(missing, MISSING_POLICIES, "missing")
    _check_draw(holdout, seed, split)
    n = len(as_list(texts, text_name))
    if n == 0:
        raise InputError(f"{name} has no rows; at least one is needed")
    row_ids, notes = check_ids(ids, n, id_name)
    inputs, empty, text_notes = check_texts(texts, row_ids, text_name)
    parts = np.full(n, "train", dtype="U5") if split is None else parse_split(split, row_ids, split_name)
    found = _find(labels, row_ids, classes, need_labels, text_name, label_name)
    encoded, gold_codes, gold_classes = Labels(found.codes, found.classes), None, []
    if gold is not None:
        gold_codes, extended = encode_against(gold, encoded, row_ids, gold_name)
        gold_classes = extended.classes
    notes += text_notes + found.notes

    lacking = found.codes < 0 if need_labels else np.zeros(n, dtype=bool)
    if gold_codes is not None:
        lacking &= (parts == "train") | (gold_codes < 0)
    if lacking.any():
        rows = np.flatnonzero(lacking)
        if missing == "error":
            refuse_missing(found, rows, row_ids, label_name)
        fate = "now dropped" if missing == "drop" else "kept out of the loss and all counts"
        notes.append(f"Rows without a label, {fate}: {len(rows)} of {n}; rows {rows_of(row_ids)(rows)}.")
    if lacking.any() and missing == "drop":
        keep = np.flatnonzero(~lacking)
        inputs = [inputs[place] for place in keep]
        row_ids, parts, empty = row_ids[keep], parts[keep], empty[keep]
        encoded = Labels(found.codes[keep], found.classes)
        gold_codes = None if gold_codes is None else gold_codes[keep]
    if holdout > 0:
        chosen = stratified_holdout(encoded.codes, (encoded.codes >= 0) & ~empty, row_ids, holdout, seed)
        parts[chosen] = "test"
        notes.append(f"Held out as test: {int(chosen.sum())} of {len(inputs)} rows (share {holdout}, seed {seed}).")
    if need_labels and not (parts == "train").any():
        raise InputError(f"{split_name}: no row is marked train, so there is nothing to learn from")

    dataset = Dataset(
        ids=row_ids,
        inputs=inputs,
        labels=encoded,
        gold=gold_codes,
        split=parts,
        status=row_status(encoded, parts, empty),
        notes=notes,
        fingerprint=fingerprint(row_ids, inputs, encoded, parts),
        name=name,
        gold_classes=gold_classes,
    )
    if need_labels:
        notes += _class_notes(dataset)
    notes += _gold_notes(dataset) + _conflict_notes(dataset)
    return dataset


def _find(
    labels: Any, ids: np.ndarray, classes: Sequence | None, need_labels: bool, text_name: str, label_name: str
) -> Found:
    """The classes in `labels`, or nothing but missing labels where there are none and none are needed."""
    n = len(ids)
    if labels is None:
        if need_labels:
            raise InputError(f"no {label_name} were given; learning needs one per row")
        return Found(np.full(n, -1, dtype=np.int64), [], [], [])
    found = find_classes(labels, label_name, rows_of(ids), classes)
    if len(found.codes) != n:
        raise InputError(f"{n} {text_name} but {len(found.codes)} {label_name} were given; one per text is needed")
    if need_labels and not (found.codes >= 0).any():
        raise InputError(f"{label_name}: none of the {n} rows has a label, so there is nothing to learn from")
    return found


def _class_notes(dataset: Dataset) -> list[str]:
    """Classes that cannot be learned or assessed as they are."""
    labels, counted = dataset.labels, (dataset.status == "judged") | (dataset.status == "class_too_small")
    counts = np.bincount(labels.codes[counted], minlength=labels.n_classes)
    notes = []
    if np.count_nonzero(counts) == 1:
        only = labels.classes[int(counts.argmax())]
        notes.append(f"All training rows have the same label, {only!r}; a classifier needs at least two classes.")
    for wanted, words in ((1, "a single training row, not assessed"), (0, "no training row, not assessed")):
        few = [repr(labels.classes[code]) for code in np.flatnonzero(counts == wanted)]
        if few:
            notes.append(f"Classes with {words}: {len(few)}; {', '.join(few[:5])}{', ...' if len(few) > 5 else ''}.")
    return notes


def _gold_notes(dataset: Dataset) -> list[str]:
    unseen = dataset.gold_classes[dataset.labels.n_classes :]
    if not unseen or not dataset.labels.n_classes:
        return []
    listed = ", ".join(map(repr, unseen[:5])) + (", ..." if len(unseen) > 5 else "")
    return [f"Gold classes that are never a given label, so cannot be predicted: {len(unseen)}; {listed}."]


def _conflict_notes(dataset: Dataset) -> list[str]:
    groups = conflicts(dataset)
    if not groups:
        return []
    rows = np.concatenate(groups)
    example = rows_of(dataset.ids)(groups[0])
    return [
        f"Texts with more than one label: {len(groups)} (in {len(rows)} training rows); the first is in rows {example}."
    ]


def _check_draw(holdout: float, seed: int, split: Any) -> None:
    if isinstance(holdout, bool) or not isinstance(holdout, (int, float)) or not 0 <= holdout < 1:
        raise InputError(f"holdout is {holdout!r}; it must be at least 0 and below 1")
    if holdout > 0 and split is not None:
        raise InputError("holdout and a split column were both given; the column says already what is held out")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed is {seed!r}; it must be a whole number of at least 0")


def _name_of(source: Any) -> str:
    if isinstance(source, str) and source.startswith("hf:"):
        return source
    return Path(source).name if isinstance(source, (str, Path)) else "data"
