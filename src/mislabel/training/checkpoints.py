"""Checkpoints that a killed run continues from: safetensors and JSON, never pickle, whole or not there."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from mislabel.dynamics.files import Count
from mislabel.files import atomic_folder, private_folder, remove_folder
from mislabel.integrity import add_digests, check_files, read_object, telling_damage
from mislabel.training.sharding import part_like

TEMPORARY = "unfinished"
TENSORS = ("model", "optimizer", "selected", "tables", "mean")


class Kept(TypedDict, total=False):
    """What the watchers of a run keep in state.json."""

    log: list[dict[str, Any]]
    seconds: float
    train_rows: int
    parts: dict[str, float]
    passes: Count
    loss: Any


class State(TypedDict):
    """What state.json says."""

    stage: Count
    epoch: Count
    state: Kept


@dataclass
class Checkpoint:
    """The state after an epoch.

    Attributes
    ----------
    stage, epoch : int
        The stage, and how many of its epochs are done.
    model : dict of Tensor
        Weights of the branches.
    optimizer : dict of Tensor
        Its state by parameter number, as ``"3.exp_avg"``.
    selected : dict of Tensor
        Weights that the stage selected so far; empty where it selects none.
    tables : dict of Tensor
        What the loss keeps by row.
    mean : dict of Tensor
        The mean of the weights so far; empty where the stage keeps none.
    state : dict
        What JSON can hold: the loss's state, seconds so far, epoch lines.
    """

    stage: int
    epoch: int
    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    selected: dict[str, Tensor] = field(default_factory=dict)
    tables: dict[str, Tensor] = field(default_factory=dict)
    mean: dict[str, Tensor] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write under a temporary name, make it safe on disk, rename, and only then remove the one before."""
    name = f"{checkpoint.stage:02d}-{checkpoint.epoch:04d}"
    unfinished, final = folder / TEMPORARY, folder / name
    private_folder(folder)
    with atomic_folder(final, unfinished):
        for part in TENSORS:
            tensors = {key: value.contiguous() for key, value in getattr(checkpoint, part).items()}
            save_file(_unshared(tensors), unfinished / f"{part}.safetensors")
        state = {"stage": checkpoint.stage, "epoch": checkpoint.epoch, "state": checkpoint.state}
        (unfinished / "state.json").write_text(json.dumps(state), encoding="utf-8")
        add_digests(unfinished, *unfinished.iterdir())
    for old in _finished(folder):
        if old != final:
            remove_folder(old)


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """The latest whole checkpoint, or None where there is none.

    Raises
    ------
    RunError
        If it is damaged.
    """
    finished = _finished(folder)
    if not finished:
        return None
    latest = finished[-1]
    with telling_damage(latest):
        check_files(latest)
        state = read_object(latest / "state.json", State)
        # Runs of earlier versions kept no mean.
        there = [part for part in TENSORS if part != "mean" or (latest / "mean.safetensors").exists()]
        parts = {part: load_file(latest / f"{part}.safetensors") for part in there}
        return Checkpoint(stage=state["stage"], epoch=state["epoch"], state=state["state"], **parts)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as a flat dictionary of tensors."""
    state = optimizer.state_dict()["state"]
    return {
        f"{number}.{name}": value
        for number, part in state.items()
        for name, value in part.items()
        if value is not None  # SGD without momentum keeps nothing
    }


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        weight = weights[int(number)]
        state.setdefault(int(number), {})[name] = part_like(value, weight) if value.shape == weight.shape else value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    # Fused optimisers go through memory, not through indices: moments must lie as their weights do (channels last).
    for weight, part in optimizer.state.items():
        for name, value in part.items():
            if value.shape == weight.shape:
                part[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def _finished(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name != TEMPORARY and (path / "state.json").is_file())


def _unshared(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """safetensors refuses tensors that share memory (tied weights): give the later ones a copy."""
    seen: set[int] = set()
    for key, value in tensors.items():
        memory = value.untyped_storage().data_ptr()
        if memory in seen:
            tensors[key] = value.clone()
        seen.add(memory)
    return tensors
