"""DyGen: trajectories of embeddings, and a generative model that reads true labels off them.

Zhuang et al., "DyGen: Learning from Noisy Labels via Dynamics-Enhanced Generative Modeling", KDD 2023,
arXiv 2305.19395.

Stage 1 trains M branches that agree with each other, and keeps every row's embedding h_{i,e,m} after each epoch e:

    l_1 = (1/M) sum_m CE(y, p_m) + lambda_1 (1/M) sum_m KL(pbar || p_m),   pbar = (1/M) sum_m p_m

Rows far from their class over the epochs are marked; a prior of each row's true label comes from its nearest unmarked
neighbours; a generative model per branch (`posterior/dirichlet.py`) learns from prior and trajectory what the true
label is, given what the classifier says. Stage 2 trains one ordinary network on that posterior, so that there is a
model to ship.

========  ==================================================================================
symbol    meaning
========  ==================================================================================
y         given label
p_m       class probabilities of branch m
lambda_1  weight of the agreement between branches; zero over the first tenth of the epochs
h, w      embedding; a row's trajectory, its embeddings of all epochs side by side
========  ==================================================================================
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.dynamics.centroids import CentroidDistances, centroid_distances
from mislabel.dynamics.scores import wrong_events
from mislabel.dynamics.store import DynamicsStore
from mislabel.dynamics.trajectory import Trajectory
from mislabel.errors import InputError, in_range, one_of
from mislabel.methods.distillation import Distillation, found_before_distilling
from mislabel.posterior.dirichlet import (
    Fitting,
    Generative,
    disagreement,
    fit_generative,
    last_probabilities,
    prior_concentration,
    reader,
)
from mislabel.posterior.marking import Marking, mark, mark_mirrored
from mislabel.posterior.neighbours import elected, majority, votes_of_neighbours
from mislabel.posterior.posterior import Posterior, replace_given
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Recording, Stage


@dataclass(frozen=True)
class DyGen:
    """Options of the method.

    Attributes
    ----------
    epochs, distil_epochs : int
        Of stage 1 and stage 2.
    count : int
        M, how many branches.
    branches : "networks" or "heads"
        Whether each branch is a network of its own, or a head on one network.
    co_regularisation : float
        lambda_1; 0 trains the branches apart.
    record : "evaluation" or "training"
        Where trajectories come from: a pass in evaluation mode after each epoch, or the training pass itself.
    trajectory_dim : int, optional
        Embeddings are projected to so many dimensions, at random.
    features : "trajectory" or "last"
        What the generative model reads: all epochs, or the last one alone.
    score : "relative" or "absolute"
        What marks a row: its distance to the centroid of its given class minus that to the nearest other, mean over
        epochs; or the paper's, mean plus standard deviation of the distance itself.
    rounds : int
        How often centroids are computed anew from the rows that are not marked; of the relative score only.
    share : float, optional
        Share of rows to mark, where it is known; estimated by a mixture without it.
    prior : "neighbours", "given" or "uniform"
        Where the prior of the true label comes from.
    prior_mode : "onehot" or "probability"
        Whether the neighbours' majority or their shares make the prior.
    prior_epoch : int
        Whose embeddings define neighbours, counted from 1; 0 is the last.
    prior_strength : float
        rho, how many observations the prior is worth.
    neighbours : int
        How many vote; with few rows no more than the root of the voters' number. Where nearly all rows vote, each row
        is missing on its own side, and the other labels win.
    fed : "given" or "predicted"
        Which label the generative model is trained on.
    sampler : "dirichlet" or "gamma"
        See `mislabel.posterior.dirichlet.Fitting`, as for the next three.
    passes, select, co_regularisation_generative
    calibrate : bool
        Whether the posterior is sharpened until it makes the given labels most likely.
    centroid_share : float
        How much the marking mixture's opinion of the given label counts in the posterior of training rows. The
        generative models alone believe a classifier that has learnt a rule's errors by heart; distances resist longer.
        The model that is shipped learns from the generative models alone.
    """

    epochs: int = 5
    distil_epochs: int = 6
    count: int = 2
    branches: Literal["networks", "heads"] = "networks"
    co_regularisation: float = 5.0
    record: Literal["evaluation", "training"] = "evaluation"
    trajectory_dim: int | None = None
    features: Literal["trajectory", "last"] = "trajectory"
    score: Literal["relative", "absolute"] = "relative"
    rounds: int = 3
    share: float | None = None
    prior: Literal["neighbours", "given", "uniform"] = "neighbours"
    prior_mode: Literal["onehot", "probability"] = "onehot"
    prior_epoch: int = 0
    prior_strength: float = 10.0
    neighbours: int = 10
    fed: Literal["given", "predicted"] = "predicted"
    sampler: Literal["dirichlet", "gamma"] = "dirichlet"
    passes: int = 10
    select: bool = False
    co_regularisation_generative: float = 1.0
    calibrate: bool = True
    centroid_share: float = 1 / 3

    def __post_init__(self) -> None:
        one_of("branches", self.branches, ("networks", "heads"))
        one_of("record", self.record, ("evaluation", "training"))
        one_of("features", self.features, ("trajectory", "last"))
        one_of("score", self.score, ("relative", "absolute"))
        one_of("prior", self.prior, ("neighbours", "given", "uniform"))
        one_of("prior_mode", self.prior_mode, ("onehot", "probability"))
        one_of("fed", self.fed, ("given", "predicted"))
        one_of("sampler", self.sampler, ("dirichlet", "gamma"))
        for name in ("epochs", "distil_epochs", "count", "neighbours", "passes"):
            in_range(name, getattr(self, name), 1, 10_000)
        in_range("centroid_share", self.centroid_share, 0, 1)
        for name in ("co_regularisation", "co_regularisation_generative", "prior_strength"):
            in_range(name, getattr(self, name), 0, 1e6)
        if self.trajectory_dim is not None:
            in_range("trajectory_dim", self.trajectory_dim, 1, 1_000_000)
        if self.share is not None:
            in_range("share", self.share, 0, 0.99)
        if not 0 <= self.prior_epoch <= self.epochs:
            raise InputError(f"prior_epoch is {self.prior_epoch}, needed 0 (the last) to epochs = {self.epochs}")

    def stages(self) -> list[Stage]:
        return [
            Stage(
                "branches",
                self.epochs,
                CoRegularised(self.co_regularisation, warmup=self.epochs // 10),
                branches=self.count,
                shared=self.branches == "heads",
                trajectory=Recording(self.record, self.trajectory_dim),
            ),
            Stage("distil", self.distil_epochs, Distillation(partial(denoise, options=self))),
        ]

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """What the generative models concluded before stage 2."""
        return found_before_distilling(stages)


class CoRegularised(Loss):
    """l_1: cross-entropy of each branch, and their agreement.

    Parameters
    ----------
    weight : float
        lambda_1.
    warmup : float
        For how many epochs from the start it is zero; a part of an epoch is told by the rows that were seen.
    """

    def __init__(self, weight: float, warmup: float):
        super().__init__()
        self.weight, self.warmup = weight, warmup
        self.epoch = self.seen = self.rows = 0

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        several = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.rows = len(target) // (torch.distributed.get_world_size() if several else 1)
        self.epoch = self.seen = 0

    def __call__(self, batch: Batch) -> Tensor:
        logits = batch.logits[:, 0]
        task = functional.cross_entropy(logits.flatten(0, 1), batch.target.repeat(len(logits)))
        quiet = self._warming
        self.seen += len(batch.target)
        if len(logits) == 1 or not self.weight or quiet:
            return task
        return task + self.weight * disagreement(logits.softmax(-1)).mean()

    @property
    def _warming(self) -> bool:
        whole = math.floor(self.warmup)
        return self.epoch < whole or (self.epoch == whole and self.seen < (self.warmup - whole) * self.rows)

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        self.epoch, self.seen = self.epoch + 1, 0

    def state(self) -> dict[str, Any]:
        return {"epoch": self.epoch}

    def load_state(self, state: dict[str, Any]) -> None:
        self.epoch = state["epoch"]


def denoise(dynamics: DynamicsStore, given: np.ndarray, n_classes: int, options: DyGen) -> Posterior:
    """From trajectories and given labels to the posterior of the true ones: marking, prior, generative model.

    Parameters
    ----------
    dynamics : DynamicsStore
        With the trajectories of stage 1.
    given : (n,) int64
    """
    trajectory = dynamics.trajectory
    assert trajectory is not None
    evidence, priors, voted = [], [], []
    for network in range(trajectory.shape.networks):
        distances, score, marking = _mark(trajectory, network, given, n_classes, options)
        voters = ~marking.marked
        embedding = trajectory.embedding(
            options.prior_epoch - 1 if options.prior_epoch else trajectory.done - 1, network
        )
        near = votes_of_neighbours(embedding, given, voters, n_classes, options.neighbours)
        evidence.append((distances.own_mean, distances.own_spread, score, marking.p_noisy))
        voted.append(near)
        priors.append(prior_concentration(_prior(near, given, options), options.prior_strength))
    generative = _fit(trajectory, given, priors, options)
    believed = generative.probabilities(trajectory)
    mean, spread, score, noisy = (np.mean(part, axis=0) for part in zip(*evidence, strict=True))
    votes, share = np.mean(voted, axis=0), options.centroid_share
    wrong, observed = wrong_events(dynamics.prediction[dynamics.of_stage("branches")], given)
    return Posterior(
        probabilities=((1 - share) * believed + share * replace_given(believed, given, 1 - noisy)).astype(np.float32),
        evidence={
            "wrong_events": wrong,
            "observations": observed,
            "centroid_distance": mean,
            "centroid_spread": spread,
            "centroid_score": score,
            "p_noisy_by_mixture": noisy,
        },
        labels={"neighbour_label": elected(votes)},
        generative=generative,
    )


def _fit(trajectory: Trajectory, given: np.ndarray, priors: list[np.ndarray], options: DyGen) -> Generative:
    """One model per branch, from the prior of each network, (n, K) float32, and how sure their answer may be."""
    count, every = trajectory.shape.branches, list(range(trajectory.done))
    labels = np.stack([given] * count) if options.fed == "given" else last_probabilities(trajectory).argmax(-1)
    epochs = every if options.features == "trajectory" else every[-1:]
    models = fit_generative(
        reader(trajectory, epochs),
        labels,
        np.stack([priors[min(branch, len(priors) - 1)] for branch in range(count)]),
        Fitting(
            passes=options.passes,
            select=options.select,
            co_regularisation=options.co_regularisation_generative,
            sampler=options.sampler,
        ),
    )
    plain = Generative(models, epochs)
    return plain.calibrated(trajectory, given) if options.calibrate else plain


def _mark(
    trajectory: Trajectory, network: int, given: np.ndarray, n_classes: int, options: DyGen
) -> tuple[CentroidDistances, np.ndarray, Marking]:
    """Distances, the score that marks rows, and the marks; centroids of the relative score leave marked rows out."""

    def measure(members: np.ndarray | None) -> CentroidDistances:
        epochs = (trajectory.embedding(epoch, network) for epoch in range(trajectory.done))
        return centroid_distances(epochs, given, n_classes, members)

    distances = measure(None)
    if options.score == "absolute":
        score = distances.own_mean + distances.own_spread
        return distances, score, mark(score, options.share)
    marking = mark_mirrored(distances.relative_mean, options.share)
    for _ in range(options.rounds):
        distances = measure(~marking.marked)
        marking = mark_mirrored(distances.relative_mean, options.share)
    return distances, distances.relative_mean, marking


def _prior(near: np.ndarray, given: np.ndarray, options: DyGen) -> np.ndarray:
    """P(true = k) before the trajectory is looked at, (n, K) float32."""
    if options.prior == "uniform":
        return np.full_like(near, 1 / near.shape[1])
    if options.prior == "given":
        return np.eye(near.shape[1], dtype=np.float32)[given]
    return near if options.prior_mode == "probability" else majority(near)
