"""The one training loop. It knows stages, losses and rows; it knows no method by name."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mislabel.dynamics.recorder import Recorder
from mislabel.dynamics.scores import prediction_changes
from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.dynamics.trajectory import open_trajectory
from mislabel.errors import RunError, some_ids
from mislabel.training.batches import pieces, shuffled_batches
from mislabel.training.branches import Branches, make_branches
from mislabel.training.checkpoints import (
    Checkpoint,
    load_checkpoint,
    load_optimizer,
    optimizer_tensors,
    save_checkpoint,
)
from mislabel.training.device import make_accelerator
from mislabel.training.evaluation import branch_logits, given_losses, held_back
from mislabel.training.feeding import fed
from mislabel.training.inputs import Inputs
from mislabel.training.known import loss_with_known
from mislabel.training.mixing import mixer, numeric
from mislabel.training.optimizers import learning_rate, make_optimizer
from mislabel.training.progress import Quiet
from mislabel.training.stages import Batch, Stage, TrainingSettings
from mislabel.training.trajectories import TrajectoryRecorder

CHECK_EVERY = 10  # steps between looks at the loss: each look makes a GPU wait


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
    given : (n,) int64
        Label codes, none of them -1: what the data give, and for known rows what a person decided.
    ids : (n,) array
        Names of the rows, for messages.
    n_classes : int
    settings : TrainingSettings
    known : (n,) bool, optional
        Rows whose label is known: they are taught by cross-entropy and no loss sees them; see `training/known.py`.
    folder : Path, optional
        Where dynamics and checkpoints go. Without it everything stays in memory and nothing can be resumed.
    weights : Path, optional
        Where the weights after each epoch of a stage with trajectories are kept; they are not without it.
    progress : Quiet
    interrupted : callable
        Asked after every step; where it says True, training stops with KeyboardInterrupt.
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        inputs: Inputs,
        given: np.ndarray,
        ids: np.ndarray,
        n_classes: int,
        settings: TrainingSettings,
        *,
        known: np.ndarray | None = None,
        folder: Path | None = None,
        weights: Path | None = None,
        progress: Quiet | None = None,
        interrupted: Callable[[], bool] = lambda: False,
    ):
        self.build, self.inputs, self.ids, self.n_classes = build, inputs, ids, n_classes
        self.settings, self.folder, self.interrupted = settings, folder, interrupted
        self.weights, self.progress = weights, progress or Quiet()
        self.accelerator = make_accelerator(settings.device, settings.precision)
        self.device = self.accelerator.device
        self.given = given
        self.known = np.zeros(len(given), dtype=bool) if known is None else known
        self.given_on_device = torch.as_tensor(given, device=self.device)
        self.log: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.parts: dict[str, float] = {}  # seconds by stage; what comes before its epochs, and recording, by itself
        self.train_rows = 0

    def run(self, stages: list[Stage], *, resume: bool = False) -> tuple[Branches, DynamicsStore]:
        """Train through all stages and give the final network and what was recorded.

        Raises
        ------
        RunError
            If the loss stops being finite, memory runs out, or a checkpoint does not belong to this run.
        KeyboardInterrupt
            If `interrupted` said so; what the last epoch left is on disk.
        """
        self._check(stages)
        checkpoint = load_checkpoint(self.folder / "checkpoints") if resume and self.folder else None
        self.dynamics = self._open_dynamics(stages, checkpoint)
        self.selected: dict[str, Tensor] = {}
        self.model: Any = None  # DDP, accelerate's wrapping or the branches themselves
        first = 0
        if checkpoint is not None:
            first = checkpoint.stage
            self.selected = checkpoint.selected
            self.log, self.seconds = checkpoint.state["log"], checkpoint.state["seconds"]
            self.train_rows, self.parts = checkpoint.state["train_rows"], checkpoint.state["parts"]
            if self.folder and any(stage.trajectory for stage in stages[:first]):
                self.dynamics.trajectory = open_trajectory(self.folder / "dynamics")
        for number in range(first, len(stages)):
            self._run_stage(stages[number], number, stages, checkpoint if number == first else None)
        if self.accelerator.is_main_process:
            self.dynamics.flush()
        network = self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        assert isinstance(network, Branches)
        return network, self.dynamics

    def bytes_needed(self, stages: list[Stage]) -> int:
        """Bytes that the recorded dynamics will take on disk."""
        return DynamicsStore.bytes_needed(len(passes_of(stages)), len(self.given))

    def _run_stage(self, stage: Stage, number: int, stages: list[Stage], checkpoint: Checkpoint | None) -> None:
        self._start_weights(stage, number, checkpoint)
        optimizer = make_optimizer(self.model, self.settings, self.device)
        if checkpoint is not None and checkpoint.optimizer:
            load_optimizer(optimizer, checkpoint.optimizer)
        watching = self._watch(stage, checkpoint)
        self.held = held_back(self.given, stage.validation, [self.settings.seed, number], self.known)
        recorder = Recorder(stage.views, len(self.given), self.device)
        began = time.perf_counter()
        if checkpoint is not None and checkpoint.epoch:
            self._evaluate(stage)  # what the last epoch left in memory
        stage.loss.begin(self.dynamics, self.given, self.n_classes, self.device)
        self._count_seconds(f"{stage.name}.start", time.perf_counter() - began)
        if checkpoint is not None:
            stage.loss.load_state(checkpoint.state["loss"])
            for name, table in checkpoint.tables.items():
                stage.loss.tables[name] = table.to(self.device)
        self._check_disk(stage, watching)
        optimizer = self.accelerator.prepare(optimizer)
        for epoch in range(checkpoint.epoch if checkpoint else 0, stage.epochs):
            began = time.perf_counter()
            before = self._tables_before(stage)
            loss = self._epoch(stage, number, epoch, optimizer, recorder, watching)
            self._share_tables(stage, before)
            self._evaluate(stage)
            self._look_at_held(stage, recorder)
            if self.settings.record:
                self._keep_dynamics(stage, recorder)
            if watching is not None:
                before = time.perf_counter()
                branches = self.accelerator.unwrap_model(self.model)
                watching.finish(epoch, branches, self.inputs, self.accelerator, self.progress)
                self.parts[f"{stage.name}.recording"] = (
                    self.parts.get(f"{stage.name}.recording", 0.0) + time.perf_counter() - before
                )
            stage.loss.epoch_end(self.dynamics)
            self._select(stage, epoch)
            seconds = time.perf_counter() - began
            self._count_seconds(stage.name, seconds)
            self.train_rows += int(np.count_nonzero(~self.held)) * stage.views
            self._report(stage, epoch, loss, seconds)
            self._save(stage, number, epoch, optimizer)

    def _count_seconds(self, part: str, seconds: float) -> None:
        self.parts[part] = self.parts.get(part, 0.0) + seconds
        self.seconds += seconds

    def _start_weights(self, stage: Stage, number: int, checkpoint: Checkpoint | None) -> None:
        if self.model is None or stage.start == "fresh":
            torch.manual_seed(_seed(self.settings.seed, number, 0))
            network = make_branches(self.build, stage.branches, stage.shared)
            if checkpoint is not None:
                network.load_state_dict(checkpoint.model)
            if self.settings.compile:
                for one in network.networks:
                    one.compile()  # in place: names of weights stay
            self.model = self.accelerator.prepare(network)
        # Where all labels are known no row is held back, and nothing was selected: the last weights go on.
        if checkpoint is None and stage.start == "selected" and self.selected:
            self.accelerator.unwrap_model(self.model).load_state_dict(self.selected)
        if checkpoint is None:
            self.selected = {}

    def _watch(self, stage: Stage, checkpoint: Checkpoint | None) -> TrajectoryRecorder | None:
        """Open the trajectory store of a stage that records one, and say what it will take."""
        if stage.trajectory is None:
            return None
        branches = self.accelerator.unwrap_model(self.model)
        sizes = (stage.epochs, len(self.given), self.n_classes)
        watching = TrajectoryRecorder(stage.trajectory, branches, *sizes, self.settings.seed, self.weights)
        folder = self.folder / "dynamics" if self.folder is not None else None
        main, done = self.accelerator.is_main_process, checkpoint.epoch if checkpoint is not None else None
        self.dynamics.trajectory = watching.open(folder, done, main)
        if main:
            self.progress.line(watching.needs())
        return watching

    def _epoch(
        self,
        stage: Stage,
        number: int,
        epoch: int,
        optimizer: Any,
        recorder: Recorder,
        watching: TrajectoryRecorder | None,
    ) -> float:
        accelerator, settings, model = self.accelerator, self.settings, self.model
        processes, rank = accelerator.num_processes, accelerator.process_index
        rows, seed = np.flatnonzero(~self.held), [settings.seed, number, epoch]
        lengths, smallest = self.inputs.lengths[rows], max(2, processes)
        batches = [rows[batch] for batch in shuffled_batches(lengths, settings.batch_size, seed, smallest=smallest)]
        # Dropout and views depend on the epoch's seed alone, so a resumed run repeats them without stored RNG states.
        torch.manual_seed(_seed(settings.seed, number, epoch + 1) + rank)
        model.train()
        self.progress.begin(f"{stage.name} {epoch + 1}/{stage.epochs}", len(batches))
        total, unchecked = torch.zeros((), device=self.device), []
        pieces_of = [pieces(batch, settings.accumulate, processes, rank) for batch in batches]
        feed = fed(self.inputs, [part for parts in pieces_of for part in parts], self.device)
        for step, (batch, parts) in enumerate(zip(batches, pieces_of, strict=True)):
            rate = learning_rate(settings, stage, epoch, step, len(batches))
            for group in optimizer.param_groups:
                group["lr"] = rate
            for place in range(len(parts)):
                part, tensors = next(feed)
                last = place == len(parts) - 1
                # Gradients are averaged over processes, so a part counts by its rows times their number.
                share = len(part) * processes / len(batch)
                waiting = nullcontext() if last else accelerator.no_sync(model)
                with waiting, self._memory_explained(stage, part):
                    loss = self._forward(stage, part, tensors, recorder, watching) * share
                    accelerator.backward(loss)
                total += loss.detach() * (len(batch) / processes)
                unchecked.append((loss.detach(), part))
            accelerator.clip_grad_norm_(model.parameters(), settings.clip)
            optimizer.step()
            optimizer.zero_grad()
            if (step + 1) % CHECK_EVERY == 0 or step == len(batches) - 1:
                self._check_finite(unchecked)
                self.progress.advance(float(unchecked[-1][0]))
                unchecked = []
            else:
                self.progress.advance()
            if self.interrupted():
                self.progress.end()
                raise KeyboardInterrupt
        self.progress.end()
        return float(self._sum(total)) / len(rows)

    def _forward(
        self,
        stage: Stage,
        part: np.ndarray,
        batch: dict[str, Tensor],
        recorder: Recorder,
        watching: TrajectoryRecorder | None,
    ) -> Tensor:
        index = torch.as_tensor(part, device=self.device)
        inputs = self.inputs.weak_view(batch)
        if stage.views == 2:
            strong = self.inputs.strong_view(batch)
            inputs = {name: torch.cat([value, strong[name]]) for name, value in inputs.items()}
        with torch.no_grad() if stage.mixes and numeric(inputs) else nullcontext():
            logits, embeddings = self.model(inputs)
        logits = logits.view(logits.shape[0], stage.views, len(part), -1)
        given = self.given_on_device[index]
        if watching is not None:
            watching.record(part, embeddings[:, : len(part)], logits[:, 0])
        if self.settings.record:
            recorder.record(index, given, logits)
        seen = Batch(index=index, given=given, logits=logits)
        if stage.mixes:
            branches = self.accelerator.unwrap_model(self.model)
            seen = replace(seen, mixed=mixer(self.model, branches.classify, inputs, embeddings))
        return loss_with_known(stage.loss, seen, self.known[part], mixes=stage.mixes)

    def _evaluate(self, stage: Stage) -> None:
        """All losses in evaluation mode, where the stage asks for them."""
        if stage.evaluates:
            self.dynamics.evaluation = given_losses(self._logits(self.inputs), self.given)

    def _logits(self, inputs: Inputs) -> Tensor:
        branches = self.accelerator.unwrap_model(self.model)
        return branch_logits(branches, inputs, self.n_classes, self.accelerator, self.progress)

    def _look_at_held(self, stage: Stage, recorder: Recorder) -> None:
        """Record the rows that were held back from an epoch."""
        if self.held.any():
            held = np.flatnonzero(self.held)
            logits = self._logits(self.inputs.take(held))
            if self.accelerator.is_main_process:  # the recorder sums over processes
                index = torch.as_tensor(held, device=self.device)
                shown = logits.to(self.device)[:, None].expand(-1, stage.views, -1, -1)
                recorder.record(index, self.given_on_device[index], shown)

    def _tables_before(self, stage: Stage) -> dict[str, Tensor]:
        if self.accelerator.num_processes == 1:
            return {}
        return {name: table.clone() for name, table in stage.loss.tables.items()}

    def _share_tables(self, stage: Stage, before: dict[str, Tensor]) -> None:
        """Bring together what each process wrote about its own rows."""
        for name, old in before.items():
            table = stage.loss.tables[name]
            table.copy_(old + self._sum(table - old))

    @contextmanager
    def _memory_explained(self, stage: Stage, part: np.ndarray) -> Iterator[None]:
        try:
            yield
        except torch.cuda.OutOfMemoryError as error:
            raise RunError(
                f"the device ran out of memory on a batch of {len(part)} rows x {stage.views} views, longest input "
                f"{int(self.inputs.lengths[part].max())}: try --accumulate {2 * self.settings.accumulate} (same "
                "result, less memory), a smaller --batch-size or --max-length"
            ) from error

    def _check_finite(self, unchecked: list[tuple[Tensor, np.ndarray]]) -> None:
        for loss, part in unchecked:
            if not torch.isfinite(loss):
                raise RunError(
                    f"the loss is {float(loss)} on the batch with ids {some_ids(self.ids[part])}; training stopped "
                    "and the last epoch's checkpoint is intact: look at these inputs, lower --learning-rate, or use "
                    "--precision fp32, and continue with --resume"
                )

    def _keep_dynamics(self, stage: Stage, recorder: Recorder) -> None:
        views = recorder.finish(self._sum if self.accelerator.num_processes > 1 else None)
        begin = self.dynamics.done
        for view, recorded in enumerate(views):
            self.dynamics.write(begin + view, recorded)

    def _sum(self, tensor: Tensor) -> Tensor:
        total = self.accelerator.reduce(tensor, "sum")
        assert isinstance(total, Tensor)
        return total

    def _select(self, stage: Stage, epoch: int) -> None:
        if stage.select is None and not self.held.any():
            return
        prediction = self.dynamics.prediction[self.dynamics.of_stage(stage.name)[:: stage.views]]
        if stage.select is not None:
            chosen = stage.select(prediction_changes(prediction))
        else:
            chosen = int(np.argmax((prediction[:, self.held] == self.given[self.held]).mean(1)))
        if chosen == epoch:  # copies: the live weights go on changing
            weights = self.accelerator.unwrap_model(self.model).state_dict()
            self.selected = {name: value.detach().cpu().clone() for name, value in weights.items()}
        self.log_selected = chosen

    def _report(self, stage: Stage, epoch: int, loss: float, seconds: float) -> None:
        line = {"stage": stage.name, "epoch": epoch + 1, "loss": round(loss, 5), "seconds": round(seconds, 2)}
        if self.settings.record:
            passes = self.dynamics.of_stage(stage.name)[-stage.views :]
            agreement = float(np.mean(self.dynamics.prediction[passes] == self.given))
            line["agreement"] = round(agreement, 5)
        if stage.select is not None or self.held.any():
            line["selected_epoch"] = int(self.log_selected) + 1
        self.log.append(line)
        if self.accelerator.is_main_process:
            shown = f"{stage.name} {epoch + 1}/{stage.epochs}: loss {loss:.4f}"
            if "agreement" in line:
                shown += f", agrees with {line['agreement']:.1%} of the given labels"
            self.progress.line(f"{shown}, {seconds:.1f} s")

    def _save(self, stage: Stage, number: int, epoch: int, optimizer: Any) -> None:
        if self.folder is None:
            return
        if self.accelerator.is_main_process:
            self.dynamics.flush()
            if stage.trajectory is not None and self.dynamics.trajectory is not None:
                self.dynamics.trajectory.flush()
            over = epoch + 1 == stage.epochs  # the next stage starts with a new optimiser
            save_checkpoint(
                self.folder / "checkpoints",
                Checkpoint(
                    stage=number,
                    epoch=epoch + 1,
                    model=self.accelerator.unwrap_model(self.model).state_dict(),
                    optimizer={} if over else optimizer_tensors(optimizer.optimizer),
                    selected=self.selected,
                    tables=stage.loss.tables,
                    state={
                        "loss": stage.loss.state(),
                        "log": self.log,
                        "seconds": self.seconds,
                        "train_rows": self.train_rows,
                        "parts": self.parts,
                        "passes": self.dynamics.done,
                    },
                ),
            )
        self.accelerator.wait_for_everyone()

    def _open_dynamics(self, stages: list[Stage], checkpoint: Checkpoint | None) -> DynamicsStore:
        resume = checkpoint is not None
        folder = self.folder / "dynamics" if self.folder is not None else None
        if not self.accelerator.is_main_process:  # the others keep the same numbers in memory
            store = DynamicsStore(passes_of(stages), len(self.given), folder if resume else None, read_only=True)
        else:
            store = DynamicsStore(passes_of(stages), len(self.given), folder, resume=resume)
        if checkpoint is not None:
            store.rewind(checkpoint.state["passes"])
        return store

    def _check_disk(self, stage: Stage, watching: TrajectoryRecorder | None) -> None:
        """Raise where it would not fit: weights, AdamW's moments, selected weights, tables, trajectories."""
        if self.folder is None:
            return
        weights = sum(value.numel() * value.element_size() for value in self.model.state_dict().values())
        tables = sum(value.numel() * value.element_size() for value in stage.loss.tables.values())
        kept = watching.bytes if watching is not None else 0
        needed, free = (
            2 * (4 * weights + tables) + kept,
            shutil.disk_usage(self.folder).free,
        )  # a new one is written beside the old one
        if free < needed:
            raise RunError(
                f"the run needs about {needed / 1e6:.0f} MB in {self.folder} and {free / 1e6:.0f} MB are free: make "
                "room, or choose another --out"
            )

    def _check(self, stages: list[Stage]) -> None:
        processes = self.accelerator.num_processes
        if len(self.given) < processes:
            raise RunError(f"{len(self.given)} training rows cannot be shared by {processes} processes: use fewer")
        if len({stage.name for stage in stages}) != len(stages):
            raise ValueError("stages of a run need different names")
        for stage in stages:
            if stage.mixes and stage.shared:
                raise ValueError(f"stage {stage.name} mixes rows: its branches need networks of their own")
            if (stage.select or stage.validation) and not self.settings.record:
                raise ValueError(f"stage {stage.name} selects an epoch by its dynamics, which are not recorded")


def _seed(run: int, stage: int, epoch: int) -> int:
    """One seed for torch from the run's seed and the place in it; neighbours are unrelated."""
    return int(np.random.SeedSequence([run, stage, epoch]).generate_state(1)[0])
