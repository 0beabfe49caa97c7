"""Labels of a row's neighbours in embedding space: agreement, votes and probabilities."""

import math
from dataclasses import dataclass

import numpy as np

from mislabel.posterior.nearest import nearest_voters

NEIGHBOURS, PERMUTATIONS = 10, 200
BALANCED_NEIGHBOURS, VOTERS = 20, 10_000
ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Agreement:
    """How often a row's nearest neighbours carry its label.

    Attributes
    ----------
    rows : int
        How many rows were compared.
    observed : float
        Share of (row, neighbour) pairs with the same label.
    chance : float
        The same share with labels dealt out at random, its mean.
    deviations : float
        The excess over chance, in standard deviations of that share.
    reachable : float
        What `deviations` would be if the neighbours of every row were rows of its own class, as far as there are any.
    """

    rows: int
    observed: float
    chance: float
    deviations: float
    reachable: float = math.inf


def label_agreement(points: np.ndarray, given: np.ndarray, seed: int = 0, *, by_direction: bool = True) -> Agreement:
    """Compare neighbours' labels with shuffled labels: a permutation test.

    A row is never its own neighbour and no network has seen the labels, so unlike the fit of a trained network the
    agreement cannot come from learning labels by heart.

    Parameters
    ----------
    points : (n, d) float
    given : (n,) int, all >= 0
    by_direction : bool
        Whether rows are near by their cosine, as embeddings are; a row of zeros has no direction and is left out. Else
        by their Euclidean distance: a single column has but two directions.
    """
    given = np.asarray(given)
    if by_direction:
        lengths = np.linalg.norm(points, axis=1, keepdims=True)
        some = lengths[:, 0] > 0
        points, given = points[some] / lengths[some], given[some]
    count = min(NEIGHBOURS, len(points) - 1)
    if count < 1:
        return Agreement(len(points), 0.0, 0.0, 0.0, 0.0)
    near = nearest(points.astype(np.float32), count)
    random = np.random.default_rng(seed)
    observed = float((given[near] == given[:, None]).mean())
    dealt = np.empty(PERMUTATIONS)
    for k in range(PERMUTATIONS):
        other = random.permutation(given)
        dealt[k] = np.mean(other[near] == other[:, None])
    chance, spread = float(dealt.mean()), max(float(dealt.std()), 1e-9)
    best = float(np.minimum(np.bincount(given)[given] - 1, count).mean()) / count
    return Agreement(len(points), observed, chance, (observed - chance) / spread, (best - chance) / spread)


def nearest(points: np.ndarray, count: int) -> np.ndarray:
    """The `count` nearest other rows of each row, in no particular order, (n, count) int64.

    Parameters
    ----------
    points : (n, d) float32
        More than `count` rows. Where they are of length 1, the order by distance is that by cosine.
    """
    return nearest_voters(points, np.ones(len(points), dtype=bool), count).near


def neighbour_probabilities(
    embeddings: np.ndarray,
    given: np.ndarray,
    voters: np.ndarray,
    n_classes: int,
    count: int = NEIGHBOURS,
    recalls: list[float] | None = None,
) -> np.ndarray:
    """Class probabilities of each row from its nearest voters, each with a weight of 1 / distance.

    A row never votes for itself: it would answer with its own given label, whatever that is worth.

    Parameters
    ----------
    embeddings : (n, d) float
        All finite. Distances are Euclidean; voters at distance 0 share all the weight among them.
    given : (n,) int, in [0, n_classes) for voters
    voters : (n,) bool
    count : int
        How many neighbours vote; all there are where there are fewer.
    recalls : list of float, optional
        As in `mislabel.posterior.nearest.nearest_voters`.

    Returns
    -------
    (n, n_classes) float32
        Rows sum to 1; uniform for a row that no other row can vote for.
    """
    voters, given = np.asarray(voters, dtype=bool), np.asarray(given)
    if not voters.any():
        return np.full((len(given), n_classes), 1 / n_classes, dtype=np.float32)
    found = nearest_voters(embeddings, voters, min(count, int(np.count_nonzero(voters))), recalls)
    probabilities = np.zeros((len(given), n_classes), dtype=np.float32)
    for begin in range(0, len(given), ROWS_AT_ONCE):
        part = slice(begin, begin + ROWS_AT_ONCE)
        _add_votes(found.distance[part], given[found.near[part]], probabilities[part])
    return np.minimum(probabilities, 1, out=probabilities)  # ten sums in float32 may come to a little more


def _add_votes(distance: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Fill probabilities (m, K) of zeros with the votes of neighbours at these distances, of these labels, (m, k)."""
    same = distance == 0
    with np.errstate(divide="ignore"):
        weights = np.where(same.any(1, keepdims=True), same, 1 / distance)
    total = weights.sum(1, keepdims=True)
    alone = total[:, 0] == 0
    np.add.at(probabilities, (np.arange(len(labels))[:, None], labels), weights / np.where(total > 0, total, 1))
    probabilities[alone] = 1 / probabilities.shape[1]


def votes_of_neighbours(
    embedding: np.ndarray,
    labels: np.ndarray,
    voters: np.ndarray,
    n_classes: int,
    count: int,
    recalls: list[float] | None = None,
) -> np.ndarray:
    """Votes of the nearest `count` voters, or of the root of the voters' number where that is less, (n, K) float32."""
    most = max(1, math.isqrt(int(voters.sum())))
    return neighbour_probabilities(embedding, labels, voters, n_classes, min(count, most), recalls)


def balanced_votes(
    points: np.ndarray, given: np.ndarray, n_classes: int, seed: int = 0, recalls: list[float] | None = None
) -> np.ndarray:
    """Votes of the 20 nearest rows divided by the shares of their classes, (n, K) float64, rows sum to 1.

    No more than VOTERS rows vote, drawn at random: who they are hardly moves what they say, and time grows with them.
    """
    voters = np.zeros(len(given), dtype=bool)
    voters[np.random.default_rng(seed).permutation(len(given))[:VOTERS]] = True
    shares = np.bincount(given[voters], minlength=n_classes) / np.count_nonzero(voters)
    votes = neighbour_probabilities(points, given, voters, n_classes, BALANCED_NEIGHBOURS, recalls).astype(np.float64)
    votes /= np.where(shares > 0, shares, 1.0)
    return votes / votes.sum(1, keepdims=True)


def majority(votes: np.ndarray) -> np.ndarray:
    """One-hot rows of the class with most votes, (n, K) float32; shared by several where votes are equal."""
    most = votes == votes.max(1, keepdims=True)  # all, where nobody could vote
    return (most / most.sum(1, keepdims=True)).astype(np.float32)


def elected(votes: np.ndarray) -> np.ndarray:
    """The class with most votes, (n,) int64; -1 where nobody could vote."""
    return np.where(np.ptp(votes, axis=1) > 0, votes.argmax(-1), -1)
