"""Which rows make a batch, and which part of it each process gets."""

import numpy as np

from mislabel.training.inputs import PAD_TO

BATCHES_PER_BUCKET = 50


def shuffled_batches(lengths: np.ndarray, batch_size: int, seed: list[int], smallest: int = 1) -> list[np.ndarray]:
    """Every row once, in batches of rows of like length, in random order.

    Rows are shuffled, cut into buckets of fifty batches, sorted by padded length inside each and cut into batches.
    The same seed gives the same batches. Rows of the same padded length stay in random order: length and class often
    go together, and batches of one class each make training swing.

    Parameters
    ----------
    lengths : (n,) int
    batch_size : int
    seed : list of int
        Usually (run seed, stage, epoch).
    smallest : int
        A last batch of fewer rows (less than one per process, or a single one, which normalisation over a batch cannot
        take) joins the one before.

    Returns
    -------
    list of (b,) int64
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(lengths))
    bucket = batch_size * BATCHES_PER_BUCKET
    batches: list[np.ndarray] = []
    for begin in range(0, len(order), bucket):
        part = order[begin : begin + bucket]
        part = part[np.argsort(-(-lengths[part] // PAD_TO), kind="stable")]
        batches += [part[k : k + batch_size] for k in range(0, len(part), batch_size)]
    if len(batches) > 1 and len(batches[-1]) < smallest:
        last = batches.pop()
        batches[-1] = np.concatenate([batches[-1], last])
    return [batches[k] for k in random.permutation(len(batches))]


def pieces(batch: np.ndarray, accumulate: int, processes: int, rank: int) -> list[np.ndarray]:
    """The parts of a batch that one process computes, one after the other; together they cover it exactly once.

    Every process gets the same number of parts, none of them empty.
    """
    count = max(1, min(accumulate, len(batch) // processes))
    return np.array_split(batch, count * processes)[rank::processes]


def sorted_batches(lengths: np.ndarray, batch_size: int, order: np.ndarray | None = None) -> list[np.ndarray]:
    """Every row once, longest first, for inference; rows of one length in the `order` (n,) that is given."""
    order = np.arange(len(lengths)) if order is None else order
    order = order[np.argsort(-lengths[order], kind="stable")]
    return [order[k : k + batch_size] for k in range(0, len(order), batch_size)]
