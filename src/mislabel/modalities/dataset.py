"""From arrays to a Dataset: inputs of any modality are checked here, once, at the door."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal

from mislabel.data.alignment import refuse_misaligned
from mislabel.data.dataset import assemble_dataset, check_plan
from mislabel.data.ids import check_ids
from mislabel.data.labels import Missing
from mislabel.data.rows import Dataset
from mislabel.errors import InputError, one_of
from mislabel.modalities.registry import modality as find_modality

OnBad = Literal["error", "quarantine"]


def make_dataset(
    inputs: Any,
    labels: Any = None,
    *,
    modality: str = "text",
    ids: Any = None,
    gold: Any = None,
    split: Any = None,
    missing: Missing = "error",
    on_bad: OnBad = "error",
    root: Path | None = None,
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
    **checks: Any,
) -> Dataset:
    """Check arrays and make a Dataset of them.

    Parameters
    ----------
    inputs
        n texts (an empty one is kept and marked), or what `check_images` or `check_features` take.
    modality : str
        The name of a modality, such as "text", "image" or "features".
    ids
        n whole numbers or strings; without them the rows are called 0..n-1.
    on_bad
        What becomes of images that cannot be read: "error", or "quarantine", which keeps the row and marks it.
    root
        Where relative image paths start.
    name, inputs_name, label_name, gold_name, id_name, split_name
        What things are called, for the messages.
    checks
        What `Reader.checks` says of a run that new rows are read for.
    labels, gold, split, missing, holdout, held_out, seed, classes, need_labels, notes
        See `mislabel.data.dataset.assemble_dataset`.

    Raises
    ------
    InputError
        If there are no rows, lengths or the indexes of pandas objects differ, or inputs, labels, ids or splits are not
        what they should be.
    """
    check_plan(missing, holdout, seed, split)
    one_of("on_bad", on_bad, ("error", "quarantine"))
    kind = find_modality(modality)
    inputs_name = inputs_name or kind.words.plural
    refuse_misaligned(
        [(inputs_name, inputs), (label_name, labels), (id_name, ids), (gold_name, gold), (split_name, split)]
    )
    n = kind.count(inputs, inputs_name)
    if n == 0:
        raise InputError(f"{name} has no rows; at least one is needed")
    row_ids, id_notes = check_ids(ids, n, id_name)
    checked = kind.check(inputs, row_ids, inputs_name, root=root, on_bad=on_bad, **checks)
    return assemble_dataset(
        checked,
        row_ids,
        labels,
        gold=gold,
        split=split,
        missing=missing,
        holdout=holdout,
        held_out=held_out,
        seed=seed,
        classes=classes,
        need_labels=need_labels,
        named=ids is not None,
        name=name,
        label_name=label_name,
        gold_name=gold_name,
        split_name=split_name,
        notes=[*notes, *id_notes],
    )
