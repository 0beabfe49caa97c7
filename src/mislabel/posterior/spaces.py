"""Which space a linear classifier is fitted in: the points as they are, or their random Fourier features.

Classes of pretrained embeddings lie apart by a hyperplane; those of a table's columns often do not. Random Fourier
features (Rahimi and Recht, NeurIPS 2007) make a linear fit on them one with a Gaussian kernel, whose width is here the
median distance of two points. The space is chosen whose balanced fit to the given labels explains more of them, each
row by all others: 1 - (weighted mean squared error) / (that of equal shares, 1 - 1/K). Of many rows some are asked.
"""

from typing import Any

import numpy as np

from mislabel.posterior.balanced_transition import RIDGE, given_classifier
from mislabel.posterior.class_balance import balanced
from mislabel.posterior.derived import MANY, Derived, by_part, derived, one_hot
from mislabel.posterior.moments import mean_and_deviation
from mislabel.posterior.ridge import Space

WIDTH, PAIRS = 1024, 2000  # half of the features follow a kernel badly: 5 points fewer right labels on short sounds
WIDTH_OF_MANY, ASKED = 512, 10_000
WIDEST, NARROWED = 2048, 1024  # a fit takes time with the square of the width
ROWS_AT_ONCE = 1 << 14


def best_space(points: Any, given: np.ndarray, n_classes: int) -> tuple[Space, np.ndarray, float]:
    """The better space, what its balanced fit says of each row by all others, (n, K), and the share it explains.

    Parameters
    ----------
    points : (n, d) float
        An array, or `Derived`.
    given : (n,) int in [0, n_classes)
    """
    linear = unit_space(narrowed(points))
    curved = unit_space(fourier_features(linear.points))

    def told(space: Space, given: np.ndarray) -> tuple[np.ndarray, float]:
        scores = given_classifier(space, given, n_classes, 1.0, RIDGE)
        return scores, explained_share(scores, given)

    if len(given) <= ASKED:
        return max(((space, *told(space, given)) for space in (linear, curved)), key=lambda found: found[2])
    asked = np.sort(np.random.default_rng(0).permutation(len(given))[:ASKED])
    best = max((linear, curved), key=lambda space: told(space.take(asked), given[asked])[1])
    return best, *told(best, given)


def unit_space(points: np.ndarray | Derived) -> Space:
    """The points, float32, divided by the root of their mean square distance from their mean."""
    if isinstance(points, np.ndarray):
        points = points.astype(np.float32, copy=False)
    spread = np.float32(np.linalg.norm(mean_and_deviation(points)[1]))
    return Space(derived(points, lambda rows: rows / spread, points.shape[1]) if spread > 0 else points)


def narrowed(points: Any) -> Any:
    """Points (n, d) as they are, or of more than WIDEST dimensions a random projection to NARROWED."""
    width = points.shape[1]
    if width <= WIDEST:
        return points
    directions = np.random.default_rng(0).normal(size=(width, NARROWED)).astype(np.float32) / np.sqrt(NARROWED)
    directions = directions.astype(np.float32)
    return derived(points, lambda rows: rows.astype(np.float32, copy=False) @ directions, NARROWED)


def fourier_features(points: Any, seed: int = 0) -> Any:
    """Cosines and sines of W x, (n, WIDTH) float32, for points (n, d) float32; of many rows fewer, and `Derived`.

    A fit on both is the same wherever the points' origin is.
    """
    random = np.random.default_rng(seed)
    half = (WIDTH if len(points) <= MANY else WIDTH_OF_MANY) // 2
    first, second = random.integers(0, len(points), (2, PAIRS))
    squared = np.square(points[first] - points[second], dtype=np.float64).sum(1)
    apart = squared[squared > 0]
    scale = np.sqrt(2 / np.median(apart)) if len(apart) else 1.0
    directions = (random.normal(size=(points.shape[1], half)) * scale).astype(np.float32)

    def turned(rows: np.ndarray) -> np.ndarray:
        result = np.empty((len(rows), 2 * half), dtype=np.float32)
        for begin in range(0, len(rows), ROWS_AT_ONCE):
            part = slice(begin, begin + ROWS_AT_ONCE)
            turns = rows[part] @ directions
            np.cos(turns, out=result[part, :half])
            np.sin(turns, out=result[part, half:])
        return result

    return derived(points, turned, 2 * half)


def explained_share(scores: np.ndarray, given: np.ndarray) -> float:
    """How much of the given labels balanced scores (n, K) explain: 1 is all, 0 nothing."""
    classes = scores.shape[1]
    targets = one_hot(given, classes)
    error = balanced(targets, 1.0) @ by_part(_missed, scores, targets) / len(given)
    return float(1 - error / (1 - 1 / classes))


def _missed(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.square(targets - scores).sum(1)
