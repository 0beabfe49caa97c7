"""Scores that rank rows by how likely their given label is wrong, from what a run recorded: `--score NAME`.

Every score is a pure function of the same `Evidence` and gives (n,) float64, higher = more likely wrong. A pass that
did not look at a row says nothing of it; a row that no pass looked at gets NaN. A score is no probability.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from mislabel.dynamics.centroids import centroid_distances, own_and_relative
from mislabel.dynamics.scores import forgetting_events, last_seen, moments, rates
from mislabel.dynamics.scores import wrong_events as count_wrong_events
from mislabel.dynamics.store import DynamicsStore
from mislabel.dynamics.trajectory import Trajectory
from mislabel.errors import InputError, alternatives
from mislabel.posterior.alignment import alignment
from mislabel.posterior.confident_learning import label_errors
from mislabel.posterior.cut_statistic import cut_statistic
from mislabel.posterior.neighbours import neighbour_probabilities


@dataclass(frozen=True)
class Evidence:
    """What scores are computed from: n training rows.

    Attributes
    ----------
    given : (n,) int in [0, n_classes)
    n_classes : int
    prediction : (passes, n) int
        -1 where a pass did not look at a row.
    loss, margin : (passes, n) float
        Of the given label, as `DynamicsStore` keeps them; NaN where a pass did not look at a row.
    view : (passes,) int, optional
        0 where a pass saw the weak view; all of them without it.
    trajectory : Trajectory, optional
        The rows' embeddings by epoch.
    embeddings : (n, d) float, optional
    learnt : bool
        Whether the network that gave `embeddings` was trained on the given labels.
    recalls : list of float
        Filled by scores that look at neighbours, see `mislabel.posterior.nearest.nearest_voters`.
    """

    given: np.ndarray
    n_classes: int
    prediction: np.ndarray
    loss: np.ndarray
    margin: np.ndarray
    view: np.ndarray | None = None
    trajectory: Trajectory | None = None
    embeddings: np.ndarray | None = None
    learnt: bool = False
    recalls: list[float] = field(default_factory=list[float])


def make_evidence(
    dynamics: DynamicsStore,
    given: np.ndarray,
    n_classes: int,
    embeddings: np.ndarray | None = None,
    *,
    learnt: bool = False,
) -> Evidence:
    """All that a run recorded of its training rows."""
    return Evidence(
        given=given,
        n_classes=n_classes,
        prediction=dynamics.prediction,
        loss=dynamics.loss,
        margin=dynamics.margin,
        view=np.array([one_pass.view for one_pass in dynamics.passes[: dynamics.done]], dtype=np.int64),
        trajectory=dynamics.trajectory,
        embeddings=embeddings,
        learnt=learnt,
    )


def wrong_events(evidence: Evidence) -> np.ndarray:
    """Share of the looks at a row whose prediction differed from the given label."""
    return rates(*count_wrong_events(evidence.prediction, evidence.given))


def last_loss(evidence: Evidence) -> np.ndarray:
    """Cross-entropy of the given label in the last look."""
    return last_seen(evidence.loss, len(evidence.given))


def mean_loss(evidence: Evidence) -> np.ndarray:
    """Cross-entropy of the given label, mean over the looks."""
    return moments(evidence.loss, len(evidence.given))[0]


def aum(evidence: Evidence) -> np.ndarray:
    """Minus the area under the margin: logit of the given label less the largest other one, mean over the looks."""
    return -moments(evidence.margin, len(evidence.given))[0]


def confidence(evidence: Evidence) -> np.ndarray:
    """Minus the probability of the given label, mean over the looks."""
    return -moments(_of_given(evidence), len(evidence.given))[0]


def variability(evidence: Evidence) -> np.ndarray:
    """Standard deviation of the probability of the given label over the looks.

    Alone it ranks ambiguous rows: wrong labels that are never learnt vary as little as right ones that always were.
    """
    return moments(_of_given(evidence), len(evidence.given))[1]


def correctness(evidence: Evidence) -> np.ndarray:
    """Minus the share of the looks whose prediction was the given label.

    The paper counts them; a share does not blame rows that fewer passes looked at. Its order is that of wrong events.
    """
    return wrong_events(evidence) - 1.0


def forgetting(evidence: Evidence) -> np.ndarray:
    """How often the given label was predicted in one look and not in the next.

    Looks are those at the weak view: two views of one epoch differ for other reasons. A row that was never predicted
    as given gets the number of passes, more than any that was can reach; the paper calls it infinite.
    """
    view = np.zeros(len(evidence.prediction)) if evidence.view is None else evidence.view
    weak = np.flatnonzero(view == 0)
    forgotten, learnt, observed = forgetting_events((evidence.prediction[k] for k in weak), evidence.given)
    return np.where(observed > 0, np.where(learnt, forgotten, len(weak)), np.nan).astype(np.float64)


def centroid(evidence: Evidence) -> np.ndarray:
    """Distance to the centroid of the given label less that to the nearest other, mean over epochs and networks."""
    trajectory, given = evidence.trajectory, evidence.given
    if trajectory is None:
        return own_and_relative(_embeddings(evidence, "centroid"), given, evidence.n_classes)[1]
    each = [
        centroid_distances(
            (trajectory.embedding(epoch, network) for epoch in range(trajectory.done)), given, evidence.n_classes
        ).relative_mean
        for network in range(trajectory.shape.networks)
    ]
    return np.mean(each, axis=0)


def neighbours(evidence: Evidence) -> np.ndarray:
    """1 - the share of a row's nearest neighbours, weighted by 1 / distance, that carry its given label."""
    rows, everyone = np.arange(len(evidence.given)), np.ones(len(evidence.given), dtype=bool)
    agreed = np.zeros(len(rows))
    spaces = _spaces(evidence, "neighbours")
    for space in spaces:
        votes = neighbour_probabilities(space, evidence.given, everyone, evidence.n_classes, recalls=evidence.recalls)
        agreed += votes[rows, evidence.given]
    return 1.0 - agreed / len(spaces)


