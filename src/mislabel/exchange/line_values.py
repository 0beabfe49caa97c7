"""Ids and labels of a run from the cells of a reviewed file, tolerant of what spreadsheets change."""

import re
from typing import Any

import numpy as np
import pyarrow as pa

from mislabel.data.classes import class_key
from mislabel.errors import did_you_mean
from mislabel.exchange.corrected import is_missing
from mislabel.run.rows import Rows
from mislabel.tables.formulas import restored

SHOWN = 60  # characters of a foreign value in a message
_WHOLE = re.compile(r"(-?[0-9]{1,19})(?:\.0+)?")


class Refused(Exception):
    """A line does not fit; the message says why."""


class Unknown(Refused):
    """There is no such row."""


class Ids:
    """Finds rows of the audit by the id in a cell.

    Parameters
    ----------
    rows : Rows
    """

    def __init__(self, rows: Rows):
        self.rows: Rows = rows
        self.whole: Any = pa.types.is_integer(rows.ids.type)

    def find(self, value: Any) -> int:
        """The row of an id; `Refused` where the cell is empty, `Unknown` where the run has no such id."""
        if value is None or value == "" or value != value:
            raise Refused("it has no id")
        if self.whole:
            whole_number = _WHOLE.fullmatch(str(value).strip()) if not isinstance(value, bool) else None
            keys = [int(whole_number[1])] if whole_number else []
        else:
            keys = list({str(value), restored(str(value))})
        known = [row for row in self.rows.find(keys).tolist() if row >= 0]
        if len(known) > 1:
            raise Refused(f"the ids {str(value)!r} and {restored(str(value))!r} read the same in CSV: use .jsonl")
        if not known:
            raise Unknown(f"the run has no row {shown(value)}")
        return known[0]


class LabelReader:
    """Finds the class that a cell names.

    Parameters
    ----------
    classes : list
        The K classes of the run.
    """

    def __init__(self, classes: list[Any]):
        self.classes = classes
        self.exact: dict[tuple[str, Any], Any] = {class_key(value): value for value in classes}
        self.by_text: dict[str, list[Any]] = {}
        for value in classes:
            self.by_text.setdefault(str(value), []).append(value)
        self.truth: dict[str, bool] = {str(value).casefold(): value for value in classes if isinstance(value, bool)}
        self.numbers: dict[int | float, int | float] = {
            value: value for value in classes if isinstance(value, (int, float)) and not isinstance(value, bool)
        }

    def read(self, value: Any) -> Any:
        """The class, None for an empty cell; `Refused` where it is neither."""
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, (list, dict)):
            raise Refused(f"the label is {shown(value)}, one value is needed")
        if class_key(value) in self.exact:
            return self.exact[class_key(value)]
        text = str(value)
        matching = self.by_text.get(text) or self.by_text.get(restored(text)) or self._spelled(value)
        if len(matching) == 1:
            return matching[0]
        if not matching and is_missing(value):
            return None
        close = "" if len(text) > SHOWN else did_you_mean(text, self.by_text)
        raise Refused(f"the label {shown(value)} is not among the classes of the run{close}")

    def _spelled(self, value: Any) -> list[Any]:
        """TRUE for True, 3 for 3.0, as spreadsheets and data frames write them."""
        text = str(value).strip().casefold()
        if text in self.truth:
            return [self.truth[text]]
        try:
            number = float(text) if not isinstance(value, bool) else None
        except ValueError:
            return []
        return [self.numbers[number]] if number in self.numbers else []


def same_cell(cell: Any, known: Any) -> bool:
    """Whether a cell of a reviewed file can be what the data hold, after a spreadsheet or another format had it."""
    if isinstance(known, np.floating):  # of float32 a file has 0.1, or all the digits of its neighbour in float64
        cell = _narrowed(cell, type(known))
    left, right = _normal(cell), _normal(known)
    return left is None or right is None or left == right or restored(left) == right


def shown(value: Any) -> str:
    """A foreign value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def _narrowed(cell: Any, kind: type[Any]) -> Any:
    """A cell as a number of that kind, where it is one."""
    try:
        with np.errstate(over="ignore"):
            return cell if cell is None else kind(cell)
    except (TypeError, ValueError):
        return cell


def _normal(value: Any) -> str | None:
    """A cell in one spelling; None for what cannot be compared, such as dates and lists."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if not isinstance(value, (str, int, float)):
        return "" if is_null(value) else None
    text = str(value)
    try:
        return repr(float(text)) if not isinstance(value, bool) else text.casefold()
    except ValueError:
        # Line ends change with the system, and spreadsheets write TRUE for True.
        return text.casefold() if text.casefold() in ("true", "false") else text.replace("\r\n", "\n")


def is_null(value: Any) -> bool:
    """Whether a cell is NA or NaT of pandas."""
    return type(value).__name__ in ("NAType", "NaTType")
