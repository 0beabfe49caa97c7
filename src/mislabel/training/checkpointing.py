"""Saves a checkpoint after every epoch, with what all watchers keep."""

from pathlib import Path

from mislabel.training.checkpoints import Checkpoint, optimizer_tensors, save_checkpoint
from mislabel.training.guards import check_disk
from mislabel.training.stage_run import StageRun
from mislabel.training.watchers import Watcher

WEIGHT_COPIES = 4  # the weights themselves, AdamW's two moments, and those that are selected


class Checkpointing(Watcher):
    """The last of the watchers: what it saves is what the others have by then.

    Parameters
    ----------
    folder : Path
        Of the run.
    watchers : list of Watcher
        The others.
    trajectory_bytes : int
        What the stage will write beside checkpoints and dynamics.
    """

    def __init__(self, folder: Path, watchers: list[Watcher], trajectory_bytes: int = 0):
        self.folder, self.watchers, self.trajectory_bytes = folder, watchers, trajectory_bytes

    def start(self, run: StageRun, checkpoint: Checkpoint | None) -> None:
        """Raise RunError where it would not fit on the disk."""
        weights, tables = (
            sum(value.numel() * value.element_size() for value in tensors.values())
            for tensors in (run.model.state_dict(), run.stage.loss.tables)
        )
        beside_the_old_one = 2
        check_disk(self.folder, beside_the_old_one * (WEIGHT_COPIES * weights + tables) + self.trajectory_bytes)

    def epoch_end(self, run: StageRun, epoch: int) -> None:
        if run.accelerator.is_main_process:
            over = epoch + 1 == run.stage.epochs  # the next stage starts with a new optimiser
            checkpoint = Checkpoint(
                stage=run.number,
                epoch=epoch + 1,
                model=run.branches.state_dict(),
                optimizer={} if over else optimizer_tensors(run.optimizer.optimizer),
            )
            for watcher in self.watchers:
                watcher.state(run, checkpoint)
            save_checkpoint(self.folder / "checkpoints", checkpoint)
        run.accelerator.wait_for_everyone()
