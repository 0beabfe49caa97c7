"""The one training loop: from stage to stage, and on from where a run stopped. It knows no method by name."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.dynamics.trajectory import open_trajectory
from mislabel.errors import RunError
from mislabel.training.balance import row_weights
from mislabel.training.branches import Branches, make_branches
from mislabel.training.checkpointing import Checkpointing
from mislabel.training.checkpoints import Checkpoint, load_checkpoint, load_optimizer
from mislabel.training.device import make_accelerator, wrap_network
from mislabel.training.evaluation import held_back
from mislabel.training.guards import check_stages
from mislabel.training.history import History
from mislabel.training.inputs import Inputs
from mislabel.training.loss_memory import LossMemory
from mislabel.training.mean_weights import MeanWeights
from mislabel.training.optimizers import make_optimizer
from mislabel.training.parts import leaders_first
from mislabel.training.progress import Quiet
from mislabel.training.pruning import Pruning
from mislabel.training.recording import DynamicsRecording
from mislabel.training.reshaping import reshape
from mislabel.training.room import bytes_there, check_disk, training_needs
from mislabel.training.selection import Selection
from mislabel.training.sharding import load_whole, whole
from mislabel.training.stage_run import Rows, StageRun
from mislabel.training.stages import Stage
from mislabel.training.steps import Steps, torch_seed
from mislabel.training.training_settings import HEAD_RATE, TrainingSettings
from mislabel.training.trajectories import TrajectoryRecorder
from mislabel.training.watchers import Watcher


def passes_of(stages: list[Stage]) -> list[Pass]:
    """Every pass that these stages will make, in order."""
    return [Pass(s.name, epoch, view) for s in stages for epoch in range(s.epochs) for view in range(s.views)]


class Loop:
    """Trains through stages.

    Parameters
    ----------
    build : callable
        Gives a new network; called under a fixed seed.
    inputs : Inputs
        Of the training rows, n in all.
    target : (n,) int64
        Label codes to learn from, none of them -1: the trusted label where there is one, else the given one.
    ids : (n,) array
        Names of the rows, for messages.
    n_classes : int
    settings : TrainingSettings
    trusted : (n,) bool, optional
        Rows with a trusted label: they are taught by cross-entropy and no loss sees them; see `training/trusted.py`.
    opinion : (n, n_classes) float32, optional
        What all evidence says of the rows' true labels, for losses that ask for it.
    worth : (n,) float, optional
        How much each label counts, with a mean of 1: a weight of the row before classes are balanced.
    waiting : (n,) bool, optional
        Rows that do not train for as many epochs as a stage says; not all of them.
    folder : Path, optional
        Where dynamics and checkpoints go. Without it everything stays in memory and nothing can be resumed.
    leads : bool, optional
        Whether this process writes there; of those that see one folder one does. The main process, where nobody says.
    mirrored : bool
        Whether other processes have a folder of their own, and write as much there.
    weights : Path, optional
        Where the weights after each epoch of a stage with trajectories are kept; they are not without it.
    beside : mapping, optional
        Bytes that the run will write beside what training writes, by what they are called.
    progress : Quiet
    interrupted : callable
        Asked after every step; where it says True, training stops with KeyboardInterrupt.
    told : callable
        Called by the main process after each epoch, with the lines of all epochs so far; see `History`.

    Attributes
    ----------
    history : History
        What training took so far, and how it went.
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        inputs: Inputs,
        target: np.ndarray,
        ids: np.ndarray,
        n_classes: int,
        settings: TrainingSettings,
        *,
        trusted: np.ndarray | None = None,
        opinion: np.ndarray | None = None,
        worth: np.ndarray | None = None,
        waiting: np.ndarray | None = None,
        folder: Path | None = None,
        leads: bool | None = None,
        mirrored: bool = False,
        weights: Path | None = None,
        beside: Mapping[str, int] | None = None,
        progress: Quiet | None = None,
        interrupted: Callable[[], bool] = lambda: False,
        told: Callable[[list[dict[str, Any]]], None] = lambda lines: None,
    ):
        trusted = np.zeros(len(target), dtype=bool) if trusted is None else trusted
        self.build, self.rows = build, Rows(inputs, target, trusted, ids, n_classes, opinion, worth, waiting)
        self.settings, self.folder, self.interrupted = settings, folder, interrupted
        self.weights: Path | None = weights
        self.beside: Mapping[str, int] | dict[str, int] = beside or {}
        self.progress: Quiet = progress or Quiet()
        self.accelerator = make_accelerator(settings.device, settings.precision)
        self.leads: bool = self.accelerator.is_main_process if leads is None else leads
        self.mirrored: bool = mirrored
        self.history: History = History(told)
        self._model: Any = None  # DDP, accelerate's wrapping or the branches themselves

    def run(self, stages: list[Stage], *, resume: bool = False) -> tuple[Branches, DynamicsStore]:
        """Train through all stages and give the final network and what was recorded.

        Raises
        ------
        RunError
            If the loss stops being finite, memory runs out, or a checkpoint does not belong to this run.
        KeyboardInterrupt
            If `interrupted` said so; what the last epoch left is on disk.
        """
        check_stages(stages, self.settings, len(self.rows), self.accelerator.num_processes)
        checkpoint = load_checkpoint(self.folder / "checkpoints") if resume and self.folder else None
        first, selected = 0 if checkpoint is None else checkpoint.stage, {}
        if first >= len(stages):
            raise RunError(f"{self.folder}: the checkpoint is of stage {first + 1} of {len(stages)}; start it anew")
        self._start_weights(stages[first], first, selected, checkpoint)
        if self.folder is not None:
            self._check_disk(stages, self.folder)
        dynamics = self._open_dynamics(stages, checkpoint)
        if checkpoint is not None:
            self.history.load(checkpoint)
            if self.folder and any(stage.trajectory for stage in stages[:first]):
                dynamics.trajectory = open_trajectory(self.folder / "dynamics")
        for number in range(first, len(stages)):
            resumed = checkpoint if number == first else None
            if number > first:
                self._start_weights(stages[number], number, selected, None)
            selected = self._run_stage(stages[number], number, dynamics, resumed)
        if self.leads:
            dynamics.flush()
        network = self.accelerator.unwrap_model(self._model, keep_fp32_wrapper=False)
        assert isinstance(network, Branches)
        return network, dynamics

    def bytes_needed(self, stages: list[Stage]) -> int:
        """Bytes that the recorded dynamics will take on disk."""
        return DynamicsStore.bytes_needed(len(passes_of(stages)), len(self.rows))

    def _check_disk(self, stages: list[Stage], folder: Path) -> None:
        """Raise DiskFull where all that the run writes would not fit."""
        network = self.accelerator.unwrap_model(
            self._model
        )  # not without its wrapper: it would train in another precision
        needs = training_needs(
            stages, network, len(passes_of(stages)), len(self.rows), self.rows.n_classes,
            keeps_weights=self.weights is not None,
        )  # fmt: skip
        there = [folder / name for name in ("dynamics", "checkpoints", "trajectory")]
        check_disk(folder, {**needs, **self.beside}, bytes_there(*there))

    def _run_stage(
        self, stage: Stage, number: int, dynamics: DynamicsStore, checkpoint: Checkpoint | None
    ) -> dict[str, Tensor]:
        """Train one stage, from the weights that it starts with.

        Returns
        -------
        dict of Tensor
            The weights that this stage selects.
        """
        run = self._stage_run(stage, number, dynamics, checkpoint)
        selection = Selection()
        mean = MeanWeights(run) if stage.teacher else None
        watchers = self._watchers(run, selection, mean)
        for watcher in watchers:
            watcher.start(run, checkpoint)
        steps = Steps(run, watchers, self.interrupted, mean)
        for epoch in range(checkpoint.epoch if checkpoint is not None else 0, stage.epochs):
            run.begin(epoch)
            run.loss = steps.epoch(epoch)
            for watcher in watchers:
                watcher.epoch_end(run, epoch)
        return selection.weights

    def _start_weights(
        self, stage: Stage, number: int, selected: dict[str, Tensor], checkpoint: Checkpoint | None
    ) -> None:
        last = None if self._model is None else self.accelerator.unwrap_model(self._model)
        # What trains is told to other processes once, when a network is wrapped, so where that changes it is made anew.
        if last is None or stage.start == "fresh" or last.frozen != (stage.frozen and bool(last.encoders)):
            weights = checkpoint.model if checkpoint is not None else None
            if last is not None and stage.start != "fresh":
                weights = whole(last.state_dict())
            torch.manual_seed(torch_seed(self.settings.seed, number, 0))
            build = (lambda: reshape(self.build())) if stage.reshapes else self.build
            network = make_branches(build, stage.branches, stage.shared)
            if weights is not None:
                network.load_state_dict(weights)
            if stage.frozen:
                network.freeze()
            self._model = wrap_network(
                network, self.rows.inputs, self.accelerator,
                compiled=self.settings.compile, sharded=self.settings.shard,
            )  # fmt: skip
        # Where all labels are trusted no row is held back, and nothing was selected: the last weights go on.
        if checkpoint is None and stage.start == "selected" and selected:
            load_whole(self.accelerator.unwrap_model(self._model), selected)

    def _stage_run(self, stage: Stage, number: int, dynamics: DynamicsStore, checkpoint: Checkpoint | None) -> StageRun:
        settings, rows, device = self.settings, self.rows, self.accelerator.device
        if self.accelerator.unwrap_model(self._model).frozen:
            settings = replace(settings, learning_rate=max(settings.learning_rate, HEAD_RATE))
        weight = row_weights(rows.target, stage.balance or settings.balance, rows.opinion, rows.worth)
        optimizer = make_optimizer(self._model, settings, device)
        if checkpoint is not None and checkpoint.optimizer:
            load_optimizer(optimizer, checkpoint.optimizer)
        return StageRun(
            stage=stage,
            number=number,
            rows=rows,
            target=torch.as_tensor(rows.target, device=device),
            weight=None if weight is None else torch.as_tensor(weight, device=device),
            held=held_back(rows.target, stage.validation, [settings.seed, number], rows.trusted),
            model=self._model,
            optimizer=self.accelerator.prepare(optimizer),
            dynamics=dynamics,
            settings=settings,
            accelerator=self.accelerator,
            progress=self.progress,
            leads=self.leads,
            tells_all=self.folder is None or self.mirrored,
            opinion=None if rows.opinion is None else torch.as_tensor(rows.opinion, device=device),
        )

    def _watchers(self, run: StageRun, selection: Selection, mean: MeanWeights | None) -> list[Watcher]:
        """In the order in which an epoch is ended: recorded, learnt from, selected, told of, saved."""
        watchers: list[Watcher] = [DynamicsRecording(run)] if self.settings.record else []
        if run.stage.trajectory is not None:
            recorder = TrajectoryRecorder(run.stage.trajectory, run, self.history, self.folder, self.weights)
            watchers.append(recorder)
        watchers.append(LossMemory(run.stage.loss, self.history))
        if run.stage.prunes:  # its loss has begun by then, and the mean of the weights starts and follows pruned
            watchers.append(Pruning(run.stage.loss, self.history))
        watchers += [selection, self.history]
        if mean is not None:
            watchers.append(mean)
        if self.folder is not None:
            watchers.append(Checkpointing(self.folder, list(watchers)))
        return watchers

    def _open_dynamics(self, stages: list[Stage], checkpoint: Checkpoint | None) -> DynamicsStore:
        resume = checkpoint is not None
        folder = self.folder / "dynamics" if self.folder is not None else None
        passes, follows = passes_of(stages), folder is not None and not self.leads
        with leaders_first(self.accelerator, self.leads):  # by then the files are there for all
            store = DynamicsStore(passes, len(self.rows), folder, resume=resume, follows=follows)
        if checkpoint is not None:
            store.rewind(checkpoint.state.get("passes", 0))
        return store
