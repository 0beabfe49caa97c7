"""`mislabel import-decisions`: a reviewed file is read back, line by line."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mislabel.decisions.events import Decision
from mislabel.decisions.sending import BEFORE, NOTE, REVIEWER, SAID, is_sent
from mislabel.decisions.store import Store
from mislabel.errors import InputError
from mislabel.exchange.corrected import data_ids, match
from mislabel.exchange.inputs import only_position_tells
from mislabel.exchange.known import known_labels
from mislabel.exchange.line_values import Refused, Unknown, same_cell
from mislabel.exchange.notes import NAME as DECISION_NOTE
from mislabel.exchange.reviewers import NAME as REVIEWERS
from mislabel.exchange.reviewers import decisions_by_name
from mislabel.exchange.source_table import Original, open_original
from mislabel.exchange.tasks import DECISION, LABEL, TASK_ID, is_task, task_line
from mislabel.exchange.verdicts import Columns, LineReader, Outcome
from mislabel.modalities import modality
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run
from mislabel.run.rows import Rows
from mislabel.tables.format import TolerantTable
from mislabel.tables.formulas import neutralised
from mislabel.tables.json_format import LOOKED_AT
from mislabel.tables.lines import Line
from mislabel.tables.sources import open_tolerant

OURS = {TASK_ID, "label_before", "decided_by", "decision"}  # names of columns that mean something in a reviewed file


@dataclass
class Imported:
    """What became of the lines of a file.

    Attributes
    ----------
    read, imported, unchanged, skipped : int
        Lines; those with a decision that is new, that held already, and those that say nothing beyond the export.
    refused : list of dict
        line, id (None where it has none) and reason of each of the others.
    replaced : int
        Of those imported, rows on which another decision stood: a file that is older than it overrules it.
    replaced_ids : list
        Their ids.
    by_place_alone : bool
        Whether rows were matched by position, and the run keeps nothing to check that against.
    notes : list of str
        What the user should know of how the file was read.
    """

    read: int = 0
    imported: int = 0
    unchanged: int = 0
    skipped: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)
    replaced: int = 0
    replaced_ids: list[Any] = field(default_factory=list)
    by_place_alone: bool = False
    notes: list[str] = field(default_factory=list)


def import_decisions(folder: RunFolder, path: Path, *, data: str | None = None) -> Imported:
    """Take the decisions of a file into the store of a run, all of them as one action that one undo reverts.

    A line is a decision where `decided_by` says person, or its label is not what an export writes without a person
    (so whoever changes a label in a spreadsheet need not touch the other columns). Where there is neither `decided_by`
    nor `label_before`, every label is a decision. A column `decision` may say keep, suggestion, label, unsure or none.
    Where the data have a column of such a name themselves, it is theirs and says nothing. An empty label with
    decided_by person says that no class fits. What is said of a row with a trusted label is new where it differs. Of
    Label Studio's tasks the annotations count: one without a choice says that no class fits, and one that was skipped
    that the person could not tell.

    What a review sends back that is one file (`mislabel review --static`), or the page exports, names reviewers and
    carries notes. Of a named reviewer's line, what holds already is what that person has decided.

    Rows are found by `mislabel_id`, the id column of the run, or `id`. A file without any belongs to a run without an
    id column: then it must have the rows of the data in their order, which is checked against the data.

    Parameters
    ----------
    folder : RunFolder
        A finished run.
    path : Path
        .csv, .tsv, .jsonl, .json, .parquet or .xlsx.
    data : str, optional
        Where the data are now, if they are needed and not where the run read them.

    Raises
    ------
    InputError
        If the run is not finished, the file cannot be read or lacks the columns, or its rows cannot be matched.
    """
    run = Run.open(folder)
    rows, roles = run.rows, run.columns
    usual = {*OURS, roles.get("label") or "label", roles.get("id") or "id", "label", "id"}
    reviewed = open_tolerant(path, usual | set(map(neutralised, usual)))
    original = _find_data(folder, data, reviewed, roles)
    columns = find_columns(reviewed, roles, rows, original, modality(run.modality).own_id)
    reads_back = columns.before or columns.decided_by
    own = decisions_by_name(run.history()) if columns.reviewer else {}
    reader = LineReader(rows, columns, known_labels(run), original if reads_back else None, own)
    done, outcomes = Imported(notes=list(reviewed.notes)), defaultdict(list)
    if columns.id is None:
        original = original or open_original(folder)
        lines = _by_order(reviewed, columns, original, rows)
        done.by_place_alone = only_position_tells(original, rows)
    else:
        lines = _by_id(reviewed, columns.id, roles.get("id") or "id")
    for line, id in lines:
        done.read += 1
        row = -1
        try:
            if line.problem:
                raise Refused(line.problem)
            row = reader.ids.find(id)
            outcome = reader.outcome(row, line.cells)
            outcomes[row].append((line.number, outcome))
        except Refused as refusal:
            if isinstance(refusal, Unknown) and reader.says_nothing(line.cells):
                done.skipped += 1
                continue
            known = id if isinstance(id, (str, int)) else None
            done.refused.append({"line": line.number, "id": known, "reason": str(refusal)})
            if row >= 0:
                outcomes[row].append((line.number, None))
    decisions = list(_decisions(reader, outcomes, done))
    if decisions:
        with Store(folder.decisions) as store:
            store.decide_as(decisions, source="import")
    done.refused.sort(key=lambda refusal: refusal["line"])
    return done


def find_columns(
    reviewed: TolerantTable,
    roles: Mapping[str, str | None],
    rows: Rows,
    original: Original | None,
    own_id: str | None,
) -> Columns:
    """The roles of the columns of the file: by the names of the run, or the usual ones that the data do not use.

    Parameters
    ----------
    own_id : str, optional
        What names the rows where they were no table: those of a folder of images.

    Raises
    ------
    InputError
        If no column holds labels, or none the ids that are needed, or the data call something else "id" than the run.
    """
    if named := _named_columns(reviewed):
        return named
    label, key = roles.get("label") or "label", roles.get("id")
    without_ids = not key and pa.types.is_integer(rows.ids.type)
    if not key and not without_ids:
        key = own_id
    theirs = {name for name in roles.values() if name} | set(original.table.names if original else ())
    if original is not None and original.carries_decisions:
        theirs -= {"label_before", "decided_by"}

    def find(*wanted: str | None) -> str | None:
        spelled = [spelling for name in wanted if name for spelling in (name, neutralised(name))]
        return next((name for name in spelled if name in reviewed.names), None)

    def ours(name: str) -> str | None:
        return None if name in theirs else name

    # A key that is in none of the first JSON objects may be in later ones: an export has it wherever there is a label.
    before, decision = find(ours("label_before")), find(ours("decision"))
    labels = find(label, ours("label")) or (label if before or decision else None)
    if labels is None:
        raise InputError(
            f"{reviewed.file} has the columns {', '.join(reviewed.names) or '(none)'}; needed are the label "
            f'("{label}", or "label") and the id ("{roles.get("id") or "id"}", or "id")'
        )
    id = find(ours(TASK_ID), key)
    if id is None and not (without_ids and before):  # a column "id" of an export would be one that the run did not use
        if without_ids and "id" in theirs and "id" in reviewed.names and original is not None:
            raise InputError(
                f'{original.source} has a column "id" that the run did not use: its rows are called 0, 1, 2, ... in '
                f'the order of the data. Name a column of these numbers "{TASK_ID}"'
            )
        id = find(ours("id"))
    if id is None and not (without_ids and before):
        raise InputError(
            f"{reviewed.file} has the columns {', '.join(reviewed.names)}; needed is one of the ids, "
            f'"{key or TASK_ID}", by which its rows are matched'
        )
    return Columns(id, labels, before, find(ours("decided_by")), decision)


def _are_tasks(reviewed: TolerantTable) -> bool:
    """Whether it is a file of Label Studio."""
    some = {"annotations", "completions", "predictions"} & set(reviewed.names)
    return bool(some) and any(is_task(line.cells) for line in islice(reviewed.lines(), LOOKED_AT))


def _named_columns(reviewed: TolerantTable) -> Columns | None:
    """Those of a file whose form says what they are; None for a table."""
    if _are_sent(reviewed):
        return Columns(TASK_ID, LABEL, BEFORE, None, SAID, NOTE, REVIEWER)
    return Columns(TASK_ID, LABEL, None, None, DECISION) if _are_tasks(reviewed) else None


def _are_sent(reviewed: TolerantTable) -> bool:
    """Whether it is a file of decisions that a review sends."""
    return SAID in reviewed.names and any(is_sent(line.cells) for line in islice(reviewed.lines(), LOOKED_AT))


def _find_data(
    folder: RunFolder, data: str | None, reviewed: TolerantTable, roles: Mapping[str, str | None]
) -> Original | None:
    """The data of the run, which may use our names for columns of their own, or be an export themselves.

    None where the file has no such names, and for tasks, which have names of their own; and where the data moved away:
    as far as anybody can tell they were an ordinary table.
    """
    if data is not None:
        return open_original(folder, data)
    key, names = roles.get("id"), set(reviewed.names)
    if _named_columns(reviewed) or (key and {key, roles.get("label") or "label"} <= names and not names & OURS):
        return None
    try:
        return open_original(folder)
    except InputError:
        return None


def _decisions(
    reader: LineReader, outcomes: dict[int, list[tuple[int, Outcome | None]]], done: Imported
) -> Iterator[tuple[Decision, str | None]]:
    """The decisions to add, each with who made it; counts the lines, and refuses those that contradict each other."""
    for row, lines in outcomes.items():
        id, outcome = reader.rows.id(row), lines[0][1]
        if outcome is None or any(other != outcome for _, other in lines):
            where = ", ".join(str(number) for number, _ in lines[:5])
            reason = f"{len(lines)} lines say different things of this row (lines {where})"
            refused = [number for number, other in lines if other is not None]
            done.refused += [{"line": number, "id": id, "reason": reason} for number in refused]
        elif outcome.kind is None:
            done.skipped += len(lines)
        elif reader.holds_already(row, outcome):
            done.unchanged += len(lines)
        else:
            done.imported += 1
            done.unchanged += len(lines) - 1
            if id in reader.holds:
                done.replaced += 1
                done.replaced_ids.append(id)
            # Whether chance chose the row is a matter of how it came to be reviewed, not of what is said of it.
            probe = id in reader.holds and reader.holds[id].probe
            decision = Decision(id, outcome.kind, outcome.label, reader.given(row), probe, outcome.note)
            yield decision, outcome.reviewer


def _by_id(reviewed: TolerantTable, column: str, id: str) -> Iterator[tuple[Line, Any]]:
    for line in reviewed.lines():
        if line.problem is None and is_task(line.cells):
            line = task_line(line, id)
        yield line, line.cells.get(column)


def _by_order(reviewed: TolerantTable, columns: Columns, original: Original, rows: Rows) -> Iterator[tuple[Line, Any]]:
    """Lines of a file without ids, which must be the rows of the data in their order.

    Raises
    ------
    InputError
        If a line differs from its row in a column that no reviewer changes, or there are more or fewer of them.
    """
    match(original, rows)
    ids = data_ids(original).tolist()
    problem = _difference(reviewed, columns.before or "", original)
    if problem:
        raise InputError(
            f"{reviewed.file} has no ids, so its rows must be those of {original.source} in their order, but "
            f"{problem}. Leave rows and other columns as they were exported, or audit with an id column (--id)"
        )
    yield from zip(reviewed.lines(), ids, strict=True)


def _difference(reviewed: TolerantTable, before: str, original: Original) -> str:
    """Where a file first differs from the data in what no reviewer changes, in words; nothing where it does not."""
    table, known = original.table, {}
    changed = {
        original.label,
        "label_before",
        "decided_by",
        *([REVIEWERS, DECISION_NOTE] if original.carries_decisions else []),
    }
    for name in set(table.names) - changed:
        spelled = name if name in reviewed.names else neutralised(name)
        if spelled in reviewed.names:
            column = table.column(name)
            # Floats as numpy's own, which know their precision.
            known[spelled] = list(column.to_numpy() if column.dtype in (np.float16, np.float32) else column)
    if original.carries_decisions or original.given is None:
        known[before] = list(table.column("label_before" if original.carries_decisions else original.label))
    else:
        known[before] = original.given
    n, count = len(original.labels), 0
    for count, line in enumerate(reviewed.lines(), start=1):
        if line.problem is not None or count > n:
            continue
        for name, column in known.items():
            if name in line.cells and not same_cell(line.cells[name], column[count - 1]):
                return f"line {line.number} has something else in the column {name!r}"
    return "" if count == n else f"it has {count} rows and the data {n}"
