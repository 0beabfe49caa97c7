"""Pure functions over recorded dynamics: arrays in, arrays out."""

import itertools
from collections.abc import Iterable

import numpy as np


def wrong_events(prediction: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count, per row, the passes whose prediction differed from the given label (IDO, arXiv 2505.00812).

    Parameters
    ----------
    prediction : (passes, n) int
        Predicted class, -1 where a pass did not look at the row.
    given : (n,) int
        Given class, -1 where there is none (such a row has no observations).

    Returns
    -------
    wrong, observed : (n,) int64
        Wrong events, and how many passes looked at the row.
    """
    given = np.asarray(given)
    wrong, observed = np.zeros(given.shape, np.int64), np.zeros(given.shape, np.int64)
    for predicted in prediction:  # pass by pass: the array may be a memory map larger than memory
        seen = (predicted >= 0) & (given >= 0)
        observed += seen
        wrong += seen & (predicted != given)
    return wrong, observed


def rates(wrong: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """wrong / observed, (n,) float64; NaN where a row was never observed."""
    with np.errstate(invalid="ignore"):
        return np.where(observed > 0, wrong / np.maximum(observed, 1), np.nan)


def distinct_rates(wrong: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rates of the observed rows and how many rows have each: (m,) float64 and (m,) int64."""
    width = int(observed.max(initial=0)) + 1
    rows = np.bincount(np.asarray(observed) * width + wrong)
    present = np.flatnonzero(rows)
    present = present[present >= width]  # observed = 0 says nothing
    values, inverse = np.unique((present % width) / (present // width), return_inverse=True)
    return values, np.bincount(inverse, weights=rows[present], minlength=values.size).astype(np.int64)


def prediction_changes(prediction: np.ndarray) -> np.ndarray:
    """Rows whose prediction changed from one pass to the next, (passes - 1,) int64 (IDO's PC)."""
    return np.array(
        [
            np.count_nonzero((before >= 0) & (after >= 0) & (before != after))
            for before, after in itertools.pairwise(prediction)
        ],
        dtype=np.int64,
    )


def label_wave_epoch(changes: np.ndarray, window: int = 1) -> int:
    """The epoch whose model to keep, 0-based: the first local minimum of the prediction changes.

    `changes[e - 1]` counts the changes from epoch e - 1 to e. While they fall training goes on; at the first rise
    the epoch before is taken, and the last epoch where they never rise (IDO, after Label Wave, ICLR 2024).

    With a window, sums over so many changes are compared: over many epochs a single change is mostly chance.
    """
    for epoch in range(window, len(changes)):
        if changes[epoch] >= changes[epoch - window]:  # what enters the sum is no less than what leaves it
            return epoch
    return len(changes)


def moments(passes: Iterable[np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (ddof 0) of each row over the passes that looked at it, (n,) float64 each.

    Parameters
    ----------
    passes : iterable of (n,) float
        NaN where a pass did not look at the row. One pass is held at a time.

    Returns
    -------
    mean, spread
        NaN where no pass looked at the row.
    """
    seen, mean, squares = np.zeros(n, np.int64), np.zeros(n), np.zeros(n)
    for values in passes:
        there = ~np.isnan(values)
        seen += there
        step = np.where(there, values - mean, 0.0)
        mean += step / np.maximum(seen, 1)
        squares += step * np.where(there, values - mean, 0.0)  # Welford, as for the centroids
    some = np.maximum(seen, 1)
    return np.where(seen > 0, mean, np.nan), np.where(seen > 0, np.sqrt(squares / some), np.nan)


def last_seen(passes: Iterable[np.ndarray], n: int) -> np.ndarray:
    """What the last pass that looked at a row said of it, (n,) float64; NaN where none did."""
    last = np.full(n, np.nan)
    for values in passes:
        last = np.where(np.isnan(values), last, values)
    return last


def forgetting_events(prediction: Iterable[np.ndarray], given: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often a row was predicted as given in one look and as something else in the next (arXiv 1812.05159).

    Parameters
    ----------
    prediction : iterable of (n,) int
        One array per pass, -1 where it did not look at the row: such a pass is as if it had not been.
    given : (n,) int, all >= 0

    Returns
    -------
    forgotten : (n,) int64
        Changes from right to wrong.
    learnt : (n,) bool
        Whether any look was right.
    observed : (n,) int64
    """
    given = np.asarray(given)
    forgotten, observed = np.zeros(len(given), np.int64), np.zeros(len(given), np.int64)
    learnt, right_before = np.zeros(len(given), bool), np.zeros(len(given), bool)
    for predicted in prediction:
        seen = predicted >= 0
        right = seen & (predicted == given)
        observed += seen
        forgotten += right_before & seen & ~right
        right_before = np.where(seen, right, right_before)
        learnt |= right
    return forgotten, learnt, observed
