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
is made anew, once, with what the network says of each row by then (`posterior/second_round.py`). Until then some rows
with a trusted label wait, so that they can tell how far to believe it. A head knows no more than that space, and its
own opinion of rows that it was taught would make it surer, not better.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import cross_entropy
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import OPINION, Batch, Loss
from mislabel.training.stages import Stage

Reconsider = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, dict[str, Any]]]


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
            "Epochs after which the evidence is made anew with the network's own opinion of the rows; 0, or as many as "
            "there are: never. Where the whole network trains, and nothing is said, 2.",
            0,
            10_000,
        ),
    ] = 0

    learns_from_evidence: ClassVar[bool] = True
    of_whole: ClassVar[dict[str, int]] = {"revise_after": 2}

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        waits = self.revise_after if self.revise_after < self.epochs else 0
        return [Stage("panel", self.epochs, OpinionCrossEntropy(), waits=waits)]

    def hear(self, stages: list[Stage], reconsider: Reconsider) -> None:
        """Take what makes the evidence anew; see `Method`."""
        loss = stages[-1].loss
        assert isinstance(loss, OpinionCrossEntropy)
        loss.reconsider = reconsider


class OpinionCrossEntropy(Loss):
    """L; it pulls to a label everywhere.

    Attributes
    ----------
    reconsider : callable, optional
        From what the network says, (n, K), and its embeddings, (n, d), to q and what is to be told of it, once rows no
        longer wait; without it q stays as it is.
    about : dict
        What was told of the last q, for JSON.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reconsider: Reconsider | None = None
        self.about: dict[str, Any] = {}
        self.device = torch.device("cpu")

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.device: torch.device = device

    def __call__(self, batch: Batch) -> Tensor:
        assert batch.opinion is not None
        return cross_entropy(batch, batch.logits[0, 0], batch.opinion)

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        if dynamics.asked is not None and self.reconsider is not None:
            opinion, self.about = self.reconsider(*dynamics.asked)
            self.tables[OPINION] = torch.as_tensor(opinion, dtype=torch.float32, device=self.device)

    def state(self) -> dict[str, Any]:
        return {"about": self.about}

    def load_state(self, state: dict[str, Any]) -> None:
        self.about: dict[str, Any] = state["about"]
