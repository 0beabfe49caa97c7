"""From checked inputs and a column of labels to a Dataset: every label, split and id is looked at here, once."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.classes import Found, find_classes
from mislabel.data.inputs import CheckedInputs
from mislabel.data.label_columns import rows_of
from mislabel.data.labels import MISSING_POLICIES, Labels, Missing, encode_against, refuse_missing
from mislabel.data.order import class_ranks, recoded, row_order
from mislabel.data.rows import Dataset, conflicts, fingerprint, row_status
from mislabel.data.splits import parse_split, stratified_holdout
from mislabel.errors import InputError, one_of


def assemble_dataset(
    inputs: CheckedInputs,
    ids: np.ndarray,
    labels: Any = None,
    *,
    gold: Any = None,
    split: Any = None,
    missing: Missing = "error",
    holdout: float = 0.0,
    held_out: Collection | None = None,
    seed: int = 0,
    classes: Sequence | None = None,
    need_labels: bool = True,
    named: bool = True,
    name: str = "data",
    label_name: str = "labels",
    gold_name: str = "gold",
    split_name: str = "split",
    notes: Sequence[str] = (),
) -> Dataset:
    """Put a Dataset together.

    Parameters
    ----------
    inputs : CheckedInputs
        Of n rows.
    ids : (n,) int64 or object
        As `check_ids` gives them.
    labels
        n labels in any form that `encode_labels` takes.
    gold
        n true labels, some of which may be missing.
    split
        n times train, valid or test. Without it all rows train.
    missing
        What becomes of rows without a label: "error", "drop", or "unlabeled". A valid or test row that has a gold
        label does not need a given one.
    holdout, seed
        The share of the labelled rows to hold out as test, stratified by the given label, and the seed of the draw.
    held_out
        Ids to hold out in place of a draw, as by a run before: labels that changed since would change the draw.
    classes
        The classes, in order; see `encode_labels`.
    need_labels
        Whether labels are needed at all; they are not for prediction, where missing ones are fine.
    named
        Whether the ids were given; else they are places, and a row is known by what is in it.
    name, label_name, gold_name, split_name
        What things are called, for the messages.
    notes
        What is known already, to be told first.

    Raises
    ------
    InputError
        If lengths differ, or labels or splits are not what they should be.
    """
    check_plan(missing, holdout, seed, split)
    parts = np.full(len(ids), "train", dtype="U5") if split is None else parse_split(split, ids, split_name)
    found = _find(labels, ids, classes, need_labels, inputs.name, label_name)
    if missing == "error" and need_labels and found.classes == [1] and found.missing_as in (["-1"], ["-1.0"]):
        # As a sign for "no label" -1 would leave a single class; as a class it makes the usual pair.
        pair = [-found.classes[0], found.classes[0]]
        found = _find(labels, ids, pair, need_labels, inputs.name, label_name)
        found.notes.append(f"{label_name}: -1 and 1 are the only values, so -1 is taken as a class.")
    encoded, gold_codes, gold_classes = Labels(found.codes, found.classes), None, []
    if gold is not None:
        gold_codes, extended = encode_against(gold, encoded, ids, gold_name)
        gold_classes = extended.classes
    told = [*notes, *inputs.notes, *found.notes]

    lacking = _lacking(found.codes, gold_codes, parts) & need_labels
    if lacking.any():
        rows = np.flatnonzero(lacking)
        if missing == "error":
            refuse_missing(found, rows, ids, label_name)
        fate = "now dropped" if missing == "drop" else "kept out of the loss and all counts"
        told.append(f"Rows without a label, {fate}: {len(rows)} of {len(ids)}; rows {rows_of(ids)(rows)}.")
    if lacking.any() and missing == "drop":
        keep = np.flatnonzero(~lacking)
        inputs, ids, parts, encoded = (
            inputs.take(keep),
            ids[keep],
            parts[keep],
            Labels(found.codes[keep], found.classes),
        )
        gold_codes = None if gold_codes is None else gold_codes[keep]
    if holdout > 0:
        eligible = (encoded.codes >= 0) & ~inputs.empty & ~inputs.unreadable
        if held_out is None:
            codes = recoded(encoded.codes, class_ranks(encoded.classes))
            order = row_order(ids if named else None, inputs.values, codes)
            chosen = stratified_holdout(codes, eligible, order, holdout, seed)
        else:
            chosen = eligible & pd.Series(ids).isin(list(held_out)).to_numpy()
        parts[chosen] = "test"
        how = f"share {holdout}, seed {seed}" if held_out is None else "those of before"
        told.append(f"Held out as test: {int(chosen.sum())} of {len(ids)} rows ({how}).")
    if need_labels and not (parts == "train").any():
        raise InputError(f"{split_name}: no row is marked train, so there is nothing to learn from")

    dataset = Dataset(
        ids=ids,
        inputs=inputs.values,
        labels=encoded,
        gold=gold_codes,
        split=parts,
        status=row_status(encoded, parts, inputs.empty, inputs.unreadable),
        notes=told,
        fingerprint=fingerprint(ids, inputs.values, encoded, parts),
        name=name,
        gold_classes=gold_classes,
        named=named,
    )
    if need_labels:
        told += _class_notes(dataset)
    told += _gold_notes(dataset) + _conflict_notes(dataset)
    return dataset


def check_plan(missing: str, holdout: float, seed: int, split: Any) -> None:
    """Raise InputError for settings that no data could make right: known before any input is looked at."""
    one_of("missing", missing, MISSING_POLICIES)
    if isinstance(holdout, bool) or not isinstance(holdout, (int, float)) or not 0 <= holdout < 1:
        raise InputError(f"holdout is {holdout!r}; it must be at least 0 and below 1")
    if holdout > 0 and split is not None:
        raise InputError("holdout and a split column were both given; the column says already what is held out")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed is {seed!r}; it must be a whole number of at least 0")


def _lacking(codes: np.ndarray, gold: np.ndarray | None, parts: np.ndarray) -> np.ndarray:
    """The rows (n,) bool without a label that need one: valid and test rows do not where they have a gold label."""
    lacking = codes < 0
    return lacking if gold is None else lacking & ((parts == "train") | (gold < 0))


def _find(
    labels: Any, ids: np.ndarray, classes: Sequence | None, need_labels: bool, inputs_name: str, label_name: str
) -> Found:
    """The classes in `labels`, or nothing but missing labels where there are none and none are needed."""
    n = len(ids)
    if labels is None:
        if need_labels:
            raise InputError(f"no {label_name} were given; learning needs one per row")
        return Found(np.full(n, -1, dtype=np.int64), [], [], [])
    found = find_classes(labels, label_name, rows_of(ids), classes)
    if len(found.codes) != n:
        raise InputError(f"{n} {inputs_name} but {len(found.codes)} {label_name} were given; one per row is needed")
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
    many = f"{dataset.inputs.repeated} with more than one label: {len(groups)}"
    first = rows_of(dataset.ids)(groups[0])
    return [f"{many} (in {sum(map(len, groups))} training rows); the first is in rows {first}."]
