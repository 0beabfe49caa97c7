"""Fitted generative models, which give P(true label) of any rows whose trajectories are known."""

# Some of torch's functions have no types.
# pyright: reportUnknownMemberType=false
from dataclasses import dataclass, replace

import numpy as np
import torch

from mislabel.dynamics.trajectory import Trajectory
from mislabel.posterior.autoencoder import DirichletAutoencoder
from mislabel.posterior.autoencoder_fitting import Features
from mislabel.posterior.temperature import best_power, sharpen

NUMBERS_AT_ONCE = 2**20  # of float32 values that one step of a long sum holds: 4 MB


@dataclass(frozen=True)
class Generative:
    """Fitted models, and the epochs of a trajectory that they read.

    Attributes
    ----------
    models : list of DirichletAutoencoder
        One per branch.
    epochs : list of int
        The epochs they read, 0-based.
    power : float
        What the marginal is raised to, see `mislabel.posterior.temperature`; 1 leaves it as it is.
    """

    models: list[DirichletAutoencoder]
    epochs: list[int]
    power: float = 1.0

    def probabilities(self, trajectory: Trajectory) -> np.ndarray:
        """P(true = k | x) of every row of the store, (n, C) float32."""
        plain = marginal(self.models, reader(trajectory, self.epochs), last_probabilities(trajectory))
        return sharpen(plain, self.power).astype(np.float32)

    def calibrated(self, trajectory: Trajectory, given: np.ndarray) -> "Generative":
        """The same models with the power that makes given labels (n,) most likely."""
        return replace(self, power=best_power(replace(self, power=1.0).probabilities(trajectory), given))


def reader(trajectory: Trajectory, epochs: list[int]) -> Features:
    """What the model of a branch reads of some rows, (b, len(epochs) x dimension) float32; branches may share it."""
    last = trajectory.shape.networks - 1
    return lambda branch, index: trajectory.of_rows(index, min(branch, last), epochs)


def last_probabilities(trajectory: Trajectory) -> np.ndarray:
    """The classifiers' predictions after the last epoch, (branches, n, C) float32."""
    return np.stack(
        [trajectory.probability(trajectory.done - 1, branch) for branch in range(trajectory.shape.branches)]
    )


def marginal(
    models: list[DirichletAutoencoder],
    features: Features,
    probabilities: np.ndarray,
) -> np.ndarray:
    """P(true = k | x), the classifiers' predictions marginalised, (n, C) float32, rows sum to 1 (DyGen, section 6).

        p(y | x) = (1 / M) sum_m sum_k p_m(yh = k | x) q_m(y | yh = k, w)

    Parameters
    ----------
    features : callable
        As in `fit_generative`, of n rows that need not be those it was fitted to.
    probabilities : (branches, n, C) float32
        p_m, the classifiers'.
    """
    _, n, classes = map(int, probabilities.shape)
    result = np.zeros((n, classes), dtype=np.float32)
    with torch.inference_mode():
        step = max(1, NUMBERS_AT_ONCE // max(classes**2, len(models[0].mean)))
        for begin in range(0, n, step):
            index = np.arange(begin, min(n, begin + step))
            for branch, model in enumerate(models):
                w = model.standardise(torch.from_numpy(features(branch, index)))
                p = torch.from_numpy(probabilities[branch, index]).unsqueeze(1)
                result[index] += torch.bmm(p, model.per_label(w)).squeeze(1).numpy()
    return result / result.sum(1, keepdims=True)
