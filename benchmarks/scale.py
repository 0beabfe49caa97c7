"""What many rows take: memory and time by phase, and neighbours and their recall.

    python benchmarks/scale.py features --rows 100000 1000000 --width 64 --classes 10 --methods ido panel
    python benchmarks/scale.py neighbours --rows 1000000 --width 64 384
    python benchmarks/scale.py batches --rows 400000 --methods ce ido --batches 256:0.001 1000:0.002 4096:0.004
    python benchmarks/scale.py processes --rows 1000000 --processes 1 2 --methods elr --epochs 3

A review of many rows is measured by `benchmarks/review.py`.

Each cell is a process of its own, or several of one launch, on made-up rows in a temporary folder, and a line of a
Markdown table that is printed and with `--out` added to a file. Largest memory is what the operating system counts for
the process (getrusage), pages of mapped files that are in memory included, and of several processes the largest; by
phase it is the largest anonymous memory, looked at every 20 ms. Seconds are those of the processor, of all threads:
others may work on the same machine. `seconds by the clock` are beside them.
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

WRONG = 0.2  # of the labels
SURFACE = 16
GROUP = 1 << 16  # rows that are made at once
PHASES = {  # where in a run each phase begins
    "read": "mislabel.modalities.loading.load_dataset",
    "prepare": "mislabel.run.train_and_judge.prepare",
    "train": "mislabel.run.train_and_judge.train",
    "judge": "mislabel.run.train_and_judge.judge",
    "metrics": "mislabel.run.train_and_judge.add_metrics",
    "save": "mislabel.run.train_and_judge.save",
    "report": "mislabel.report.write_report",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cell", choices=("features", "neighbours", "batches", "processes", "child"))
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--width", type=int, nargs="+", default=[64])
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--methods", nargs="+", default=["ido", "panel"])
    parser.add_argument("--shapes", nargs="+", default=["surface", "full"], choices=("surface", "full"))
    parser.add_argument("--epochs", type=int, help="Of every stage of a method, in place of its own number.")
    parser.add_argument("--batches", nargs="+", default=["256:0.001"], metavar="ROWS:RATE", help="And learning rates.")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--no-dropout", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="A Markdown file that lines are added to.")
    parser.add_argument("--folder", type=Path, help="Where rows and runs go, and stay.")
    parser.add_argument("--said", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--command", nargs=argparse.REMAINDER, default=[], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.cell == "child":
        return child(given.command, given.said, no_dropout=given.no_dropout)
    with tempfile.TemporaryDirectory() as temporary:
        CELLS[given.cell](given, given.folder or Path(temporary))


# Made-up rows.


def make_rows(folder: Path, rows: int, width: int, classes: int) -> tuple[Path, Path]:
    """Features around a centre per class, and labels of which a fifth are wrong, as an .npy and a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    features, labels = folder / f"{rows}x{width}.npy", folder / f"{rows}x{width}of{classes}.parquet"
    if labels.is_file():
        return features, labels
    random = np.random.default_rng(0)
    centres = random.normal(size=(classes, width)).astype(np.float32) * (4 / np.sqrt(width))
    names = pa.array([f"class {k}" for k in range(classes)])
    matrix = np.lib.format.open_memmap(features, "w+", dtype=np.float32, shape=(rows, width))
    schema = pa.schema([("label", pa.dictionary(pa.int32(), pa.string())), ("true", names.type)])
    with pq.ParquetWriter(labels, schema) as writer:
        for begin in range(0, rows, GROUP):
            true = random.integers(classes, size=min(GROUP, rows - begin))
            matrix[begin : begin + len(true)] = centres[true]
            matrix[begin : begin + len(true)] += random.normal(size=(len(true), width)).astype(np.float32)
            wrong = random.random(len(true)) < WRONG
            label = np.where(wrong, (true + random.integers(1, classes, len(true))) % classes, true)
            given = pa.DictionaryArray.from_arrays(pa.array(label, pa.int32()), names)
            writer.write_table(pa.table([given, names.take(pa.array(true))], schema=schema))
    matrix.flush()
    return features, labels


