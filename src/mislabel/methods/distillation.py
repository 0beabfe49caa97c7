"""The last stage of methods that fit a generative model: one ordinary network learns its posterior, to be shipped."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import cross_entropy
from mislabel.posterior.posterior import Posterior
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

SAMPLER_HELP = (
    "How the generative model draws: by the exact Dirichlet distribution, or by independent gamma variables as the "
    "published code does."
)
PASSES_HELP = "Of the generative model over the rows; more where they would make fewer than 500 steps."


class Distillation(Loss):
    """Cross-entropy with a generative model's posterior, which is inferred when the stage begins.

    A row weighs by the label that it was given, though it learns all of its posterior.

    All that it is inferred from lies in the store, so a resumed run infers the same.

    Parameters
    ----------
    infer : callable
        From the dynamics of the stages before, labels (n,) and the number of classes to a posterior with a generative
        model. Passes of this stage may be there too, and must not count.

    Attributes
    ----------
    posterior : Posterior or None
        What was inferred, once the stage has begun.
    """

    def __init__(self, infer: Callable[[DynamicsStore, np.ndarray, int], Posterior]):
        super().__init__()
        self.infer = infer
        self.posterior: Posterior | None = None
        self.probabilities = torch.empty(0)

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.posterior = self.infer(dynamics, target, n_classes)
        assert self.posterior.generative is not None
        assert dynamics.trajectory is not None
        probabilities = self.posterior.generative.probabilities(dynamics.trajectory)
        self.probabilities: Tensor = torch.as_tensor(probabilities, device=device)

    def __call__(self, batch: Batch) -> Tensor:
        return cross_entropy(batch, batch.logits[0, 0], self.probabilities[batch.index])


def distilled_posterior(stages: list[Stage]) -> Posterior:
    """The posterior that the last of the stages distilled."""
    distillation = stages[-1].loss
    assert isinstance(distillation, Distillation)
    assert distillation.posterior is not None
    return distillation.posterior
