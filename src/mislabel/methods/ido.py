"""IDO: instance-level difficulty modelling and dynamic optimisation.

Zhang et al., "Handling Label Noise via Instance-Level Difficulty Modeling and Dynamic Optimization", NeurIPS 2025,
arXiv 2505.00812.

Stage 1 trains with cross-entropy and counts *wrong events* w_i: passes in which the prediction for row i differed
from its given label. It hands on the weights of the first epoch after which predictions stop settling (label wave).
Stage 2 fits a beta mixture to the rates t_i = w_i / n_i and weights three terms row by row:

    L = tau_1 (CE(z^w, y) + CE(z^s, y)) + epsilon ||z^w - z^s||^2 / C + tau_2 c H(pbar)

========  ==========================================================================================
symbol    meaning
========  ==========================================================================================
z^w, z^s  logits of the weak and the strong view
y         given label
tau_1     P(clean | t_i), from the mixture
tau_2     1 - tau_1
epsilon   P(clean) (F_0(t_i) + 1 - F_1(t_i)), the difficulty weight; F_k are the components' distributions
pbar      mean of the two views' class probabilities, H its entropy
c         confidence max_k pbar_k, no gradient through it
C         number of classes
========  ==========================================================================================
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.scores import distinct_rates, rates, wrong_events
from mislabel.dynamics.store import DynamicsStore
from mislabel.errors import InputError
from mislabel.methods._losses import CrossEntropy
from mislabel.methods.ce import label_wave
from mislabel.methods.registry import register
from mislabel.posterior.beta_mixture import BetaMixture, fit_beta_mixture
from mislabel.posterior.mean_probability import evidence
from mislabel.posterior.posterior import Posterior, halfway, replace_given
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

SMALLEST_PROBABILITY = 1e-4
FIRST_FIT, REFIT = 20, 2  # iterations of the mixture: from scratch, and after each epoch from the fit before


@register("ido", paper="Zhang et al., NeurIPS 2025, arXiv 2505.00812", when="labels are partly wrong", group="thorough")
@dataclass(frozen=True)
class IDO:
    """Options of the method."""

    many_classes: ClassVar[bool] = True

    warm_epochs: Annotated[int, Setting("Epochs of stage 1.", 1, 10_000)] = 4
    robust_epochs: Annotated[int, Setting("Epochs of stage 2.", 0, 10_000)] = 3
    scope: Annotated[
        Literal["global", "class", "both"],
        Setting(
            "One mixture, or one per given class, where a class under minimum_class_size rows uses the global one, or "
            "the mean opinion of the two. The paper prefers one per class; here a class most of whose labels are wrong "
            "then vouches for its own errors, so the default is global (docs/how_it_works.md)."
        ),
    ] = "global"
    minimum_class_size: Annotated[int, Setting("Rows that a class needs for a mixture of its own.", 2, 10**9)] = 100
    confidence: Annotated[bool, Setting("Whether the entropy term is multiplied by the confidence c.")] = True
    epsilon: Annotated[Literal["dynamic", "one", "zero"], Setting("Weight of the consistency term.")] = "dynamic"
    similarity: Annotated[Literal["logits", "probabilities"], Setting("What the consistency term compares.")] = "logits"
    burn_in: Annotated[
        int | None,
        Setting(
            "Passes of stage 1 whose predictions are not counted, fewer than warm_epochs: those of a head that has "
            "hardly been trained say more about its start than about the labels.",
            0,
            9_999,
            default="1, or 0 where stage 1 has a single epoch",
        ),
    ] = None

    def __post_init__(self) -> None:
        check_settings(self)
        if self.burn_in is None:
            object.__setattr__(self, "burn_in", min(1, self.warm_epochs - 1))
        if self.skipped >= self.warm_epochs:
            raise InputError(f"burn_in is {self.burn_in}, needed 0 to warm_epochs - 1 = {self.warm_epochs - 1}")

    @property
    def skipped(self) -> int:
        """`burn_in`, which is always known."""
        assert self.burn_in is not None
        return self.burn_in

    def stages(self) -> list[Stage]:
        return [
            Stage("warm", self.warm_epochs, CrossEntropy(), select=label_wave(self.warm_epochs), decay=False),
            Stage("robust", self.robust_epochs, DynamicLoss(self), views=2, start="selected"),
        ]

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """The mean of two opinions: the mixture's, from all counted passes, and the final model's.

        The mixture speaks of the given label alone; what it takes from it goes to the other classes in the model's
        proportions.
        """
        shown = evidence(dynamics, given, slice(self.skipped, None))
        wrong, observed, margin = (shown[name] for name in ("wrong_events", "observations", "mean_margin"))
        mixtures = Mixtures(self.scope, self.minimum_class_size)
        mixtures.fit(wrong, observed, given)
        rate = rates(wrong, observed)
        noisy = np.empty(len(given))
        for label in np.unique(given):
            rows = given == label
            noisy[rows] = mixtures.mean(int(label), lambda mixture: mixture.noisy(rate[rows]))  # noqa: B023
        opinion = replace_given(probabilities, given, 1 - noisy)
        return Posterior(
            probabilities=halfway(opinion, probabilities),
            evidence={
                "wrong_events": wrong,
                "observations": observed,
                "p_noisy_by_mixture": noisy,
                "mean_margin": margin,
            },
            mixture=mixtures.all,
            rates=rate,
        )


class Mixtures:
    """The global mixture and, by class, those that have enough rows."""

    def __init__(self, scope: str, minimum: int):
        self.scope: str = scope
        self.minimum: int = minimum
        self.all: BetaMixture | None = None
        self.by_class: dict[int, BetaMixture] = {}

    def fit(self, wrong: np.ndarray, observed: np.ndarray, given: np.ndarray) -> None:
        """Fit again, starting from the last fit where there is one."""
        self.all = _fit(wrong, observed, self.all)
        if self.scope != "global":
            sizes = np.bincount(given[given >= 0])
            for label in np.flatnonzero(sizes >= self.minimum).tolist():
                rows = given == label
                self.by_class[label] = _fit(wrong[rows], observed[rows], self.by_class.get(label))

    def plain(self) -> dict[str, Any]:
        assert self.all is not None
        return {
            "all": self.all.plain(),
            "by_class": {label: mixture.plain() for label, mixture in self.by_class.items()},
        }

    def load_plain(self, plain: dict[str, Any]) -> None:
        self.all = BetaMixture.from_plain(plain["all"])
        self.by_class = {int(label): BetaMixture.from_plain(mixture) for label, mixture in plain["by_class"].items()}

    def of(self, label: int) -> list[BetaMixture]:
        """Those whose mean opinion counts for a given label."""
        assert self.all is not None
        own = self.by_class.get(label)
        if own is None:
            return [self.all]
        return [own] if self.scope == "class" else [own, self.all]

    def mean(self, label: int, opinion: Callable[[BetaMixture], np.ndarray]) -> np.ndarray:
        return np.mean([opinion(mixture) for mixture in self.of(label)], axis=0)


def _fit(wrong: np.ndarray, observed: np.ndarray, before: BetaMixture | None) -> BetaMixture:
    values, counts = distinct_rates(wrong, observed)
    if before is None:
        return fit_beta_mixture(values, counts, iterations=FIRST_FIT)
    return fit_beta_mixture(values, counts, start=before, iterations=REFIT)


class DynamicLoss(Loss):
    """Stage 2's loss. Its weights follow the wrong events, those of the running epoch included.

    Where classes are balanced, the fit counts by the row's weight too; consistency and entropy do not.

    Attributes
    ----------
    target : (n,) int64
        What the n training rows learn from, of `n_classes` classes.
    passes : int
        How many are counted by the end of the stage.
    counts : tuple of two (n,) int64
        Wrong events and observations of all finished epochs.
    wrong, observed : (n,) int64
        Those with the running epoch, on the device.
    clean_weight, hard_weight : (classes, passes + 1, passes + 1) float32
        tau_1 and epsilon by class, observations and wrong events.
    """

    def __init__(self, options: IDO):
        super().__init__()
        self.options = options
        self.mixtures: Mixtures = Mixtures(options.scope, options.minimum_class_size)
        self.target, self.n_classes, self.passes = np.empty(0, dtype=np.int64), 0, 0
        self.counts = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        self.device = torch.device("cpu")
        self.wrong: Tensor = torch.empty(0)
        self.observed: Tensor = torch.empty(0)
        self.clean_weight, self.hard_weight = torch.empty(0), torch.empty(0)

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        self.target: np.ndarray = target
        self.n_classes: int = n_classes
        self.device: torch.device = device
        self.passes: int = len(dynamics.passes) - self.options.skipped
        self._count(dynamics)
        self.mixtures.fit(*self.counts, target)
        self._tabulate()

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        self._count(dynamics)
        self.mixtures.fit(*self.counts, self.target)
        self._tabulate()

    def __call__(self, batch: Batch) -> Tensor:
        weak, strong = batch.logits[0]
        views = torch.stack([weak, strong])
        self.observed[batch.index] += 2
        self.wrong[batch.index] += (views.detach().argmax(-1) != batch.target).sum(0)
        cell = (batch.target, self.observed[batch.index], self.wrong[batch.index])
        clean, hard = self.clean_weight[cell], self.hard_weight[cell]
        fit, consistency, entropy = dynamic_terms(weak, strong, batch.target, self.options)
        return (batch.weigh(clean * fit) + hard * consistency + (1 - clean) * entropy).mean()

    def state(self) -> dict[str, Any]:
        return self.mixtures.plain()

    def load_state(self, state: dict[str, Any]) -> None:
        self.mixtures.load_plain(state)
        self._tabulate()

    def _count(self, dynamics: DynamicsStore) -> None:
        self.counts: tuple[np.ndarray, np.ndarray] = count(dynamics, self.target, self.options.skipped)
        self.wrong, self.observed = (torch.as_tensor(part, device=self.device) for part in self.counts)

    def _tabulate(self) -> None:
        """tau_1 and epsilon for every class, number of observations and of wrong events: a step only looks up."""
        observed, wrong = np.meshgrid(np.arange(self.passes + 1), np.arange(self.passes + 1), indexing="ij")
        rate = np.clip(wrong / np.maximum(observed, 1), 0, 1)
        table = {id(m): np.stack([1 - m.noisy(rate), m.difficulty_weight(rate)]) for m in self._used()}
        every = [self.mixtures.mean(label, lambda m: table[id(m)]) for label in range(self.n_classes)]
        clean, hard = np.stack(every, axis=1)
        if self.options.epsilon != "dynamic":
            hard = np.full_like(hard, 1.0 if self.options.epsilon == "one" else 0.0)
        self.clean_weight: Tensor = torch.as_tensor(clean, dtype=torch.float32, device=self.device)
        self.hard_weight: Tensor = torch.as_tensor(hard, dtype=torch.float32, device=self.device)

    def _used(self) -> list[BetaMixture]:
        return [mixture for label in range(self.n_classes) for mixture in self.mixtures.of(label)]


def count(dynamics: DynamicsStore, given: np.ndarray, burn_in: int) -> tuple[np.ndarray, np.ndarray]:
    """Wrong events and observations of all passes but the first `burn_in`, (n,) int64 each."""
    return wrong_events(dynamics.prediction[burn_in:], given)


def dynamic_terms(weak: Tensor, strong: Tensor, target: Tensor, options: IDO) -> tuple[Tensor, Tensor, Tensor]:
    """The three terms per row, unweighted: fit, consistency, entropy; each (b,) from logits (b, classes)."""
    fit = functional.cross_entropy(weak, target, reduction="none")
    fit = fit + functional.cross_entropy(strong, target, reduction="none")
    p_weak, p_strong = weak.softmax(-1), strong.softmax(-1)
    first, second = (weak, strong) if options.similarity == "logits" else (p_weak, p_strong)
    consistency = (first - second).square().mean(-1)
    mean = ((p_weak + p_strong) / 2).clamp(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    entropy = -(mean * mean.log()).sum(-1)
    if options.confidence:
        entropy = entropy * mean.detach().amax(-1)
    return fit, consistency, entropy
