"""How far each row stays from the centroid of its given label, epoch after epoch (DyGen, arXiv 2305.19395)."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class CentroidDistances:
    """Distances over the epochs, (n,) float64 each.

    Attributes
    ----------
    own_mean, own_spread
        Distance to the centroid of the given label: its mean, and its sample standard deviation (ddof 1).
    relative_mean, relative_spread
        The same of that distance less the one to the nearest centroid of another label: above 0 where the row lies
        nearer to the rows of another label.
    """

    own_mean: np.ndarray
    own_spread: np.ndarray
    relative_mean: np.ndarray
    relative_spread: np.ndarray


def centroid_distances(
    embeddings: Iterable[np.ndarray], given: np.ndarray, n_classes: int, members: np.ndarray | None = None
) -> CentroidDistances:
    """Euclidean distances to the centroids of the given labels, summed up over the epochs.

    Memory does not grow with the number of epochs. With a single epoch the spreads are 0.

    Parameters
    ----------
    embeddings : iterable of (n, d) float16 or float32
        One array per epoch, at least one; each may be a memory map and is read in runs of rows. Every value must be
        finite: one infinity (a value too large for float16) spoils the centroid of its label, and with it all rows.
    given : (n,) int, all in [0, n_classes)
    n_classes : int
        A class that no row carries has no centroid. Where there is no other centroid, the relative distance is the
        distance itself.
    members : (n,) bool, optional
        Rows that make the centroids, all without it. Distances are given for every row in any case. A class without
        members keeps the centroid of all its rows.
    """
    given = np.asarray(given)
    mean, squares, epochs = np.zeros((2, len(given))), np.zeros((2, len(given))), 0
    for epochs, embedding in enumerate(embeddings, 1):
        now = own_and_relative(embedding, given, n_classes, members)
        step = now - mean
        mean += step / epochs
        squares += step * (now - mean)  # Welford: a difference of two large sums would lose a small spread
    spread = np.sqrt(squares / max(epochs - 1, 1))
    return CentroidDistances(own_mean=mean[0], own_spread=spread[0], relative_mean=mean[1], relative_spread=spread[1])


def class_centroids(
    embeddings: np.ndarray, given: np.ndarray, n_classes: int, members: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The mean row of each label, (n_classes, d) float64, and how many rows make it, (n_classes,) int64.

    The centroid of a class without rows is 0.
    """
    counted = np.ones(len(given)) if members is None else members.astype(np.float64)
    without = np.bincount(given, counted, minlength=n_classes) == 0
    counted[without[given]] = 1.0
    totals = np.zeros((n_classes, embeddings.shape[1]))
    for begin in range(0, len(given), ROWS_AT_ONCE):
        labels = given[begin : begin + ROWS_AT_ONCE]
        weight = counted[begin : begin + len(labels)]
        carries = csr_array((weight, (labels, np.arange(len(labels)))), (n_classes, len(labels)))
        totals += carries @ embeddings[begin : begin + len(labels)].astype(np.float64)
    rows = np.bincount(given, counted, minlength=n_classes).astype(np.int64)
    return totals / np.maximum(rows, 1)[:, None], rows


def own_and_relative(
    embeddings: np.ndarray, given: np.ndarray, n_classes: int, members: np.ndarray | None = None
) -> np.ndarray:
    """One epoch: the distance to the own centroid, and that less the nearest other one, (2, n) float64."""
    centroids, rows = class_centroids(embeddings, given, n_classes, members)
    middle = centroids[rows > 0].mean(0) if len(given) else 0.0  # about the middle, products cancel least
    centroids -= middle
    lengths = np.where(rows > 0, (centroids**2).sum(1), np.inf)  # without rows: never the nearest
    result = np.empty((2, len(given)))
    for begin in range(0, len(given), ROWS_AT_ONCE):
        labels = given[begin : begin + ROWS_AT_ONCE]
        points = embeddings[begin : begin + len(labels)].astype(np.float64) - middle
        squared = (points**2).sum(1, keepdims=True) - 2 * (points @ centroids.T) + lengths
        distance = np.sqrt(np.maximum(squared, 0.0))
        every = np.arange(len(labels))
        own = distance[every, labels]
        distance[every, labels] = np.inf
        other = distance.min(1)
        result[0, begin : begin + len(labels)] = own
        result[1, begin : begin + len(labels)] = own - np.where(np.isfinite(other), other, 0.0)
    return result
