"""How much room on disk the stages of a run need, told before the first step."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from mislabel.disk import DiskFull, free_bytes, megabytes
from mislabel.dynamics.store import DynamicsStore
from mislabel.dynamics.trajectory import Shape
from mislabel.training.branches import Branches
from mislabel.training.stages import Recording, Stage

WEIGHT_COPIES = 4  # the weights themselves, AdamW's two moments, and those that are selected
TRAJECTORY_BYTES = 4_000_000_000  # on disk, of one stage: two MiniLMs over 5 epochs of half a million rows fit whole
FEWEST_DIMENSIONS = 32  # fewer say too little of a row, whatever the bytes
CHECKPOINTS = 2  # a new one is written beside the old one


def size_of(network: nn.Module) -> int:
    """Bytes of its weights."""
    return sum(value.numel() * value.element_size() for value in network.state_dict().values())


def checkpoint_bytes(weights: int, beside: int = 0) -> int:
    """What the checkpoints of a network of so many bytes take, with tables of the loss and a mean of weights beside."""
    return CHECKPOINTS * (WEIGHT_COPIES * weights + beside)


def trajectory_shape(recording: Recording, stage: Stage, dimension: int | None, rows: int, classes: int) -> Shape:
    """Sizes of a stage's trajectories; `dimension` is that of an embedding, None where logits stand for it."""
    full = dimension or classes
    networks = 1 if stage.shared else stage.branches
    whole = Shape(stage.epochs, networks, stage.branches, rows, full, classes)
    return replace(whole, dimension=min(recording.dimension or fitting_dimension(whole), full))


def fitting_dimension(shape: Shape) -> int:
    """How many dimensions of an embedding keep trajectories below `TRAJECTORY_BYTES`: all, or a multiple of 8."""
    if shape.bytes <= TRAJECTORY_BYTES:
        return shape.dimension
    without, each = replace(shape, dimension=0).bytes, replace(shape, dimension=1, branches=0).bytes
    fit = (TRAJECTORY_BYTES - without) // each // 8 * 8
    return min(shape.dimension, max(fit, FEWEST_DIMENSIONS))


def kept_weight_bytes(epochs: int, network: Branches) -> int:
    """What the weights of all epochs take, in half precision."""
    numbers = sum(value.numel() for value in network.state_dict().values())
    return epochs * numbers * np.dtype(np.float16).itemsize


def training_needs(
    stages: list[Stage], network: Branches, passes: int, rows: int, classes: int, *, keeps_weights: bool
) -> dict[str, int]:
    """Bytes of each part of what training writes, and of the final model.

    Parameters
    ----------
    network : Branches
        Of the first stage; those of later stages are taken to be of the same kind.
    passes, rows, classes : int
    keeps_weights : bool
        Whether the weights of every epoch of a stage with trajectories are kept.
    """
    parameter_bytes = sum(value.numel() * value.element_size() for value in network.parameters())
    each = size_of(network) / len(network.networks)
    weights = int(each * max(1 if stage.shared else stage.branches for stage in stages))
    trajectories = kept = 0
    for stage in stages:
        if stage.trajectory is not None:
            trajectories += trajectory_shape(stage.trajectory, stage, network.dimension, rows, classes).bytes
            kept += kept_weight_bytes(stage.epochs, network) if keeps_weights else 0
    return {
        "dynamics": DynamicsStore.bytes_needed(passes, rows),
        "trajectories": trajectories,
        "the weights of all epochs": kept,
        "checkpoints": checkpoint_bytes(weights, weights if any(stage.teacher for stage in stages) else 0),
        "the model": int(weights * max(1.0, parameter_bytes / size_of(network))),  # with its base, where it was adapted
    }


def check_disk(folder: Path, needs: Mapping[str, int], there: int = 0) -> None:
    """Look whether all that a run will write fits.

    Parameters
    ----------
    needs : mapping
        Bytes of each part, by what it is called.
    there : int
        Bytes of them that are on the disk already, as of a run that is continued.

    Raises
    ------
    DiskFull
        If it does not, with the largest parts and what is free.
    """
    free, needed = free_bytes(folder), max(0, sum(needs.values()) - there)
    if free >= needed:
        return
    largest = sorted((item for item in needs.items() if item[1]), key=lambda item: -item[1])
    parts = ", ".join(f"{name} {megabytes(size)}" for name, size in largest)
    raise DiskFull(
        f"the run needs about {megabytes(needed)} in {folder} and {megabytes(free)} are free: make room, or choose "
        f"another --out ({parts})"
    )


def bytes_there(*paths: Path) -> int:
    """What files and folders take on the disk, holes left out where the system tells of them; links count nothing."""
    total = 0
    for path in paths:
        for item in (path, *path.rglob("*")):
            if item.is_file() and not item.is_symlink():
                status = item.stat()
                blocks = getattr(status, "st_blocks", None)
                total += status.st_size if blocks is None else min(status.st_size, blocks * 512)
    return total
