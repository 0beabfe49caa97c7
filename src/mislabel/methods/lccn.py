"""LCCN: true labels are latent, drawn from their posterior, and the noise between classes is counted from the draws.

Yao et al., "Latent Class-Conditional Noise Model", TPAMI 2023, arXiv 2302.09595.

    z ~ f(x),   y | z = k ~ Categorical(phi_k),   phi_k ~ Dirichlet(alpha)

The network f explains z, the noise model explains y by z. Stage 1 is cross-entropy on the given labels. Then each row
gets, every time it comes, a true label drawn from its posterior (Gibbs sampling), and f learns that by cross-entropy:

    P(z_i = k) = f_k(x_i) T_(k, y_i) / sum over k,   T_kl = (N_kl + alpha) / sum_l (N_kl + alpha)
    L          = CE(f(x_i), z_i), no gradient through z

The posterior is the same formula, with the final model and the final T.

======  ==============================================================
symbol  meaning
======  ==============================================================
y, z    given label, and the true one as it was last drawn
f       class probabilities of the training pass
N_kl    how many rows have z = k and y = l
T_kl    P(given = l | true = k)
alpha   how many rows of each kind are believed in before any is seen
======  ==============================================================

A row weighs by the label that it was given, though it learns z.

What differs from the paper:

- It trains for 120 epochs, of which the first 20,000 steps have a fixed T, and refreshes T every 200 steps while single
  rows move from count to count. A few epochs of fine-tuning have no room for either: here the warm-up is some epochs of
  cross-entropy, and N is counted after each epoch from the latest z of all rows. Processes then need to agree once an
  epoch, and all rows of an epoch meet the same T.
- The published code reads the first T from a file. Here z is what the warm network predicts in the last epoch of the
  warm-up, so the first T is that confusion and nothing of the true labels is known.
- Draws depend on a row's place and on the epoch alone: they are the same in a run that is continued and on any number
  of processes.
- The weights of f are those of the last step, not their running mean.

A network that has learnt the errors predicts them, and T then says that they are none: what rules got wrong the same
way over and over stays. `panel` has the same model on a frozen space, with classes balanced.

`divide_lccn` is DivideMix (`divide_mix.py`) with the same noise model, one for each network. Where DivideMix asks a
network alone, of the loss that divides the rows and of the opinion that is mixed into a label that is kept, it asks
P(z | x, y). After each epoch each network draws a z for every row, from what it says in evaluation mode, and counts N
anew; the first N is the confusion after the warm-up. The paper starts T in epoch 30 of 300, and moves it from epoch 80
on. The opinion on rows that lost their label is that of both networks alone, as in DivideMix.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._division import NETWORKS, MixMatch, guess
from mislabel.methods._losses import CrossEntropy, EpochLoss, cross_entropy
from mislabel.methods.registry import register
from mislabel.posterior.balanced_transition import through
from mislabel.posterior.mean_probability import given_replaced
from mislabel.posterior.posterior import Posterior
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch
from mislabel.training.stages import Stage

Alpha = Annotated[
    float, Setting("Rows of each pair of true and given label that are believed in before any is seen.", 1e-6, 1e6)
]
UNSEEN = -1  # z of a row that no loss is shown: its label is trusted, or it is held back


@register(
    "lccn",
    paper="Yao et al., TPAMI 2023, arXiv 2302.09595",
    when="classes are taken for each other in any proportion",
    group="confused",
)
@dataclass(frozen=True)
class LCCN:
    """Options of the method."""

    warm_epochs: Annotated[int, Setting("Epochs with cross-entropy on the given labels.", 1, 10_000)] = 2
    epochs: Annotated[int, Setting("Epochs with drawn labels.", 1, 10_000)] = 5
    alpha: Alpha = 1.0

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [Stage("train", self.warm_epochs + self.epochs, LatentLabels(self.warm_epochs, self.alpha))]

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """The final model's opinion and the label that was given, by Bayes' rule."""
        latent = stages[-1].loss
        assert isinstance(latent, LatentLabels)
        joint = through(probabilities, latent.transition, given)
        return given_replaced(dynamics, given, joint, joint[np.arange(len(given)), given])


@register(
    "divide_lccn",
    paper="Yao et al., TPAMI 2023, arXiv 2302.09595",
    when="as lccn, many are wrong, and time is cheap",
    group="confused",
)
@dataclass(frozen=True)
class DivideLCCN:
    """Options of the method."""

    warm_epochs: Annotated[int, Setting("Epochs with cross-entropy.", 1, 10_000)] = 1
    epochs: Annotated[int, Setting("Epochs with divided rows.", 1, 10_000)] = 6
    alpha: Alpha = 1.0
    threshold: Annotated[float, Setting("w above which a row keeps its label.", 0, 1)] = 0.5
    temperature: Annotated[float, Setting("T of sharpening.", 0.01, 1)] = 0.5
    mix_alpha: Annotated[float, Setting("Of the beta distribution that mixes rows.", 1e-3, 1e4)] = 4.0
    unlabelled_weight: Annotated[float, Setting("lambda_u, as in divide_mix; the paper has 25.", 0, 1e6)] = 0.0

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [
            Stage(
                "warm", self.warm_epochs, CrossEntropy(), branches=NETWORKS, evaluates="probabilities", decay=False
            ),
            Stage(
                "divide", self.epochs, DividedLatentLabels(self), views=2, branches=NETWORKS, mixes=True,
                evaluates="probabilities", start="last",
            ),
        ]  # fmt: skip

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """The mean of both networks' w for the given label, after the last epoch; the rest as the model says."""
        divided = stages[-1].loss
        assert isinstance(divided, DividedLatentLabels)
        return given_replaced(dynamics, given, probabilities, divided.clean.double().mean(0).cpu().numpy())


