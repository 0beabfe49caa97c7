"""The last stage of methods that find a posterior: one ordinary network learns it, so that there is a model to ship."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.posterior.posterior import Posterior
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage


class Distillation(Loss):
    """Cross-entropy with the generative models' posterior, which is found when the stage begins.

    Everything it is found from lies in the store, so a resumed run finds the same.

    Parameters
    ----------
    find : callable
        From the dynamics of the stages before, given labels (n,) and the number of classes to a posterior with
        generative models. Passes of this stage may be there too, and must not count.
    """

    def __init__(self, find: Callable[[DynamicsStore, np.ndarray, int], Posterior]):
        super().__init__()
        self.find = find

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.found = self.find(dynamics, target, n_classes)
        assert self.found.generative is not None
        assert dynamics.trajectory is not None
        probabilities = self.found.generative.probabilities(dynamics.trajectory)
        self.probabilities = torch.as_tensor(probabilities, device=device)

    def __call__(self, batch: Batch) -> Tensor:
        return functional.cross_entropy(batch.logits[0, 0], self.probabilities[batch.index])


def found_before_distilling(stages: list[Stage]) -> Posterior:
    """The posterior that the last of the stages distilled."""
    distillation = stages[-1].loss
    assert isinstance(distillation, Distillation)
    return distillation.found
