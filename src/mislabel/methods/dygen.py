"""DyGen: trajectories of embeddings, and a generative model that reads true labels off them.

Zhuang et al., "DyGen: Learning from Noisy Labels via Dynamics-Enhanced Generative Modeling", KDD 2023,
arXiv 2305.19395.

Stage 1 trains M branches that agree with each other, and keeps every row's embedding h_{i,e,m} after each epoch e:

    l_1 = (1/M) sum_m CE(y, p_m) + lambda_1 (1/M) sum_m KL(pbar || p_m),   pbar = (1/M) sum_m p_m

Rows far from their class over the epochs are marked; a prior of each row's true label comes from its nearest unmarked
neighbours; a generative model per branch (`posterior/autoencoder.py`) learns from prior and trajectory what the true
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

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import numpy as np

from mislabel.dynamics.centroids import CentroidDistances, centroid_distances
from mislabel.dynamics.scores import wrong_events
from mislabel.dynamics.store import DynamicsStore
from mislabel.dynamics.trajectory import Trajectory
from mislabel.errors import InputError
from mislabel.methods._losses import CoRegularised
from mislabel.methods.distillation import PASSES_HELP, SAMPLER_HELP, Distillation, distilled_posterior
from mislabel.methods.registry import register
from mislabel.posterior.autoencoder_fitting import Fitting, fit_generative
from mislabel.posterior.dirichlet import prior_concentration
from mislabel.posterior.generative import Generative, last_probabilities, reader
from mislabel.posterior.marking import Marking, mark, mark_mirrored
from mislabel.posterior.neighbours import elected, majority, votes_of_neighbours
from mislabel.posterior.posterior import Posterior, replace_given
from mislabel.settings import Setting, check_settings
from mislabel.training.stages import Recording, Stage


@register(
    "dygen",
    paper="Zhuang et al., KDD 2023, arXiv 2305.19395",
    when="rules, a crowd or an LLM wrote the labels",
    group="written",
)
@dataclass(frozen=True)
class DyGen:
    """Options of the method."""

    epochs: Annotated[int, Setting("Epochs of stage 1.", 1, 10_000)] = 5
    distil_epochs: Annotated[int, Setting("Epochs of stage 2.", 1, 10_000)] = 6
    count: Annotated[int, Setting("M, how many branches.", 1, 10_000)] = 2
    branches: Annotated[
        Literal["networks", "heads"],
        Setting("Whether each branch is a network of its own, or a head on one network."),
    ] = "networks"
    co_regularisation: Annotated[float, Setting("lambda_1; 0 trains the branches apart.", 0, 1e6)] = 5.0
    record: Annotated[
        Literal["evaluation", "training"],
        Setting(
            "Where trajectories come from: a pass in evaluation mode after each epoch, or the training pass itself."
        ),
    ] = "evaluation"
    trajectory_dim: Annotated[
        int | None,
        Setting(
            "Embeddings are projected to so many dimensions, at random.",
            1,
            1_000_000,
            default="as they are, or as many as take less than 4 GB",
        ),
    ] = None
    features: Annotated[
        Literal["trajectory", "last"],
        Setting("What the generative model reads: all epochs, or the last one alone."),
    ] = "trajectory"
    score: Annotated[
        Literal["relative", "absolute"],
        Setting(
            "What marks a row: its distance to the centroid of its given class minus that to the nearest other, mean "
            "over epochs; or the paper's, mean plus standard deviation of the distance itself."
        ),
    ] = "relative"
    rounds: Annotated[
        int,
        Setting("How often centroids are computed anew from unmarked rows; of the relative score only.", 0, 10_000),
    ] = 3
    share: Annotated[
        float | None, Setting("Share of rows to mark, where it is known.", 0, 0.99, default="estimated")
    ] = None
    prior: Annotated[
        Literal["neighbours", "given", "uniform"], Setting("Where the prior of the true label comes from.")
    ] = "neighbours"
    prior_mode: Annotated[
        Literal["onehot", "probability"],
        Setting("Whether the neighbours' majority or their shares make the prior."),
    ] = "onehot"
    prior_epoch: Annotated[
        int,
        Setting("Whose embeddings define neighbours, counted from 1, at most epochs; 0 is the last."),
    ] = 0
    prior_strength: Annotated[float, Setting("rho, how many observations the prior is worth.", 0, 1e6)] = 10.0
    neighbours: Annotated[
        int,
        Setting(
            "How many vote; with few rows no more than the root of the voters' number. Where nearly all rows vote, "
            "each row is missing on its own side, and the other labels win.",
            1,
            10_000,
        ),
    ] = 10
    fed: Annotated[Literal["given", "predicted"], Setting("Which label the generative model is trained on.")] = (
        "predicted"
    )
    sampler: Annotated[Literal["dirichlet", "gamma"], Setting(SAMPLER_HELP)] = "dirichlet"
    passes: Annotated[int, Setting(PASSES_HELP, 1, 10_000)] = 10
    select: Annotated[
        bool,
        Setting("Whether the pass of the generative model is kept that explains a held-out tenth best, not the last."),
    ] = False
    co_regularisation_generative: Annotated[
        float, Setting("lambda_2, weight of the agreement between generative models.", 0, 1e6)
    ] = 1.0
    calibrate: Annotated[
        bool, Setting("Whether the posterior is sharpened until it makes the given labels most likely.")
    ] = True
    centroid_share: Annotated[
        float,
        Setting(
            "How much the marking mixture's opinion of the given label counts in the posterior of training rows. The "
            "generative models alone believe a classifier that has learnt a rule's errors by heart; distances resist "
            "longer. The model that is shipped learns from the generative models alone.",
            0,
            1,
        ),
    ] = 1 / 3

    def __post_init__(self) -> None:
        check_settings(self)
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
        return distilled_posterior(stages)


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
    evidence: list[tuple[np.ndarray, ...]] = []
    priors: list[np.ndarray] = []
    voted: list[np.ndarray] = []
    recalls: list[float] = []
    for network in range(trajectory.shape.networks):
        distances, score, marking = _mark(trajectory, network, given, n_classes, options)
        voters = ~marking.marked
        embedding = trajectory.embedding(
            options.prior_epoch - 1 if options.prior_epoch else trajectory.done - 1, network
        )
        near = votes_of_neighbours(embedding, given, voters, n_classes, options.neighbours, recalls)
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
        recalls=recalls,
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
    """P(true = k) without the trajectory, (n, K) float32."""
    if options.prior == "uniform":
        return np.full_like(near, 1 / near.shape[1])
    if options.prior == "given":
        return np.eye(near.shape[1], dtype=np.float32)[given]
    return near if options.prior_mode == "probability" else majority(near)