class DividedLatentLabels(MixMatch):
    """L of DivideMix, with each network's N in the state.

    Attributes
    ----------
    counts : (networks, K, K) int64
        N.
    transition : (networks, K, K) float64
        T.
    """

    def __init__(self, options: DivideLCCN):
        super().__init__(
            options.threshold, options.temperature, options.mix_alpha, options.unlabelled_weight, options.epochs
        )
        self.alpha: float = options.alpha
        self.counts, self.transition = np.zeros((NETWORKS, 0, 0), dtype=np.int64), np.empty((NETWORKS, 0, 0))
        self.said, self._of_given = np.empty((NETWORKS, 0, 0)), torch.empty(0)

    def look(self, dynamics: DynamicsStore) -> None:
        assert dynamics.probabilities is not None
        self.said: np.ndarray = dynamics.probabilities.astype(np.float64)
        self._count(self._draw() if self.epoch else self.said.argmax(-1))

    def state(self) -> dict[str, Any]:
        return {**super().state(), "counts": self.counts.tolist()}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self._know(np.array(state["counts"], dtype=np.int64))

    def targets(self, batch: Batch, clean: Tensor) -> Tensor:
        p = batch.logits.detach().softmax(-1)
        own = (p * self._of_given[:, None, batch.target]).mean(1)
        own = own / own.sum(-1, keepdim=True)
        return guess(p, batch.target, clean, self.threshold, self.temperature, own)

    def _draw(self) -> np.ndarray:
        """A z of every row by each network, (networks, n) int64."""
        uniform = np.random.default_rng([len(self.target), self.epoch]).random((NETWORKS, len(self.target)))
        each = zip(self._joint(), uniform, strict=True)
        return np.stack([drawn(torch.as_tensor(p), torch.as_tensor(u)).numpy() for p, u in each])

    def _joint(self) -> np.ndarray:
        """P(z | x, y) by each network, (networks, n, K) float64."""
        each = zip(self.said, self.transition, strict=True)
        return np.stack([through(p, transition, self.target) for p, transition in each])

    def _count(self, latent: np.ndarray) -> None:
        """Go on with a z of every row by each network, (networks, n) int64."""
        counts = np.zeros((NETWORKS, *[self.said.shape[-1]] * 2), dtype=np.int64)
        for network, labels in enumerate(latent):
            np.add.at(counts[network], (labels, self.target), 1)
        self._know(counts)

    def _know(self, counts: np.ndarray) -> None:
        self.counts: np.ndarray = counts
        self.transition: np.ndarray = np.stack([transition(each, self.alpha) for each in counts])
        turned = self.transition.transpose(0, 2, 1).copy()
        self._of_given = torch.as_tensor(turned, dtype=torch.float32, device=self.device)
        of_given = np.take_along_axis(self._joint(), self.target[None, :, None], -1)[..., 0]
        self.learn_by(-np.log(np.maximum(of_given, np.finfo(np.float32).tiny)).astype(np.float32))


