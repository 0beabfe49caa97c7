"""NPC: the predictions of a trained classifier, corrected by a generative model of how they came about.

Bae et al., "From Noisy Prediction to True Label: Noisy Prediction Calibration via Generative Model", ICML 2022,
arXiv 2205.00690.

A classifier is trained on the given labels as ever, and then left alone. A prior of each row's true label comes from
its nearest neighbours among the rows that the classifier is surest of; an autoencoder learns from prior and embedding
what the true label is, given what the classifier says, and the classifier's answers are averaged over it:

    a_prior  = rho onehot(y_near) + 1 + 1/C
    a        = softplus(W [h; onehot(yh)] + b) + 1 + 1/C                      q(z | yh, x) = Dirichlet(a)
    -ELBO    = -E_q log p(yh | z, x) + beta KL(Dirichlet(a) || Dirichlet(a_prior)),   beta = 1
    p(y | x) = sum_yh p(yh | x) (a(yh) - 1)_y / sum_k (a(yh) - 1)_k

The autoencoder is that of `posterior/autoencoder.py`, for one branch and the last epoch alone. Last, as in DyGen, one
ordinary network is trained on p(y | x), so that there is a model to ship; the paper ships classifier and autoencoder.

=========  ==================================================================================
symbol     meaning
=========  ==================================================================================
h, yh      the classifier's embedding of a row after the last epoch, and the class it predicts
p(yh | x)  its class probabilities
y_near     the class that the row's nearest neighbours among the confident rows are predicted
rho, C     how many observations the prior is worth; number of classes
z          a point of the simplex that says what the true label may be
=========  ==================================================================================

What differs from the published code:

- It reads a layer's output behind h that is drawn anew, and trains the whole network on with the autoencoder, with
  dropout. The paper's classifier is frozen, so here h is.
- It draws z from independent Gamma(a, 1) variables by an approximate inverse of their distribution and does not bring
  them to the simplex; their KL is not that of the Dirichlet distributions. `sampler="gamma"` does the same; exact draws
  and KL are the default.
- It reconstructs yh by C separate binary cross-entropies. yh is one class, so here p(yh | z, x) is a softmax.
- A confident row is its own nearest neighbour at distance 0 there; here no row votes for itself.
- Features are standardised, and few rows get more than ten passes (`Fitting.fewest_steps`): with 128 rows to a step,
  ten passes over a thousand rows leave the autoencoder where it began.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import numpy as np

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import CrossEntropy
from mislabel.methods.distillation import PASSES_HELP, SAMPLER_HELP, Distillation, distilled_posterior
from mislabel.methods.registry import register
from mislabel.posterior.autoencoder_fitting import Fitting, fit_generative
from mislabel.posterior.dirichlet import prior_concentration
from mislabel.posterior.generative import Generative, last_probabilities, reader
from mislabel.posterior.mean_probability import evidence
from mislabel.posterior.neighbours import elected, majority, votes_of_neighbours
from mislabel.posterior.posterior import Posterior
from mislabel.settings import Setting, check_settings
from mislabel.training.stages import Recording, Stage

GROUP = 128  # rows of a batch in the published code, of which each class sends the most confident


@register(
    "npc",
    paper="Bae et al., ICML 2022, arXiv 2205.00690",
    when="training went on until labels were learnt by heart",
    group="thorough",
)
@dataclass(frozen=True)
class NPC:
    """Options of the method."""

    epochs: Annotated[int, Setting("Epochs of the classifier.", 1, 10_000)] = 5
    distil_epochs: Annotated[int, Setting("Epochs of the network that is shipped.", 1, 10_000)] = 6
    prior_strength: Annotated[float, Setting("rho, how many observations the prior is worth.", 0, 1e6)] = 5.0
    neighbours: Annotated[
        int,
        Setting(
            "How many confident rows vote on y_near, each with a weight of 1 / distance; with few rows no more than "
            "the root of the voters' number.",
            1,
            10_000,
        ),
    ] = 10
    sampler: Annotated[Literal["dirichlet", "gamma"], Setting(SAMPLER_HELP)] = "dirichlet"
    passes: Annotated[int, Setting(PASSES_HELP, 1, 10_000)] = 10
    calibrate: Annotated[
        bool,
        Setting(
            "Whether p(y | x) is sharpened until it makes the given labels most likely. As in the paper, without it, "
            "p(y | x) ranks rows and names classes but counts too many wrong labels, about a fifth where all are "
            "right: the prior is worth no more than rho observations."
        ),
    ] = False

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [
            Stage("train", self.epochs, CrossEntropy(), trajectory=Recording("evaluation")),
            Stage("distil", self.distil_epochs, Distillation(partial(correct, options=self))),
        ]

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """p(y | x), found before the last stage."""
        return distilled_posterior(stages)


def correct(dynamics: DynamicsStore, given: np.ndarray, n_classes: int, options: NPC) -> Posterior:
    """From the classifier's last epoch to the posterior of the true labels.

    Given labels are read for the evidence and by `calibrate`; all else knows them through the classifier alone.

    Parameters
    ----------
    dynamics : DynamicsStore
        With the embeddings and predictions of the first stage.
    given : (n,) int64
    """
    trajectory = dynamics.trajectory
    assert trajectory is not None
    last = trajectory.done - 1
    predicted = last_probabilities(trajectory)
    label = predicted.argmax(-1)
    recalls: list[float] = []
    votes = votes_of_neighbours(
        trajectory.embedding(last, 0), label[0], most_confident(predicted[0]), n_classes, options.neighbours, recalls
    )
    prior = prior_concentration(majority(votes), options.prior_strength)
    fitting = Fitting(passes=options.passes, sampler=options.sampler, batch_size=GROUP)
    generative = Generative(fit_generative(reader(trajectory, [last]), label, prior[None], fitting), [last])
    if options.calibrate:
        generative = generative.calibrated(trajectory, given)
    return Posterior(
        probabilities=generative.probabilities(trajectory),
        evidence=evidence(dynamics, given, dynamics.of_stage("train")),
        labels={"neighbour_label": elected(votes)},
        generative=generative,
        recalls=recalls,
    )


def most_confident(probabilities: np.ndarray, size: int = GROUP) -> np.ndarray:
    """Of each class that is predicted in a group of rows, the row it is predicted for with most confidence.

    Groups are drawn once, from the number of rows alone: in the published code they are the batches of one shuffled
    epoch, and rows in their own order may be sorted by class.

    Parameters
    ----------
    probabilities : (n, C) float
    size : int
        Rows of a group; the last one may be smaller.

    Returns
    -------
    (n,) bool
    """
    n, classes = map(int, probabilities.shape)
    order = np.random.default_rng(n).permutation(n)
    heap = np.arange(n) // size * classes + probabilities[order].argmax(1)
    ranked = np.lexsort((-probabilities[order].max(1), heap))
    first = np.unique(heap[ranked], return_index=True)[1]
    chosen = np.zeros(n, dtype=bool)
    chosen[order[ranked[first]]] = True
    return chosen
