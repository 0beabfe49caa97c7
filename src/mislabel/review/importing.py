"""`mislabel import-decisions`: a reviewed file comes back, line by line."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from mislabel.errors import InputError
from mislabel.review.exchange.corrected import data_ids, match
from mislabel.review.exchange.formulas import neutralised
from mislabel.review.exchange.judging import Columns, Judge, Outcome
from mislabel.review.exchange.lines import Line, Reviewed
from mislabel.review.exchange.original import Original, open_original
from mislabel.review.exchange.reading import Refused, Unknown, same_cell
from mislabel.review.exchange.tasks import TASK_ID, is_task, task_line
from mislabel.review.rows import Rows, read_rows
from mislabel.review.store import Decision, Store, read_decisions
from mislabel.run.folder import RunFolder


@dataclass
class Imported:
    """What became of the lines of a file.

    Attributes
    ----------
    read, imported, unchanged, skipped : int
        Lines; those with a decision that is new, that held already, and those that say nothing beyond the export.
    refused : list of dict
        line, id (None where it has none) and reason of each of the others.
    """

    read: int = 0
    imported: int = 0
    unchanged: int = 0
    skipped: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)


def import_decisions(folder: RunFolder, path: Path, *, data: str | None = None) -> Imported:
    """Take the decisions of a file into the store of a run, all of them as one action that one undo reverts.

    A line is a decision where `decided_by` says person, or its label is not what an export writes without a person
    (so whoever changes a label in a spreadsheet need not touch the other columns). Where there is neither `decided_by`
    nor `label_before`, every label is a decision. A column `decision` may say keep, suggestion, label, unsure or none.
    An empty label with decided_by person says that no class fits. Of Label Studio's tasks the annotations count: one
    without a choice says that no class fits, and one that was skipped that the person could not tell.

    Rows are found by `mislabel_id`, the id column of the run, or `id`. A file without any belongs to a run without an
    id column: then it must have the rows of the data in their order, which is checked against the data.

    Parameters
    ----------
    folder : RunFolder
        A finished run.
    path : Path
        .csv, .tsv, .jsonl, .json or .parquet.
    data : str, optional
        Where the data are now, if they are needed and not where the run read them.

    Raises
    ------
    InputError
        If the run is not finished, the file cannot be read or lacks the columns, or its rows cannot be told.
    """
    rows, reviewed = read_rows(folder), Reviewed(Path(path))
    columns = find_columns(reviewed, folder, rows)
    original = _needed_data(folder, data, columns)
    judge = Judge(rows, columns, read_decisions(folder.decisions), original)
    if columns.id is None:
        lines = _by_place(reviewed, columns, original, rows)
    else:
        lines = _by_id(reviewed, columns, _roles(folder).get("id") or "id")
    done, outcomes = Imported(), defaultdict(list)
    for line, id in lines:
        done.read += 1
        row = -1
        try:
            if line.problem:
                raise Refused(line.problem)
            row = judge.ids.find(id)
            outcome = judge.outcome(row, line.cells)
            outcomes[row].append((line.number, outcome))
        except Refused as refusal:
            if isinstance(refusal, Unknown) and judge.silent(line.cells):
                done.skipped += 1
                continue
            known = id if isinstance(id, (str, int)) else None
            done.refused.append({"line": line.number, "id": known, "reason": str(refusal)})
            if row >= 0:
                outcomes[row].append((line.number, None))
    decisions = list(_decisions(judge, outcomes, done))
    if decisions:
        with Store(folder.decisions) as store:
            store.decide(decisions, source="import")
    done.refused.sort(key=lambda one: one["line"])
    return done


def find_columns(reviewed: Reviewed, folder: RunFolder, rows: Rows) -> Columns:
    """Which columns of the file are what, by the names of the run or the usual ones.

    Raises
    ------
    InputError
        If no column holds labels.
    """
    roles = _roles(folder)
    label = roles.get("label") or "label"
    if "data" in reviewed.names and {"annotations", "completions", "predictions"} & set(reviewed.names):
        return Columns(TASK_ID, label, None, None, "decision")  # tasks, whose data become columns

    def find(*wanted: str | None) -> str | None:
        spelled = [spelling for name in wanted if name for spelling in (name, neutralised(name))]
        return next((name for name in spelled if name in reviewed.names), None)

    # A key that is in none of the first JSON objects may be in later ones: an export has it wherever there is a label.
    before, decision = find("label_before"), find("decision")
    labels = find(label, "label") or (label if before or decision else None)
    if labels is None:
        raise InputError(
            f"{reviewed.path} has the columns {', '.join(reviewed.names) or '(none)'}; needed are the label "
            f'("{label}", or "label") and the id ("{roles.get("id") or "id"}", or "id")'
        )
    if roles.get("id"):
        id = find(TASK_ID, roles["id"], "id")
    elif pa.types.is_integer(rows.ids.type):  # places: a column "id" of an export would be one that the run did not use
        id = find(TASK_ID) or (None if before else find("id"))
    else:  # paths in a folder
        id = find(TASK_ID, "image", "id")
    return Columns(id, labels, before, find("decided_by"), decision)


def _decisions(
    judge: Judge, outcomes: dict[int, list[tuple[int, Outcome | None]]], done: Imported
) -> Iterator[Decision]:
    """The decisions to add; counts the lines, and refuses those that contradict each other."""
    for row, said in outcomes.items():
        id, outcome = judge.rows.id(row), said[0][1]
        if outcome is None or any(other != outcome for _, other in said):
            where = ", ".join(str(number) for number, _ in said[:5])
            reason = f"{len(said)} lines say different things of this row (lines {where})"
            refused = [number for number, other in said if other is not None]
            done.refused += [{"line": number, "id": id, "reason": reason} for number in refused]
        elif outcome.kind is None:
            done.skipped += len(said)
        elif judge.holds_already(row, outcome):
            done.unchanged += len(said)
        else:
            done.imported += 1
            done.unchanged += len(said) - 1
            # Whether chance chose the row is a matter of how it came to be reviewed, not of what is said of it.
            probe = id in judge.holds and judge.holds[id].probe
            yield Decision(id, outcome.kind, outcome.label, judge.given(row), probe)


def _by_id(reviewed: Reviewed, columns: Columns, id: str) -> Iterator[tuple[Line, Any]]:
    for line in reviewed.lines():
        if line.problem is None and is_task(line.cells):
            line = task_line(line, columns.label, id)
        yield line, line.cells.get(columns.id or id)


def _by_place(
    reviewed: Reviewed, columns: Columns, original: Original | None, rows: Rows
) -> Iterator[tuple[Line, Any]]:
    """Lines of a file without ids, which must be the rows of the data one after the other.

    Raises
    ------
    InputError
        If a line differs from its row in a column that no reviewer changes, or there are more or fewer of them.
    """
    if original is None or original.roles["id"] is not None or columns.before is None:
        wanted = (original and original.roles["id"]) or "id"
        raise InputError(
            f"{reviewed.path} has the columns {', '.join(reviewed.names)}; needed is one of the ids, "
            f'"{wanted}", by which its rows are told'
        )
    match(original, rows)
    ids = data_ids(original).tolist()
    problem = _difference(reviewed, columns.before, original)
    if problem:
        raise InputError(
            f"{reviewed.path} has no ids, so its rows must be those of {original.source} in their order, but "
            f"{problem}. Leave rows and other columns as they were exported, or audit with an id column (--id)"
        )
    yield from zip(reviewed.lines(), ids, strict=True)


def _difference(reviewed: Reviewed, before: str, original: Original) -> str:
    """Where a file first differs from the data in what no reviewer changes, in words; nothing where it does not."""
    table, known = original.table, {}
    for name in set(table.names) - {original.label, "label_before", "decided_by"}:
        spelled = name if name in reviewed.names else neutralised(name)
        if spelled in reviewed.names:
            known[spelled] = list(table.column(name))
    known[before] = list(table.column("label_before" if original.carries_decisions else original.label))
    n, count = len(original.labels), 0
    for count, line in enumerate(reviewed.lines(), start=1):
        if line.problem is not None or count > n:
            continue
        for name, column in known.items():
            if name in line.cells and not same_cell(line.cells[name], column[count - 1]):
                return f"line {line.number} has something else in the column {name!r}"
    return "" if count == n else f"it has {count} rows and the data {n}"


def _needed_data(folder: RunFolder, data: str | None, columns: Columns) -> Original | None:
    """The data of the run where they are needed: to tell rows without ids, or because they are an export themselves.

    Raises
    ------
    InputError
        If they are needed and not there, or call something else "id" than the run does.
    """
    if data is not None or columns.id is None:
        return open_original(folder, data)
    unsure = columns.id == "id" and not _roles(folder).get("id")  # of which "id" is meant
    if columns.before is None and columns.decided_by is None and not unsure:
        return None
    try:
        original = open_original(folder)
    except InputError:  # moved away: as far as anybody can tell they were no export
        return None
    if unsure and original.roles["id"] is None and "id" in original.table.names:
        raise InputError(
            f'{original.source} has a column "id" that the run did not use: its rows are called 0, 1, 2, ... in the '
            f'order of the data. Name a column of these numbers "{TASK_ID}"'
        )
    return original if original.carries_decisions else None


def _roles(folder: RunFolder) -> dict[str, str | None]:
    return folder.read_config()["data"].get("columns", {})
