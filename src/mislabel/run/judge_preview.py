"""What a judge gains from the answers of a review, before any training: told most of them, it is asked the others.

The run's own posterior is one opinion, and the only one that counts where nothing is told. Labels and frozen space give
three more, as at the beginning of a run (`mislabel.run.evidence`); descriptions need the encoder, and speak through the
posterior alone. No large run is taken whole: what rows like it say of a row needs some thousands of them.
"""

from dataclasses import dataclass

import numpy as np

from mislabel.decisions.limits import paired_limits
from mislabel.decisions.looks import bounded
from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.judge import Trusted, judge
from mislabel.posterior.neighbours import balanced_votes
from mislabel.run.reading import Run
from mislabel.run.trust_looks import Answers

FEWEST = 20  # labels below which leaving some out tells nothing
FEWEST_TWICE = 40  # labels below which half of them teach nothing
AHEAD = 50  # answers
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
class More:
    """By how much the share that the judge names rightly should grow with the next answers, with a 95 % interval.

    Measured is what the step from `before` to `after` answers brought on the same left-out rows. Learning curves are
    taken to grow by as much with every doubling, so that from t answers to t + 50 they grow by log2(1 + 50 / t) of it.
    """

    before: int
    after: int
    number: float
    low: float
    high: float


@dataclass(frozen=True)
class Gain:
    """Of so many answers, each left out in turn: the share that the judge and that the run alone name rightly.

    Attributes
    ----------
    more : More or None
        None for fewer than 40 answers.
    """

    answers: int
    judge: float
    run: float
    more: More | None = None


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
    fold, start = random.permutation(t) % FOLDS, [1.0] + [0.0] * (len(opinions) - 1)

    def right(share: float) -> np.ndarray:
        """Whether the judge that is told this share of the other answers names each rightly, (t,) bool."""
        named = np.empty(t, dtype=np.int64)
        for number in range(FOLDS):
            told, asked = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            told = told if share == 1 else np.sort(random.permutation(told)[: round(share * len(told))])
            trusted = Trusted(told, labels[told], weights[told] / weights[told].mean())
            named[asked] = judge(opinions, points, given, trusted, start, seed).posterior[asked].argmax(1)
        return named == labels

    judged, alone = right(1), known.opinions[0][place].argmax(1) == labels
    more = _more(judged, right(0.5), weights) if t >= FEWEST_TWICE else None
    by_judge, by_run = (float(np.average(each, weights=weights)) for each in (judged, alone))
    return Gain(t, by_judge, by_run, more)


def _more(by_all: np.ndarray, by_half: np.ndarray, weights: np.ndarray) -> More:
    """From which of the t left-out rows are named rightly, (t,) bool, by all answers and by half of them."""
    t, worth = len(weights), float(weights.sum() ** 2 / np.square(weights).sum())
    gained, lost = (float(np.average(each, weights=weights)) for each in (by_all & ~by_half, by_half & ~by_all))
    low, high = paired_limits(worth * gained, worth * lost, worth)
    step, after = float(np.log2(1 + AHEAD / t)), round(t * (FOLDS - 1) / FOLDS)
    return More(after // 2, after, step * (gained - lost), step * low, step * high)
