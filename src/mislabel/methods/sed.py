"""SED: rows are selected by thresholds of their classes, and all learn what a steady teacher says, if it is sure.

Sheng et al., "Foster Adaptivity and Balance in Learning with Noisy Labels", ECCV 2024, arXiv 2407.02778.

After a warm-up thresholds and statistics are renewed once an epoch, from where they start on:

    tau   <- m tau + (1 - m) Q_.8{p_i(y_i)}, cut to [0, .95]        starts at 1/K
    rho_c <- m rho_c + (1 - m) mean_i p_i(c)                        starts at 1/K
    row i is clean where p_i(y_i) >= tau rho_y / max rho

    mu_c <- m mu_c + (1 - m) mean, v_c <- m v_c + (1 - m) variance, of q_i over rows with yhat_i = c; start at 1/K and 1
    lambda_i = exp(-min(q_i - mu_yhat, 0)^2 / (2 v_yhat / n^2))

    L = mean over clean rows of CE(p_i, y_i) + omega mean over all rows of lambda_i CE(p'_i, yhat_i)

======  ==========================================================================================
symbol  meaning
======  ==========================================================================================
y       given label
K       number of classes
p, p'   the network's class probabilities of the weak and of the strong view
q       the largest probability of the weak view by the teacher, yhat its class
Q_.8    the value that 80 % of the rows stay under
tau     threshold of the class that is predicted most, rho how much of each class is predicted
lambda  how much a corrected label counts: 1 where the teacher is as sure as it is of the class on average
omega   how much corrected labels count
======  ==========================================================================================

The teacher is the exponential mean of the weights over the steps, in evaluation mode (`training/mean_weights.py`). The
warm-up is cross-entropy less the entropy of the predictions. Where classes are balanced the first term counts by the
rows' weights, as the warm-up does; corrected labels do not.

What differs from the paper: m is .5, not .999, with which the thresholds of a few epochs never leave 1/K and every row
is clean (adaptation). The first look is taken after the warm-up, where the teacher is the network itself. p of the
thresholds is that of all rows in evaluation mode after each epoch, q that of the running epoch. A class that the
teacher names for fewer than two rows keeps its mu and v.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import PenalisedCrossEntropy
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

QUANTILE, HIGHEST = 0.8, 0.95
SMALLEST = 1e-12  # of a variance


@register(
    "sed",
    paper="Sheng et al., ECCV 2024, arXiv 2407.02778",
    when="classes are not equally hard, and differ in noise",
    group="thorough",
)
@dataclass(frozen=True)
class SED(DefaultPosterior):
    """Options of the method."""

    warm_epochs: Annotated[int, Setting("Epochs with penalised cross-entropy.", 1, 10_000)] = 2
    epochs: Annotated[int, Setting("Epochs with selected rows.", 1, 10_000)] = 5
    momentum: Annotated[float, Setting("m, what thresholds keep of themselves at each look.", 0, 0.99999)] = 0.5
    teacher: Annotated[float, Setting("What the mean of the weights keeps of itself at each step.", 0.01, 0.99999)] = (
        0.95
    )
    spread: Annotated[float, Setting("n: the larger, the less a doubtful correction counts.", 0.01, 100)] = 2.0
    corrected_weight: Annotated[float, Setting("omega.", 0, 1000)] = 1.0

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        warm = PenalisedCrossEntropy()
        return [
            Stage("warm", self.warm_epochs, warm, evaluates="probabilities", decay=False),
            Stage(
                "select", self.epochs, SelectedLoss(self), views=2, evaluates="probabilities", teacher=self.teacher,
                start="last",
            ),
        ]  # fmt: skip


class SelectedLoss(Loss):
    """L; what the teacher last said of each row, (n, 2): q and yhat, lies in `tables`.

    Attributes
    ----------
    threshold : float
        tau.
    share, mean, variance : (K,) float64
        rho, mu and v.
    """

    def __init__(self, options: SED):
        super().__init__()
        self.options = options
        self.target, self.threshold = np.empty(0, dtype=np.int64), 0.0
        self.share = np.empty(0)
        self.mean: np.ndarray = np.empty(0)
        self.variance: np.ndarray = np.empty(0)

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        assert dynamics.probabilities is not None
        self.target: np.ndarray = target
        self.threshold = 1 / n_classes
        self.share, self.mean = (np.full(n_classes, 1 / n_classes) for _ in range(2))
        self.variance = np.ones(n_classes)
        p = dynamics.probabilities[0]
        self._look(p, p.max(1).astype(np.float64), p.argmax(1))
        self.tables: dict[str, Tensor] = {"teacher": torch.zeros(len(target), 2, device=device)}

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        assert dynamics.probabilities is not None
        sure, label = self.tables["teacher"].cpu().numpy().T
        seen = sure > 0  # not rows with a trusted label
        self._look(dynamics.probabilities[0], sure[seen].astype(np.float64), label[seen].astype(np.int64))

    def state(self) -> dict[str, Any]:
        each = {name: getattr(self, name).tolist() for name in ("share", "mean", "variance")}
        return {"threshold": self.threshold, **each}

    def load_state(self, state: dict[str, Any]) -> None:
        self.threshold = state["threshold"]
        self.share, self.mean, self.variance = (np.array(state[name]) for name in ("share", "mean", "variance"))

    def __call__(self, batch: Batch) -> Tensor:
        assert batch.teacher is not None
        weak, strong = batch.logits[0]
        log_p = -functional.cross_entropy(weak, batch.target, reduction="none")
        clean = log_p.detach().exp() >= self._to(class_thresholds(self.threshold, self.share), weak)[batch.target]
        sure, said = batch.teacher[0].softmax(-1).max(-1)
        self.tables["teacher"][batch.index] = torch.stack([sure, said.to(sure.dtype)], 1).float()
        weight = trust(sure, self._to(self.mean, sure)[said], self._to(self.variance, sure)[said], self.options.spread)
        corrected = weight * functional.cross_entropy(strong, said, reduction="none")
        fit = -(batch.weigh(log_p) * clean).sum() / clean.sum().clamp_min(1)
        return fit + self.options.corrected_weight * corrected.mean()

    @staticmethod
    def _to(values: np.ndarray, like: Tensor) -> Tensor:
        return torch.as_tensor(values, dtype=like.dtype, device=like.device)

    def _look(self, p: np.ndarray, sure: np.ndarray, said: np.ndarray) -> None:
        """Renew all from the network's probabilities (n, K) and what the teacher says of some rows."""
        keep = self.options.momentum
        own = p[np.arange(len(p)), self.target].astype(np.float64)
        self.threshold = keep * self.threshold + (1 - keep) * float(np.quantile(own, QUANTILE))
        self.threshold: Any = float(np.clip(self.threshold, 0, HIGHEST))
        self.share: Any = keep * self.share + (1 - keep) * p.mean(0, dtype=np.float64)
        for label in range(p.shape[1]):
            of_class = sure[said == label]
            if len(of_class) > 1:
                self.mean[label] = keep * self.mean[label] + (1 - keep) * of_class.mean()
                self.variance[label] = keep * self.variance[label] + (1 - keep) * of_class.var(ddof=1)


def class_thresholds(threshold: float, share: np.ndarray) -> np.ndarray:
    """tau rho_c / max rho of each class, (K,) float64."""
    return threshold * share / share.max()


def trust(sure: Tensor, mean: Tensor, variance: Tensor, spread: float) -> Tensor:
    """lambda of some rows, (b,), from q and what is usual for the class that the teacher names, (b,) each."""
    below = (sure - mean).clamp_max(0)
    return torch.exp(-below.square() * spread**2 / (2 * variance.clamp_min(SMALLEST)))
