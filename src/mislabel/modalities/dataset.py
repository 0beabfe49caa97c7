"""From arrays to a Dataset: everything is checked here, once, at the door."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mislabel.data.classes import Found, find_classes
from mislabel.data.columns import as_list
from mislabel.data.ids import check_ids
from mislabel.data.inputs import Modality, RawInputs
from mislabel.data.label_columns import rows_of
from mislabel.data.labels import MISSING_POLICIES, Labels, Missing, encode_against, refuse_missing
from mislabel.data.rows import STATUSES, Dataset, conflicts, fingerprint, row_status
from mislabel.data.splits import hold_out, parse_split
from mislabel.errors import InputError, one_of
from mislabel.modalities.features import FeatureEncoding, check_features
from mislabel.modalities.image import check_images
from mislabel.modalities.text.checks import check_texts
from mislabel.modalities.text.texts import Texts

OnBad = Literal["error", "quarantine"]
WORDS = {"text": "Texts", "image": "Images", "features": "Rows of equal features"}

__all__ = ["STATUSES", "Dataset", "conflicts", "make_dataset"]


def make_dataset(
    inputs: Any,
    labels: Any = None,
    *,
    modality: Modality = "text",
    ids: Any = None,
    gold: Any = None,
    split: Any = None,
    missing: Missing = "error",
    on_bad: OnBad = "error",
    root: Path | None = None,
    encoding: FeatureEncoding | None = None,
    holdout: float = 0.0,
    held_out: Collection | None = None,
    seed: int = 0,
    classes: Sequence | None = None,
    need_labels: bool = True,
    name: str = "data",
    inputs_name: str | None = None,
    label_name: str = "labels",
    gold_name: str = "gold",
    id_name: str = "ids",
    split_name: str = "split",
    notes: Sequence[str] = (),
) -> Dataset:
    """Check arrays and make a Dataset of them.

    Parameters
    ----------
    inputs
        n texts (an empty one is kept and marked), or what `check_images` or `check_features` take.
    labels
        n labels in any form that `encode_labels` takes.
    modality : "text", "image" or "features"
    ids
        n whole numbers or strings; without them the rows are called 0..n-1.
    gold
        n true labels, some of which may be missing.
    split
        n times train, valid or test. Without it all rows train.
    missing
        What becomes of rows without a label: "error", "drop", or "unlabeled". A valid or test row that has a gold
        label does not need a given one.
    on_bad
        What becomes of images that cannot be read: "error", or "quarantine", which keeps the row and marks it.
    root
        Where relative image paths start.
    encoding
        How features were encoded for training; learned from `inputs` without it.
    holdout, seed
        The share of the labelled rows to hold out as test, stratified by the given label, and the seed of the draw.
    held_out
        Ids to hold out in place of a draw, as by a run before: labels that changed since would change the draw.
    classes
        The classes, in order; see `encode_labels`.
    need_labels
        Whether labels are needed at all; they are not for prediction, where missing ones are fine.
    name, inputs_name, label_name, gold_name, id_name, split_name
        What things are called, for the messages.
    notes
        What is known already, to be told first.

    Raises
    ------
    InputError
        If there are no rows, lengths differ, or inputs, labels, ids or splits are not what they should be.
    """
    one_of("missing", missing, MISSING_POLICIES)
    inputs_name = inputs_name or {"text": "texts", "image": "images", "features": "features"}[modality]
    one_of("on_bad", on_bad, ("error", "quarantine"))
    _check_draw(holdout, seed, split)
    n = len(as_list(inputs, inputs_name) if modality == "text" else inputs)
    if n == 0:
        raise InputError(f"{name} has no rows; at least one is needed")
    row_ids, id_notes = check_ids(ids, n, id_name)
    checked, empty, unreadable, input_notes = _check_inputs(
        inputs, modality, row_ids, inputs_name, root, on_bad, encoding
    )
    parts = np.full(n, "train", dtype="U5") if split is None else parse_split(split, row_ids, split_name)
    found = _find(labels, row_ids, classes, need_labels, inputs_name, label_name)
    if missing == "error" and need_labels and found.classes == [1] and found.missing_as in (["-1"], ["-1.0"]):
        # As a sign for "no label" -1 would leave a single class; as a class it makes the usual pair.
        pair = [-found.classes[0], found.classes[0]]
        found = _find(labels, row_ids, pair, need_labels, inputs_name, label_name)
        found.notes.append(f"{label_name}: -1 and 1 are the only values, so -1 is taken as a class.")
    encoded, gold_codes, gold_classes = Labels(found.codes, found.classes), None, []
    if gold is not None:
        gold_codes, extended = encode_against(gold, encoded, row_ids, gold_name)
        gold_classes = extended.classes
    told = [*notes, *id_notes, *input_notes, *found.notes]

    lacking = _lacking(found.codes, gold_codes, parts) & need_labels
    if lacking.any():
        rows = np.flatnonzero(lacking)
        if missing == "error":
            refuse_missing(found, rows, row_ids, label_name)
        fate = "now dropped" if missing == "drop" else "kept out of the loss and all counts"
        told.append(f"Rows without a label, {fate}: {len(rows)} of {n}; rows {rows_of(row_ids)(rows)}.")
    if lacking.any() and missing == "drop":
        keep = np.flatnonzero(~lacking)
        checked = checked.take(keep)
        row_ids, parts, empty, unreadable = row_ids[keep], parts[keep], empty[keep], unreadable[keep]
        encoded = Labels(found.codes[keep], found.classes)
        gold_codes = None if gold_codes is None else gold_codes[keep]
    if holdout > 0:
        eligible = (encoded.codes >= 0) & ~empty & ~unreadable
        chosen = hold_out(encoded.codes, eligible, row_ids, holdout, seed, held_out)
        parts[chosen] = "test"
        how = f"share {holdout}, seed {seed}" if held_out is None else "those of before"
        told.append(f"Held out as test: {int(chosen.sum())} of {len(checked)} rows ({how}).")
    if need_labels and not (parts == "train").any():
        raise InputError(f"{split_name}: no row is marked train, so there is nothing to learn from")

    dataset = Dataset(
        ids=row_ids,
        inputs=checked,
        labels=encoded,
        gold=gold_codes,
        split=parts,
        status=row_status(encoded, parts, empty, unreadable),
        notes=told,
        fingerprint=fingerprint(row_ids, checked, encoded, parts),
        name=name,
        gold_classes=gold_classes,
    )
    if need_labels:
        told += _class_notes(dataset)
    told += _gold_notes(dataset) + _conflict_notes(dataset)
    return dataset


def _lacking(codes: np.ndarray, gold: np.ndarray | None, parts: np.ndarray) -> np.ndarray:
    """The rows (n,) bool without a label that need one: valid and test rows do not where they have a gold label."""
    lacking = codes < 0
    return lacking if gold is None else lacking & ((parts == "train") | (gold < 0))


def _check_inputs(
    values: Any,
    modality: Modality,
    ids: np.ndarray,
    name: str,
    root: Path | None,
    on_bad: OnBad,
    encoding: FeatureEncoding | None,
) -> tuple[RawInputs, np.ndarray, np.ndarray, list[str]]:
    """The inputs, which (n,) bool are empty and which cannot be read, and notes."""
    none = np.zeros(len(ids), dtype=bool)
    if modality == "text":
        texts, empty, notes = check_texts(values, ids, name)
        return Texts(texts), empty, none, notes
    if modality == "image":
        images, unreadable, notes = check_images(values, ids, name, root=root, on_bad=on_bad)
        return images, none, unreadable, notes
    table, notes = check_features(values, ids, name, encoding=encoding)
    return table, none, none, notes


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
    many = f"{WORDS[dataset.inputs.modality]} with more than one label: {len(groups)}"
    first = rows_of(dataset.ids)(groups[0])
    return [f"{many} (in {sum(map(len, groups))} training rows); the first is in rows {first}."]


def _check_draw(holdout: float, seed: int, split: Any) -> None:
    if isinstance(holdout, bool) or not isinstance(holdout, (int, float)) or not 0 <= holdout < 1:
        raise InputError(f"holdout is {holdout!r}; it must be at least 0 and below 1")
    if holdout > 0 and split is not None:
        raise InputError("holdout and a split column were both given; the column says already what is held out")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed is {seed!r}; it must be a whole number of at least 0")
