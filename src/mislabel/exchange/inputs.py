"""Whether the rows of the data are still those that the run read, by comparing inputs with what it kept.

Pictures are not compared: a run keeps small copies, which do not show whether the picture is the same.
"""

from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.inputs import RawInputs
from mislabel.errors import InputError
from mislabel.exchange.source_table import Original
from mislabel.modalities import modality
from mislabel.run.kept_inputs import comparable_column, read_inputs
from mislabel.run.rows import Rows


def only_position_tells(original: Original, rows: Rows) -> bool:
    """Whether rows can be matched by position alone: they have no ids, and no inputs that can be compared."""
    return original.roles["id"] is None and not _comparable(original, rows)


def other_inputs(original: Original, rows: Rows, row_of: np.ndarray) -> list[int]:
    """Positions of rows of the data whose input is not the one that the run read; none where nothing can be compared.

    Parameters
    ----------
    row_of : (n,) int64
        The row of the audit for each row of the data, -1 for none.
    """
    if rows.position is None or not _comparable(original, rows):
        return []
    positions = np.flatnonzero(row_of >= 0)
    column = comparable_column(original.inputs)
    same = _inputs(original, rows).matcher(column)
    kept = read_inputs(original.inputs, rows.position[row_of[positions]], column)
    return [position for position, before in zip(positions.tolist(), kept, strict=True) if not same(position, before)]


def _comparable(original: Original, rows: Rows) -> bool:
    column = original.roles.get(rows.modality)
    if not modality(rows.modality).comparable or column is None or column.endswith(".npy"):
        return False  # a matrix in a file of its own stays in its order whatever becomes of the table
    return rows.position is not None and original.inputs.is_file()


def _inputs(original: Original, rows: Rows) -> RawInputs:
    """The inputs as the run would read them now."""
    roles, table, kind = original.roles, original.table, modality(rows.modality)
    column, ids = roles[rows.modality] or "", np.arange(len(original.labels))
    names = kind.columns(table.names, column, original.beside) if kind.one_column else []
    lacking = [name for name in names if name not in table.names]
    if lacking:
        raise InputError(
            f'{original.source} has no {kind.name} column "{lacking[0]}", which shows whether rows without ids are '
            "those of the run: give the data as they were then with --data"
        )
    frame = pd.DataFrame({name: table.column(name) for name in names}) if names else table.frame()
    values = kind.values(frame, column, original.beside)
    more: dict[str, Any] = {"missing_values": "impute"} if "missing_values" in kind.own_plan else {}
    return kind.check(values, ids, column, **more).values
