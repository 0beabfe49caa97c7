"""Pure functions over recorded dynamics: arrays in, arrays out."""

import itertools

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
    for one in prediction:  # pass by pass: the array may be a memory map larger than memory
        seen = (one >= 0) & (given >= 0)
        observed += seen
        wrong += seen & (one != given)
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
    values, place = np.unique((present % width) / (present // width), return_inverse=True)
    return values, np.bincount(place, weights=rows[present], minlength=values.size).astype(np.int64)


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
