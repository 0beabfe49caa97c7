"""SOP: every row gets a sparse variable that explains its label where the network cannot, and so takes the error on.

Liu et al., "Robust Training under Label Noise by Over-parameterization", ICML 2022, arXiv 2202.14026.

    U = clip(u^2 e_y, 0, 1),   V = clip(v^2 (1 - e_y), 0, 1)
    q = max(p + U - sg(V), 1e-4) / sum,   cut to [1e-4, 1]
    L = CE(q, y) + ||e_k + U - V - e_y||^2,   k = argmax p
        + lambda_c KL(sg(p) || p') + lambda_b KL(uniform || mean of p)

The network is moved by the first and the last two terms; u by the first two, v by the second. The squares u^2, v^2
with small starts prefer few large entries: errors are sparse. The last two terms are those of SOP+.

========  =====================================================================================
symbol    meaning
========  =====================================================================================
y, e_y    given label, and the same one-hot
p, p'     class probabilities of the weak and of the strong view
u, v      of every row one number, and one a class
sg        the value, without gradients
lambda_c  weight of the agreement of both views
lambda_b  weight of the pull to equal shares of all classes
========  =====================================================================================

What differs from the published code: u and v start at `start`, not at 1e-8 times a normal draw, from where the gradient
of a square moves nothing for hundreds of steps, and so never does in a few epochs; their rates are by row, not divided
by the size of the batch (the paper's 10 with batches of 128 is .08), which does the same for any batch; and they stand
still at first, while a network that knows nothing yet contradicts every label. A row that is contradicted in every
epoch after that multiplies its u by some 1.4 in each. Where classes are balanced, the weight of a row counts in its CE
alone.

P(given label is wrong) is U of the given label after the last epoch. Rule and crowd errors are neither sparse nor
independent of the input, which is what this model assumes.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import EpochLoss, from_uniform
from mislabel.methods.registry import register
from mislabel.posterior.mean_probability import given_replaced
from mislabel.posterior.posterior import Posterior
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch
from mislabel.training.stages import Stage

SMALLEST = 1e-4


@register(
    "sop",
    paper="Liu et al., ICML 2022, arXiv 2202.14026",
    when="errors are sparse, and hang on nothing",
    group="thorough",
)
@dataclass(frozen=True)
class SOP:
    """Options of the method."""

    epochs: Annotated[int, Setting("Passes over the rows.", 1, 10_000)] = 8
    warm_epochs: Annotated[int, Setting("Epochs in which u and v stand still.", 0, 10_000)] = 2
    rate: Annotated[float, Setting("How fast u and v of a row move.", 0, 100)] = 0.1
    start: Annotated[float, Setting("Where u and v begin.", 1e-8, 1)] = 0.1
    consistency: Annotated[float, Setting("lambda_c; without it there is no strong view.", 0, 1000)] = 0.9
    evenness: Annotated[float, Setting("lambda_b, the pull to equal shares of all classes.", 0, 1000)] = 0.1

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        loss = SparseErrorLoss(self)
        return [Stage("train", self.epochs, loss, views=2 if self.consistency else 1)]

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """U of the given label is how much of it is error; the rest as the model says."""
        wrong = stages[-1].loss.tables["u"][:, 0].square().clamp(max=1).cpu().numpy().astype(np.float64)
        return given_replaced(dynamics, given, probabilities, 1 - wrong)


class SparseErrorLoss(EpochLoss):
    """L as above; u, (n, 1), and v, (n, classes), lie in `tables`."""

    def __init__(self, options: SOP):
        super().__init__()
        self.options = options

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        super().begin(dynamics, target, n_classes, device)
        start = self.options.start
        self.tables: dict[str, Tensor] = {
            "u": torch.full((len(target), 1), start, device=device),
            "v": torch.full((len(target), n_classes), start, device=device),
        }

    def __call__(self, batch: Batch) -> Tensor:
        options, logits = self.options, batch.logits[0, 0]
        log_p = logits.log_softmax(-1)
        u, v = (self.tables[name][batch.index] for name in ("u", "v"))
        value = batch.mean(explained(log_p.exp(), u, v, batch.target))
        if self.epoch >= options.warm_epochs:
            self._follow(batch, log_p.detach().exp(), u, v)
        if options.consistency:
            strong = batch.logits[0, 1].log_softmax(-1)
            agreement = functional.kl_div(strong, log_p.detach(), log_target=True, reduction="batchmean")
            value = value + options.consistency * agreement
        return value + options.evenness * from_uniform(log_p) if options.evenness else value

    def _follow(self, batch: Batch, p: Tensor, u: Tensor, v: Tensor) -> None:
        """Move u and v one step down their gradients."""
        with torch.enable_grad():
            u, v = u.requires_grad_(), v.requires_grad_()
            total = explained(p, u, v, batch.target).sum() + unexplained(p, u, v, batch.target).sum()
            slopes = torch.autograd.grad(total, (u, v))
        for name, value, slope in zip(("u", "v"), (u, v), slopes, strict=True):
            self.tables[name][batch.index] = (value - self.options.rate * slope).detach()


def errors(u: Tensor, v: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """U and V, (b, classes) each."""
    own = functional.one_hot(target, v.shape[-1]).to(v.dtype)
    return (u.square() * own).clamp(0, 1), (v.square() * (1 - own)).clamp(0, 1)


def explained(p: Tensor, u: Tensor, v: Tensor, target: Tensor) -> Tensor:
    """CE(q, y) of each row, (b,).

    Parameters
    ----------
    p : (b, classes)
        Probabilities.
    u, v : (b, 1), (b, classes)
    target : (b,) int64
    """
    added, taken = errors(u, v, target)
    q = (p + added - taken.detach()).clamp_min(SMALLEST)
    q = (q / q.sum(-1, keepdim=True)).clamp(SMALLEST, 1)
    return -q.gather(1, target[:, None])[:, 0].log()


def unexplained(p: Tensor, u: Tensor, v: Tensor, target: Tensor) -> Tensor:
    """||e_k + U - V - e_y||^2 of each row, (b,), with the same parameters."""
    added, taken = errors(u, v, target)
    classes = p.shape[-1]
    said, own = (functional.one_hot(of, classes).to(p.dtype) for of in (p.argmax(-1), target))
    return (said + added - taken - own).square().sum(-1)
