"""Watches what training shows of every row: predictions, losses and margins, pass by pass."""

import numpy as np
import torch

from mislabel.dynamics.recorder import PassRecorder
from mislabel.dynamics.store import QUANTITIES
from mislabel.training.checkpoints import Checkpoint
from mislabel.training.stage_run import StageRun
from mislabel.training.watchers import SeenBatch, Watcher


class DynamicsRecording(Watcher):
    """Writes an epoch's passes to the dynamics store when it ends; rows that did not train are looked at then.

    Each process keeps what it saw of the rows that it took. In a folder one process writes for all who see it, and the
    others map its files; in memory each has the whole.

    Parameters
    ----------
    run : StageRun
    """

    def __init__(self, run: StageRun):
        self.run: StageRun = run
        self._recorder: PassRecorder | None = None
        self._seen = 0

    def batch(self, seen: SeenBatch) -> None:
        if self._recorder is None:
            self._recorder = PassRecorder(self.run.stage.views, len(self.run.taken), self.run.device)
            self._seen = 0
        here = slice(self._seen, self._seen + len(seen.rows))  # rows come in the order of `taken`
        self._recorder.record(here, seen.target, seen.logits)
        self._seen = here.stop

    def epoch_end(self, run: StageRun, epoch: int) -> None:
        store, recorder = run.dynamics, self._recorder
        assert recorder is not None
        self._recorder = None
        self._write(run.taken, recorder, known_to_all=False)
        if run.apart.any():
            self._look_at_others(run)
        done = store.done + run.stage.views
        with run.leaders_first():  # whoever follows maps what is on the disk by then
            store.end(done)
            if run.accelerator.num_processes > 1:
                store.flush()

    def state(self, run: StageRun, checkpoint: Checkpoint) -> None:
        run.dynamics.flush()
        checkpoint.state["passes"] = run.dynamics.done

    def _look_at_others(self, run: StageRun) -> None:
        others = np.flatnonzero(run.apart)
        logits = run.logits(run.rows.inputs.take(others))
        recorder = PassRecorder(run.stage.views, len(others), run.device)
        every_view = logits.to(run.device)[:, None].expand(-1, run.stage.views, -1, -1)
        recorder.record(slice(None), run.target[torch.as_tensor(others, device=run.device)], every_view)
        self._write(others, recorder, known_to_all=True)

    def _write(self, rows: np.ndarray, recorder: PassRecorder, *, known_to_all: bool) -> None:
        """Put what was recorded of rows (k,) int64 into the store, those of other processes with it."""
        store = self.run.dynamics
        values = [recorded[name] for recorded in recorder.finish() for name in QUANTITIES]
        if not known_to_all:
            self.run.share(rows, values, store.put_epoch, follows=store.follows)
        elif not store.follows:
            store.put_epoch(rows, values)
