"""What a row's neighbours in embedding space say of labels."""

from dataclasses import dataclass

import numpy as np

NEIGHBOURS, PERMUTATIONS, ROWS_AT_ONCE = 10, 200, 1024


@dataclass(frozen=True)
class Agreement:
    """How often a row's nearest neighbours carry its label.

    Attributes
    ----------
    rows : int
        How many rows were looked at.
    observed : float
        Share of (row, neighbour) pairs with the same label.
    chance : float
        The same share with labels dealt out at random, its mean.
    deviations : float
        The excess over chance, in standard deviations of that share.
    """

    rows: int
    observed: float
    chance: float
    deviations: float


def label_agreement(embeddings: np.ndarray, given: np.ndarray, seed: int = 0) -> Agreement:
    """Compare neighbours' labels with labels dealt out at random: a permutation test.

    A row is never its own neighbour and no network has seen the labels, so unlike the fit of a trained network the
    agreement cannot come from learning labels by heart.

    Parameters
    ----------
    embeddings : (n, d) float
        A row of zeros has no direction and is left out.
    given : (n,) int, all >= 0
    """
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    some = lengths[:, 0] > 0
    unit, given = (embeddings[some] / lengths[some]).astype(np.float32), np.asarray(given)[some]
    count = min(NEIGHBOURS, len(unit) - 1)
    if count < 1:
        return Agreement(len(unit), 0.0, 0.0, 0.0)
    near = nearest(unit, count)
    random = np.random.default_rng(seed)
    observed = float(np.mean(given[near] == given[:, None]))
    dealt = np.empty(PERMUTATIONS)
    for k in range(PERMUTATIONS):
        other = random.permutation(given)
        dealt[k] = np.mean(other[near] == other[:, None])
    spread = max(float(dealt.std()), 1e-9)
    return Agreement(len(unit), observed, float(dealt.mean()), (observed - float(dealt.mean())) / spread)


def nearest(unit: np.ndarray, count: int) -> np.ndarray:
    """The `count` nearest other rows of each row by cosine, in no particular order, (n, count) int64.

    Parameters
    ----------
    unit : (n, d) float32
        Rows of length 1.
    """
    near = np.empty((len(unit), count), dtype=np.int64)
    for begin in range(0, len(unit), ROWS_AT_ONCE):
        likeness = unit[begin : begin + ROWS_AT_ONCE] @ unit.T
        likeness[np.arange(len(likeness)), begin + np.arange(len(likeness))] = -np.inf
        near[begin : begin + len(likeness)] = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
    return near
