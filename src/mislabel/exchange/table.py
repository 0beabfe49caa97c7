"""The data as a table again: the decided labels, what they were before, and who decided."""

from pathlib import Path
from typing import Any

import numpy as np

from mislabel.exchange.corrected import Corrected
from mislabel.exchange.targets import OWN, register
from mislabel.run.folder import RunFolder
from mislabel.tables.format import Columns, Picked
from mislabel.tables.writing import check_output, rewrite_table


@register
class Table:
    """The original columns, order and types; `label_before` and `decided_by` are added."""

    name, help = "table", OWN["table"]

    def check(self, output: Path, take_suggestions: float | None) -> None:
        check_output(output)

    def write(self, corrected: Corrected, folder: RunFolder, output: Path) -> dict[str, Any]:
        return {"formulas": rewrite_table(corrected.original.table, decided_columns(corrected), output)}


def decided_columns(corrected: Corrected) -> Columns:
    """The label column as it was decided, and the two that are added."""
    original, n = corrected.original, len(corrected.row_of)
    before: Columns = {} if original.carries_decisions else {"label_before": Picked(original.label, np.arange(n))}
    return {original.label: corrected.labels, **before, "decided_by": np.array(corrected.decided_by, dtype=object)}
