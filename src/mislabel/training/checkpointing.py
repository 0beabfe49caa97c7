"""Saves a checkpoint after every epoch, with what all watchers keep."""

from pathlib import Path

from mislabel.training.checkpoints import Checkpoint, optimizer_tensors, save_checkpoint
from mislabel.training.room import bytes_there, check_disk, checkpoint_bytes, size_of
from mislabel.training.sharding import whole
from mislabel.training.stage_run import StageRun
from mislabel.training.watchers import Watcher


class Checkpointing(Watcher):
    """The last of the watchers: what it saves is what the others have by then.

    Parameters
    ----------
    folder : Path
        Of the run.
    watchers : list of Watcher
        The others.
    """

    def __init__(self, folder: Path, watchers: list[Watcher]):
        self.folder: Path = folder
        self.watchers: list[Watcher] = watchers

    def start(self, run: StageRun, checkpoint: Checkpoint | None) -> None:
        """Raise DiskFull where they would not fit: only now is it known what the loss keeps by row."""
        tables = sum(value.numel() * value.element_size() for value in run.stage.loss.tables.values())
        weights = size_of(run.branches)
        needed = checkpoint_bytes(weights, tables + (weights if run.stage.teacher else 0))
        check_disk(self.folder, {"checkpoints": needed}, bytes_there(self.folder / "checkpoints"))

    def epoch_end(self, run: StageRun, epoch: int) -> None:
        writes = run.leads
        over = epoch + 1 == run.stage.epochs  # the next stage starts with a new optimiser
        model = whole(run.branches.state_dict(), kept=writes)
        optimizer = {} if over else whole(optimizer_tensors(run.optimizer.optimizer), kept=writes)
        if writes:
            checkpoint = Checkpoint(stage=run.number, epoch=epoch + 1, model=model, optimizer=optimizer)
            for watcher in self.watchers:
                watcher.state(run, checkpoint)
            save_checkpoint(self.folder / "checkpoints", checkpoint)
        run.accelerator.wait_for_everyone()
