"""What training took and how it went: a line per epoch, seconds, rows."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mislabel.training.checkpoints import Checkpoint
from mislabel.training.stage_run import StageRun
from mislabel.training.watchers import Watcher


class History(Watcher):
    """Of a whole run, over all its stages.

    Parameters
    ----------
    told : callable
        Called by the main process after each epoch, with the lines of all epochs so far.

    Attributes
    ----------
    epochs : list of dict
        A line per epoch: stage, epoch (from 1), loss, seconds, agreement with the targets, selected epoch.
    seconds : float
        Of all stages.
    parts : dict of float
        Seconds by stage; what comes before its epochs (".start"), and its recording (".recording"), by themselves.
    rows : int
        How many rows were trained on, each view and epoch counted.
    """

    def __init__(self, told: Callable[[list[dict[str, Any]]], None] = lambda lines: None) -> None:
        self.told = told
        self.epochs: list[dict[str, Any]] = []
        self.seconds: float = 0.0
        self.parts: dict[str, float] = {}
        self.rows: int = 0

    def load(self, checkpoint: Checkpoint) -> None:
        """Go on from what `state` kept."""
        state = checkpoint.state
        self.epochs, self.seconds = state.get("log", []), state.get("seconds", 0.0)
        self.rows, self.parts = state.get("train_rows", 0), state.get("parts", {})

    def add_seconds(self, part: str, seconds: float, *, within: bool = False) -> None:
        """Count time under a name; `within` another part's time, which already counts for the total."""
        self.parts[part] = self.parts.get(part, 0.0) + seconds
        if not within:
            self.seconds += seconds

    def epoch_end(self, run: StageRun, epoch: int) -> None:
        seconds = time.perf_counter() - run.began
        self.add_seconds(run.stage.name, seconds)
        self.rows += int(np.count_nonzero(~run.apart)) * run.stage.views
        line = {"stage": run.stage.name, "epoch": epoch + 1, "loss": round(run.loss, 5), "seconds": round(seconds, 2)}
        if run.settings.record:
            passes = run.dynamics.of_stage(run.stage.name)[-run.stage.views :]
            line["agreement"] = round(float(np.mean(run.dynamics.prediction[passes] == run.rows.target)), 5)
        if run.selected_epoch is not None:
            line["selected_epoch"] = int(run.selected_epoch) + 1
        self.epochs.append(line)
        if run.accelerator.is_main_process:
            shown = f"{run.stage.name} {epoch + 1}/{run.stage.epochs}: loss {run.loss:.4f}"
            if "agreement" in line:
                shown += f", agrees with {line['agreement']:.1%} of the given labels"
            run.progress.line(f"{shown}, {seconds:.1f} s")
            self.told(self.epochs)

    def state(self, run: StageRun, checkpoint: Checkpoint) -> None:
        checkpoint.state |= {
            "log": self.epochs,
            "seconds": self.seconds,
            "train_rows": self.rows,
            "parts": self.parts,
        }
