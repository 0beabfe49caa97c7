"""`mislabel export`: the data of a run with the labels that a review left them with."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from mislabel.errors import InputError, in_range, one_of
from mislabel.exchange.corrected import MISSING, Corrected, LabelCells, correct
from mislabel.exchange.inputs import only_place_tells
from mislabel.exchange.label_studio import write_tasks
from mislabel.exchange.source_table import open_original
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run
from mislabel.tables.format import Columns, Picked
from mislabel.tables.location import locate
from mislabel.tables.writing import check_output, rewrite_table

KINDS = ("table", "label-studio", "cleanlab")
LIKELY_WRONG = 0.5  # undecided rows above it are label issues: more likely wrong than right


def export(
    folder: RunFolder,
    output: Path,
    *,
    kind: Literal["table", "label-studio", "cleanlab"] = "table",
    data: str | None = None,
    take_suggestions: float | None = None,
) -> dict[str, Any]:
    """Write the corrected data, at once, with mode 0600.

    A table has the original columns, order and types. The label column holds the decided label: of a person; the
    suggested one where `take_suggestions` says so and no person looked at the row; else what the data say. Where a
    person said that no class fits there is no label. Two columns are added: `label_before`, what the data say, and
    `decided_by`: person, suggestion or kept (a row that a person was unsure of is kept). Data that are an export
    themselves keep their `label_before`, the first label of all; `decided_by` changes for rows decided since.

    cleanlab adds, under the names of cleanlab's label issues: `is_label_issue` (decided to be wrong; undecided:
    p_mislabeled above 0.5), `label_quality` (1 - p_mislabeled; 1 and 0 where a person decided), `given_label`, and
    `predicted_label` (decided, else suggested), with the user's own labels as cleanlab's Datalab has them.

    Parameters
    ----------
    folder : RunFolder
        A finished run.
    output : Path
        .csv, .tsv, .jsonl, .parquet or .xlsx; .json for Label Studio, see `mislabel.exchange.label_studio`.
    kind : "table", "label-studio" or "cleanlab"
    data : str, optional
        Where the data are now, if not where the run read them.
    take_suggestions : float, optional
        Take the suggested label where p_mislabeled is at least this.

    Returns
    -------
    dict
        rows, person, suggestion, kept, changed, unsure, none: counts, of this review; output; formulas: how many cells
        were made plain text for spreadsheets; config: for Label Studio, the file of its labeling interface;
        by_place_alone: True for a run without ids that keeps nothing to tell whether the rows are still in their place.

    Raises
    ------
    InputError
        If the run is not finished, the data are not there or not those of the run, a column has a name that the export
        adds, the format cannot hold the data, or the output is one of the run's own files.
    """
    one_of("kind", kind, KINDS)
    output = Path(output)
    if take_suggestions is not None:
        in_range("take_suggestions", take_suggestions, 0, 1)
        if kind == "label-studio":
            raise InputError("Label Studio gets every suggestion as a prediction: leave take_suggestions out")
    if kind == "label-studio" and output.suffix.lower() != ".json":
        raise InputError(f"{output}: Label Studio reads .json files; give the output that ending")
    _refuse_own_file(folder, output)
    check_output(output)
    run, original = Run.open(folder), open_original(folder, data)
    rows = run.rows
    source = locate(original.source).path
    if output.exists() and source.exists() and output.samefile(source):
        raise InputError(f"{output} holds the data of the run, which a later export needs: choose another output")
    corrected = correct(original, rows, run.decisions(), take_suggestions)
    told: dict[str, Any] = {**corrected.counts(), "output": str(output), "formulas": 0}
    if only_place_tells(original, rows):
        told["by_place_alone"] = True
    if kind == "label-studio":
        return {**told, "config": str(write_tasks(corrected, folder, output))}
    columns = _table_columns(corrected)
    if kind == "cleanlab":
        columns = {**columns, **_cleanlab_columns(corrected)}
    told["formulas"] = rewrite_table(original.table, columns, output)
    return told


def _refuse_own_file(folder: RunFolder, output: Path) -> None:
    target = output.resolve()
    if any(target.is_relative_to(path.resolve()) for path in folder.own_paths):
        raise InputError(
            f"{output} belongs to the run itself: choose another name, such as {folder.path}/corrected.csv"
        )


def _table_columns(corrected: Corrected) -> Columns:
    original, n = corrected.original, len(corrected.row_of)
    before: Columns = {} if original.carries_decisions else {"label_before": Picked(original.label, np.arange(n))}
    return {original.label: corrected.labels, **before, "decided_by": np.array(corrected.decided_by, dtype=object)}


def _cleanlab_columns(corrected: Corrected) -> Columns:
    rows, row_of, original = corrected.rows, corrected.row_of, corrected.original
    clash = [name for name in ("is_label_issue", "label_quality", "given_label", "predicted_label")
             if name in original.table.names]  # fmt: skip
    if clash:
        raise InputError(f"{original.source} has a column {clash[0]!r} already, which cleanlab's table adds: rename it")
    wrong = np.where(rows.judged, rows.numbers["p_mislabeled"], np.nan).astype(np.float64)
    wrong = np.append(wrong, np.nan)[row_of]
    cells, suggested = LabelCells(original), np.append(rows.labels["suggested_label"], -1)[row_of]
    place_of = np.array([cells.find(label) for label in rows.classes] + [MISSING])
    predicted = place_of[suggested]
    for place, one in corrected.decisions.items():
        if one.kind != "unsure":
            predicted[place] = cells.find(one.label)
        if one.wrong is not None:  # a row without a given label has nothing that could be wrong
            wrong[place] = float(one.wrong)
    return {
        "is_label_issue": wrong > LIKELY_WRONG,
        "label_quality": 1 - wrong,
        "given_label": Picked(original.label, np.arange(len(row_of))),
        "predicted_label": Picked(original.label, predicted, cells.others),
    }
