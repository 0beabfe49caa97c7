"""Which rows a classifier is asked about where classes are many: all classes of a few groups that lie close together.

A sample of all rows has one or two of each class then, and a classifier that judges a row by the others knows nothing
of its class: it misses most labels, and its doubt tells right ones from wrong ones no longer. So fewer classes are
asked about, and more rows of each. They are taken in groups of near ones, since those are the classes that labels and
classifiers confuse: of classes far apart alone, hardly any would be missed.
"""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from mislabel.posterior.derived import evenly, parts

FEW = 5  # rows of a class: with fewer a classifier that is fitted to the others tells it from no other class
GROUP, OF_A_CLASS = 8, 24


def knows_classes(labels: np.ndarray, n_classes: int) -> bool:
    """Whether at least half of these rows (s,) int64 have `FEW` or more of their class among them."""
    return float(np.mean(np.bincount(labels, minlength=n_classes)[labels] >= FEW)) >= 0.5


def most_rows(given: np.ndarray, n_classes: int) -> int:
    """How many rows `rows_of_near_classes` could give."""
    of_class = np.bincount(given, minlength=n_classes)
    return int(np.minimum(of_class[of_class >= FEW], OF_A_CLASS).sum())


def rows_of_near_classes(points: Any, given: np.ndarray, n_classes: int, count: int) -> np.ndarray:
    """About so many rows, or a few more: up to `OF_A_CLASS` of each class, evenly spaced, of groups of near classes.

    Groups begin with the classes of evenly spaced rows, so that a class counts as its rows do.

    Parameters
    ----------
    points : (n, d) float
        An array, or `Derived`.
    given : (n,) int in [0, n_classes)
    count : int

    Returns
    -------
    (s,) int64, increasing; empty where hardly any class has `FEW` rows
    """
    of_class = np.bincount(given, minlength=n_classes)
    several = np.flatnonzero(of_class >= FEW)
    centres = class_means(points, given, n_classes)[several]
    place = np.full(n_classes, -1)
    place[several] = np.arange(len(several))
    taken, rows = np.zeros(len(several), dtype=bool), 0
    worth = np.minimum(of_class[several], OF_A_CLASS)
    starts = place[given[evenly(len(given), count)]]
    # Evenly spaced ones in an order that spreads: any first few of them are spread as well.
    for start in np.random.default_rng(0).permutation(starts[starts >= 0]):
        if rows >= count:
            break
        if taken[start]:
            continue
        apart = np.square(centres - centres[start]).sum(1)
        apart[taken] = np.inf
        nearest = np.argsort(apart, kind="stable")[:GROUP]
        nearest = nearest[~taken[nearest]]
        taken[nearest] = True
        rows += int(worth[nearest].sum())
    return evenly_of_classes(given, several[taken], of_class)


def evenly_of_classes(given: np.ndarray, classes: np.ndarray, of_class: np.ndarray) -> np.ndarray:
    """Up to `OF_A_CLASS` evenly spaced rows of each of these classes, (s,) int64, increasing."""
    found = np.flatnonzero(np.isin(given, classes))
    found = found[np.argsort(given[found], kind="stable")]
    kept, end = np.zeros(len(found), dtype=bool), 0
    for size in of_class[classes].tolist():
        kept[end + evenly(size, OF_A_CLASS)] = True
        end += size
    return np.sort(found[kept])


def class_means(points: Any, given: np.ndarray, n_classes: int) -> np.ndarray:
    """The mean point of each class, (K, d) float64; 0 for a class without rows."""
    total = np.zeros((n_classes, points.shape[1]))
    for part in parts(len(given)):
        codes = given[part]
        members = csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=(n_classes, len(codes)))
        total += members @ points[part]
    return total / np.maximum(np.bincount(given, minlength=n_classes), 1)[:, None]
