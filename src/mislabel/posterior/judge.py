"""The judge: what a few trusted labels say of all opinions, joined into one posterior.

No kind of evidence is safe on all data: what wins on one set loses ten points on the next. Rows whose label somebody
checked settle it. The judge is a multinomial logistic regression, fitted to them alone:

    log P(y_i = k) = sum_m v_m log O_m,ik + x_i^T W_k + const

    O_m   opinions (n, K): probabilities of one kind of evidence, found without any trusted label
    v     their weights, pulled to what they are without trusted labels, by WEIGHT_PENALTY t / 2 |v - v_0|^2
    x_i   the standardised embedding times SCALE, the given label one-hot, and 1; W under a ridge

for t trusted rows. Without any it is the pool of the opinions under v_0; with many it is a classifier of its own. How
strong the ridge is, and whether v and W are fitted at all, is chosen by the log-likelihood of trusted rows that were
left out, each fifth in turn: of strengths that do as well within one standard error the strongest wins, and where the
pool does as well as that one, nothing is fitted. So a few trusted rows are never worse than none, as far as they tell.

They tell of rows like them. A person who looked at the most doubtful rows checked hardly one whose label is right, and
rows that were left out of such a choice are of the same kind. So the judge is heard as far as trusted rows cover how
much the pool doubts the given label, and elsewhere the pool is:

    P(y_i) = c_i judge_i + (1 - c_i) pool_i
    c_i = max(t / (t + 300), min(1, 2 (trusted rows near i) / (as many as chance would bring)))

near: within a tenth of all rows, in the order of that doubt. Of rows drawn by chance c is 1 nearly everywhere. After
the 50 (and 400) most doubtful rows alone a judge named 60 % (73 %) of the others on wrench_trec and 81 % (92 %) on
wrench_semeval, the pool 67 and 82 %, and the judge so heard 66 % (71 %) and 83 % (92 %).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax
from scipy.stats import rankdata

from mislabel.posterior.derived import by_part
from mislabel.posterior.moments import ROWS_AT_ONCE, mean_and_deviation

FOLDS = 5
FEWEST = 10  # trusted rows below which too few can be left out to tell whether a fit helps, so that the pool counts
MOST = 1000  # trusted rows, drawn at random, that choose: more say hardly more, and time grows with them
STRENGTHS = (np.inf, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)  # of the ridge, strongest first; infinite: W = 0
WEIGHT_PENALTY = 0.02
SCALE = 0.3
INTERCEPT = 10.0  # instead of 1, so that the ridge hardly holds it
STEPS = 100
FLOOR = 1e-6
NEAR, ENOUGH = 0.1, 2.0  # of all rows, by doubt; by how much fewer trusted rows than chance would bring suffice
ANYWHERE = 300.0  # trusted rows after which the judge is heard half where none of them is near


@dataclass(frozen=True, eq=False)
class Judged:
    """What the judge concludes.

    Attributes
    ----------
    posterior : (n, K) float64
    weights : (M,) float64
        v, in the order of the opinions.
    strength : float
        Of the ridge that was chosen; infinite where embedding and given label count for nothing.
    left_out : float or None
        Mean log-likelihood of the trusted rows that were left out; None where none could be.
    pool_left_out : float or None
        That of the same rows under v_0: what the judge has gained is the difference.
    asked : (u,) int64
        Trusted rows that were left out, each once; none where too few are trusted.
    held_out : (u, K) float64
        What the judge says of them as it was not told their labels, and joined with the pool as it is for all rows.
        (How strong the ridge is, one of seven numbers, all of them chose.)
    """

    posterior: np.ndarray
    weights: np.ndarray
    strength: float
    left_out: float | None = None
    pool_left_out: float | None = None
    asked: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    held_out: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))


def log_opinion(probabilities: np.ndarray) -> np.ndarray:
    """Bounded logs, (n, K) float64: no opinion rules a class out."""
    return np.log(np.clip(probabilities, FLOOR, 1.0))


def pool(opinions: Sequence[np.ndarray], weights: Sequence[float] | np.ndarray) -> np.ndarray:
    """The weighted geometric mean of opinions, (n, K) float64, whose rows sum to 1.

    Parameters
    ----------
    opinions : sequence of (n, K) float
        Probabilities.
    weights : sequence of float
    """
    weights = np.asarray(weights)
    return by_part(lambda *some: np.exp(log_softmax(_pooled(some, weights), axis=1)), *opinions)


def _pooled(opinions: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    return sum((weight * log_opinion(each) for weight, each in zip(weights, opinions, strict=True)), np.zeros(()))


@dataclass(frozen=True, eq=False)
class Trusted:
    """The trusted rows.

    Attributes
    ----------
    rows : (t,) int64
        Which of the n rows.
    labels : (t,) int64
        Their true classes.
    weights : (t,) float64
        How much each counts, with mean 1: the inverse of how probable it was that the row was picked.
    """

    rows: np.ndarray
    labels: np.ndarray
    weights: np.ndarray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.rows):
            object.__setattr__(self, "weights", np.ones(len(self.rows)))

    def counting(self) -> "Trusted":
        """Those whose weight is above 0."""
        count = self.weights > 0
        return self if count.all() else self.take(count)

    def take(self, which: np.ndarray) -> "Trusted":
        """Some of them, (t,) bool."""
        return Trusted(self.rows[which], self.labels[which], self.weights[which])


def judge(
    opinions: Sequence[np.ndarray],
    points: np.ndarray,
    given: np.ndarray,
    trusted: Trusted,
    start: Sequence[float] | np.ndarray,
    seed: int = 0,
) -> Judged:
    """Fit the judge, and judge all rows.

    Parameters
    ----------
    opinions : sequence of (n, K) float
        Probabilities, M of them.
    points : (n, d) float
        The frozen space.
    given : (n,) int in [0, K)
    trusted : Trusted
    start : sequence of float
        v_0, the weights without trusted rows.
    seed : int
        Of the folds.
    """
    start = np.asarray(start, dtype=np.float64)
    trusted, by_pool = trusted.counting(), Judged(pool(opinions, start), start, np.inf)
    if len(trusted.rows) < FEWEST:
        return by_pool
    classes = opinions[0].shape[1]
    basis = _basis(points, given, classes, trusted.rows)
    logs = np.stack([log_opinion(each[trusted.rows]) for each in opinions])
    problem = _Problem(logs, basis.of_trusted, trusted.labels, trusted.weights, start)
    chosen = _choose(problem, seed)
    strength, left_out, before, asked = chosen.strength, chosen.left_out, chosen.before, trusted.rows[chosen.asked]
    if left_out <= before:
        known = {"asked": asked, "held_out": by_pool.posterior[asked]}
        return replace(by_pool, left_out=before, pool_left_out=before, **known)
    weights, ridge_part = problem.fit(strength, np.ones(len(trusted.rows), dtype=bool))
    scores = _pooled(opinions, weights) + (basis.scores(points, given, ridge_part) if np.isfinite(strength) else 0.0)
    doubt = 1 - by_pool.posterior[np.arange(len(given)), given]
    heard = coverage(doubt, trusted)[:, None]
    posterior = heard * np.exp(log_softmax(scores, axis=1)) + (1 - heard) * by_pool.posterior
    held_out = heard[asked] * chosen.held_out + (1 - heard[asked]) * by_pool.posterior[asked]
    return Judged(posterior, weights, strength, left_out, before, asked, held_out)


def coverage(doubt: np.ndarray, trusted: Trusted) -> np.ndarray:
    """c: how far the trusted rows speak for each row, (n,) float64 in (0, 1].

    Parameters
    ----------
    doubt : (n,) float
        By which rows are near; only its order counts.
    trusted : Trusted
        One of twice the weight counts as two.
    """
    rank = (rankdata(doubt) - 0.5) / len(doubt)
    order = np.argsort(rank[trusted.rows], kind="stable")
    told, weight = rank[trusted.rows][order], np.append(0.0, np.cumsum(trusted.weights[order]))
    low, high = np.maximum(rank - NEAR, 0.0), np.minimum(rank + NEAR, 1.0)
    found = weight[np.searchsorted(told, high, side="right")] - weight[np.searchsorted(told, low)]
    near = np.minimum(1.0, ENOUGH * found / (weight[-1] * (high - low)))
    return np.maximum(near, weight[-1] / (weight[-1] + ANYWHERE))


@dataclass(frozen=True, eq=False)
class _Basis:
    """Directions in which the trusted rows differ: a ridge moves no weight along any other.

    Attributes
    ----------
    mean, scale : (d,) float64
        Of the standardisation.
    directions : (p, r) float64
        With p = d + K + 1, and r at most t.
    of_trusted : (t, r) float64
    """

    mean: np.ndarray
    scale: np.ndarray
    classes: int
    directions: np.ndarray
    of_trusted: np.ndarray

    def scores(self, points: np.ndarray, given: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """x_i^T W of all rows, (n, K) float64, without an (n, p) array; `coefficients` are (r, K)."""
        whole = self.directions @ coefficients
        width = len(self.mean)
        of_points = whole[:width] * (SCALE / self.scale)[:, None]
        result = whole[width:-1][given] + INTERCEPT * whole[-1]
        for begin in range(0, len(points), ROWS_AT_ONCE):
            result[begin : begin + ROWS_AT_ONCE] += (points[begin : begin + ROWS_AT_ONCE] - self.mean) @ of_points
        return result


def _basis(points: np.ndarray, given: np.ndarray, classes: int, rows: np.ndarray) -> _Basis:
    mean, scale = mean_and_deviation(points)
    scale = np.where(scale > 0, scale, 1.0)
    of_points = SCALE * (points[rows] - mean) / scale
    design = np.hstack([of_points, np.eye(classes)[given[rows]], np.full((len(rows), 1), INTERCEPT)])
    left, singular, right = np.linalg.svd(design, full_matrices=False)
    return _Basis(mean, scale, classes, right.T, left * singular)


@dataclass(frozen=True, eq=False)
class _Problem:
    """What is minimised over some of the trusted rows.

    Attributes
    ----------
    logs : (M, t, K) float64
    design : (t, r) float64
    labels : (t,) int64
    row_weights : (t,) float64
    start : (M,) float64
    """

    logs: np.ndarray
    design: np.ndarray
    labels: np.ndarray
    row_weights: np.ndarray
    start: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """M, r, K."""
        return len(self.logs), self.design.shape[1], self.logs.shape[2]

    def take(self, rows: np.ndarray) -> "_Problem":
        """That of some of the rows."""
        return replace(
            self,
            logs=self.logs[:, rows],
            design=self.design[rows],
            labels=self.labels[rows],
            row_weights=self.row_weights[rows],
        )

    def fit(
        self, strength: float, rows: np.ndarray, guess: tuple[np.ndarray, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """v (M,) and the coefficients (r, K) of the design, for the rows (t,) bool."""
        many, directions, classes = self.shape
        logs, design, weights = self.logs[:, rows], self.design[rows], self.row_weights[rows]
        target, pull = np.eye(classes)[self.labels[rows]], WEIGHT_PENALTY * weights.sum()
        linear = np.isfinite(strength)

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            v = flat[:many]
            scores = np.tensordot(v, logs, 1)
            coefficients = flat[many:].reshape(directions, classes) if linear else None
            if coefficients is not None:
                scores = scores + design @ coefficients
            log_p = log_softmax(scores, axis=1)
            slope = weights[:, None] * (np.exp(log_p) - target)
            value = -(weights * (target * log_p).sum(1)).sum() + pull / 2 * np.square(v - self.start).sum()
            gradient = np.tensordot(logs, slope, 2) + pull * (v - self.start)
            if coefficients is None:
                return value, gradient
            value += strength / 2 * np.square(coefficients).sum()
            return value, np.concatenate([gradient, (design.T @ slope + strength * coefficients).ravel()])

        empty = np.zeros((directions, classes))
        v, coefficients = guess if guess is not None else (self.start, empty)
        first = np.concatenate([v, coefficients.ravel()]) if linear else v
        found = minimize(objective, first, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
        return found[:many], found[many:].reshape(directions, classes) if linear else empty

    def log_posterior(self, fitted: tuple[np.ndarray, np.ndarray], rows: np.ndarray) -> np.ndarray:
        """Of some rows (t,) bool, u of them, (u, K) float64."""
        weights, coefficients = fitted
        scores = np.tensordot(weights, self.logs[:, rows], 1) + self.design[rows] @ coefficients
        return log_softmax(scores, axis=1)

    def log_likelihood(self, log_posterior: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Of the labels of these rows, one by one, (u,) float64."""
        return log_posterior[np.arange(len(log_posterior)), self.labels[rows]]


