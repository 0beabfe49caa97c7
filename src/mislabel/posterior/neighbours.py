"""Labels of a row's neighbours in embedding space: agreement, votes and probabilities."""

import math
from dataclasses import dataclass

import numpy as np

NEIGHBOURS, PERMUTATIONS, ROWS_AT_ONCE = 10, 200, 1024
BALANCED_NEIGHBOURS, VOTERS = 20, 10_000
PRODUCT_AT_ONCE = 1 << 24  # values of one product of rows and voters, 64 MB in float32


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
    observed = float(np.mean(given[near] == given[:, None]))
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
    return nearest_voters(points, np.ones(len(points), dtype=bool), count)[0]


def neighbour_probabilities(
    embeddings: np.ndarray, given: np.ndarray, voters: np.ndarray, n_classes: int, count: int = NEIGHBOURS
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

    Returns
    -------
    (n, n_classes) float32
        Rows sum to 1; uniform for a row that no other row can vote for.
    """
    voters, given = np.asarray(voters, dtype=bool), np.asarray(given)
    if not voters.any():
        return np.full((len(given), n_classes), 1 / n_classes, dtype=np.float32)
    near, distance = nearest_voters(embeddings, voters, min(count, int(np.count_nonzero(voters))))
    same = distance == 0
    with np.errstate(divide="ignore"):
        weights = np.where(same.any(1, keepdims=True), same, 1 / distance)
    total = weights.sum(1, keepdims=True)
    alone = total[:, 0] == 0
    probabilities = np.zeros((len(given), n_classes), dtype=np.float32)
    np.add.at(probabilities, (np.arange(len(given))[:, None], given[near]), weights / np.where(total > 0, total, 1))
    probabilities[alone] = 1 / n_classes
    return np.minimum(probabilities, 1, out=probabilities)  # ten sums in float32 may come to a little more


def votes_of_neighbours(
    embedding: np.ndarray, labels: np.ndarray, voters: np.ndarray, n_classes: int, count: int
) -> np.ndarray:
    """Votes of the nearest `count` voters, or of the root of the voters' number where that is less, (n, K) float32."""
    return neighbour_probabilities(
        embedding, labels, voters, n_classes, min(count, max(1, math.isqrt(int(voters.sum()))))
    )


def balanced_votes(points: np.ndarray, given: np.ndarray, n_classes: int, seed: int = 0) -> np.ndarray:
    """Votes of the 20 nearest rows divided by the shares of their classes, (n, K) float64, rows sum to 1.

    No more than VOTERS rows vote, drawn at random: who they are hardly moves what they say, and time grows with them.
    """
    voters = np.zeros(len(given), dtype=bool)
    voters[np.random.default_rng(seed).permutation(len(given))[:VOTERS]] = True
    shares = np.bincount(given[voters], minlength=n_classes) / np.count_nonzero(voters)
    votes = neighbour_probabilities(points, given, voters, n_classes, BALANCED_NEIGHBOURS).astype(np.float64)
    votes /= np.where(shares > 0, shares, 1.0)
    return votes / votes.sum(1, keepdims=True)


def majority(votes: np.ndarray) -> np.ndarray:
    """One-hot rows of the class with most votes, (n, K) float32; shared by several where votes are equal."""
    most = votes == votes.max(1, keepdims=True)  # all, where nobody could vote
    return (most / most.sum(1, keepdims=True)).astype(np.float32)


def elected(votes: np.ndarray) -> np.ndarray:
    """The class with most votes, (n,) int64; -1 where nobody could vote."""
    return np.where(np.ptp(votes, axis=1) > 0, votes.argmax(-1), -1)


def nearest_voters(points: np.ndarray, voters: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest voters of each row other than itself, in no particular order.

    Parameters
    ----------
    points : (n, d) float
        Distances are Euclidean.
    voters : (n,) bool, at least `count` of them

    Returns
    -------
    near : (n, count) int64
        Rows of `points`.
    distance : (n, count) float64
        Infinite where a voter lacks a last neighbour, since it does not vote for itself.
    """
    import torch  # it takes a second, and a report of a finished run imports this module without looking for neighbours

    near = np.empty((len(points), count), dtype=np.int64)
    distance = np.empty((len(points), count))
    centre = points.mean(0, dtype=np.float64).astype(np.float32)  # about the centre, products cancel least
    held = torch.from_numpy(points[voters].astype(np.float32))
    held -= torch.from_numpy(centre)
    lengths, voter_index = (held**2).sum(1), np.cumsum(voters) - 1
    step = max(1, min(ROWS_AT_ONCE, PRODUCT_AT_ONCE // len(held)))
    for begin in range(0, len(points), step):
        rows = torch.from_numpy(points[begin : begin + step].astype(np.float32) - centre)
        votes = np.flatnonzero(voters[begin : begin + step])
        own = voter_index[begin + votes]
        squared = torch.addmm(lengths, rows, held.T, alpha=-2)  # less the row's own square, which orders nothing
        squared[votes, own] = torch.inf
        chosen = squared.topk(count, largest=False, sorted=False).indices
        exact = torch.linalg.vector_norm(held[chosen] - rows[:, None], dim=2).numpy().astype(np.float64)
        chosen = chosen.numpy()
        exact[votes] = np.where(chosen[votes] == own[:, None], np.inf, exact[votes])
        near[begin : begin + step], distance[begin : begin + step] = chosen, exact
    return np.flatnonzero(voters)[near], distance
