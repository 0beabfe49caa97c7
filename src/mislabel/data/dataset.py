"""From checked inputs and a column of labels to a Dataset: every label, split and id is checked here, once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.classes import EncodedColumn, check_class_list, class_key, find_classes
from mislabel.data.consensus import agree, consensus_note
from mislabel.data.decided_labels import with_trusted
from mislabel.data.inputs import CheckedInputs
from mislabel.data.label_columns import rows_of
from mislabel.data.label_sources import Sources, source_notes
from mislabel.data.labels import Labels, encode_against, refuse_missing
from mislabel.data.order import class_ranks, recoded, row_order
from mislabel.data.plan import Plan
from mislabel.data.rows import Dataset, conflicts, fingerprint, row_status
from mislabel.data.source_columns import read_sources
from mislabel.data.splits import parse_split, stratified_holdout
from mislabel.data.training_rows import TRAINS
from mislabel.data.trusted_labels import read_trusted, refuse_one_column
from mislabel.errors import InputError, NotAssessed


@dataclass(frozen=True)
class Columns:
    """The columns of n rows beside their inputs.

    Attributes
    ----------
    labels
        n labels in any form that `encode_labels` takes.
    gold
        n true labels, some of which may be missing. They only score.
    split
        n times train, valid or test. Without it all rows train.
    trusted
        n labels that somebody checked, most of which may be missing. They teach, and are never scored.
    sources, votes
        Several labels a row, as columns or as a long table: see `mislabel.data.source_columns.read_sources`. Without
        `labels` the given ones are what the sources come to.
    """

    labels: Any = None
    gold: Any = None
    split: Any = None
    trusted: Any = None
    sources: Any = None
    votes: Any = None

    @property
    def several(self) -> bool:
        """Whether sources labelled the rows."""
        return self.sources is not None or self.votes is not None


@dataclass(frozen=True)
class Names:
    """What things are called, for the messages; inputs as their modality calls them where nothing else is said."""

    data: str = "data"
    inputs: str | None = None
    label: str = "labels"
    gold: str = "gold"
    id: str = "ids"
    split: str = "split"
    trusted: str = "trusted"
    sources: str = "sources"


def assemble_dataset(
    inputs: CheckedInputs,
    ids: np.ndarray,
    columns: Columns,
    plan: Plan,
    *,
    names: Names,
    named: bool = True,
    notes: Sequence[str] = (),
) -> Dataset:
    """Put a Dataset together.

    Parameters
    ----------
    inputs : CheckedInputs
        Of n rows.
    ids : (n,) int64 or object
        As `check_ids` gives them.
    columns : Columns
    plan : Plan
    names : Names
    named
        Whether the ids were given; else they are positions, and a row is known by what is in it.
    notes
        What the user should know of the data already, as sentences; they come first.

    Raises
    ------
    InputError
        If lengths differ, or labels or splits are not what they should be.
    """
    refuse_one_column(columns.trusted, columns.labels, columns.gold, (names.trusted, names.label, names.gold))
    parts = np.full(len(ids), "train", dtype="U5")
    if columns.split is not None:
        parts = parse_split(columns.split, ids, names.split)
    agreed = columns.labels is None and columns.several
    asked = replace(plan, need_labels=False) if agreed else plan
    encoded = _given(columns.labels, ids, asked, inputs.name, names.label)
    given, trusted, gold_codes, gold_classes = Labels(encoded.codes, encoded.classes), None, None, []
    sources, given, more = _voted(columns, given, parts, ids, plan, names)
    all_notes = [*notes, *inputs.notes, *encoded.notes, *more]
    if columns.trusted is not None:
        before = given.classes
        trusted, given, more = read_trusted(columns.trusted, given, parts, ids, plan, names.trusted)
        sources, all_notes = _following(sources, before, given.classes), [*all_notes, *more]
    if columns.gold is not None:
        gold_codes, extended = encode_against(columns.gold, given, ids, names.gold)
        gold_classes = extended.classes

    lacking = _lacking(given.codes, gold_codes, trusted, parts) & plan.need_labels
    if lacking.any():
        all_notes.append(_fate_of(np.flatnonzero(lacking), encoded, ids, plan, names, agreed))
    if lacking.any() and plan.missing == "drop":
        keep = np.flatnonzero(~lacking)
        inputs, ids, parts, given = (
            inputs.take(keep),
            ids[keep],
            parts[keep],
            Labels(given.codes[keep], given.classes),
        )
        gold_codes = None if gold_codes is None else gold_codes[keep]
        trusted = None if trusted is None else trusted[keep]
        sources = None if sources is None else sources.rows(keep)
    if plan.holdout > 0:
        chosen = _hold_out(given, inputs, ids, plan, named)
        parts[chosen] = "test"
        how = f"share {plan.holdout}, seed {plan.seed}" if plan.held_out is None else "those of before"
        all_notes.append(f"Held out as test: {int(chosen.sum())} of {len(ids)} rows ({how}).")
    if plan.need_labels and not (parts == "train").any():
        raise NotAssessed(f"{names.split}: no row is marked train, so there is nothing to learn from")

    dataset = Dataset(
        ids=ids,
        inputs=inputs.values,
        labels=given,
        gold=gold_codes,
        split=parts,
        status=row_status(given, parts, inputs.empty, inputs.unreadable),
        notes=all_notes,
        fingerprint="",
        name=names.data,
        gold_classes=gold_classes,
        named=named,
        sources=sources,
    )
    if trusted is not None:
        dataset = with_trusted(dataset, trusted, names.trusted)
    more = (_class_notes(dataset) if plan.need_labels else []) + _gold_notes(dataset) + _conflict_notes(dataset)
    known = fingerprint(ids, inputs.values, given, parts, dataset.decided, sources)
    return replace(dataset, notes=[*dataset.notes, *more], fingerprint=known)


def _fate_of(rows: np.ndarray, encoded: EncodedColumn, ids: np.ndarray, plan: Plan, names: Names, agreed: bool) -> str:
    """What becomes of rows without a label that need one, as a sentence; an error where that is not allowed."""
    if plan.missing == "error" and not agreed:  # all sources may abstain
        refuse_missing(encoded, rows, ids, names.label)
    fate = "now dropped" if plan.missing == "drop" else "kept out of the loss and all counts"
    return f"Rows without a label, {fate}: {len(rows)} of {len(ids)}; rows {rows_of(ids)(rows)}."


def _voted(
    columns: Columns, given: Labels, parts: np.ndarray, ids: np.ndarray, plan: Plan, names: Names
) -> tuple[Sources | None, Labels, list[str]]:
    """The sources, the given labels with all classes, and notes; without a column of labels they are the consensus."""
    if not columns.several:
        if plan.source_kind is not None:
            raise InputError("source_kind says what kind of source each is, and no sources were given")
        return None, given, []
    if columns.labels is None and plan.classes is not None:
        given = Labels(given.codes, check_class_list(plan.classes, names.sources))
    sources, given, notes = read_sources(columns.sources, columns.votes, given, ids, plan, names.sources)
    notes = [*notes, *source_notes(sources)]
    if columns.labels is not None:
        return sources, given, notes
    codes, how = agree(sources, parts == "train")
    return replace(sources, consensus=how), Labels(codes, given.classes), [*notes, consensus_note(how)]


def _following(sources: Sources | None, before: list[Any], after: list[Any]) -> Sources | None:
    """The sources after classes were added among those of before."""
    positions = {class_key(value): code for code, value in enumerate(after)}
    ranks = np.array([positions[class_key(value)] for value in before], dtype=np.int64)
    return None if sources is None else sources.recoded(ranks)


def _hold_out(given: Labels, inputs: CheckedInputs, ids: np.ndarray, plan: Plan, named: bool) -> np.ndarray:
    """The rows (n,) bool to hold out: those of before, by their ids, or a draw; all have a label and an input."""
    eligible = (given.codes >= 0) & ~inputs.empty & ~inputs.unreadable
    if plan.held_out is not None:
        return eligible & pd.Series(ids).isin(list(plan.held_out)).to_numpy()
    codes = recoded(given.codes, class_ranks(given.classes))
    order = row_order(ids if named else None, inputs.values, codes)
    return stratified_holdout(codes, eligible, order, plan.holdout, plan.seed)


def _lacking(codes: np.ndarray, gold: np.ndarray | None, trusted: np.ndarray | None, parts: np.ndarray) -> np.ndarray:
    """The rows (n,) bool without a label that need one.

    Training rows do not where they have a trusted label, and valid and test rows do not where they have a gold one.
    """
    lacking, train = codes < 0, parts == "train"
    if gold is not None:
        lacking &= train | (gold < 0)
    return lacking if trusted is None else lacking & (~train | (trusted < 0))


def _given(labels: Any, ids: np.ndarray, plan: Plan, inputs_name: str, label_name: str) -> EncodedColumn:
    """The given labels, of which -1 is a class where it stands beside 1 alone."""
    encoded = _find(labels, ids, plan, inputs_name, label_name)
    alone = encoded.classes == [1] and encoded.missing_as in (["-1"], ["-1.0"])
    if not alone or plan.missing != "error" or not plan.need_labels:
        return encoded
    # As a sign for "no label" -1 would leave a single class; as a class it makes the usual pair.
    pair = [-encoded.classes[0], encoded.classes[0]]
    encoded = _find(labels, ids, replace(plan, classes=pair), inputs_name, label_name)
    encoded.notes.append(f"{label_name}: -1 and 1 are the only values, so -1 is taken as a class.")
    return encoded


def _find(labels: Any, ids: np.ndarray, plan: Plan, inputs_name: str, label_name: str) -> EncodedColumn:
    """The classes in `labels`, or nothing but missing labels where there are none and none are needed."""
    n = len(ids)
    if labels is None:
        if plan.need_labels:
            raise InputError(f"no {label_name} were given; learning needs one per row")
        return EncodedColumn(np.full(n, -1, dtype=np.int64), [], [], [])
    encoded = find_classes(labels, label_name, rows_of(ids), plan.classes)
    if len(encoded.codes) != n:
        raise InputError(f"{n} {inputs_name} but {len(encoded.codes)} {label_name} were given; one per row is needed")
    if plan.need_labels and not (encoded.codes >= 0).any():
        raise NotAssessed(f"{label_name}: none of the {n} rows has a label, so there is nothing to learn from")
    return encoded


def _class_notes(dataset: Dataset) -> list[str]:
    """Classes that cannot be learned or assessed as they are."""
    labels, counted = dataset.labels, np.isin(dataset.status, TRAINS)
    counts = np.bincount(dataset.training_codes[counted], minlength=labels.n_classes)
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
