"""The orders in which a review can show rows. Pure functions; a row is named by its rank in the audit, 0 = worst."""

import heapq
from collections.abc import Iterator

import numpy as np

from mislabel.posterior.likeliest import Likeliest
from mislabel.run.opening import Matrix

NEIGHBOURS = 10
POOL = 10_000  # rows among which `gain` looks for the best
ROWS_AT_ONCE, READ_AT_ONCE = 512, 1 << 16
MOST_MIXED = 1_000_000  # looks: a loop over all of ten million rows takes a quarter of a minute


def worst(judged: np.ndarray) -> np.ndarray:
    """The judged rows in the order of the audit, (m,) int64; judged is (n,) bool."""
    return np.flatnonzero(judged)


def probes(judged: np.ndarray, seed: int) -> np.ndarray:
    """The judged rows in a random order, the same for the same seed, (m,) int64."""
    return np.random.default_rng(seed).permutation(worst(judged))


def pairs(judged: np.ndarray, given: np.ndarray, suggested: np.ndarray, p_mislabeled: np.ndarray) -> np.ndarray:
    """Rows with the same given and the same suggested label together, worst first within, (m,) int64.

    The pair with most expected wrong labels, the sum of its `p_mislabeled`, comes first; rows whose given label is the
    suggested one come last.

    Parameters
    ----------
    judged : (n,) bool
    given, suggested : (n,) int
    p_mislabeled : (n,) float
        A missing one counts nothing.
    """
    rows = worst(judged)
    given, suggested = given[rows].astype(np.int64), suggested[rows].astype(np.int64)
    _, pair = np.unique(given * (suggested.max(initial=0) + 2) + suggested + 1, return_inverse=True)
    expected = np.bincount(pair, weights=np.nan_to_num(p_mislabeled[rows].astype(np.float64)))[pair]
    expected[given == suggested] = -1.0
    kept = given == suggested
    return rows[np.lexsort((rows, np.where(kept, -1, pair), -expected))]


def risk(posterior: np.ndarray | Matrix | Likeliest, positions: np.ndarray) -> np.ndarray:
    """How likely the best guess of each row's label is wrong: 1 - its largest posterior, (n,) float32.

    Parameters
    ----------
    posterior : (N, K) float
        May be a matrix on disk, since it is read in parts.
    positions : (n,) int
        The position of each row in it.
    """
    largest = np.empty(len(posterior), dtype=np.float32)
    for begin in range(0, len(posterior), READ_AT_ONCE):
        largest[begin : begin + READ_AT_ONCE] = posterior[begin : begin + READ_AT_ONCE].max(1)
    return np.clip(1 - largest[positions], 0, 1)


