"""A run told to an experiment tracker while it trains: TensorBoard, Weights & Biases or MLflow, through accelerate.

Told are settings, what each epoch came to, and at the end what is said of the labels and the scores: no input, no id,
no name of a class. A tracker that fails does not take the run with it.
"""

import importlib.util
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from typing import Any

from mislabel.data import Dataset
from mislabel.errors import InputError, one_of, without_secrets
from mislabel.files import private_folder, remove_folder, write_json
from mislabel.integrity import read_as
from mislabel.modalities.safe_loading import reason
from mislabel.posterior.noise_rate import NoiseRate
from mislabel.run.about import every_setting
from mislabel.run.defaults import effective_for
from mislabel.run.folder import RunFolder
from mislabel.run.headline import certain
from mislabel.run.settings import RunConfig
from mislabel.training.device import make_accelerator
from mislabel.training.progress import Quiet

TRACKERS = ("tensorboard", "wandb", "mlflow")
PROJECT = "mislabel"
STATE = "state.json"
SCORES = ("rows", "rows_trained", "classes", "likely_wrong", "noise_rate", "test", "detection", "suggestion")


@dataclass
class State:
    """What a run that goes on needs to know: which tracker, the name of the run there, how many epochs it was told."""

    tracker: str
    run: str = ""
    told: int = 0


def check_tracker(name: str, folder: RunFolder | None) -> None:
    """Look whether a tracker can be used, before any work.

    Raises
    ------
    InputError
        If there is none of this name, its package is not installed, or it needs a folder.
    """
    one_of("track", name, TRACKERS)
    if importlib.util.find_spec(name) is None:
        raise InputError(f"--track {name} needs the package {name}: pip install {name}")
    if name == "tensorboard" and folder is None:
        raise InputError("--track tensorboard writes into the run folder: give --out, too")


@contextmanager
def tracked(
    name: str | None, dataset: Dataset, config: RunConfig, folder: RunFolder | None, progress: Quiet, *, resume: bool
) -> Iterator["Tracker | None"]:
    """The tracker of this name, begun, and ended with the block; None for None.

    Raises
    ------
    InputError
        If it cannot begin.
    """
    if name is None:
        yield None
        return
    make_accelerator(config.device, config.precision)  # trackers log, and accelerate logs where it knows its processes
    tracker = Tracker(name, folder, progress, resume=resume)
    tracker.begin(_told_settings(dataset, config))
    try:
        yield tracker
    finally:
        tracker.finish()


