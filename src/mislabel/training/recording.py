"""Watches what training shows of every row: predictions, losses and margins, pass by pass."""

import numpy as np
import torch

from mislabel.dynamics.recorder import PassRecorder
from mislabel.training.checkpoints import Checkpoint
from mislabel.training.stage_run import StageRun
from mislabel.training.watchers import SeenBatch, Watcher


class DynamicsRecording(Watcher):
    """Writes an epoch's passes to the dynamics store when it ends; rows that were held back are looked at then.

    Parameters
    ----------
    run : StageRun
    """

    def __init__(self, run: StageRun):
        self.recorder: PassRecorder = PassRecorder(run.stage.views, len(run.rows), run.device)

    def batch(self, seen: SeenBatch) -> None:
        self.recorder.record(seen.index, seen.target, seen.logits)

    def epoch_end(self, run: StageRun, epoch: int) -> None:
        if run.held.any():
            self._look_at_held(run)
        views = self.recorder.finish(run.sum if run.accelerator.num_processes > 1 else None)
        first = run.dynamics.done
        for view, recorded in enumerate(views):
            run.dynamics.write(first + view, recorded)

    def state(self, run: StageRun, checkpoint: Checkpoint) -> None:
        run.dynamics.flush()
        checkpoint.state["passes"] = run.dynamics.done

    def _look_at_held(self, run: StageRun) -> None:
        held = np.flatnonzero(run.held)
        logits = run.logits(run.rows.inputs.take(held))
        if run.accelerator.is_main_process:  # the recorder sums over processes
            index = torch.as_tensor(held, device=run.device)
            every_view = logits.to(run.device)[:, None].expand(-1, run.stage.views, -1, -1)
            self.recorder.record(index, run.target[index], every_view)
