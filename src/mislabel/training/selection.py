"""Keeps the weights of one epoch of a stage for a later stage."""

import numpy as np
from torch import Tensor

from mislabel.dynamics.scores import prediction_changes
from mislabel.training.checkpoints import Checkpoint
from mislabel.training.sharding import whole
from mislabel.training.stage_run import StageRun
from mislabel.training.watchers import Watcher


class Selection(Watcher):
    """Asks the stage after each epoch which one it selects, or takes the one that predicts held-back rows best.

    Attributes
    ----------
    weights : dict of Tensor
        Of the selected epoch; empty where the stage selects none, or no row could be held back.
    """

    def __init__(self) -> None:
        self.weights: dict[str, Tensor] = {}

    def start(self, run: StageRun, checkpoint: Checkpoint | None) -> None:
        if checkpoint is not None:
            self.weights = checkpoint.selected

    def epoch_end(self, run: StageRun, epoch: int) -> None:
        if not run.selects:
            return
        run.selected_epoch = self._choose(run)
        if run.selected_epoch == epoch:  # copies: the live weights go on changing
            weights = whole(run.branches.state_dict())
            self.weights = {name: value.detach().cpu().clone() for name, value in weights.items()}

    def state(self, run: StageRun, checkpoint: Checkpoint) -> None:
        checkpoint.selected = self.weights

    @staticmethod
    def _choose(run: StageRun) -> int:
        """The selected epoch, from 0, by the passes of the weak view so far."""
        stage, held = run.stage, run.held
        prediction = run.dynamics.prediction[run.dynamics.of_stage(stage.name)[:: stage.views]]
        if stage.select is not None:
            return stage.select(prediction_changes(prediction))
        return int(np.argmax((prediction[:, held] == run.rows.target[held]).mean(1)))
