"""M-correction: mixup, and labels corrected by a beta mixture over the losses.

Arazo et al., "Unsupervised Label Noise Modeling and Loss Correction", ICML 2019, arXiv 1904.11238 (its M-DYR-H).

Stage 1 trains with mixup. After each epoch a beta mixture with two components is fitted to the losses of all rows in
evaluation mode, cut to their 5th and 95th percentile and brought to [0, 1]. In stage 2 each row's label is a mixture
of the given one and of what the network says of the row itself:

    t_i = (1 - w_i) onehot(y_i) + w_i z_i
    L   = l CE(h, t) + (1 - l) CE(h, t') + KL(uniform || mean of h over the batch),   l ~ Beta(alpha, alpha)

========  ===================================================================================
symbol    meaning
========  ===================================================================================
y         given label
w_i       probability that row i's loss belongs to the component of the higher losses
z_i       the network's prediction for the row itself, as a label; no gradient through it
h         class probabilities of the mixed row; t' belongs to the row it is mixed with
========  ===================================================================================

The KL term pulls the mean prediction to equal shares of all classes, whether they are balanced besides or not.

The paper's 300 epochs correct from 106 on, and the learning rate falls to a tenth at 100 and at 250; here two of seven
epochs come before the correction and the rate falls as it does for every method.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import MixedCrossEntropy, draw_partners, from_uniform
from mislabel.methods.registry import register
from mislabel.posterior.beta_mixture import fit_beta_mixture
from mislabel.posterior.mean_probability import given_replaced
from mislabel.posterior.posterior import Posterior
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

LOW, HIGH, EDGE = 5, 95, 1e-4
ITERATIONS = 10


@register(
    "m_correction",
    paper="Arazo et al., ICML 2019, arXiv 1904.11238",
    when="classes are equally large",
    group="thorough",
)
@dataclass(frozen=True)
class MCorrection:
    """Options of the method."""

    warm_epochs: Annotated[int, Setting("Epochs of stage 1.", 1, 10_000)] = 2
    epochs: Annotated[int, Setting("Epochs of stage 2.", 1, 10_000)] = 5
    alpha: Annotated[
        float, Setting("Of the beta distribution; the paper's 32 mixes nearly half and half.", 1e-3, 1e4)
    ] = 32.0
    uniform_weight: Annotated[
        float,
        Setting(
            "Of the KL term, which keeps the predictions of a batch from falling into few classes; 1 is the paper's, "
            "whose classes are equally large.",
            0,
            1e6,
        ),
    ] = 1.0

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [
            Stage("mix", self.warm_epochs, MixedCrossEntropy(self.alpha), mixes=True, evaluates=True, decay=False),
            Stage("correct", self.epochs, CorrectedLoss(self), mixes=True, evaluates=True, start="last"),
        ]

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """1 - w for the given label, from the losses after the last epoch; the rest as the model says."""
        assert dynamics.evaluation is not None
        return given_replaced(dynamics, given, probabilities, 1 - high_loss(dynamics.evaluation[0]))


class CorrectedLoss(Loss):
    """Stage 2's loss, for one branch and one view. Labels t weigh by their rows, the KL term is not weighed.

    Attributes
    ----------
    wrong : (n,) float32
        w of all training rows.
    """

    def __init__(self, options: MCorrection):
        super().__init__()
        self.options = options
        self.device, self.wrong = torch.device("cpu"), torch.empty(0)

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.device: torch.device = device
        self.epoch_end(dynamics)

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        assert dynamics.evaluation is not None
        self.wrong: Tensor = torch.as_tensor(high_loss(dynamics.evaluation[0]), dtype=torch.float32, device=self.device)

    def __call__(self, batch: Batch) -> Tensor:
        own = batch.logits[0, 0].detach()
        wrong = self.wrong[batch.index, None]
        given, predicted = (functional.one_hot(label, own.shape[-1]) for label in (batch.target, own.argmax(-1)))
        target = (1 - wrong) * given + wrong * predicted
        if batch.weight is not None:
            target = target * batch.weight[:, None]
        partner, share = draw_partners(batch.logits.flatten(1, 2), self.options.alpha)
        log_p = batch.mixed(partner, share)[0].log_softmax(-1)
        share = share[0, :, None]
        mixed = share * target + (1 - share) * target[partner[0]]
        return -(mixed * log_p).sum(-1).mean() + self.options.uniform_weight * from_uniform(log_p)


def high_loss(losses: np.ndarray) -> np.ndarray:
    """w: the probability that each of these losses, (n,), belongs to the higher component, (n,) float64."""
    low, high = np.percentile(losses, (LOW, HIGH))
    scaled = np.clip((losses.astype(np.float64) - low) / max(high - low, 1e-12), EDGE, 1 - EDGE)
    return fit_beta_mixture(scaled, iterations=ITERATIONS).noisy(scaled)
