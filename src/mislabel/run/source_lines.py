"""What a run says of each source of its labels, line by line, for whoever shows it."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

MISTAKES = 5  # of a source, at most
HALF = 0.5  # of a row: less is rounded away where confusions are told


@dataclass(frozen=True)
class Mistake:
    """How many rows of one class a source is expected to have called another."""

    true: str
    said: str
    rows: float


@dataclass(frozen=True)
class SourceLine:
    """One source.

    Attributes
    ----------
    kind : str
        "rule", "person" or "model".
    rows : int
        That it labelled.
    coverage : float
        Their share of all rows.
    agreement, low, high : float or None
        How probable the posterior holds what it says, on average, and the 95 % interval; None where it never spoke.
    checked : int
        How many of its labels are on rows that somebody checked; 0 in runs made before that was kept.
    checked_right, checked_low, checked_high : float or None
        The share of these that are right, and its 95 % interval; None where there are none.
    mistakes : list of Mistake
        The largest first; runs made before they were kept have one at most.
    repeats : str or None
        A source that says the same on every row.
    """

    name: str
    kind: str
    rows: int
    coverage: float
    agreement: float | None
    low: float | None
    high: float | None
    checked: int
    checked_right: float | None
    checked_low: float | None
    checked_high: float | None
    mistakes: list[Mistake]
    repeats: str | None

    @property
    def expected_wrong(self) -> float:
        """Of its labels."""
        return 0.0 if self.agreement is None else self.rows * (1 - self.agreement)


def source_lines(table: pd.DataFrame) -> list[SourceLine]:
    """The lines of sources.parquet; those with the most wrong labels first."""
    lines = [_line(values) for values in table.to_dict("records")]
    return sorted(lines, key=lambda line: (-line.expected_wrong, line.name))


def _line(values: dict[Any, Any]) -> SourceLine:
    repeats = values.get("repeats")
    return SourceLine(
        name=str(values["source"]),
        kind=str(values["kind"]),
        rows=int(values["rows"]),
        coverage=float(values["coverage"]),
        agreement=_known(values["agreement"]),
        low=_known(values["low"]),
        high=_known(values["high"]),
        checked=int(values.get("checked", 0)),
        checked_right=_known(values.get("checked_right", math.nan)),
        checked_low=_known(values.get("checked_low", math.nan)),
        checked_high=_known(values.get("checked_high", math.nan)),
        mistakes=_mistakes(values),
        repeats=str(repeats) if isinstance(repeats, str) else None,
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _mistakes(values: dict[Any, Any]) -> list[Mistake]:
    cells = values.get("confusion")
    if cells is None:
        known = values["worst_rows"] >= HALF and not pd.isna(values["worst_said"])
        cells = [{"true": values["worst_true"], "said": values["worst_said"], "rows": values["worst_rows"]}] * known
    wrong = [cell for cell in cells if cell["true"] != cell["said"]][:MISTAKES]
    return [Mistake(str(cell["true"]), str(cell["said"]), float(cell["rows"])) for cell in wrong]
