"""The data as a table again: the decided labels, what they were before, and who decided."""

from pathlib import Path
from typing import Any

import numpy as np

from mislabel.exchange.corrected import Corrected
from mislabel.exchange.notes import NAME as NOTE
from mislabel.exchange.reviewers import NAME as REVIEWER
from mislabel.exchange.targets import OWN, register
from mislabel.run.folder import RunFolder
from mislabel.tables.format import Columns
from mislabel.tables.writing import check_output, rewrite_table


@register
class Table:
    """The original columns, order and types; `label_before` and `decided_by` are added, for several
    people `reviewer`, and `decision_note` where somebody wrote one.

    Where several sources labelled the rows and no column says what they come to, that column is added, too, with
    `suggested_label`, the posterior's.
    """

    name: str = "table"
    help: str = OWN["table"]

    def check(self, output: Path, take_suggestions: float | None) -> None:
        check_output(output)

    def write(self, corrected: Corrected, folder: RunFolder, output: Path) -> dict[str, Any]:
        return {"formulas": rewrite_table(corrected.original.table, decided_columns(corrected), output)}


def decided_columns(corrected: Corrected) -> Columns:
    """The label column as it was decided, and those that are added."""
    original, n = corrected.original, len(corrected.row_of)
    before: Columns = {} if original.carries_decisions else {"label_before": original.column(np.arange(n), [])}
    labels = original.column(corrected.labels.rows, corrected.labels.others)
    decided: Columns = {original.label: labels, **before, "decided_by": np.array(corrected.decided_by, dtype=object)}
    if corrected.reviewers is not None:
        decided[REVIEWER] = np.array(corrected.reviewers, dtype=object)
    if corrected.notes is not None:
        decided[NOTE] = np.array(corrected.notes, dtype=object)
    if original.given is None:
        return decided
    codes = np.append(corrected.rows.labels["suggested_label"], -1)[corrected.row_of].tolist()
    suggested = np.array([corrected.rows.label(code) for code in codes], dtype=object)
    return {**decided, "suggested_label": suggested}
