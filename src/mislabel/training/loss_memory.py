"""What a loss remembers: it is told of its stage and of its epochs, and what it keeps by row is shared and saved."""

import time

import numpy as np

from mislabel.training.checkpoints import Checkpoint
from mislabel.training.evaluation import target_losses
from mislabel.training.history import History
from mislabel.training.inference import probabilities_and_embeddings
from mislabel.training.losses import OPINION, Loss
from mislabel.training.parts import share_tables
from mislabel.training.stage_run import StageRun
from mislabel.training.watchers import Watcher


class LossMemory(Watcher):
    """Calls a stage's loss when the stage starts and when an epoch ends, after the epoch was recorded.

    Where the stage asks for it, all rows are evaluated before, for `DynamicsStore.evaluation`.

    Parameters
    ----------
    loss : Loss
    history : History
        Counts the time before the first epoch.
    """

    def __init__(self, loss: Loss, history: History):
        self.loss: Loss = loss
        self.history: History = history

    def start(self, run: StageRun, checkpoint: Checkpoint | None) -> None:
        began = time.perf_counter()
        # What the last epoch left in memory, or nobody has looked at: selected weights are not those of the last epoch.
        if checkpoint is not None or run.stage.start == "selected":
            self._evaluate(run)
        self.loss.begin(run.dynamics, run.rows.target, run.rows.n_classes, run.device)
        self.history.add_seconds(f"{run.stage.name}.start", time.perf_counter() - began)
        if checkpoint is not None:
            self.loss.load_state(checkpoint.state["loss"])
            for name, table in checkpoint.tables.items():
                self.loss.tables[name] = table.to(run.device)
        run.revise(self.loss.tables.get(OPINION))

    def epoch_end(self, run: StageRun, epoch: int) -> None:
        tables = [table for name, table in self.loss.tables.items() if name != OPINION]
        share_tables(run.accelerator, run.taken, tables)
        self._evaluate(run)
        if epoch + 1 == run.stage.waits:
            run.dynamics.asked = self._ask(run)
        self.loss.epoch_end(run.dynamics)
        run.dynamics.asked = None
        run.revise(self.loss.tables.get(OPINION))

    def state(self, run: StageRun, checkpoint: Checkpoint) -> None:
        checkpoint.tables = self.loss.tables
        checkpoint.state["loss"] = self.loss.state()

    @staticmethod
    def _ask(run: StageRun) -> tuple[np.ndarray, np.ndarray]:
        classes, inputs = run.rows.n_classes, run.rows.inputs
        width = run.branches.dimension or classes
        return probabilities_and_embeddings(
            run.branches, inputs, classes, width, run.accelerator, low_precision=True, progress=run.progress
        )

    @staticmethod
    def _evaluate(run: StageRun) -> None:
        if run.stage.evaluates:
            logits = run.logits(run.rows.inputs)
            run.dynamics.evaluation = target_losses(logits, run.rows.target)
            if run.stage.evaluates == "probabilities":
                run.dynamics.probabilities = logits.softmax(-1).numpy()
