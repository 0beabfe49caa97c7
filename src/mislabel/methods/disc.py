"""DISC: every row has thresholds of its own, by which it is clean, hard, or gets the label that the network is sure of.

Li et al., "DISC: Learning from Noisy Labels via Dynamic Instance-Specific Selection and Correction", CVPR 2023.

    above_v  = p_v(y) > th_v                                                    for each view v
    th_v    <- m th_v + (1 - m) max_k p_v(k)                                    after the row is sorted
    clean:     above in both views
    hard:      above in one
    purified:  above in none, and max_k p(k) > min(th + .5, .99); its label is that k

    L = mean over rows of  [clean] sum_v CE(p_v, y) + lambda_h [hard] sum_v (1 - p_v(y)^q) / q
        + sum_v mean over clean, hard and purified rows of l CE(p~_v, t) + (1 - l) CE(p~_v, t'),  l ~ Beta(alpha, alpha)

========  ==================================================================================
symbol    meaning
========  ==================================================================================
y         given label
p_v       class probabilities of the weak or of the strong view; p is their mean
th_v      how sure the network has been of the row, a running mean by view; th is their mean
t         y, of purified rows the new label; t' is that of the row that it is mixed with
p~_v      class probabilities of the row mixed with another one of the same view
lambda_h  weight of hard rows
========  ==================================================================================

A row that was never sure has a low threshold, and its label is kept sooner than that of a row that was. As p(y)
decides, what rules got wrong the same way everywhere is taken for clean.

Where classes are balanced, labels that are kept bring the weights of their rows, in mixtures too; new labels bring 1.

What differs from the published code: m is 1 - 1 / epochs, not .99, with which thresholds stay under .1 for as few
epochs, and every row that the network is sure of passes (adaptation). Thresholds start at 1/n, n rows, as published,
and take one step towards how sure the network is after the warm-up, instead of one in each of its epochs. Rows are
sorted when they are looked at, not once an epoch by what was seen in it. The warm-up takes the mean over both views,
not the sum. Of texts the embeddings are mixed.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Beta

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import CrossEntropy
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.gce import generalised
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

VIEWS = 2
SURER, HIGHEST = 0.5, 0.99  # than its threshold a network must be of a new label; more is not asked for


@register(
    "disc", paper="Li et al., CVPR 2023", when="errors are random; it is blind to those of rules", group="thorough"
)
@dataclass(frozen=True)
class DISC(DefaultPosterior):
    """Options of the method."""

    warm_epochs: Annotated[int, Setting("Epochs with cross-entropy.", 1, 10_000)] = 2
    epochs: Annotated[int, Setting("Epochs with sorted rows.", 1, 10_000)] = 5
    momentum: Annotated[
        float | None, Setting("m, what thresholds keep of themselves.", 0, 0.99999, default="1 - 1 / epochs")
    ] = None
    hard_weight: Annotated[float, Setting("lambda_h; the paper has .2 where most labels are wrong.", 0, 1e6)] = 1.0
    q: Annotated[float, Setting("Of hard rows: towards 0 as in ce, at 1 they pull least.", 1e-6, 1)] = 0.7
    alpha: Annotated[float, Setting("Of the beta distribution.", 1e-3, 1e4)] = 5.0

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        # `features` for gradients of what is looked at before it is mixed.
        return [
            Stage(
                "warm", self.warm_epochs, CrossEntropy(), views=VIEWS, evaluates="probabilities", decay=False
            ),
            Stage("sort", self.epochs, SortedLoss(self), views=VIEWS, mixes=True, features=True, start="last"),
        ]  # fmt: skip


class SortedLoss(Loss):
    """L; th of both views, (2, n, 1), lies in `tables`."""

    def __init__(self, options: DISC):
        super().__init__()
        self.options = options
        self.momentum: float = 1 - 1 / options.epochs if options.momentum is None else options.momentum

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        # A run that goes on in this stage has them from its checkpoint.
        sure = np.zeros(len(target)) if dynamics.probabilities is None else dynamics.probabilities[0].max(1)
        start = self.momentum / max(1, len(target)) + (1 - self.momentum) * sure
        threshold = torch.as_tensor(start, dtype=torch.float32, device=device)
        self.tables: dict[str, Tensor] = {"threshold": threshold[None, :, None].repeat(VIEWS, 1, 1)}

    def __call__(self, batch: Batch) -> Tensor:
        options, logits = self.options, batch.logits[0]
        p, threshold = logits.detach().softmax(-1), self.tables["threshold"][:, batch.index, 0]
        clean, hard, purified, said = sort(p, batch.target, threshold)
        moved = self.momentum * threshold + (1 - self.momentum) * p.amax(-1).float()
        self.tables["threshold"][:, batch.index] = moved[..., None]
        log_p = logits.log_softmax(-1).gather(-1, batch.target.expand(VIEWS, -1)[..., None])[..., 0]
        each = options.hard_weight * hard * generalised(log_p, options.q) - clean * log_p
        total = batch.weigh(each).sum(0).mean()
        label = said.where(purified, batch.target)
        weight = torch.ones_like(log_p[0]) if batch.weight is None else batch.weight.where(~purified, 1.0)
        return total + self._mixtures(batch, clean | hard | purified, label, weight)

    def _mixtures(self, batch: Batch, rows: Tensor, label: Tensor, weight: Tensor) -> Tensor:
        """The last term; rows, labels and weights are (b,) each. Rows beside pass as they are, and count nothing."""
        b, device, chosen = len(rows), rows.device, rows.nonzero()[:, 0]
        partner = torch.arange(VIEWS * b, device=device)
        for view in range(VIEWS):
            partner[view * b + chosen] = view * b + chosen[torch.randperm(len(chosen), device=device)]
        share = Beta(self.options.alpha, self.options.alpha).sample((VIEWS, 1)).to(device, torch.float32)
        share = torch.where(rows, share, 1.0).flatten()
        log_p = batch.mixed(partner[None], share[None])[0].log_softmax(-1)
        labels, weights = label.repeat(VIEWS), weight.repeat(VIEWS)
        own, other = (
            weights[of] * log_p.gather(-1, labels[of][:, None])[:, 0]
            for of in (torch.arange(VIEWS * b, device=device), partner)
        )
        each = -(share * own + (1 - share) * other) * rows.repeat(VIEWS)
        return each.sum() / rows.sum().clamp_min(1)


def sort(p: Tensor, label: Tensor, threshold: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Which rows are clean, hard and purified, (b,) bool each, and the class that the network says, (b,) int64.

    Parameters
    ----------
    p : (2, b, classes)
        Class probabilities of both views.
    label : (b,) int64
    threshold : (2, b)
        Of both views.
    """
    above = p.gather(-1, label.expand(VIEWS, -1)[..., None])[..., 0] > threshold
    sure, said = p.mean(0).max(-1)
    purified = ~above.any(0) & (sure > (threshold.mean(0) + SURER).clamp_max(HIGHEST))
    return above.all(0), above.any(0) & ~above.all(0), purified, said
