"""One cell: a method on a data set with a seed. It gives a line of results, whatever happens in it."""

import json
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mislabel.bench.data import GOLD, TRUSTED, columns_of, described, make_table
from mislabel.bench.memory import forget_peak, peak_mb
from mislabel.bench.peers import cleanlab_scores
from mislabel.bench.shared_embeddings import lend, matrix_of, shared_embeddings
from mislabel.bench.specs import CE, PEER, Spec
from mislabel.bench.specs import GOLD as GOLD_METHOD
from mislabel.bench.suites import Source
from mislabel.data import Dataset
from mislabel.errors import RunError
from mislabel.files import atomic_write, remove_folder
from mislabel.modalities import modality
from mislabel.modalities.loading import load_dataset
from mislabel.run.about import describe
from mislabel.run.folder import RunFolder
from mislabel.run.settings import RunConfig
from mislabel.run.train import train

HEAVY = ("model/*.safetensors", "trajectory/*", "dynamics/embedding.npy", "dynamics/probability.npy")
LINE, ERROR = "line.json", "error.txt"


@dataclass(frozen=True)
class Cell:
    """Everything that a worker needs to know, also on another machine that sees the same files.

    Attributes
    ----------
    source : Source
    seed : int
        Of the drawn rows, the planted errors and training.
    spec : Spec
    settings : dict
        Of the run, less method, options and seed.
    out, data_dir : Path
    keep_models : bool
        Whether weights and dynamics stay in the run folder.
    threads : int, optional
        For a worker among several.
    """

    source: Source
    seed: int
    spec: Spec
    settings: dict[str, Any]
    out: Path
    data_dir: Path | None
    keep_models: bool = False
    threads: int | None = None

    @property
    def key(self) -> tuple[str, int, str]:
        return self.source.name, self.seed, self.spec.text

    @property
    def folder(self) -> Path:
        return self.out / "cells" / f"{self.source.name}.{self.seed}.{self.spec.file_name}"


def run_cell(cell: Cell) -> dict[str, Any]:
    """Do the work, and write LINE (and for a failure ERROR) into the cell's folder."""
    if cell.threads is not None:
        import torch

        torch.set_num_threads(cell.threads)
    data, seed, method = cell.key
    line = {"data": data, "seed": seed, "method": method, "run": cell.folder.relative_to(cell.out).as_posix()}
    line |= {"oracle": cell.spec.oracle, "status": "done", "error": None}
    cell.folder.mkdir(parents=True, exist_ok=True)
    for name in (LINE, ERROR):
        (cell.folder / name).unlink(missing_ok=True)
    began, fresh = time.perf_counter(), forget_peak()
    try:
        line |= _worked(cell)
    except Exception as error:  # a red cell, and the others go on
        words = (str(error).strip() or "no message").splitlines()[0]
        line |= {"status": "failed", "error": f"{type(error).__name__}: {words}"}
        atomic_write(cell.folder / ERROR, traceback.format_exc())
    line |= {"peak_memory_mb": peak_mb(), "peak_of_cell": fresh}
    line["seconds_wall"] = round(time.perf_counter() - began, 2)
    atomic_write(cell.folder / LINE, json.dumps(line))
    return line


def _worked(cell: Cell) -> dict[str, Any]:
    table, about = make_table(cell.source, cell.seed, cell.data_dir, cell.out / "data")
    columns: dict[str, Any] = columns_of(cell.source)
    if cell.spec.method == GOLD_METHOD:
        columns.pop("sources", None)
        columns["label"] = GOLD
    method = CE if cell.spec.method in (GOLD_METHOD, PEER) else cell.spec.method
    options = cell.spec.with_rate(about["noise"])
    settings = cell.settings
    if cell.source.trusted and cell.spec.method != GOLD_METHOD:  # whose labels are all right
        columns["trusted"], settings = TRUSTED, {**settings, "trusted_drawn": "random"}
    describe = described(cell.source, cell.data_dir)
    config = RunConfig(method=method, options=options, seed=cell.seed, describe=describe, **settings)
    if "sources" in columns:
        columns["source_kind"] = cell.source.source_kind
    dataset = load_dataset(table, **columns)
    shared, encoding = None, 0.0
    if modality(cell.source.modality).encoder is not None and (config.tune == "head" or cell.spec.method == PEER):
        home = cell.out / "embeddings"
        shared, encoding = shared_embeddings(dataset, table, cell.source.column, config, home)
        forget_peak()  # that was for all
    began = time.perf_counter()
    if cell.spec.method == PEER:
        metrics = cleanlab_scores(dataset, matrix_of(dataset, shared), standardise=shared is None)
        metrics["seconds"] = {"prepare": 0.0, "train": round(time.perf_counter() - began, 2)}
        atomic_write(cell.folder / "metrics.json", json.dumps(metrics, indent=1))
    else:
        metrics = _run(cell, dataset, config, columns, shared)
    return {**measures(metrics), "seconds_encode": encoding, "noise_planted": about["noise"]}


def _run(
    cell: Cell, dataset: Dataset, config: RunConfig, columns: dict[str, str], shared: Path | None
) -> dict[str, Any]:
    """A run as `mislabel train` makes it, continued where it has checkpoints."""
    folder = RunFolder(cell.folder)
    with folder.locked():
        begun = not folder.finished and any(folder.checkpoints.glob("*/state.json"))
        if not begun and not folder.config.is_file():
            for rest in cell.folder.iterdir():  # of a start that failed early
                if not rest.name.startswith("."):
                    remove_folder(rest)
        if begun:
            try:
                folder.check_same(describe(config, dataset, columns))
            except RunError:  # the checkpoints are of another version's settings
                begun = False
        lent = partial(lending, shared)
        trained = train(
            dataset, config, folder, columns=columns, resume=begun, overwrite=not begun, content=False, watch=lent
        )
        if not cell.keep_models:
            for heavy in (path for pattern in HEAVY for path in folder.path.glob(pattern)):
                heavy.unlink()
    return trained.audit.metrics


@contextmanager
def lending(shared: Path | None, folder: RunFolder | None) -> Iterator[Callable[[], bool]]:
    """Training that nobody stops, on embeddings that cells share, which no cell keeps."""
    if shared is None or folder is None:
        yield lambda: False
        return
    lend(shared, folder.embeddings)
    try:
        yield lambda: False
    finally:
        folder.embeddings.unlink(missing_ok=True)


def measures(metrics: dict[str, Any]) -> dict[str, Any]:
    """The fields of a line from a run's metrics.json."""
    test, noise, seconds = metrics.get("test", {}), metrics.get("noise_rate", {}), metrics["seconds"]
    line = {name: test.get(name) for name in ("accuracy", "macro_f1", "ece")}
    line |= {name: metrics.get("detection", {}).get(name) for name in ("auroc", "average_precision")}
    line |= {f"noise_{name}": noise.get(name) for name in ("true", "at_least", "estimate", "low", "high")}
    line["suggestion"] = metrics.get("suggestion", {}).get("accuracy")
    line["seconds"] = round(seconds.get("train", 0.0) + seconds.get("judge", 0.0), 2)
    line["seconds_prepare"] = seconds.get("prepare", 0.0)
    line["seconds_by_stage"] = metrics.get("seconds_by_stage", {})
    line["epochs"] = len(metrics.get("epochs", []))
    if "generative" in test:
        line["generative"] = {name: test["generative"].get(name) for name in ("accuracy", "macro_f1", "ece")}
    return line
