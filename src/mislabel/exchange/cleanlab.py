"""A table with cleanlab's columns of label issues (https://docs.cleanlab.ai), for tools that read them."""

from pathlib import Path
from typing import Any

import numpy as np

from mislabel.audit import LIKELY
from mislabel.errors import InputError
from mislabel.exchange.corrected import MISSING, Corrected, LabelCells
from mislabel.exchange.table import decided_columns
from mislabel.exchange.targets import OWN, register
from mislabel.run.folder import RunFolder
from mislabel.tables.format import Columns
from mislabel.tables.writing import check_output, rewrite_table

ADDED = ("is_label_issue", "label_quality", "given_label", "predicted_label")


@register
class Cleanlab:
    """The columns of a table, and under the names of cleanlab's label issues:

    `is_label_issue` (decided to be wrong; undecided: p_mislabeled above 0.5), `label_quality` (1 - p_mislabeled; 1 and
    0 where a person decided), `given_label`, and `predicted_label` (decided, else suggested), with the user's own
    labels as cleanlab's Datalab has them.
    """

    name: str = "cleanlab"
    help: str = OWN["cleanlab"]

    def check(self, output: Path, take_suggestions: float | None) -> None:
        check_output(output)

    def write(self, corrected: Corrected, folder: RunFolder, output: Path) -> dict[str, Any]:
        columns = {**decided_columns(corrected), **_issue_columns(corrected)}
        return {"formulas": rewrite_table(corrected.original.table, columns, output)}


def _issue_columns(corrected: Corrected) -> Columns:
    rows, row_of, original = corrected.rows, corrected.row_of, corrected.original
    clash = [name for name in ADDED if name in original.table.names]
    if clash:
        raise InputError(f"{original.source} has a column {clash[0]!r} already, which cleanlab's table adds: rename it")
    wrong = np.where(rows.judged, rows.numbers["p_mislabeled"], np.nan).astype(np.float64)
    wrong = np.append(wrong, np.nan)[row_of]
    cells, suggested = LabelCells(original), np.append(rows.labels["suggested_label"], -1)[row_of]
    cell_of = np.array([cells.find(label) for label in rows.classes] + [MISSING])
    predicted = cell_of[suggested]
    for position, decision in corrected.decisions.items():
        if decision.kind != "unsure":
            predicted[position] = cells.find(decision.label)
        if decision.wrong is not None:  # a row without a given label has nothing that could be wrong
            wrong[position] = float(decision.wrong)
    return {
        "is_label_issue": wrong > LIKELY,
        "label_quality": 1 - wrong,
        "given_label": original.column(np.arange(len(row_of)), []),
        "predicted_label": original.column(predicted, cells.others),
    }