def gain(
    judged: np.ndarray,
    risk: np.ndarray,
    budget: int,
    embeddings: np.ndarray | Matrix | None = None,
    positions: np.ndarray | None = None,
) -> np.ndarray:
    """The rows a person should see who has `budget` looks, then all others worst first, (m,) int64.

    If nobody looked, every row would carry our best guess of its label, wrong with probability r_j, the row's risk. A
    look at row i does away with the risk of i, and with the share s_ij of that of similar rows j, for which its answer
    speaks. What a set S of looks is expected to put right is

        Gain(S) = sum_j r_j max_{i in S} s_ij,

    the facility-location function, monotone and submodular: picking the row that adds most, again and again, gives at
    least 1 - 1/e of the best set of that size (Nemhauser, Wolsey and Fisher, 1978), and what a row adds only shrinks,
    so few need computing again (Minoux, 1978).

    It is not `p_mislabeled` that counts here: a label that is surely wrong and surely to be replaced by the suggested
    one needs no look for that, neither in training nor in an export that takes suggestions. Whoever wants to see as
    many wrong labels as possible looks worst first.

    s_ij is 1 - d_ij / d_j, but at least 0, with d the cosine distance and d_j that to row j's own k-th neighbour
    (k = 10): each row is spoken for by its nearest rows alone, however dense its surroundings are. Without embeddings a
    row speaks for itself alone. Only the 10,000 riskiest rows are looked at, and their neighbours among them.

    Parameters
    ----------
    judged : (n,) bool
    risk : (n,) float
        In [0, 1], as the function `risk` gives it; a missing one counts nothing.
    budget : int
    embeddings : (N, d) float, optional
        May be a matrix on disk, also in half precision.
    positions : (n,) int, optional
        The position of each row in the embeddings; 0 to n - 1 by default.
    """
    rows = worst(judged)
    value = np.nan_to_num(risk[rows].astype(np.float64))
    pool = np.sort(np.argsort(-value, kind="stable")[:POOL])  # of equals those further up
    budget = min(budget, len(pool))
    if embeddings is None or len(pool) <= 2:
        picked = pool[np.argsort(-value[pool], kind="stable")[:budget]]
    else:
        lines = rows[pool] if positions is None else positions[rows[pool]]
        near, similarity = similarities(embeddings[lines])
        picked = pool[greedy(value[pool], near, similarity, budget)]
    left = np.ones(len(rows), dtype=bool)
    left[picked] = False
    return np.concatenate([rows[picked], rows[left]])


def similarities(embeddings: np.ndarray, count: int = NEIGHBOURS) -> tuple[np.ndarray, np.ndarray]:
    """The nearest rows of each row by cosine and what each says of it, as in `gain`.

    Parameters
    ----------
    embeddings : (m, d) float
        m >= 2. A row of zeros has no direction, and nothing is said of it.

    Returns
    -------
    near : (m, k) int64
        k = min(count, m - 1).
    similarity : (m, k) float32
        In [0, 1], of row j and the row near[j, c]; 1 where they point the same way.
    """
    unit = embeddings.astype(np.float32)
    lengths = np.linalg.norm(unit, axis=1, keepdims=True)
    unit /= np.where(lengths > 0, lengths, 1)
    count = min(count, len(unit) - 1)
    near, similarity = np.empty((len(unit), count), dtype=np.int64), np.empty((len(unit), count), dtype=np.float32)
    for begin in range(0, len(unit), ROWS_AT_ONCE):
        part = np.arange(begin, min(begin + ROWS_AT_ONCE, len(unit)))
        cosine = unit[part] @ unit.T
        cosine[part - begin, part] = -np.inf
        nearest = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
        distance = np.maximum(1 - np.take_along_axis(cosine, nearest, axis=1), 0)
        distance[distance < 1e-6] = 0  # the same row twice, up to the rounding of float32
        furthest = distance.max(1, keepdims=True)
        near[part] = nearest
        similarity[part] = 1 - distance / np.where(furthest > 0, furthest, 1)
    similarity[lengths[:, 0] == 0] = 0
    return near, similarity


def greedy(value: np.ndarray, near: np.ndarray, similarity: np.ndarray, budget: int) -> np.ndarray:
    """Pick `budget` <= m rows, the one that adds most to Gain first, (budget,) int64; of equals the one further up.

    Parameters
    ----------
    value : (m,) float
        The risk of each row.
    near, similarity : (m, k) arrays
        Row j is also spoken for by near[j, c], to the share similarity[j, c].
    """
    m, k = near.shape
    speaker = np.append(near.ravel(), np.arange(m))
    by_speaker = np.argsort(speaker, kind="stable")
    heard = np.append(np.repeat(np.arange(m), k), np.arange(m))[by_speaker]
    strength = np.append(similarity.ravel(), np.ones(m)).astype(np.float64)[by_speaker]
    bounds = np.searchsorted(speaker[by_speaker], np.arange(m + 1))
    covered = np.zeros(m)

    def adds(row: int) -> float:
        span = slice(bounds[row], bounds[row + 1])
        listeners = heard[span]
        return float((value[listeners] * np.maximum(strength[span] - covered[listeners], 0)).sum())

    heap = [(-adds(row), row) for row in range(m)]
    heapq.heapify(heap)
    picked = []
    while len(picked) < budget:
        row = heap[0][1]
        now = -adds(row)
        if len(heap) > 1 and (now, row) > min(heap[1:3]):
            heapq.heapreplace(heap, (now, row))
            continue
        heapq.heappop(heap)
        picked.append(row)
        span = slice(bounds[row], bounds[row + 1])
        covered[heard[span]] = np.maximum(covered[heard[span]], strength[span])
    return np.array(picked, dtype=np.int64)


