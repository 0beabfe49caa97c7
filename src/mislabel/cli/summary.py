"""What a person sees in the terminal at the end of a run."""

import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mislabel.audit import Audit
from mislabel.data import Dataset
from mislabel.errors import RunError, listed
from mislabel.posterior.noise_rate import NONE, NoiseRate
from mislabel.run.decision_gain import gain_line
from mislabel.run.folder import RunFolder
from mislabel.run.headline import asks_for_checks, certain, check_command, check_words, in_list
from mislabel.run.reading import Run
from mislabel.run.suggestions import Suggestion
from mislabel.run.unusual_columns import Columns, in_one_line
from mislabel.terminal import answer, drawing_on, one_line

WORST, MOST_CLASSES = 10, 10


def show_result(
    audit: Audit, dataset: Dataset, folder: RunFolder | None, report: Path | None, next_steps: list[Suggestion]
) -> None:
    """What leads, the scores where gold is known, the worst rows, where the rest is, and what to try next."""
    answer(summary_lines(audit.metrics))
    if len(audit.worst(1)):
        columns = None if folder is None else _columns(folder)
        Console(file=drawing_on(sys.stdout), highlight=False).print(worst_table(audit, dataset, WORST, columns))
    if folder is not None:
        answer([f"run: {folder.path}"])
    if report is not None:
        answer([f"report: {report}"])
    if folder is not None and len(audit.worst(1)):
        answer(next_lines(folder, audit.metrics))
    if next_steps:
        answer(suggestion_lines(next_steps))


def suggestion_lines(next_steps: list[Suggestion]) -> list[str]:
    """Each suggestion in a line: what to type, and why."""
    return ["worth trying:", *(f"  {step.command}: {one_line(step.text)}" for step in next_steps)]


def in_folder(next_steps: list[Suggestion], folder: RunFolder | None) -> list[Suggestion]:
    """Suggestions whose commands name the folder of the run, where there is one."""
    if folder is None:
        return next_steps
    path = shlex.quote(str(folder.path))
    return [replace(step, command=re.sub(r"\bRUN\b", lambda _: path, step.command)) for step in next_steps]


def next_lines(folder: RunFolder, metrics: dict[str, Any], program: str = "mislabel") -> list[str]:
    """The commands that come next."""
    path = str(folder.path)
    lines = [f"decide row by row: {program} review {shlex.quote(path)}"]
    if asks_for_checks(NoiseRate.of(metrics)):
        lines.append(f"{check_words()}: {check_command(path, program)}")
    return lines


def summary_lines(metrics: dict[str, Any]) -> list[str]:
    """A few plain sentences about a run."""
    rate = NoiseRate.of(metrics)
    lines = [] if rate.basis == NONE else [in_list(**metrics["likely_wrong"])]
    lines.append(certain(rate))
    if "true" in metrics["noise_rate"]:
        lines.append(f"wrong labels by gold: {metrics['noise_rate']['true']:.1%}")
    if metrics["labels_related"] is False:
        lines.append("the given labels could not be told from labels drawn at random: no row is judged")
    test = metrics.get("test", {})
    if "accuracy" in test:
        lines.append(f"test accuracy: {test['accuracy']:.4f} on {test['rows']} rows with gold labels")
    parts = [
        f"{name} {test[name]['accuracy']:.4f}"
        for name in ("classifier", "generative")
        if "accuracy" in test.get(name, {})
    ]
    if parts:
        lines[-1] += f" (shipped model; {', '.join(parts)})"
    if "detection" in metrics:
        lines.append(f"detection AUROC: {metrics['detection']['auroc']:.4f}")
        if "score_auroc" in metrics["detection"]:
            lines[-1] += f", of the score {metrics['score']} {metrics['detection']['score_auroc']:.4f}"
    if "trusted" in metrics:
        lines.append(trusted_line(metrics["trusted"]))
    if "decisions" in metrics:
        lines += [gain_line(metrics["decisions"]), *metrics["decisions"]["notes"]]
    lines.append(f"time: {metrics['seconds']['total']:.1f} s, {metrics['rows_per_second']['train']:.0f} rows a second")
    return lines


def trusted_line(trusted: dict[str, Any]) -> str:
    """The part `trusted` of metrics.json in one line."""
    classes = listed((f"{one_line(label)} {rows}" for label, rows in trusted["by_class"].items()), MOST_CLASSES)
    how = "drawn at random" if trusted["drawn"] == "random" else "chosen"
    return f"rows with a trusted or decided label: {trusted['rows']}, {how} ({classes})"


def _columns(folder: RunFolder) -> Columns | None:
    """All columns of the rows of a table, as far as the run keeps them."""
    try:
        return Columns(Run.open(folder))
    except RunError:  # the report tells what is wrong with the folder
        return None


def worst_table(audit: Audit, dataset: Dataset, count: int, columns: Columns | None = None) -> Table:
    """The rows most likely to be mislabelled, in the order of the audit; of tables all columns, the unusual first."""
    table = Table(title="worst rows", title_justify="left")
    scored = ["score"] if "score" in audit.table else []
    for name in ("id", dataset.inputs.modality, "given", "suggested", "p(wrong)", *scored):
        table.add_column(name, overflow="fold")
    position_of = {value: k for k, value in enumerate(dataset.ids.tolist())}
    for row in audit.worst(count).to_dict("records"):
        values = [] if columns is None else columns.of(int(columns.rows.find([row["id"]])[0]))
        shown = in_one_line(values) or dataset.inputs.caption(position_of[row["id"]])
        cells = [str(row["id"]), shown, str(row["given_label"]), str(row["suggested_label"])]
        numbers = [f"{row[name]:.3f}" for name in ("p_mislabeled", *scored)]
        table.add_row(*(Text(one_line(cell)) for cell in cells), *numbers)
    return table