@dataclass(frozen=True, eq=False)
class _Choice:
    """The strength, and what left-out rows say of it and of the pool.

    Attributes
    ----------
    asked : (u,) int64
        Of the trusted rows, those that were left out.
    held_out : (u, K) float64
        What was said of each of them under that strength.
    """

    strength: float
    left_out: float
    before: float
    asked: np.ndarray
    held_out: np.ndarray


def _choose(problem: _Problem, seed: int) -> _Choice:
    random, asked = np.random.default_rng(seed), np.arange(len(problem.labels))
    if len(problem.labels) > MOST:
        asked = random.permutation(len(problem.labels))[:MOST]
        problem = problem.take(asked)
    t = len(problem.labels)
    fold = random.permutation(t) % FOLDS
    told, said = np.empty((len(STRENGTHS), t)), np.empty((len(STRENGTHS), t, problem.shape[2]))
    for number in range(FOLDS):
        out, guess = fold == number, None
        for place, strength in enumerate(STRENGTHS):
            guess = problem.fit(strength, ~out, guess)
            said[place, out] = problem.log_posterior(guess, out)
            told[place, out] = problem.log_likelihood(said[place, out], out)
    _, directions, classes = problem.shape
    everyone = np.ones(t, dtype=bool)
    by_pool = problem.log_posterior((problem.start, np.zeros((directions, classes))), everyone)
    pool_alone = problem.log_likelihood(by_pool, everyone)
    weights = problem.row_weights / problem.row_weights.sum()
    means = told @ weights
    best = int(means.argmax())
    gap = told[best] - told  # paired: the same rows under two strengths
    error = np.sqrt(np.square(gap - (gap @ weights)[:, None]) @ np.square(weights))
    chosen = int(np.flatnonzero(means >= means[best] - error)[0])
    return _Choice(STRENGTHS[chosen], float(means[chosen]), float(pool_alone @ weights), asked, np.exp(said[chosen]))