def cut(evidence: Evidence) -> np.ndarray:
    """How far a row's nearest neighbours disagree with its given label, beside labels that were dealt out at random."""
    spaces = _spaces(evidence, "cut")
    return np.mean(
        [cut_statistic(space, evidence.given, evidence.n_classes, recalls=evidence.recalls) for space in spaces], axis=0
    )


def fine(evidence: Evidence) -> np.ndarray:
    """Minus the squared part of a row along the first direction of the rows of its given label."""
    return -np.mean([alignment(space, evidence.given) for space in _spaces(evidence, "fine")], axis=0)


def confident_learning(evidence: Evidence) -> np.ndarray:
    """1 - cleanlab's label quality, from cross-validated logistic regression on embeddings from before training."""
    if evidence.learnt:
        raise InputError(_NEEDS.format("confident_learning", "embeddings that no given label has shaped"))
    embeddings = _embeddings(evidence, "confident_learning")
    return label_errors(embeddings, evidence.given, evidence.n_classes)


def _of_given(evidence: Evidence) -> Iterator[np.ndarray]:
    """Probability of the given label, pass by pass."""
    return (np.exp(-loss.astype(np.float64)) for loss in evidence.loss)


def _spaces(evidence: Evidence, name: str) -> list[np.ndarray]:
    """Where rows lie after the last epoch, (n, d) by each network; before training where no trajectory is known."""
    trajectory = evidence.trajectory
    if trajectory is None:
        return [_embeddings(evidence, name)]
    return [trajectory.embedding(trajectory.done - 1, network) for network in range(trajectory.shape.networks)]


def _embeddings(evidence: Evidence, name: str) -> np.ndarray:
    if evidence.embeddings is None:
        raise InputError(_NEEDS.format(name, "embeddings"))
    return evidence.embeddings


_NEEDS = (
    "score {0} needs {1}, and this run has none: use features, a pretrained --backbone or --tune head, or another score"
)


@dataclass(frozen=True)
class Score:
    """A line of `mislabel methods --scores`.

    Attributes
    ----------
    function : callable
    needs : str
        "passes": what every run records. "space": a trajectory or embeddings. "embeddings": those from before
        training.
    """

    function: Callable[[Evidence], np.ndarray]
    paper: str
    when: str
    needs: Literal["passes", "space", "embeddings"] = "passes"


_CARTOGRAPHY = "Swayamdipta et al., EMNLP 2020, arXiv 2009.10795"
SCORES: dict[str, Score] = {
    "wrong_events": Score(wrong_events, "Zhang et al., NeurIPS 2025, arXiv 2505.00812", "passes that disagree"),
    "last_loss": Score(last_loss, "small-loss trick, as in arXiv 1804.06872", "the end of a short training"),
    "mean_loss": Score(mean_loss, "as in Huang et al., ICCV 2019 (O2U-Net)", "loss over the whole training"),
    "aum": Score(aum, "Pleiss et al., NeurIPS 2020, arXiv 2001.10528", "margins between logits, not cut at 0 and 1"),
    "confidence": Score(confidence, _CARTOGRAPHY, "probability of the given label"),
    "variability": Score(variability, _CARTOGRAPHY, "ambiguous rows rather than wrong ones"),
    "correctness": Score(correctness, _CARTOGRAPHY, "the order of wrong_events"),
    "forgetting": Score(forgetting, "Toneva et al., ICLR 2019, arXiv 1812.05159", "many passes over the rows"),
    "centroid": Score(centroid, "Zhuang et al., KDD 2023, arXiv 2305.19395", "labels made by rules", "space"),
    "neighbours": Score(neighbours, "nearest neighbours vote", "an encoder that knows the classes", "space"),
    "cut": Score(cut, "Lang et al., NeurIPS 2022, arXiv 2206.02914", "one class was given too often", "space"),
    "fine": Score(fine, "Kim et al., NeurIPS 2021, arXiv 2102.11628", "classes that each point one way", "space"),
    "confident_learning": Score(
        confident_learning, "Northcutt et al., JAIR 2021, arXiv 1911.00068", "cleanlab, for comparison",
        "embeddings",
    ),
}  # fmt: skip


def find_score(name: str) -> Score:
    """The score of this name; InputError with the nearest or the known ones otherwise."""
    if name not in SCORES:
        raise InputError(f"score {name!r} is not known{alternatives(name, SCORES)}")
    return SCORES[name]


def all_scores(evidence: Evidence) -> dict[str, np.ndarray]:
    """Every score that the evidence is enough for, by name."""
    scores: dict[str, np.ndarray] = {}
    for name, score in SCORES.items():
        with suppress(InputError):
            scores[name] = score.function(evidence)
    return scores
