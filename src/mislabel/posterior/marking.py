"""Mark rows as probably mislabelled by a score alone: a mixture of two normal distributions, or a declared share."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

FEWEST_ROWS = 10
STEPS = 200
SMALLEST_VARIANCE = 1e-4  # of standardised scores: a heap of equal scores must not become infinitely narrow


@dataclass(frozen=True)
class Marking:
    """Which rows a score marks as mislabelled.

    Attributes
    ----------
    p_noisy : (n,) float64
        Never falls as the score rises; equal for equal scores (but for the marks of a declared share, see `mark`).
    marked : (n,) bool
    identified : bool
        Whether two components fit the scores better than one.
    """

    p_noisy: np.ndarray
    marked: np.ndarray
    identified: bool


def mark(score: np.ndarray, share: float | None = None) -> Marking:
    """Mark rows by a score.

    Parameters
    ----------
    score : (n,) float
        Larger = more likely mislabelled; all finite.
    share : float in [0, 1), optional
        Declared share of wrong labels: the `int(share * n)` largest scores are marked, the earlier row first on a
        tie. Without it the rows that more likely than not belong to the component with the larger mean.

    Returns
    -------
    Marking
        Where two components are not identified, `p_noisy` is 0 and nothing is marked without a declared share; with
        one, `p_noisy` is 1 for the marked rows.
    """
    score = np.asarray(score, dtype=np.float64)
    p_noisy = upper_component(score)
    identified = p_noisy is not None
    if p_noisy is None:
        p_noisy = np.zeros(len(score))
    if share is None:
        return Marking(p_noisy=p_noisy, marked=p_noisy > 0.5, identified=identified)
    marked = largest(score, share)
    return Marking(p_noisy=p_noisy if identified else marked.astype(np.float64), marked=marked, identified=identified)


def mark_mirrored(score: np.ndarray, share: float | None = None) -> Marking:
    """Mark rows by a score whose sign changes with the label.

    A row's distance to its own class less that to the nearest other is such a score: give it the other's label and
    the score turns to its negative. So both components of the mixture are one normal distribution and its mirror
    image, N(m, s^2) for wrong labels and N(-m, s^2) for right ones, with equal weights. A free mixture has no such tie
    and, on scores of no clear shape, marked anything from none to all of the rows of data with the same noise.

    The rows that the upper component explains better are those with a score above 0; of these the surer half is
    marked. Near 0 a row may lie on either side, and where one class holds more wrong labels than right ones, marking
    everything above 0 turns the whole class over.

    Parameters
    ----------
    score : (n,) float
        Above 0 = more like another class; all finite.
    share : float in [0, 1), optional
        As in `mark`.
    """
    score = np.asarray(score, dtype=np.float64)
    p_noisy = mirrored_component(score)
    identified = p_noisy is not None
    if p_noisy is None:
        p_noisy = np.zeros(len(score))
    above = score > 0
    marked = score > np.median(score[above]) if above.any() else above
    if share is not None:
        marked = largest(score, share)
        p_noisy = p_noisy if identified else marked.astype(np.float64)
    return Marking(p_noisy=p_noisy, marked=marked, identified=identified)


def mirrored_component(score: np.ndarray) -> np.ndarray | None:
    """Posterior of N(m, s^2) against N(-m, s^2), m > 0, (n,) float64; None where all scores are equal or too few.

    Expectation and maximisation in closed form: m is the mean of the scores, each turned by how likely it is wrong.
    """
    if len(score) < FEWEST_ROWS or np.ptp(score) == 0:
        return None
    unit = score / np.sqrt(np.mean(score**2))
    mean, p_noisy = float(np.abs(unit).mean()), np.empty(0)
    for _ in range(STEPS):
        variance = max(1.0 - mean**2, SMALLEST_VARIANCE)  # the mean square is m^2 + s^2 in both components
        p_noisy = expit(2 * mean * unit / variance)
        mean = max(float((unit * (2 * p_noisy - 1)).mean()), SMALLEST_VARIANCE)
    return p_noisy


def largest(score: np.ndarray, share: float) -> np.ndarray:
    """(n,) bool: the `int(share * n)` largest scores, the earlier row first on a tie."""
    marked = np.zeros(len(score), dtype=bool)
    marked[np.argsort(-score, kind="stable")[: int(share * len(score))]] = True
    return marked


def upper_component(score: np.ndarray) -> np.ndarray | None:
    """Posterior of the component with the larger mean, (n,) float64; None where one component fits as well (BIC)."""
    if len(score) < FEWEST_ROWS or np.ptp(score) == 0:
        return None
    standard = (score - score.mean()) / score.std()
    halves = np.array_split(np.sort(standard), 2)
    two = GaussianMixture(
        2,
        weights_init=np.full(2, 0.5),
        means_init=np.array([[half.mean()] for half in halves]),
        precisions_init=np.array([[[1 / (half.var() + SMALLEST_VARIANCE)]] for half in halves]),
        reg_covar=SMALLEST_VARIANCE,
        tol=1e-6,
        max_iter=500,
        random_state=0,
    )
    column = standard[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # after 500 steps the fit is what it is; BIC judges it
        two.fit(column)
    if two.bic(column) >= GaussianMixture(1, reg_covar=SMALLEST_VARIANCE, random_state=0).fit(column).bic(column):
        return None
    weight, mean = two.weights_, two.means_[:, 0]
    precision, order = two.precisions_[:, 0, 0], np.argsort(mean)
    weight, mean, precision = weight[order], mean[order], precision[order]
    # The log odds are a parabola in the score, rising between the means. Its turning point lies outside them, beyond
    # the mean of the narrower component; past it the odds stay what they are there instead of turning back.
    standard = np.clip(standard, *rising_range(mean, precision))
    log_density = np.log(weight) + (np.log(precision) - precision * (standard[:, None] - mean) ** 2) / 2
    return expit(log_density[:, 1] - log_density[:, 0])


def rising_range(mean: np.ndarray, precision: np.ndarray) -> tuple[float, float]:
    """Where the odds of the upper of two components rise with the score; arrays (2,) float64, the lower one first."""
    if precision[0] == precision[1]:
        return -np.inf, np.inf
    turn = float((precision[0] * mean[0] - precision[1] * mean[1]) / (precision[0] - precision[1]))
    return (turn, np.inf) if precision[0] > precision[1] else (-np.inf, turn)
