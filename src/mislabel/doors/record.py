"""What a method keeps while somebody else trains: dynamics, the memory of its losses, the weights that it selects."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mislabel.doors.course import Course
from mislabel.dynamics.recorder import PassRecorder
from mislabel.dynamics.scores import prediction_changes
from mislabel.dynamics.store import QUANTITIES, DynamicsStore
from mislabel.errors import RunError
from mislabel.files import atomic_write
from mislabel.integrity import read_object
from mislabel.training.balance import row_weights
from mislabel.training.evaluation import target_losses
from mislabel.training.loop import passes_of
from mislabel.training.losses import Batch
from mislabel.training.parts import share, share_tables
from mislabel.training.stages import Stage
from mislabel.training.training_settings import Balance

Mixed = Callable[[Tensor, Tensor], Tensor]  # `Batch.mixed`

SEPARATOR = "/"  # between the part of a checkpoint and the name of a tensor in it


@dataclass(frozen=True)
class Training:
    """What a record asks of the training that it goes with.

    Attributes
    ----------
    accelerator : Accelerator
    network : callable
        Gives the model, unwrapped.
    enter : callable
        Is told of a later stage that begins, and of the weights that were selected so far.
    look : callable
        Gives the logits of all rows in evaluation mode, (n, classes) float32 on the CPU, to all processes.
    """

    accelerator: Accelerator
    network: Callable[[], nn.Module]
    enter: Callable[[Stage, dict[str, Tensor]], None]
    look: Callable[[], Tensor]


class Record:
    """The state of a course, fed batch by batch, that a checkpoint can hold.

    Parameters
    ----------
    course : Course
    target : (n,) int64
        Label codes of all rows.
    n_classes : int
    balance : "none", "half" or "classes"
        Of stages that say none of their own.
    training : Training

    Attributes
    ----------
    dynamics : DynamicsStore
        In memory.
    epoch : int
        How many are over.
    lines : list of dict
        One per epoch that is over, as in metrics.json.
    """

    def __init__(self, course: Course, target: np.ndarray, n_classes: int, balance: Balance, training: Training):
        self.course: Course = course
        self.target: np.ndarray = target
        self.n_classes: int = n_classes
        self.balance: Balance = balance
        self.training: Training = training
        self.accelerator = training.accelerator
        self.device = self.accelerator.device
        self.codes: Tensor = torch.as_tensor(target, device=self.device)
        self.dynamics: DynamicsStore = DynamicsStore(passes_of(course.stages), len(target))
        self.epoch: int = 0
        self.lines: list[Any] = []
        self.selected: dict[str, Tensor] = {}
        self.number: int = -1  # of the stage that has begun
        self.weight: Tensor | None = None
        self.recorder = PassRecorder(1, len(target), self.device)
        self.began = time.perf_counter()

    @property
    def stage(self) -> Stage:
        """The one that is being trained."""
        return self.course.stages[max(self.number, 0)]

    def begin_epoch(self) -> None:
        """An epoch begins, and where it is the first of a stage that stage does."""
        self.began: float = time.perf_counter()
        number, within = self.course.at(self.epoch)
        if number == self.number:
            return
        stage = self.course.stages[number]
        if within == 0 and number > 0:
            self.training.enter(stage, self.selected)
            if stage.start == "selected":  # these are not the weights of the last epoch, at which was looked
                self._look(stage)
        self._begin_stage(number)

    def finish(self) -> None:
        """Training is over: stages without epochs, which only take up selected weights, are entered."""
        for stage in self.course.stages[self.number + 1 :]:
            if stage.epochs == 0:
                self.training.enter(stage, self.selected)

    def see(self, rows: Tensor, logits: Tensor) -> None:
        """Keep what a training pass shows of rows (b,) int64: logits (views, b, classes) float32."""
        self.recorder.record(rows, self.codes[rows], logits[None])

    def loss(self, rows: Tensor, logits: Tensor, mixed: Mixed | None = None) -> Tensor:
        """The stage's loss of these rows, the mean over them; `mixed` as in `Batch`, the rest as in `see`."""
        weight = None if self.weight is None else self.weight[rows]
        batch = Batch(index=rows, target=self.codes[rows], logits=logits[None], weight=weight)
        return self.stage.loss(batch if mixed is None else replace(batch, mixed=mixed))

    def seen(self, rows: Tensor) -> Tensor:
        """Which rows (b,) int64 this process has seen in the running epoch, (b,) bool."""
        return self.recorder.prediction[0, rows] >= 0

    def end_epoch(self) -> None:
        """An epoch is over, in all processes: write its passes, let the loss learn from them, select weights."""
        stage = self.stage
        own, first = torch.nonzero(self._own()).flatten().cpu().numpy(), self.dynamics.done
        values = [recorded[name][own] for recorded in self.recorder.finish() for name in QUANTITIES]
        share(self.accelerator, own, values, self.dynamics.put_epoch)
        self.dynamics.end(first + stage.views)
        share_tables(self.accelerator, own, list(stage.loss.tables.values()))
        self._look(stage)
        stage.loss.epoch_end(self.dynamics)
        self.epoch += 1
        self._note(self.dynamics.prediction[first], self.dynamics.loss[first])
        self._select()

    # Checkpoints: one file a process, since what it saw of the running epoch is its own.

    def save(self, folder: Path) -> None:
        """Put all this beside a checkpoint of the Trainer."""
        tensors, state = self._file(folder)
        parts: dict[str, dict[str, Tensor]] = {
            "dynamics": {name: torch.from_numpy(getattr(self.dynamics, name).copy()) for name in QUANTITIES},
            "epoch": {"prediction": self.recorder.prediction, "scalars": self.recorder.scalars},
            "selected": self.selected,
            "tables": self.stage.loss.tables,
        }
        flat = {f"{part}{SEPARATOR}{name}": t for part, named in parts.items() for name, t in named.items()}
        save_file({name: tensor.detach().cpu().clone().contiguous() for name, tensor in flat.items()}, tensors)
        about = {
            **self._about(),
            "epoch": self.epoch,
            "number": self.number,
            "lines": self.lines,
            "loss": self.stage.loss.state() if self.number >= 0 else {},
        }
        atomic_write(state, json.dumps(about))

    def load(self, folder: Path) -> None:
        """Go on from what `save` put there.

        Raises
        ------
        RunError
            If there is no such thing, or it is of another method or other rows.
        """
        tensors, state = self._file(folder)
        if not state.is_file() or not tensors.is_file():
            raise RunError(
                f"{folder} has no {state.name}: the checkpoint was not made by a NoisyTrainer in so many processes; "
                "start anew"
            )
        about = read_object(state)
        for name, now in self._about().items():
            if about.get(name) != now:
                raise RunError(f"{folder}: {name} was {about.get(name)} and is now {now}; resume as it was begun")
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in load_file(tensors, device=str(self.device)).items():
            part, _, own = name.partition(SEPARATOR)
            parts.setdefault(part, {})[own] = tensor
        for number in range(len(parts["dynamics"]["prediction"])):
            self.dynamics.write(number, {name: parts["dynamics"][name][number].cpu().numpy() for name in QUANTITIES})
        self.epoch, self.lines = about["epoch"], about["lines"]
        self.selected = {name: tensor.cpu() for name, tensor in parts.get("selected", {}).items()}
        if about["number"] >= 0:
            self._look(self.course.stages[about["number"]])
            self._begin_stage(about["number"])
            self.stage.loss.load_state(about["loss"])
            self.stage.loss.tables.update(parts.get("tables", {}))
        self.recorder.prediction.copy_(parts["epoch"]["prediction"])
        self.recorder.scalars.copy_(parts["epoch"]["scalars"])

    def _about(self) -> dict[str, Any]:
        """What a checkpoint must be of to go on from."""
        stages = [[stage.name, stage.epochs, stage.views] for stage in self.course.stages]
        return {"method": self.course.name, "stages": stages, "rows": len(self.target)}

    def _file(self, folder: Path) -> tuple[Path, Path]:
        name = f"mislabel-{self.accelerator.process_index}"
        return folder / f"{name}.safetensors", folder / f"{name}.json"

    # Parts of an epoch and of a stage.

    def _begin_stage(self, number: int) -> None:
        self.number, stage = number, self.course.stages[number]
        weight = row_weights(self.target, stage.balance or self.balance)
        self.weight = None if weight is None else torch.as_tensor(weight, device=self.device)
        self.recorder: PassRecorder = PassRecorder(stage.views, len(self.target), self.device)
        stage.loss.begin(self.dynamics, self.target, self.n_classes, self.device)

    def _look(self, stage: Stage) -> None:
        """Look at all rows in evaluation mode, where the stage asks for it."""
        if stage.evaluates:
            logits = self.training.look()[None]
            self.dynamics.evaluation = target_losses(logits, self.target)
            self.dynamics.probabilities = logits.softmax(-1).numpy() if stage.evaluates == "probabilities" else None

    def _select(self) -> None:
        stage = self.stage
        if stage.select is None:
            return
        passes = self.dynamics.of_stage(stage.name)[:: stage.views]
        chosen = stage.select(prediction_changes(self.dynamics.prediction[passes]))
        self.lines[-1]["selected_epoch"] = int(chosen) + 1
        if chosen == len(passes) - 1:  # copies: the live weights go on changing
            self.selected = changing_weights(self.training.network())

    def _note(self, prediction: np.ndarray, loss: np.ndarray) -> None:
        """The epoch's line, by the weak view; its loss is the cross-entropy of the given labels."""
        seen = prediction >= 0
        self.lines.append(
            {
                "stage": self.stage.name,
                "epoch": self.course.at(self.epoch - 1)[1] + 1,
                "loss": round(float(loss[seen].mean()), 5) if seen.any() else None,
                "seconds": round(time.perf_counter() - self.began, 2),
                "agreement": round(float(np.mean(prediction == self.target)), 5),
            }
        )

    def _own(self) -> Tensor:
        """The rows (n,) bool of this epoch that no process before this one saw.

        A sampler fills the last batches with rows from the epoch's beginning, so that processes do as many steps.
        """
        seen, rank = self.recorder.prediction[0] >= 0, self.accelerator.process_index
        if self.accelerator.num_processes == 1:
            return seen
        first = torch.where(seen, rank, self.accelerator.num_processes).int()
        torch.distributed.all_reduce(first, torch.distributed.ReduceOp.MIN)
        return seen & (first == rank)


def changing_weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy, on the CPU, of what training changes: parameters that are trained, and all buffers."""
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    frozen = {name for name, _ in model.named_parameters()} - trained
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items() if name not in frozen}
