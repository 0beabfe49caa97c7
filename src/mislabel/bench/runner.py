"""The sweep: every cell once, results written as they come, and a table that is always up to date."""

import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mislabel.bench.aggregation import per_method
from mislabel.bench.cells import Cell
from mislabel.bench.plot import accuracy_over_seconds
from mislabel.bench.results_log import Book, command_line
from mislabel.bench.specs import read_specs
from mislabel.bench.suites import Suite
from mislabel.bench.tables import PLOT, write_tables
from mislabel.bench.workers import BACKENDS, results_of
from mislabel.errors import in_range, one_of
from mislabel.files import atomic_write
from mislabel.run.folder import RunFolder
from mislabel.training.progress import Quiet


@dataclass(frozen=True)
class Outcome:
    """What a bench gives: the lines of all its cells, those asked for, and seconds from start to end."""

    lines: list[dict[str, Any]]
    asked: list[tuple[str, int, str]]
    seconds: float

    @property
    def failed(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["status"] == "failed"]


def run_bench(
    suite: Suite,
    out: Path,
    *,
    methods: list[str] | None = None,
    seeds: int | None = None,
    data: list[str] | None = None,
    data_dir: Path | None = None,
    jobs: int = 1,
    backend: str = "loky",
    address: str | None = None,
    keep_models: bool = False,
    command: str | None = None,
    progress: Quiet | None = None,
) -> Outcome:
    """Run what is missing of a suite, and write OUT/results.jsonl, table.md, table.csv and plot.svg.

    Parameters
    ----------
    methods, data
        Names; the suite's own without them.
    seeds : int
        How many, from 0.
    jobs, backend, address
        See `mislabel.bench.workers`.

    Raises
    ------
    InputError
        For names that are not known, or a folder that holds another bench.
    RunError
        If the folder is in use, or a worker ended without a word.
    """
    progress, began = progress or Quiet(), time.perf_counter()
    in_range("--seeds", suite.seeds if seeds is None else seeds, 1, 10_000)
    in_range("--jobs", jobs, 1, 10_000)
    one_of("--backend", backend, BACKENDS)
    cells = make_cells(suite, out, methods, seeds, data, data_dir, keep_models)
    asked, book = [cell.key for cell in cells], Book(out)
    with RunFolder(out).locked():
        book.open(suite, command or command_line())
        left = book.left(cells)
        if len(left) < len(cells):
            progress.line(f"{len(cells) - len(left)} of {len(cells)} cells are done already")
        clock, done = Remaining([cell.key[2] for cell in left], jobs), len(cells) - len(left)
        for line in results_of(left, jobs, backend, address):
            book.append(line)
            done += 1
            progress.line(f"{done}/{len(cells)} {cell_line(line)}{clock.after(line)}")
            write_tables(list(book.lines().values()), asked, out)
        lines = list(book.lines().values())
        plot = accuracy_over_seconds(per_method(write_tables(lines, asked, out)), suite.title)
        if plot is not None:
            atomic_write(out / PLOT, plot)
    return Outcome(lines, asked, time.perf_counter() - began)


def make_cells(
    suite: Suite,
    out: Path,
    methods: list[str] | None,
    seeds: int | None,
    data: list[str] | None,
    data_dir: Path | None,
    keep_models: bool = False,
) -> list[Cell]:
    """Seeds outermost: a bench that is stopped has every row of its table once."""
    specs, sources = read_specs(methods or list(suite.methods)), suite.with_data(data or [])
    home = None if data_dir is None else data_dir.resolve()
    return [
        Cell(source, seed, spec, suite.run | source.run, out.resolve(), home, keep_models)
        for seed in range(seeds or suite.seeds)
        for source in sources
        for spec in specs
    ]


def cell_line(line: dict[str, Any]) -> str:
    """One cell in a line of the terminal."""
    name = f"{line['data']} {line['method']} seed {line['seed']}"
    if line["status"] == "failed":
        return f"{name}: FAILED, {line['error'][:200]}"
    accuracy = "no test rows" if line["accuracy"] is None else f"accuracy {100 * line['accuracy']:.1f} %"
    return f"{name}: {accuracy}, {line['seconds']:.1f} s"


class Remaining:
    """Guesses the time left from what each method took so far."""

    def __init__(self, methods: list[str], jobs: int):
        self.left: list[str] = list(methods)
        self.jobs = jobs
        self.taken: dict[str, list[float]] = defaultdict(list)

    def after(self, line: dict[str, Any]) -> str:
        """The end of a progress line, after this cell."""
        self.left.remove(line["method"])
        self.taken[line["method"]].append(line["seconds_wall"])
        if not self.left:
            return ""
        means = {name: sum(all_) / len(all_) for name, all_ in self.taken.items()}
        usual = sum(means.values()) / len(means)
        seconds = sum(means.get(name, usual) for name in self.left) / self.jobs
        return f"; about {seconds / 60:.0f} min left" if seconds >= 90 else f"; about {seconds:.0f} s left"
