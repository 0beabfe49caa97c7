"""Panel: all evidence of a row's true label is joined before training, and one ordinary network learns the outcome.

Ours; its parts are adaptations. Every kind of evidence is an opinion, P(true label = k) by row:

- *transition*: a balanced transition EM on the frozen embedding (`posterior/balanced_transition.py`, after LCCN);
- *descriptions*: the same, started from the rows whose text is nearest to what their class means
  (`posterior/descriptions.py`, after OSA and CLIPCleaner), where sentences or names of classes say so;
- with trusted rows also a plain classifier, neighbours and the descriptions alone, and a judge that decides which of
  them to believe (`posterior/judge.py`).

The network learns the joined posterior q by cross-entropy, classes balanced by their mass in q:

    L = mean_i w_i sum_k -q_ik log p_k(x_i),   w_i = sum_k q_ik (n / (K sum_j q_jk))^power

with power 1, or 1/2 where the guard of `posterior/frozen_space.py` doubts that the space holds the classes. `--balance
half` or `classes` overrules that. What is said of the rows is q
itself; the network's dynamics stand beside it. The judge does not hear them: what a network says of trusted rows, which
it was taught, does not tell how far to believe it.

A whole network soon knows more of the classes than the frozen space that q comes from. So after `revise_after` epochs q
is made anew, once, from what the network said of each row when that epoch came to it, P, in one more round of the EM:

    q_ik = P_ik T[k, yt_i] / sum over k,   T as in `posterior/balanced_transition.py`, held where the guard says so

A head knows no more than that space, and its own opinion of rows that it was taught would make it surer, not better.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from torch import Tensor

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import EpochLoss, cross_entropy
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.posterior.balanced_transition import through, transition_matrix
from mislabel.posterior.frozen_space import HELD, KEPT, kept_share
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import OPINION, Batch
from mislabel.training.stages import Stage


@register(
    "panel",
    paper="this package; parts after arXiv 2302.09595, 2410.01944, 2408.10012",
    when="rules, an LLM or a crowd wrote the labels, and most with a few trusted ones",
    group="written",
)
@dataclass(frozen=True)
class Panel(DefaultPosterior):
    """Options of the method."""

    epochs: Annotated[int, Setting("Passes over the rows.", 1, 10_000)] = 5
    guard: Annotated[
        bool,
        Setting(
            "Whether the transition matrix is held near the given labels, and classes are balanced half as hard, where "
            "the frozen space seems not to hold the classes."
        ),
    ] = True

    revise_after: Annotated[
        int,
        Setting(
            "Epochs after which the network's own opinion is taught in place of the evidence's; 0: never. Where the "
            "whole network trains, and nothing is said, 2.",
            0,
            10_000,
        ),
    ] = 0

    learns_from_evidence: ClassVar[bool] = True
    of_whole: ClassVar[dict[str, int]] = {"revise_after": 2}

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [Stage("panel", self.epochs, OpinionCrossEntropy(self.revise_after, guard=self.guard))]


class OpinionCrossEntropy(EpochLoss):
    """L; it pulls to a label everywhere.

    Parameters
    ----------
    revise_after : int
        Epochs; 0: q stays as it is.
    guard : bool
        See `revised`.
    """

    def __init__(self, revise_after: int = 0, *, guard: bool = True):
        super().__init__()
        self.revise_after: int = revise_after
        self.guard: bool = guard
        self.target = np.empty(0, dtype=np.int64)

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        super().begin(dynamics, target, n_classes, device)
        self.target: np.ndarray = target
        if self.revise_after:
            self.tables["said"] = torch.zeros(len(target), n_classes, device=device)

    def __call__(self, batch: Batch) -> Tensor:
        assert batch.opinion is not None
        logits = batch.logits[0, 0]
        if self.epoch < self.revise_after:
            self.tables["said"][batch.index] = logits.detach().float().softmax(-1)
        return cross_entropy(batch, logits, batch.opinion)

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        super().epoch_end(dynamics)
        if self.epoch == self.revise_after:
            said = self.tables["said"]
            opinion = revised(said.double().cpu().numpy(), self.target, guard=self.guard)
            self.tables[OPINION] = torch.as_tensor(opinion, dtype=torch.float32, device=said.device)


def revised(said: np.ndarray, target: np.ndarray, *, guard: bool = True) -> np.ndarray:
    """q from what a network said, (n, K) float64; see above.

    Parameters
    ----------
    said : (n, K) float
        Probabilities; zeros for a row with a trusted label, which has that for sure.
    target : (n,) int64
        Given labels, or trusted ones.
    guard : bool
        Whether T is held where it takes too much from a class.
    """
    opinion, asked = np.eye(said.shape[1])[target], np.asarray(said.any(1))
    if asked.any():
        opinion[asked] = _one_round(said[asked], target[asked], guard)
    return opinion


def _one_round(said: np.ndarray, given: np.ndarray, guard: bool) -> np.ndarray:
    def through_matrix(held: float) -> np.ndarray:
        return through(said, transition_matrix(said, np.eye(said.shape[1])[given], held), given)

    free = through_matrix(0.0)
    return through_matrix(HELD) if guard and kept_share(free, given) < KEPT else free
