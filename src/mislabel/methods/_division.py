"""How methods divide rows into those with a label that is likely right and the others, and learn from both."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import EpochLoss, draw_partners, from_uniform
from mislabel.posterior.loss_mixture import lower_component
from mislabel.training.losses import Batch

RAMP = 16 / 290
NETWORKS = 2


class MixMatch(EpochLoss):
    """L of `divide_mix.py`, the sum over both networks; each has weights of its own.

    Parameters
    ----------
    threshold, temperature, alpha, unlabelled_weight : float
    epochs : int
        Of the stage.

    Attributes
    ----------
    clean : (networks, n) float32
        w, by which each network learns.
    """

    def __init__(self, threshold: float, temperature: float, alpha: float, unlabelled_weight: float, epochs: int):
        super().__init__()
        self.threshold: float = threshold
        self.temperature: float = temperature
        self.alpha: float = alpha
        self.unlabelled_weight: float = unlabelled_weight
        self.epochs: int = epochs
        self.device, self.clean = torch.device("cpu"), torch.empty(NETWORKS, 0)
        self.target = np.empty(0, dtype=np.int64)

    def divide(self, losses: np.ndarray) -> np.ndarray:
        """w by which each network learns, (networks, n), from the losses of both, (networks, n) float32.

        Each learns from what the other one thinks of the labels.
        """
        return clean(losses)[::-1]

    def look(self, dynamics: DynamicsStore) -> None:
        """Divide the rows by what both networks say in evaluation mode, as the stage begins and after each epoch."""
        assert dynamics.evaluation is not None
        self.learn_by(dynamics.evaluation)

    def learn_by(self, losses: np.ndarray) -> None:
        """Divide the rows by these losses, (networks, n) float32."""
        self.clean: Tensor = torch.as_tensor(self.divide(losses).copy(), dtype=torch.float32, device=self.device)

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        super().begin(dynamics, target, n_classes, device)
        self.device: torch.device = device
        self.target: np.ndarray = target
        self.look(dynamics)

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        super().epoch_end(dynamics)
        self.look(dynamics)

    def __call__(self, batch: Batch) -> Tensor:
        views = batch.logits.shape[1]
        clean = self.clean[:, batch.index]  # (networks, b)
        target = self.targets(batch, clean)
        target, labelled = target.repeat(1, views, 1), (clean > self.threshold).repeat(1, views)
        partner, share = draw_partners(batch.logits.flatten(1, 2), self.alpha)
        share = torch.maximum(share, 1 - share)
        log_p = batch.mixed(partner, share).log_softmax(-1)  # (networks, m, classes)
        total = log_p.new_zeros(())
        for own, goal, keeps, other, part in zip(log_p, target, labelled, partner, share[..., None], strict=True):
            mixed = part * goal + (1 - part) * goal[other]
            miss = (own.exp() - mixed).square().mean(-1) * ~keeps
            if batch.weight is not None:
                goal = goal * batch.weight.repeat(views).where(keeps, 1.0)[:, None]
                mixed = part * goal + (1 - part) * goal[other]
            fit = -(mixed * own).sum(-1) * keeps
            total = total + fit.sum() / keeps.sum().clamp_min(1) + from_uniform(own)
            total = total + self._weight() * miss.sum() / (~keeps).sum().clamp_min(1)
        return total

    def targets(self, batch: Batch, clean: Tensor) -> Tensor:
        """t of both networks, (networks, b, classes), from their w, (networks, b)."""
        p = batch.logits.detach().softmax(-1)
        return guess(p, batch.target, clean, self.threshold, self.temperature)

    def _weight(self) -> float:
        """lambda_u of this epoch."""
        return self.unlabelled_weight * min(1.0, self.epoch / max(1.0, RAMP * self.epochs))


def guess(
    p: Tensor, label: Tensor, clean: Tensor, threshold: float, temperature: float, own: Tensor | None = None
) -> Tensor:
    """The sharpened targets t of both networks, (networks, b, classes).

    Parameters
    ----------
    p : (networks, views, b, classes)
        Class probabilities.
    label : (b,) int64
    clean : (networks, b)
        w, by which each network learns.
    own : (networks, b, classes), optional
        What each network says of rows that keep their label, where that is more than its mean over the views.
    """
    own, both = p.mean(1) if own is None else own, p.mean((0, 1))
    weight = clean[..., None]
    labelled = weight * functional.one_hot(label, p.shape[-1]) + (1 - weight) * own
    target = torch.where(weight > threshold, labelled, both) ** (1 / temperature)
    return target / target.sum(-1, keepdim=True)


def clean(losses: np.ndarray) -> np.ndarray:
    """w of each network: the probability that a row's loss belongs to the lower component, (networks, n) float64.

    Parameters
    ----------
    losses : (networks, n) float32
    """
    return np.stack([lower_component(own) for own in losses])