class LatentLabels(EpochLoss):
    """L, all of it weighted by row; z lies in `tables`, (n, 1) int64, and N in the state.

    Parameters
    ----------
    warm_epochs : int
        In which the given labels are learnt, and z is what the network predicts.
    alpha : float

    Attributes
    ----------
    counts : (K, K) int64
        N.
    transition : (K, K) float64
        T, by the rows' latest z at the end of the epoch before.
    """

    def __init__(self, warm_epochs: int, alpha: float):
        super().__init__()
        self.warm_epochs: int = warm_epochs
        self.alpha: float = alpha
        self.target, self.device = np.empty(0, dtype=np.int64), torch.device("cpu")
        self.counts, self.transition = np.zeros((0, 0), dtype=np.int64), np.empty((0, 0))
        self._of_given, self._uniform = torch.empty(0, 0), torch.empty(0)

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        super().begin(dynamics, target, n_classes, device)
        self.target: np.ndarray = target
        self.device: torch.device = device
        self.tables: dict[str, Tensor] = {"latent": torch.full((len(target), 1), UNSEEN, device=device)}
        self._know(np.zeros((n_classes, n_classes), dtype=np.int64))

    def __call__(self, batch: Batch) -> Tensor:
        logits = batch.logits[0, 0]
        f = logits.detach().softmax(-1)
        if self.epoch < self.warm_epochs:
            latent, label = f.argmax(-1), batch.target
        else:
            latent = label = drawn(f * self._of_given[batch.target], self._uniform[batch.index])
        self.tables["latent"][batch.index, 0] = latent
        return cross_entropy(batch, logits, label)

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        super().epoch_end(dynamics)
        latent = self.tables["latent"][:, 0].cpu().numpy()
        seen, counts = latent != UNSEEN, np.zeros_like(self.counts)
        np.add.at(counts, (latent[seen], self.target[seen]), 1)
        self._know(counts)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "counts": self.counts.tolist()}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self._know(np.array(state["counts"], dtype=np.int64))

    def _know(self, counts: np.ndarray) -> None:
        """Go on with N, (K, K) int64, and with the numbers that the next epoch draws by."""
        self.counts: np.ndarray = counts
        self.transition: np.ndarray = transition(counts, self.alpha)
        self._of_given = torch.as_tensor(self.transition.T.copy(), dtype=torch.float32, device=self.device)
        uniform = np.random.default_rng([len(self.target), self.epoch]).random(len(self.target))
        self._uniform = torch.as_tensor(uniform, dtype=torch.float32, device=self.device)


def transition(counts: np.ndarray, alpha: float) -> np.ndarray:
    """T, (K, K) float64, from N, (K, K) int."""
    counts = counts + alpha
    return counts / counts.sum(1, keepdims=True)


def drawn(mass: Tensor, uniform: Tensor) -> Tensor:
    """A class of each row, (b,) int64, in proportion to its mass, (b, K) float, by a number in [0, 1] each, (b,)."""
    up_to = mass.cumsum(-1)
    # A number that rounding took to 1 would lie beyond the last class.
    return (up_to <= uniform[:, None] * up_to[:, -1:]).sum(-1).clamp_max(mass.shape[-1] - 1)
