"""What a judge gains from the answers of a review, before any training: told most of them, it is asked the others.

The run's own posterior is one opinion, and the only one that counts where nothing is told. Labels and frozen space give
three more, as at the beginning of a run (`mislabel.run.evidence`); descriptions need the encoder, and speak through the
posterior alone. No large run is taken whole: what rows like it say of a row needs some thousands of them.
"""

from dataclasses import dataclass

import numpy as np

from mislabel.decisions.looks import bounded
from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.judge import Trusted, judge
from mislabel.posterior.neighbours import balanced_votes
from mislabel.run.reading import Run
from mislabel.run.trust_looks import Answers

FEWEST = 20  # labels below which leaving some out tells nothing
MOST_ROWS, MOST_CELLS, SCALING_ROWS = 20_000, 4_000_000, 1_000  # cells: rows times classes
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Opinions:
    """What is known of some judged rows of a run.

    Attributes
    ----------
    rows : (m,) int64
        In growing order.
    opinions : list of (m, K) float
        The run's own posterior first.
    points : (m, d) float32
    given : (m,) int64
    """

    rows: np.ndarray
    opinions: list[np.ndarray]
    points: np.ndarray
    given: np.ndarray


@dataclass(frozen=True)
class Gain:
    """Of so many answers, each left out in turn: the share that the judge and that the run alone name rightly."""

    answers: int
    judge: float
    run: float


def gather_opinions(run: Run, wanted: np.ndarray, seed: int = 0) -> Opinions | None:
    """Opinions on the wanted rows (w,) int and others; None for a run that keeps no frozen space or posterior."""
    posterior, points = run.matrix(run.folder.posterior), run.matrix(run.folder.embeddings)
    frozen = run.settings.get("tune") == "head"  # a whole network's embeddings have learnt the labels
    if posterior is None or points is None or run.rows.position is None or not frozen:
        return None
    random, judged = np.random.default_rng(seed), np.flatnonzero(run.rows.judged)
    classes = posterior.shape[1]
    rows = np.union1d(wanted, random.permutation(judged)[: min(MOST_ROWS, MOST_CELLS // classes)])
    given, place = run.rows.labels["given_label"][rows].astype(np.int64), run.rows.position[rows]
    if given.max(initial=0) >= classes:
        return None
    space = frozen_space(points[place].astype(np.float32), given, classes)
    unit = space.space.points
    opinions = [posterior[place], space.fit.posterior, space.plain, balanced_votes(unit, given, classes)]
    return Opinions(rows, [each.astype(np.float32) for each in opinions], unit, given)


def gain_of(known: Opinions, answers: Answers, seed: int = 0) -> Gain | None:
    """What left-out answers say; None for too few labels."""
    place = np.searchsorted(known.rows, answers.rows)
    inside = (answers.codes >= 0) & (place < len(known.rows))
    inside[inside] = known.rows[place[inside]] == answers.rows[inside]
    place, labels, weights = place[inside], answers.codes[inside], bounded(answers.weights[inside])
    t = len(place)
    if t < FEWEST:
        return None
    random = np.random.default_rng(seed)
    others = random.permutation(len(known.rows))[:SCALING_ROWS]  # they tell how points are spread
    part = np.append(place, np.setdiff1d(others, place))
    opinions, points, given = [each[part] for each in known.opinions], known.points[part], known.given[part]
    fold, named = random.permutation(t) % FOLDS, np.empty(t, dtype=np.int64)
    start = [1.0] + [0.0] * (len(opinions) - 1)
    for number in range(FOLDS):
        told, asked = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        trusted = Trusted(told, labels[told], weights[told] / weights[told].mean())
        named[asked] = judge(opinions, points, given, trusted, start, seed).posterior[asked].argmax(1)
    alone = known.opinions[0][place].argmax(1)
    return Gain(t, *(float(np.average(each == labels, weights=weights)) for each in (named, alone)))
