"""The decision in a line of a reviewed file, compared with the run and with what an export would have written."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mislabel.decisions.events import KINDS, NAMED, Decision, Kind, checked_name, checked_note
from mislabel.errors import InputError, did_you_mean, listed
from mislabel.exchange.corrected import DECIDED_BY, is_missing, match
from mislabel.exchange.line_values import Ids, LabelReader, Refused, same_cell, shown
from mislabel.exchange.source_table import Original
from mislabel.run.rows import Rows


class Columns(NamedTuple):
    """How the columns of a file are called; None for what it does not have."""

    id: str | None
    label: str
    before: str | None
    decided_by: str | None
    decision: str | None
    note: str | None = None
    reviewer: str | None = None


class Outcome(NamedTuple):
    """The decision in a line: its kind, label, note and who made it; kind None where the line has none."""

    kind: Kind | None
    label: Any = None
    note: str | None = None
    reviewer: str | None = None


class LineReader:
    """Reads the decision in a line of a reviewed file.

    Parameters
    ----------
    rows : Rows
    columns : Columns
    holds : dict
        The decisions that hold, and trusted labels, by id.
    original : Original, optional
        The data, where they are an export themselves and so say of some rows already who decided.
    own : mapping, optional
        What each reviewer has decided, by name and id.
    """

    def __init__(
        self, rows: Rows, columns: Columns, holds: dict[Any, Decision], original: Original | None,
        own: Mapping[str, Mapping[Any, Decision]] | None = None,
    ):  # fmt: skip
        self.rows: Rows = rows
        self.columns: Columns = columns
        self.holds: dict[Any, Decision] = holds
        self.own: Mapping[str, Mapping[Any, Decision]] = own or {}
        self.ids: Ids = Ids(rows)
        self.labels: LabelReader = LabelReader(rows.classes)
        self.carried: dict[int, tuple[Any, Any]] = {}
        if original is not None and original.carries_decisions:
            before, by = original.table.column("label_before"), original.table.column("decided_by")
            pairs = zip(match(original, rows).tolist(), before, by, strict=True)
            self.carried = {row: (was, who) for row, was, who in pairs}

    def says_nothing(self, cells: dict[str, Any]) -> bool:
        """Whether a line says nothing, as that of a row without a label, which was left out of the run."""
        columns = self.columns
        try:
            decides = _word(cells, columns.decision, KINDS) or _word(cells, columns.decided_by, DECIDED_BY) == "person"
        except Refused:  # a word that means nothing is not nothing
            return False
        return not decides and is_missing(cells.get(columns.label))

    def given(self, row: int) -> Any:
        return self.rows.label(int(self.rows.labels["given_label"][row]))

    def suggested(self, row: int) -> Any:
        return self.rows.label(int(self.rows.labels["suggested_label"][row]))

    def outcome(self, row: int, cells: dict[str, Any]) -> Outcome:
        """What a line says of a row; `Refused` where it does not fit."""
        columns = self.columns
        word = _word(cells, columns.decision, KINDS)
        label = self.labels.read(cells.get(columns.label))
        if columns.before is not None:
            was = self.carried[row][0] if row in self.carried else self.given(row)
            if not self._is_label(cells.get(columns.before), was):
                raise Refused(
                    f"its label_before is {shown(cells.get(columns.before))}, and the run was given {was!r}: "
                    "this is a file of other data"
                )
        if word:
            return self._by_decision(row, word, label)._replace(
                note=_told(cells, columns.note, checked_note), reviewer=_told(cells, columns.reviewer, checked_name)
            )
        if columns.decided_by is None and columns.before is None:
            return self._with_label(row, label) if label is not None and columns.decision is None else Outcome(None)
        return self._read_back(row, label, _word(cells, columns.decided_by, DECIDED_BY))

    def _by_decision(self, row: int, word: str, label: Any) -> Outcome:
        """What the column `decision` says; the label may be the decided one, the given one, or left out."""
        meant = {"keep": self.given(row), "suggestion": self.suggested(row), "label": label}.get(word)
        if word in NAMED and meant is None:
            raise Refused(f"its decision is {word}, but there is no such label")
        if word != "label" and label is not None and label not in (meant, self.given(row)):
            raise Refused(f"its decision is {word}, but its label is {label!r}")
        return self._with_label(row, meant) if word in NAMED else Outcome("none" if word == "none" else "unsure")

    def _read_back(self, row: int, label: Any, by: str) -> Outcome:
        """What differs from an export without a person."""
        given, earlier = self.given(row), self.carried[row][1] if row in self.carried else None
        holds = self.holds.get(self.rows.id(row))
        if by == earlier and label == given and (holds is None or holds.kind == "unsure"):
            return Outcome(None)  # of an earlier review, whose labels this run was given
        if by == "person":
            return self._with_label(row, label) if label is not None else Outcome("none")
        if label == (self.suggested(row) if by == "suggestion" else given):
            return Outcome(None)
        if label is None:
            raise Refused("its label is empty, but decided_by is not person: person would say that no class fits")
        return self._with_label(row, label)

    def _with_label(self, row: int, label: Any) -> Outcome:
        if label == self.given(row):
            return Outcome("keep", label)
        return Outcome("suggestion" if label == self.suggested(row) else "label", label)

    def _is_label(self, cell: Any, label: Any) -> bool:
        try:
            return self.labels.read(cell) == self.labels.read(label)
        except Refused:  # a label from before this run, which is no class of it
            return same_cell(cell, label)

    def holds_already(self, row: int, outcome: Outcome) -> bool:
        holds = self.holds if outcome.reviewer is None else self.own.get(outcome.reviewer, {})
        decision = holds.get(self.rows.id(row))
        if decision is None:
            return False
        if outcome.note not in (None, decision.note):
            return False
        return (
            decision.label == outcome.label
            if decision.kind in NAMED and outcome.kind in NAMED
            else decision.kind == outcome.kind
        )


def _told(cells: dict[str, Any], column: str | None, check: Callable[[str | None], str | None]) -> str | None:
    """What stands beside a decision, text or nothing."""
    text = cells.get(column) if column else None
    if text is not None and not isinstance(text, str):
        raise Refused(f"its {column} is {shown(text)}, and no text")
    try:
        return check(text)
    except InputError as error:
        raise Refused(str(error)) from error


def _word(cells: dict[str, Any], column: str | None, known: tuple[str, ...]) -> str:
    value = cells.get(column) if column else None
    if value is None or value != value:
        return ""
    word = str(value).strip().casefold()
    if word and word not in known:
        raise Refused(f"its {column} is {shown(value)}{did_you_mean(word[:40], known)}; there are {listed(known)}")
    return word
