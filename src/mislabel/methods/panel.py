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
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor

from mislabel.methods._losses import cross_entropy
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage


@register(
    "panel",
    paper="this package; parts after arXiv 2302.09595, 2410.01944, 2408.10012",
    when="rules, an LLM or a crowd wrote the labels, and most with a few trusted ones",
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

    learns_from_evidence: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [Stage("panel", self.epochs, OpinionCrossEntropy())]


class OpinionCrossEntropy(Loss):
    """L; it pulls to a label everywhere."""

    def __call__(self, batch: Batch) -> Tensor:
        assert batch.opinion is not None
        return cross_entropy(batch, batch.logits[0, 0], batch.opinion)
