"""The tables of a bench: Markdown for people, CSV for programs. Percentages in Markdown, shares in CSV."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mislabel.bench.aggregation import MEASURES, Key, frame_of, per_data, per_method
from mislabel.files import atomic_write
from mislabel.tables import write_table

TABLE, CSV, PLOT = "table.md", "table.csv", "plot.svg"
SUMMARY = {
    "accuracy": "accuracy %",
    "gap_closed": "gap closed %",
    "macro_f1": "macro F1 %",
    "ece": "ECE %",
    "auroc": "AUROC %",
    "average_precision": "AP %",
    "seconds": "seconds",
    "times_plain": "x plain",
    "peak_memory_mb": "peak MB",
}
BY_DATA = {
    "accuracy": "Test accuracy, %",
    "gap_closed": "Gap closed, %",
    "macro_f1": "Macro F1, %",
    "auroc": "Detection AUROC, %",
    "average_precision": "Detection average precision, %",
    "ece": "ECE, %",
    "seconds": "Seconds",
}
FORMATS = {"seconds": "{:.1f}", "times_plain": "{:.1f}", "peak_memory_mb": "{:.0f}"}
LEGEND = """\
Means ± standard deviation over seeds; the summary averages over data sets, for methods that have all of them. gold is \
the same plain training on the true labels. Gap closed = (accuracy - accuracy of ce) / (accuracy of gold - accuracy of \
ce), where gold is at least 1 point better. AUROC and AP (average precision) tell how well wrong training labels are \
found. Seconds are of training and judging, without reading and embedding, which cells share; x plain is relative to \
ce. Peak memory is of the whole process."""
ORACLE = "† was told the true noise rate, which a user does not know."


def write_tables(lines: list[dict[str, Any]], asked: list[Key], out: Path) -> pd.DataFrame:
    """OUT/table.md and table.csv; gives what `per_data` does."""
    frame = frame_of(lines, asked)
    table = per_data(frame)
    kept = ["data", "method", "oracle", "seeds", "done", "failed", "error"]
    pairs = [column for name in MEASURES for column in (name, f"{name}_sd")]
    write_table(pd.DataFrame(table[[*kept, *pairs]]), out / CSV)
    atomic_write(out / TABLE, markdown(table))
    return table


def markdown(table: pd.DataFrame) -> str:
    """The summary first, then a table of methods x data for each measure."""
    whole = per_method(table)
    parts = [summary(whole)]
    for name, title in BY_DATA.items():
        if len(table[name].dropna()):
            parts.append(f"**{title}**\n\n{by_data(table, whole, name)}")
    legend = LEGEND + (f" {ORACLE}" if any(whole["oracle"]) else "")
    return "\n\n".join([*parts, legend]) + "\n"


def summary(whole: pd.DataFrame) -> str:
    """One row per method: what it brings and what it costs."""
    rows = [["method", "cells", *SUMMARY.values()]]
    for row in _records(whole):
        if row["whole"]:
            cells = [number(row[name], name) for name in SUMMARY]
            if not np.isnan(row["accuracy_sd"]):
                cells[0] += f" ± {100 * row['accuracy_sd']:.1f}"
        else:
            cells = [red(row["error"]) if row["failed"] else "not run", *["-"] * (len(SUMMARY) - 1)]
        count = f"{row['done']} of {row['seeds']}"
        rows.append([named(row), count if row["done"] == row["seeds"] or not row["failed"] else f"🟥 {count}", *cells])
    return grid(rows)


def by_data(table: pd.DataFrame, whole: pd.DataFrame, measure: str) -> str:
    """Methods x data of one measure, methods as in the summary."""
    data = list(dict.fromkeys(table["data"]))
    at = table.set_index(["method", "data"])
    rows = [["method", *data]]
    for row in _records(whole):
        keys = [(row["method"], name) for name in data]
        rows.append([named(row), *(cell(at.loc[key], measure) if key in at.index else "not run" for key in keys)])
    return grid(rows)


def cell(row: Any, measure: str) -> str:
    """Mean ± sd, with what is missing in it."""
    done, failed, seeds = (int(row[name]) for name in ("done", "failed", "seeds"))
    if not done:
        return red(row["error"]) if failed else "not run"
    if np.isnan(row[measure]):
        return "-"
    text = number(row[measure], measure)
    if not np.isnan(row[f"{measure}_sd"]):
        text += f" ± {number(row[f'{measure}_sd'], measure)}"
    if done < seeds:
        text += f" ({done} of {seeds} seeds{f', 🟥 {failed} failed' if failed else ''})"
    return text


def number(value: float, measure: str) -> str:
    """Shares in hundredths, the rest as it is."""
    if np.isnan(value):
        return "-"
    return FORMATS[measure].format(value) if measure in FORMATS else f"{100 * value:.1f}"


def red(error: str, room: int = 60) -> str:
    words = error if len(error) <= room else error[: room - 1].rstrip() + "…"
    return f"🟥 **failed**: {words.replace('|', '/')}"


def named(row: dict[str, Any]) -> str:
    return row["method"].replace("|", "/") + (" †" if row["oracle"] else "")


def grid(rows: list[list[str]]) -> str:
    """A Markdown table whose first row is its head."""
    head, *rest = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|---" * len(rows[0]) + "|", *rest])


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