class Tracker:
    """One tracker of accelerate's, told of one run.

    Attributes
    ----------
    notes : list of str
        What it could not be told, for whoever reads the result.
    """

    def __init__(self, name: str, folder: RunFolder | None, progress: Quiet, *, resume: bool):
        self.name: str = name
        self.progress: Quiet = progress
        self.notes: list[str] = list[str]()
        self.run_name: str | None = None if folder is None else folder.path.resolve().name
        self.home = None if folder is None else folder.tracking
        if self.home is not None and not resume:
            remove_folder(self.home)
        self.state: State = self._read_state()
        self._failed = False
        self._tracker: Any = None

    def begin(self, settings: dict[str, Any]) -> None:
        """Start it, or go on with the run that it was told of before.

        Raises
        ------
        InputError
            If it cannot be started.
        """
        fresh = not self.state.run
        try:
            with redirect_stdout(sys.stderr):
                self._tracker = self._make()
                self._tracker.main_process_only = False  # only the main process comes here
                self._tracker.start()
                if fresh:
                    self._tracker.store_init_configuration(settings)
        except Exception as error:
            raise InputError(
                f"--track {self.name} cannot start ({_why(error)}): set {self.name} up, or leave --track out"
            ) from error
        self.state.run = self._run_there()
        self._keep()

    def epochs(self, lines: list[dict[str, Any]]) -> None:
        """Tell the epochs of a run so far, those that it was not told before."""
        if not self._failed:
            self._try(lambda: self._tell(lines), f"epoch {len(lines)} and what follows")

    def result(self, lines: list[dict[str, Any]], metrics: Mapping[str, Any]) -> None:
        """Tell what came of the run, and the epochs that are still missing."""
        self._try(lambda: self._tell_result(lines, metrics), "the result")

    def finish(self) -> None:
        """End it."""
        self._try(self._tracker.finish, "the end")

    def _tell(self, lines: list[dict[str, Any]]) -> None:
        for line in lines[self.state.told :]:
            stage = re.sub(r"[^\w.-]", "_", str(line["stage"]), flags=re.ASCII)
            values = {f"{stage}/{name}": line[name] for name in ("loss", "agreement") if name in line}
            self._tracker.log(values, step=self.state.told + 1)
            self.state.told += 1
            self._keep()

    def _tell_result(self, lines: list[dict[str, Any]], metrics: Mapping[str, Any]) -> None:
        self._tell(lines)
        statement = {"noise_statement": certain(NoiseRate.of(metrics))}
        numbers = dict(_numbers({name: metrics[name] for name in SCORES if name in metrics}))
        if self.name == "mlflow":  # its metrics are numbers
            self._tracker.store_init_configuration(statement)
        else:
            numbers |= statement
        self._tracker.log(numbers, step=len(lines) + 1)

    def _try(self, action: Any, what: str) -> None:
        """Do what may fail; how it failed becomes a note, as the run must not end by it."""
        try:
            with redirect_stdout(sys.stderr):
                action()
            self._keep_private()
        except Exception as error:
            self._failed = True
            self.notes.append(f"{self.name} was not told {what} ({_why(error)}); nothing else is missing from the run.")
            self.progress.line(f"note: {self.notes[-1]}")

    def _make(self) -> Any:
        from accelerate.tracking import MLflowTracker, TensorBoardTracker, WandBTracker

        state = self.state
        if self.name == "tensorboard":
            assert self.home is not None
            private_folder(self.home)
            # What was written after the last epoch that is known to be told is told again, and not shown twice.
            return TensorBoardTracker(self.name, self.home, purge_step=state.told + 1 if state.run else None)
        if self.name == "wandb":
            there = {"id": state.run, "resume": "allow"} if state.run else {}
            quiet = {"console": "off"}  # what the terminal shows may name rows
            project = os.environ.get("WANDB_PROJECT", PROJECT)
            return WandBTracker(project, name=self.run_name, settings=quiet, **there)
        return MLflowTracker(PROJECT, run_id=state.run or None, run_name=self.run_name)

    def _run_there(self) -> str:
        """What the tracker calls the run."""
        if self.name == "tensorboard":
            return self.name
        run = self._tracker.tracker
        return str(run.id if self.name == "wandb" else run.info.run_id)

    def _read_state(self) -> State:
        path = None if self.home is None else self.home / STATE
        if path is not None and path.is_file():
            known = read_as(path, State)
            if known.tracker == self.name:
                return known
        return State(self.name)

    def _keep(self) -> None:
        if self.home is not None:
            private_folder(self.home)
            write_json(self.home / STATE, asdict(self.state))

    def _keep_private(self) -> None:
        """Only the owner may read what a tracker writes into the run folder, as all that lies there."""
        for path in self.home.rglob("*") if self.home is not None and self.home.is_dir() else ():
            path.chmod(0o700 if path.is_dir() else 0o600)


def _why(error: Exception) -> str:
    return without_secrets(reason(error))


def _told_settings(dataset: Dataset, config: RunConfig) -> dict[str, Any]:
    """Every setting that is a number or a word, and of the data their name, rows and classes."""
    settings = every_setting(effective_for(config, dataset))
    options = {f"options.{name}": value for name, value in settings.pop("options").items()}
    data = {"data.name": dataset.name, "data.rows": len(dataset), "data.classes": dataset.labels.n_classes}
    flat = {**settings, **options, **data}
    return {name: value for name, value in flat.items() if isinstance(value, bool | int | float | str)}


def _numbers(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, float]]:
    """The finite numbers in nested mappings, each with its path."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{path}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield f"{path}{name}", value
