"""The data after a review: the label that each row has now, the one it had, and who decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mislabel.data.classes import MISSING_WORDS, SENTINELS, class_key
from mislabel.data.ids import check_ids
from mislabel.data.numerals import label_text
from mislabel.decisions.events import NAMED, Decision
from mislabel.errors import InputError, some_ids
from mislabel.exchange.inputs import other_inputs
from mislabel.exchange.source_table import Original
from mislabel.modalities import modality, modality_names
from mislabel.run.rows import Rows
from mislabel.tables.format import Picked

DECIDED_BY = ("person", "suggestion", "kept")
MISSING = -1


@dataclass(frozen=True, eq=False)
class Corrected:
    """The n rows of the data after a review.

    Attributes
    ----------
    original : Original
    rows : Rows
        The audit.
    row_of : (n,) int64
        The row of the audit, -1 for rows that were left out of the run.
    decisions : dict
        A person's decisions, and trusted labels, by position in the data.
    suggested : (n,) bool
        Where the suggested label was taken without a person.
    labels : Picked
        Of the label column, or of the one that the run was given.
    decided_by : list of str
        n times person, suggestion or kept.
    reviewers : list of str or None, optional
        n times who decided; None where that is not to be told.
    notes : list of str or None, optional
        n times what a person wrote beside a decision; None where nobody wrote anything.
    """

    original: Original
    rows: Rows
    row_of: np.ndarray
    decisions: dict[int, Decision]
    suggested: np.ndarray
    labels: Picked
    decided_by: list[str]
    reviewers: list[str | None] | None = None
    notes: list[str | None] | None = None

    @property
    def taken(self) -> np.ndarray:
        """The rows of the audit whose suggested label was taken, (t,) int64."""
        return self.row_of[self.suggested]

    def counts(self) -> dict[str, int]:
        """Counts of this review: rows by who decided, labels that changed, unsure rows and those that fit no class."""
        persons = [decision for decision in self.decisions.values() if decision.kind != "unsure"]
        changed = self.labels.rows != np.arange(len(self.row_of))
        return {
            "rows": len(self.row_of),
            "person": len(persons),
            "suggestion": int(self.suggested.sum()),
            "kept": len(self.row_of) - len(persons) - int(self.suggested.sum()),
            "changed": int(changed.sum()),
            "unsure": len(self.decisions) - len(persons),
            "none": sum(decision.kind == "none" for decision in persons),
        }


class LabelCells:
    """Finds cells of the label column that hold a given label.

    Parameters
    ----------
    original : Original
    """

    def __init__(self, original: Original):
        self.n: int = len(original.labels)
        self.others: list[Any] = []
        self.cell_of: dict[Any, int] = {}
        for cell, value in enumerate(original.labels):
            if value is not None:
                self.cell_of.setdefault(_key(value), cell)
        self.by_text: dict[str, int] = {label_text(original.labels[cell]): cell for cell in self.cell_of.values()}

    def find(self, label: Any) -> int:
        """The row to write in `Picked` for a label, None meaning that there is none."""
        if label is None:
            return MISSING
        cell = self.cell_of.get(_key(label), self.by_text.get(label_text(label)))
        if cell is None:
            cell = self.cell_of[_key(label)] = self.n + len(self.others)
            self.others.append(label)
        return cell


def correct(
    original: Original, rows: Rows, decisions: Mapping[Any, Decision], take_suggestions: float | None
) -> Corrected:
    """Apply decisions to the data.

    Parameters
    ----------
    decisions : mapping
        What holds, by id, as `known_labels` gives it.
    take_suggestions : float, optional
        From which p_mislabeled on the suggested label is taken where no person decided, now or in an earlier review.

    Raises
    ------
    InputError
        If the data are not those of the run, or have columns of their own that are called as ours.
    """
    row_of = match(original, rows)
    position_of = {row: position for position, row in enumerate(row_of.tolist()) if row >= 0}
    decided_rows = zip(decisions.values(), rows.find(list(decisions)).tolist(), strict=True)
    decided = {position_of[row]: decision for decision, row in decided_rows if row >= 0}
    cells, written = LabelCells(original), np.arange(len(row_of))
    decided_by = carried_decisions(original) or ["kept"] * len(row_of)
    suggested = np.zeros(len(row_of), dtype=bool)
    if take_suggestions is not None:
        suggested = _taken(rows, row_of, take_suggestions) & (np.array(decided_by) != "person")
        suggested[list(decided)] = False
        codes = np.append(rows.labels["suggested_label"], -1)[row_of].tolist()
        for position in np.flatnonzero(suggested).tolist():
            written[position] = cells.find(rows.label(codes[position]))
            decided_by[position] = "suggestion"
    for position, decision in decided.items():
        if decision.kind == "unsure":
            continue
        decided_by[position] = "person"
        label = decision.label if decision.kind in NAMED else None
        if not same_label(original.labels[position], label):
            written[position] = cells.find(label)
    labels = Picked(original.label, written, cells.others)
    return Corrected(original, rows, row_of, decided, suggested, labels, decided_by)


def match(original: Original, rows: Rows) -> np.ndarray:
    """The row of the audit for each of the n rows of the data, (n,) int64, -1 for rows without a label left out.

    Raises
    ------
    InputError
        If rows of the audit are not in the data, their labels are others, there are labelled rows beyond the audit, or
        rows without ids have other texts or features: then they were sorted, or some came in and others went.
    """
    ids, labels = data_ids(original), original.labels
    row_of = rows.find(ids.tolist())
    there = np.zeros(len(rows), dtype=bool)
    there[row_of[row_of >= 0]] = True
    if not there.all():
        absent = [rows.id(int(row)) for row in np.flatnonzero(~there)]
        raise _changed(original, f"{len(absent)} rows of the run are not in it: {some_ids(absent)}")
    given = [rows.label(code) for code in rows.labels["given_label"].tolist()] + [None]
    wrong, more = [], []
    for position, row in enumerate(row_of.tolist()):
        if not same_label(labels[position], given[row]):
            (wrong if row >= 0 else more).append(ids[position])
    if wrong:
        raise _changed(original, f"{len(wrong)} rows have another label than the run was given: {some_ids(wrong)}")
    if more:
        raise _changed(original, f"{len(more)} rows have a label but are not in the run: {some_ids(more)}")
    others = other_inputs(original, rows, row_of) if original.roles["id"] is None else []
    if others:
        what = modality(rows.modality).words.other
        raise _changed(original, f"{len(others)} rows have {what} than the run read in their place: {some_ids(others)}")
    return row_of


def data_ids(original: Original) -> np.ndarray:
    """The ids (n,) as the run made them: of the id column, or the positions 0 to n - 1."""
    name = original.roles["id"]
    values = None if name is None else original.table.column(name)
    return check_ids(values, len(original.labels), name or "id")[0]


def carried_decisions(original: Original) -> list[str] | None:
    """n times who decided before this run, where the data are an export themselves; else None.

    Raises
    ------
    InputError
        If the data have a column of the same name that is something else.
    """
    names = original.table.names
    if original.carries_decisions:
        words = [word if isinstance(word, str) and word else "kept" for word in original.table.column("decided_by")]
        strange = sorted(set(words) - set(DECIDED_BY))
        spread = [name for name in modality_names() if not modality(name).one_column]  # globs and files, no columns
        roles = {original.roles[what] for what in original.roles if what not in spread}
        if not strange and not {"label_before", "decided_by"} & roles:
            return words
        raise InputError(
            f"{original.source} has columns label_before and decided_by that are no export's"
            + (f" (decided_by holds {strange[0]!r})" if strange else "")
            + ": rename them, and give the file with --data"
        )
    clash = [name for name in ("label_before", "decided_by") if name in names]
    if clash:
        raise InputError(
            f"{original.source} has a column {clash[0]!r} of its own, which an export adds: rename it, and give the "
            "file with --data"
        )
    return None


def same_label(cell: Any, given: Any) -> bool:
    """Whether a cell of the data holds the given label of the audit; None means that there is none."""
    if given is None:
        return is_missing(cell)
    alike = label_text(cell) == label_text(given)
    return alike or (cell == given and isinstance(cell, bool) == isinstance(given, bool))


def is_missing(value: Any) -> bool:
    """Whether a label cell means that there is no label, in any form that a run accepts."""
    if value is None or value != value:
        return True
    if isinstance(value, str):
        return value.strip().casefold() in MISSING_WORDS
    return not isinstance(value, (bool, list, dict)) and value in SENTINELS  # lists and dicts have no hash


def _taken(rows: Rows, row_of: np.ndarray, least: float) -> np.ndarray:
    """Rows (n,) bool whose suggested label is another than the given one, and likely enough to be right."""
    suggestion = rows.labels["suggested_label"]
    wanted = rows.judged & (suggestion >= 0) & (suggestion != rows.labels["given_label"])
    wanted &= rows.numbers["p_mislabeled"] >= np.float32(least)
    return np.append(wanted, False)[row_of]


def _key(value: Any) -> Any:
    kind, plain = class_key(value)
    return ("number" if kind in ("whole number", "decimal number") else kind), plain


def _changed(original: Original, what: str) -> InputError:
    return InputError(
        f"{original.source} is not what the run read: {what}. Give the data as they were then with --data, or audit "
        "the new data"
    )
