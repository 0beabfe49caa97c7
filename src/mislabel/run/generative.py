"""The generative answer for new inputs: their trajectories through the kept weights, then the generative models."""

import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mislabel.dynamics.files import Count
from mislabel.dynamics.trajectory import Shape, Trajectory, projection
from mislabel.errors import InputError, RunError
from mislabel.files import atomic_path, atomic_write
from mislabel.integrity import REMEDY, check_file, read_as, telling_damage
from mislabel.posterior.autoencoder import DirichletAutoencoder
from mislabel.posterior.generative import Generative, last_probabilities
from mislabel.training.branches import make_branches
from mislabel.training.inputs import Inputs
from mislabel.training.progress import Quiet
from mislabel.training.trajectories import load_weights, watch, weights_file, write_flat

MODELS, ABOUT = "generative.safetensors", "generative.json"
MANY = 100_000  # epochs


@dataclass(frozen=True)
class About:
    """What generative.json says; see `TrajectoryModel` and `Generative`."""

    shape: Shape
    full: Count
    seed: Count
    epochs: list[int]
    power: float


@dataclass(frozen=True)
class TrajectoryModel:
    """Judges inputs that no network was trained on.

    Attributes
    ----------
    generative : Generative
    shape : Shape
        Of the trajectories that it was fitted to.
    full : int
        Size of an embedding before it was projected.
    seed : int
        Of the projection.
    weights : Path
        Where the weights of every epoch lie.
    """

    generative: Generative
    shape: Shape
    full: int
    seed: int
    weights: Path

    def probabilities(
        self, build: Callable[[], nn.Module], inputs: Inputs, accelerator: Any, progress: Quiet | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Class probabilities before and after the generative models speak, (m, K) float32 each.

        Before: the mean of the branches' softmax outputs after the last epoch. Needs as many passes over the inputs as
        there were epochs, through every branch.

        Parameters
        ----------
        build : callable
            Gives a network of the kind that was trained; its weights do not matter.
        """
        shape = Shape(**{**vars(self.shape), "rows": len(inputs)})
        branches = make_branches(build, shape.branches, shape.networks < shape.branches)
        if (branches.dimension or shape.classes) != self.full:
            raise RunError(f"{self.weights / ABOUT} is of embeddings of another size than the model's; {REMEDY}")
        narrow = shape.dimension < self.full
        projected = torch.from_numpy(projection(self.full, shape.dimension, self.seed)) if narrow else None
        with tempfile.TemporaryDirectory() as folder:
            trajectory = Trajectory(shape, Path(folder))
            for epoch in range(shape.epochs):
                load_weights(branches, weights_file(self.weights, epoch))
                write_flat(trajectory, epoch, watch(branches, projected, inputs, shape, accelerator, progress))
            return last_probabilities(trajectory).mean(0), self.generative.probabilities(trajectory)

    def save(self) -> None:
        """Write the generative models beside the weights."""
        tensors = {
            f"{branch}.{name}": value.contiguous()
            for branch, model in enumerate(self.generative.models)
            for name, value in model.state_dict().items()
        }
        with atomic_path(self.weights / MODELS) as temporary:
            save_file(tensors, temporary)
        read = {"epochs": self.generative.epochs, "power": self.generative.power}
        about = {**read, "shape": vars(self.shape), "full": self.full, "seed": self.seed}
        atomic_write(self.weights / ABOUT, json.dumps(about, indent=1))


def load_trajectory_model(folder: Path) -> TrajectoryModel:
    """Read what `TrajectoryModel.save` wrote.

    Raises
    ------
    InputError
        If the run kept no trajectory model.
    RunError
        If it cannot be read.
    """
    if not (folder / ABOUT).is_file():
        raise InputError(
            f"{folder} holds no trajectory model: only runs of `mislabel train` or `audit` with --method dygen or npc "
            "keep one; leave --by out"
        )
    about = read_as(folder / ABOUT, About)
    shape = about.shape
    kept = [epoch for epoch in range(min(shape.epochs, MANY)) if weights_file(folder, epoch).is_file()]
    if len(kept) != shape.epochs or not set(about.epochs) <= set(kept):
        raise RunError(f"{folder} has the weights of {len(kept)} epochs, and {ABOUT} tells of {shape.epochs}: {REMEDY}")
    with telling_damage(folder / MODELS):
        check_file(folder / MODELS)
        tensors = load_file(folder / MODELS)
        models = []
        for branch in range(min(shape.branches, len(tensors) + 1)):
            state = {name.split(".", 1)[1]: value for name, value in tensors.items() if name.startswith(f"{branch}.")}
            model = DirichletAutoencoder(state["mean"], state["scale"], shape.classes)
            model.load_state_dict(state)
            if len(state["mean"]) != len(about.epochs) * shape.dimension or not math.isfinite(about.power):
                raise ValueError(f"{ABOUT} says something else")
            models.append(model.eval())
        return TrajectoryModel(Generative(models, about.epochs, about.power), shape, about.full, about.seed, folder)