def mix_in(order: np.ndarray, probe_rows: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The queue of looks: an order with probes mixed in, every 1 / share-th look the next of them.

    Each row comes once. A probe row that the order has shown already takes no look: the next one does. Past MOST_MIXED
    looks, where nobody comes, the rest of the order follows as it is.

    Parameters
    ----------
    order : (m,) int
        Different rows.
    probe_rows : (p,) int
        Different rows in an order that chance gave.
    share : float
        In [0, 0.9]; 0 for no probes.

    Returns
    -------
    queue : (q,) int64
        All rows of the order, and with a share the probe rows.
    is_probe : (q,) bool
    """
    if not share:
        return order.astype(np.int64), np.zeros(len(order), dtype=bool)
    seen = bytearray(int(max(order.max(initial=-1), probe_rows.max(initial=-1))) + 1)
    listed, drawn = _unseen(order, seen), _unseen(probe_rows, seen)
    queue, is_probe = np.empty(len(seen), dtype=np.int64), np.empty(len(seen), dtype=bool)
    look = 0
    while look < MOST_MIXED:
        # Rounding must not move a probe by one look: 0.29 * 100 is 28.999...
        turn = int((look + 1) * share + 1e-9) > int(look * share + 1e-9)
        row = next(drawn if turn else listed, None)
        if row is None:
            turn = not turn
            row = next(drawn if turn else listed, None)
        if row is None:
            break
        seen[row] = 1
        queue[look], is_probe[look] = row, turn
        look += 1
    for rest in (order, probe_rows):
        left = rest[np.frombuffer(seen, dtype=np.uint8)[rest] == 0]
        queue[look : look + len(left)], is_probe[look : look + len(left)] = left, rest is probe_rows
        np.frombuffer(seen, dtype=np.uint8)[left] = 1
        look += len(left)
    return queue[:look], is_probe[:look]


def _unseen(rows: np.ndarray, seen: bytearray) -> Iterator[int]:
    parts = (rows[begin : begin + READ_AT_ONCE] for begin in range(0, len(rows), READ_AT_ONCE))
    return (row for part in parts for row in part.tolist() if not seen[row])


def farthest(deviations: np.ndarray, count: int) -> np.ndarray:
    """Rows far from the origin and from each other: greedy k-center with the origin as the only first centre.

    First the row of the largest norm, then always the one furthest from all chosen before (Sener and Savarese, "Active
    Learning for Convolutional Neural Networks: A Core-Set Approach", ICLR 2018; with the origin as in "Deep Active
    Learning with Noise Stability", AAAI 2024).

    Parameters
    ----------
    deviations : (m, w) float
    count : int

    Returns
    -------
    (min(count, m),) int64
        Positions, in the order of choice, of equals the first.
    """
    points = np.asarray(deviations, dtype=np.float32)
    distance = np.einsum("ij,ij->i", points, points, dtype=np.float64)
    chosen = np.empty(min(count, len(points)), dtype=np.int64)
    for k in range(len(chosen)):
        chosen[k] = distance.argmax()
        apart = points - points[chosen[k]]
        distance = np.minimum(distance, np.einsum("ij,ij->i", apart, apart, dtype=np.float64))
        distance[chosen[: k + 1]] = -1.0  # a row is chosen once, even among equals
    return chosen