# A run, watched from inside its process.


class Watch:
    """Seconds and the largest anonymous memory by phase; nested phases count for the inner one."""

    def __init__(self) -> None:
        self.phase, self.since = "import", time.process_time()
        self.seconds: dict[str, float] = {}
        self.megabytes: dict[str, float] = {}
        threading.Thread(target=self._look, daemon=True).start()

    def enter(self, phase: str) -> str:
        now = time.process_time()
        before, self.phase = self.phase, phase
        self.seconds[before] = self.seconds.get(before, 0.0) + now - self.since
        self.since = now
        return before

    def around(self, phase: str, function: Callable) -> Callable:
        def watched(*args: Any, **named: Any) -> Any:
            before = self.enter(phase)
            try:
                return function(*args, **named)
            finally:
                self.enter(before if before != "import" else "rest")

        return watched

    def _look(self) -> None:
        while True:
            self.megabytes[self.phase] = max(self.megabytes.get(self.phase, 0.0), anonymous_memory())
            time.sleep(0.02)


def anonymous_memory() -> float:
    """Of this process, in MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1000
    return 0.0


def child(command: list[str], said: Path, *, no_dropout: bool = False) -> None:
    """Run a command of mislabel in this process, or look for neighbours, watched."""
    if no_dropout:  # which every process draws for itself
        from mislabel.modalities import vectors

        vectors.DROPOUT = 0.0
    said = said.with_suffix(f".{os.environ.get('RANK', '0')}.json")
    watch, began = Watch(), time.perf_counter()
    told: dict[str, Any] = {}
    if command[0] == "neighbours":
        told = look_for_neighbours(Path(command[1]), watch)
    else:
        run_command(command, watch)
    watch.enter("end")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    clock = time.perf_counter() - began
    said.write_text(json.dumps({"seconds": watch.seconds, "megabytes": watch.megabytes, "peak": peak, "clock": clock,
                                **told}), encoding="utf-8")  # fmt: skip
    if "RANK" in os.environ:
        os._exit(0)  # as the command line leaves


def run_command(command: list[str], watch: Watch) -> None:
    for phase, name in PHASES.items():
        module, function = name.rsplit(".", 1)
        setattr(import_module(module), function, watch.around(phase, getattr(import_module(module), function)))
    from mislabel.cli import app as mislabel  # `main` ends one process of several on the spot

    sys.argv = ["mislabel", *command]
    with contextlib.suppress(SystemExit):
        mislabel()


def look_for_neighbours(path: Path, watch: Watch) -> dict[str, Any]:
    """Ten nearest rows of every row of a matrix."""
    from mislabel.posterior.nearest import nearest_voters

    points = np.load(path, mmap_mode="r")
    watch.enter("neighbours")
    found = nearest_voters(points, np.ones(len(points), dtype=bool), 10)
    return {"recall": found.recall}


def watched_run(command: list[str], folder: Path) -> dict[str, Any]:
    """What a child says of a command."""
    return watched_runs(command, folder)[0]


def watched_runs(
    command: list[str],
    folder: Path,
    processes: int = 1,
    options: Sequence[str] = (),
    more: dict[str, str] | None = None,
) -> list[dict[str, Any]]:
    """What each process says that runs a command together with the others."""
    said = [folder / f"said.{rank}.json" for rank in range(processes)]
    for path in said:
        path.unlink(missing_ok=True)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    words = [sys.executable, *(launch if processes > 1 else []), __file__, "child", *options]
    words += ["--said", str(folder / "said.json"), "--command", *command]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", **(more or {})}
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    if done.returncode or not all(path.is_file() for path in said):
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-3000:]}")
    return [json.loads(path.read_text()) for path in said]


def features(given: argparse.Namespace, folder: Path) -> None:
    """An audit of features by each method."""
    names = ["rows", "width", "classes", "method", "largest MB", "bytes a row", "seconds by the clock", "seconds"]
    table = Table(given.out, [*names, *(f"{phase} s / MB" for phase in PHASES)])
    for rows, width, method in ((r, w, m) for r in given.rows for w in given.width for m in given.methods):
        values, labels = make_rows(folder, rows, width, given.classes)
        run = folder / f"run-{rows}-{method}"
        command = ["audit", str(labels), "--features", str(values), "--label", "label", "--gold", "true"]
        command += ["--method", method, "--out", str(run), "--overwrite", *epoch_options(method, given.epochs)]
        said = watched_run(command, folder)
        phases = [f"{said['seconds'].get(p, 0):.1f} / {said['megabytes'].get(p, 0):.0f}" for p in PHASES]
        beyond = (said["peak"] - said["megabytes"]["import"]) * 1024**2 / rows
        total = sum(said["seconds"].values())
        table.line([rows, width, given.classes, method, f"{said['peak']:.0f}", f"{beyond:.0f}", f"{said['clock']:.0f}",
                    f"{total:.0f}", *phases])  # fmt: skip


def processes(given: argparse.Namespace, folder: Path) -> None:
    """An audit of features by several processes of one machine, one thread each, without dropout: the same audit."""
    import pandas as pd

    names = ["rows", "width", "method", "processes", "largest MB", "seconds by the clock", "of training", "times"]
    table = Table(given.out, [*names, "seconds of each", "largest difference of p_mislabeled"])
    cells = ((r, w, m) for r in given.rows for w in given.width for m in given.methods)
    for rows, width, method in cells:
        values, labels = make_rows(folder, rows, width, given.classes)
        first: tuple[float, np.ndarray] | None = None
        for count in given.processes:
            run = folder / f"run-{rows}-{method}-{count}"
            command = ["audit", str(labels), "--features", str(values), "--label", "label", "--method", method]
            command += ["--out", str(run), "--overwrite", "--device", "cpu", *epoch_options(method, given.epochs)]
            told = watched_runs(command, folder, count, ["--no-dropout"], {"OMP_NUM_THREADS": "1"})
            trained = json.loads((run / "metrics.json").read_text())["seconds"]["train"]
            audit = pd.read_parquet(run / "audit.parquet", columns=["id", "p_mislabeled"]).sort_values("id")
            found = audit["p_mislabeled"].to_numpy()
            first = first or (trained, found)
            seconds = " + ".join(f"{sum(each['seconds'].values()):.0f}" for each in told)
            table.line([rows, width, method, count, f"{max(each['peak'] for each in told):.0f}",
                        f"{max(each['clock'] for each in told):.0f}", f"{trained:.1f}", f"{first[0] / trained:.2f}",
                        seconds, f"{np.nanmax(np.abs(found - first[1])):.1e}"])  # fmt: skip


def neighbours(given: argparse.Namespace, folder: Path) -> None:
    """Ten neighbours of every row, of rows on a surface and of rows that fill all dimensions, the worst case."""
    table = Table(given.out, ["rows", "width", "shape", "recall", "largest MB", "seconds by the clock", "seconds"])
    for rows, width, shape in ((r, w, s) for r in given.rows for w in given.width for s in given.shapes):
        path = (
            make_rows(folder, rows, width, given.classes)[0] if shape == "full" else make_surface(folder, rows, width)
        )
        said = watched_run(["neighbours", str(path)], folder)
        table.line([rows, width, shape, f"{said['recall']:.3f}", f"{said['peak']:.0f}", f"{said['clock']:.0f}",
                    f"{said['seconds']['neighbours']:.0f}"])  # fmt: skip


def make_surface(folder: Path, rows: int, width: int) -> Path:
    """Rows on a curved surface of SURFACE dimensions with a little noise, which embeddings are nearer to."""
    folder.mkdir(parents=True, exist_ok=True)
    path, random = folder / f"{rows}x{width}-surface.npy", np.random.default_rng(0)
    if path.is_file():
        return path
    into, out = random.normal(size=(SURFACE, 128)) / np.sqrt(SURFACE), random.normal(size=(128, width)) / np.sqrt(128)
    matrix = np.lib.format.open_memmap(path, "w+", dtype=np.float32, shape=(rows, width))
    for begin in range(0, rows, GROUP):
        part = matrix[begin : begin + GROUP]
        part[:] = np.tanh(random.normal(size=(len(part), SURFACE)) @ into) @ out
        part += 0.02 * random.normal(size=part.shape).astype(np.float32)
    matrix.flush()
    return path


def epoch_options(method: str, epochs: int | None) -> list[str]:
    names = {
        "ce": ("epochs",), "elr": ("epochs",), "ido": ("warm_epochs", "robust_epochs"), "panel": ("epochs",),
        "dygen": ("epochs", "distil_epochs"),
    }  # fmt: skip
    return [] if epochs is None else [w for name in names[method] for w in ("--option", f"{name}={epochs}")]


class Table:
    """A Markdown table that grows line by line, on the screen and in a file."""

    def __init__(self, out: Path | None, names: list[str]):
        self.out = out
        self.line(names)
        self.line(["---"] * len(names))

    def line(self, cells: list[Any]) -> None:
        text = "| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells) + " |"
        print(text, flush=True)
        if self.out is not None:
            with open(self.out, "a", encoding="utf-8") as file:
                file.write(text + "\n")


def batches(given: argparse.Namespace, folder: Path) -> None:
    """What larger batches and learning rates make of a head, on rows that overlap, two centres a class."""
    names = ["rows", "method", "batch", "learning rate", "seconds of training", "test accuracy %", "AUROC %"]
    table = Table(given.out, names)
    cells = ((r, m, b) for r in given.rows for m in given.methods for b in given.batches)
    for rows, method, both in cells:
        values, labels = make_overlapping(folder, rows, given.classes)
        (batch, rate), run = both.split(":"), folder / f"run-{rows}-{method}-batches"
        command = ["audit", str(labels), "--features", str(values), "--label", "label", "--gold", "true"]
        command += ["--split", "split", "--method", method, "--out", str(run), "--overwrite", "--no-content"]
        watched_run([*command, "--batch-size", batch, "--learning-rate", rate], folder)
        metrics = json.loads((run / "metrics.json").read_text())
        shares = [f"{100 * share:.1f}" for share in (metrics["test"]["accuracy"], metrics["detection"]["auroc"])]
        table.line([rows, method, int(batch), rate, f"{metrics['seconds']['train']:.0f}", *shares])


def make_overlapping(folder: Path, rows: int, classes: int, width: int = 64, test: int = 20_000) -> tuple[Path, Path]:
    """Rows around two centres a class that are close, 30 % of the labels wrong, most of them the next class."""
    import pandas as pd

    features, labels = folder / f"{rows}-overlap.npy", folder / f"{rows}-overlap.parquet"
    if labels.is_file():
        return features, labels
    random, count = np.random.default_rng(1), rows + test
    centres = random.normal(size=(2 * classes, width)).astype(np.float32) * (2.6 / np.sqrt(width))
    part = random.integers(2 * classes, size=count)
    true = part % classes
    np.save(features, centres[part] + random.normal(size=(count, width)).astype(np.float32))
    wrong, far = random.random(count) < 0.3, random.random(count) < 0.2
    given = np.where(wrong, (true + 1 + far * random.integers(1, classes - 1, count)) % classes, true)
    split = np.where(np.arange(count) < rows, "train", "test")
    names = {"label": np.where(split == "test", true, given).astype(str), "true": true.astype(str), "split": split}
    pd.DataFrame(names).to_parquet(labels)
    return features, labels


CELLS = {"features": features, "neighbours": neighbours, "batches": batches, "processes": processes}

if __name__ == "__main__":
    main()
