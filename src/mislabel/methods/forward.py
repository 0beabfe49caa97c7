"""Forward correction: a transition matrix, estimated by a first training, corrects the loss of a second one.

Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach", CVPR 2017,
arXiv 1609.03683.

Stage 1 trains with cross-entropy; its class probabilities q(x) say what is given, not what is true. A row that is
surely of class i, an anchor, shows how that class is labelled: row i of T is q of the anchor. Stage 2 trains a new
network whose probabilities p(x), taken through T, are to explain the given labels:

    T_ij = q_j(x_i),   L = -log sum_k p_k T_ky

The posterior is Bayes' rule: P(true = k | given = j, x) is proportional to T_kj p_k(x).

========  ================================================================================================
symbol    meaning
========  ================================================================================================
T_ij      P(given = j | true = i)
x_i       the anchor of class i, the row at the 97th percentile of q_i
q, p      class probabilities of stage 1, in the last training pass of each row, and of stage 2
y         given label
========  ================================================================================================

The percentile is the paper's, which looks at all rows. A class that has only a few hundredths of them would find its
anchor in another class, so at most half as many rows as stage 1 predicts to be of the class have a larger q_i than its
anchor. The paper's networks train for tens of epochs before T is estimated, these for five.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import CrossEntropy
from mislabel.methods.registry import register
from mislabel.posterior.mean_probability import given_replaced
from mislabel.posterior.posterior import Posterior
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

DEEPEST = 0.5  # of the rows predicted to be of a class
SMALLEST = 1e-8


@register(
    "forward",
    paper="Patrini et al., CVPR 2017, arXiv 1609.03683",
    when="one class is often taken for another",
    group="confused",
)
@dataclass(frozen=True)
class Forward:
    """Options of the method."""

    warm_epochs: Annotated[int, Setting("Epochs of stage 1.", 1, 10_000)] = 5
    epochs: Annotated[int, Setting("Epochs of stage 2.", 1, 10_000)] = 5
    percentile: Annotated[
        float,
        Setting("Where the anchors of large classes are; 100 takes the row with the largest probability.", 0, 100),
    ] = 97.0

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        warm = RememberingCrossEntropy()
        return [
            Stage("warm", self.warm_epochs, warm),
            Stage("forward", self.epochs, ForwardCorrection(warm, self.percentile)),
        ]

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """The final model's opinion and the label that was given, by Bayes' rule."""
        corrected = stages[-1].loss
        assert isinstance(corrected, ForwardCorrection)
        joint = probabilities.astype(np.float64) * np.maximum(corrected.transition[:, given].T, SMALLEST)
        joint /= joint.sum(1, keepdims=True)
        return given_replaced(dynamics, given, joint, joint[np.arange(len(given)), given])


class RememberingCrossEntropy(CrossEntropy):
    """Cross-entropy that keeps each row's class probabilities of the latest pass."""

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.tables: dict[str, Tensor] = {"probabilities": torch.zeros(len(target), n_classes, device=device)}

    def __call__(self, batch: Batch) -> Tensor:
        self.tables["probabilities"][batch.index] = batch.logits[0, 0].detach().softmax(-1).float()
        return super().__call__(batch)


class ForwardCorrection(Loss):
    """The mean over rows of -log sum_k p_k T_ky, all of it weighted by row.

    A run that continues in this stage has no table of the stage before, so T is kept in the state.

    Attributes
    ----------
    transition : (K, K) float64
        T; empty until the stage begins.
    log_transition : (K, K) float32
        Its logarithm, on the device.
    """

    def __init__(self, warm: RememberingCrossEntropy, percentile: float):
        super().__init__()
        self.warm: RememberingCrossEntropy = warm
        self.percentile: float = percentile
        self.transition, self.log_transition = np.empty((0, 0)), torch.empty(0, 0)
        self.device = torch.device("cpu")

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.device: torch.device = device
        if self.warm.tables:
            table = self.warm.tables["probabilities"].cpu().numpy()
            # Rows whose label is known never came to the loss of stage 1, which wrote nothing of them.
            self._keep(transition(table[table.any(1)], self.percentile))

    def __call__(self, batch: Batch) -> Tensor:
        log_p = batch.logits[0, 0].log_softmax(-1)
        return -batch.mean((log_p + self.log_transition[:, batch.target].T).logsumexp(-1))

    def state(self) -> dict[str, Any]:
        return {"transition": self.transition.tolist()}

    def load_state(self, state: dict[str, Any]) -> None:
        self._keep(np.array(state["transition"]))

    def _keep(self, transition: np.ndarray) -> None:
        self.transition: np.ndarray = transition
        self.log_transition: Tensor = torch.as_tensor(
            np.log(np.maximum(transition, SMALLEST)), dtype=torch.float32, device=self.device
        )


def transition(probabilities: np.ndarray, percentile: float) -> np.ndarray:
    """T by anchors.

    Parameters
    ----------
    probabilities : (n, K) float
        Of the given labels, not of the true ones.
    percentile : float
        0 to 100.

    Returns
    -------
    (K, K) float64, rows sum to 1; a class whose anchor has no probabilities is taken for itself alone
    """
    rows, classes = probabilities.shape
    sizes = np.bincount(probabilities.argmax(1), minlength=classes)
    result = np.eye(classes)
    for label in range(classes if rows else 0):
        depth = min(round((1 - percentile / 100) * rows), int(DEEPEST * sizes[label]), rows - 1)
        anchor = np.argpartition(-probabilities[:, label], depth)[depth]
        row = probabilities[anchor].astype(np.float64)
        if np.isfinite(row).all() and row.sum() > 0:
            result[label] = row / row.sum()
    return result
