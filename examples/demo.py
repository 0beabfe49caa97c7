"""The main job on the messages that come with the project: plain fine-tuning and the default method, IDO, side by side.

A third of the training labels is wrong, as a hurried annotator would have them (examples/messages/build.py). The gold
labels only score. Run it with `make demo`.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from mislabel.cli.summary import next_lines, worst_table
from mislabel.data import Dataset
from mislabel.errors import InputError
from mislabel.modalities.loading import load_dataset
from mislabel.posterior.noise_rate import NoiseRate
from mislabel.report import write_report
from mislabel.report.findings import Findings
from mislabel.report.workload import workload
from mislabel.review.one_file import write_review_file
from mislabel.run.about import describe
from mislabel.run.defaults import effective_for
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run
from mislabel.training.progress import Terminal

FEW = 20  # rows of the review that is one file
MESSAGES = Path(__file__).parent / "messages" / "messages.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--label", default="label", help="label, or rule_label for the hard case")
    parser.add_argument("--out", type=Path, default=Path("demo-run"))
    given = parser.parse_args()
    columns = {"text": "text", "label": given.label, "gold": "gold", "id": "id", "split": "split"}
    dataset = load_dataset(MESSAGES, **columns, missing="drop")
    side_by_side(dataset, columns, given.label, given.out)


def side_by_side(dataset: Dataset, columns: dict[str, str], label: str, out: Path, **settings: Any) -> None:
    """Train plain and with the default method, show what each brought, the worst rows, and what comes next."""
    console, progress = Console(highlight=False), Terminal()
    table = Table(title=f"{label}: wrong labels in training, gold labels in the test", title_justify="left")
    for name in ("method", "test accuracy", "detection AUROC", "likely wrong", "wrong labels", "by gold", "seconds"):
        table.add_column(name)
    default = str(effective_for(RunConfig(**settings), dataset).method)
    for method in ("ce", default):
        console.print(f"[bold]{method}[/bold]")
        config, folder = RunConfig(method=method, **settings), RunFolder(out / method)
        with folder.locked():
            folder.prepare(describe(config, dataset, columns), resume=False, overwrite=True)
            result = run(dataset, config, folder, progress=progress)
            report = write_report(folder)
        metrics = result.audit.metrics
        table.add_row(
            method,
            f"{metrics['test']['accuracy']:.3f}",
            f"{metrics['detection']['auroc']:.3f}",
            f"{metrics['likely_wrong']['likely']}",
            NoiseRate.of(metrics).words(),
            f"{metrics['noise_rate']['true']:.1%}",
            f"{metrics['seconds']['total']:.0f}",
        )
    console.print(worst_table(result.audit, dataset, 10))
    console.print(table)
    for line in [*what_to_do(folder, result.audit.metrics), *what_to_open(folder, report, out / "review.html")]:
        console.print(line, markup=False, soft_wrap=True)


def what_to_do(folder: RunFolder, metrics: dict[str, Any]) -> list[str]:
    """What leads the report: how many rows to look at, how long that takes, what it brings; and the commands."""
    box = workload(Findings(Run.open(folder)))
    beside_python = os.path.relpath(Path(sys.executable).with_name("mislabel"))  # the venv need not be active
    lines = [] if box is None else ["", f"{box.title}.", *box.sentences]
    return [*lines, *next_lines(folder, metrics, beside_python)]


def what_to_open(folder: RunFolder, report: Path, file: Path) -> list[str]:
    """The report in its three forms, and a review that is one file."""
    lines = ["", f"report: {report}", f"for a pull request: {folder.report_md}; for a program: {folder.report_json}"]
    try:
        rows = write_review_file(folder, file, budget=FEW)
    except InputError:  # no row was judged, which the report says
        return lines
    return [*lines, f"to decide in without Python: {file}, {rows} rows in one file that opens in any browser"]


if __name__ == "__main__":
    main()
