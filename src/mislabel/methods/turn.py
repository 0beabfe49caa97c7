"""TURN: a probe on the frozen encoder tells which labels are right, and the encoder is tuned on those alone.

Ahn et al., "Fine-tuning Pre-trained Models for Robustness under Noisy Labels", IJCAI 2024, arXiv 2310.17668.

Tuning an encoder on wrong labels spoils what it knows; a head on the frozen one learns few of them by heart.

1. *Probe*: a head on the frozen encoder, generalised cross-entropy (`gce.py`) on all rows.
2. *Cleanse*: of each given class c a mixture of two Gaussians over the losses of the probe; w_i is the probability that
   row i belongs to the component of the lower mean, and rows with w_i > t are kept.
3. *Balance and tune*: the whole network, from encoder and probe on, by cross-entropy on the kept rows:

    L = mean_i v_i CE(p(x_i), y_i),   v_i = n / (K n_c) if i is kept, else 0

The posterior holds a given label for right as far as both say so, the mixture and the final model: w_i p_y(x_i).

======  ====================================================================
symbol  meaning
======  ====================================================================
y, p    given label, class probabilities
w, t    probability that a label is right by the probe's losses; the threshold
n, n_c  all rows, and the kept rows of the given class c
K       classes that have rows
======  ====================================================================

What differs from the paper:

- It draws as many rows of each class as the class with the fewest kept ones has. One class of five rows would then
  throw nearly all others away; here all kept rows are learnt and classes weigh the same. A class counts as ten rows
  where it kept fewer, so that a single row does not pull like all of another class.
- The probe weighs classes too, by all of their rows (an adaptation). What rules wrote is wrong to one side, and a probe
  that learns the given shares agrees with them. `--balance` changes neither stage: balance is part of the method.
  Rows with a trusted label weigh by class in the probe, and 1 in the tuning.
- Losses are those of the last pass of the probe, under weights that hardly change any more, and as generalised
  cross-entropy measures them: they have an upper end, which a Gaussian needs.
- A class keeps at least its surest rows, and all where they are fewer than a mixture needs: no class vanishes.
- 5 + 5 epochs in place of 20 + 5; a head learns what it will in few passes at the rate for heads.

On features and embeddings there is no encoder to freeze: the probe is the whole head, and goes on from there.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods.gce import GeneralisedCrossEntropy
from mislabel.methods.registry import register
from mislabel.posterior.class_balance import class_weights
from mislabel.posterior.loss_mixture import FEWEST, lower_component_of_class
from mislabel.posterior.mean_probability import given_replaced
from mislabel.posterior.posterior import Posterior
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

PROBE = "probe"


@register(
    "turn",
    paper="Ahn et al., IJCAI 2024, arXiv 2310.17668",
    when="a whole encoder is tuned on labels that rules wrote",
    group="written",
)
@dataclass(frozen=True)
class TURN:
    """Options of the method."""

    many_classes: ClassVar[bool] = True

    probe_epochs: Annotated[int, Setting("Epochs of the probe.", 1, 10_000)] = 5
    epochs: Annotated[int, Setting("Epochs on the kept rows.", 1, 10_000)] = 5
    q: Annotated[float, Setting("Of the probe's loss, as in gce.", 1e-6, 1)] = 0.7
    threshold: Annotated[float, Setting("t, above which a row is kept.", 0, 1)] = 0.6

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        probe = GeneralisedCrossEntropy(self.q)
        tune = CleansedCrossEntropy(self.q, self.threshold)
        return [
            Stage(PROBE, self.probe_epochs, probe, frozen=True, balance="classes"),
            Stage("tune", self.epochs, tune, start="last", balance="none"),
        ]

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """w times the final model's probability for the given label; the rest as the model says."""
        tune = stages[-1].loss
        assert isinstance(tune, CleansedCrossEntropy)
        of_given = tune.clean * probabilities[np.arange(len(given)), given]
        return given_replaced(dynamics, given, probabilities, of_given)


class CleansedCrossEntropy(Loss):
    """L. All that w is made from lies in the store, so a resumed run makes the same.

    Attributes
    ----------
    clean : (n,) float64
        w, once the stage has begun.
    weight : (n,) float32
        v.
    """

    def __init__(self, q: float, threshold: float):
        super().__init__()
        self.q: float = q
        self.threshold: float = threshold
        self.clean, self.weight = np.empty(0), torch.empty(0)

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        last = dynamics.loss[dynamics.of_stage(PROBE)[-1]].astype(np.float64)
        self.clean: np.ndarray = lower_component_of_class(-np.expm1(-self.q * last) / self.q, target)
        weight = kept_weights(self.clean, target, self.threshold)
        self.weight: Tensor = torch.as_tensor(weight, dtype=torch.float32, device=device)

    def __call__(self, batch: Batch) -> Tensor:
        each = functional.cross_entropy(batch.logits[0, 0], batch.target, reduction="none")
        return batch.mean(self.weight[batch.index] * each)


def kept_weights(clean: np.ndarray, target: np.ndarray, threshold: float) -> np.ndarray:
    """v, (n,) float64 with mean 1: 0 for rows that are not kept; classes of FEWEST kept rows or more have equal sums.

    Parameters
    ----------
    clean : (n,) float
        w.
    target : (n,) int
    """
    kept = kept_rows(clean, target, threshold)
    counts = np.bincount(target[kept])
    weight = class_weights(np.where(counts > 0, np.maximum(counts, FEWEST), 0), 1.0)[target] * kept
    return weight / weight.mean()


def kept_rows(clean: np.ndarray, target: np.ndarray, threshold: float) -> np.ndarray:
    """Which rows are surer than a threshold, and of every class at least its surest, (n,) bool; see `kept_weights`."""
    surest = np.zeros(target.max() + 1)
    np.maximum.at(surest, target, clean)
    return clean >= np.minimum(np.nextafter(threshold, 2), surest)[target]
