"""Nearest rows among very many: voters in lists around centres, of which a row looks into the nearest few.

An inverted file (Jegou, Douze and Schmid, "Product quantization for nearest neighbor search", TPAMI 2011, without the
quantization): k-means on a sample gives centres, every voter stands in the list of its nearest one, and distances
within the lists that are looked into are exact. The rows that look into a list meet it in one matrix product, so that
a list is read once for hundreds of rows. On one core this is as fast as a compiled index at 64 dimensions and faster
at 384, needs no package, and the same rows give the same neighbours.
"""

# Some of torch's functions have no types.
# pyright: reportUnknownMemberType=false
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mislabel.posterior.derived import parts
from mislabel.posterior.nearest import PROBES, Nearest, centred, compared_with_all

LISTS = 4.0  # times the root of the voters: so looking for lists takes about as long as looking into them
SAMPLE, ROUNDS = 32, 5  # rows a list that k-means sees, and how often
LONGEST = 4  # times the mean: a longer list is parted, so that rows which are all the same do not meet all others
RECALL = 0.96  # of what probes find among all, at which no more lists are looked into
FEWEST, MOST = 8, 256  # lists that a row looks into
ROWS_AT_ONCE = 1 << 17
LOOKS_AT_ONCE = 1 << 22  # rows times lists that they look into
PRODUCT_AT_ONCE = 1 << 22
EXACT_AT_ONCE = 1 << 20  # numbers of the rows found whose distance is computed once more
SAME = 1e-6  # of a distance, by which two float32 sums of the same differ


class Lists:
    """Voters in lists.

    Parameters
    ----------
    points : (n, d) float
    voters : (v,) int64
        Rows of the points, ascending.
    centre : (d,) float32
        Near their mean.
    """

    def __init__(self, points: Any, voters: np.ndarray, centre: np.ndarray):
        self.points: Any = points
        self.centre: np.ndarray = centre
        lists = max(1, round(LISTS * np.sqrt(len(voters))))
        sample = np.sort(np.random.default_rng(0).permutation(len(voters))[: SAMPLE * lists])
        centres = means(centred(points, voters[sample], centre), lists)
        own = torch.cat([nearest_centres(centred(points, voters[part], centre), centres, 1)[:, 0]
                         for part in parts(len(voters), ROWS_AT_ONCE)])  # fmt: skip
        own, centres = parted(own, centres, LONGEST * len(voters) // lists + 1)
        self.centres: Tensor = centres
        order = torch.argsort(own, stable=True).numpy()
        self.rows: np.ndarray = voters[order]  # in the order of the lists
        self.held: Tensor = centred(points, self.rows, centre)
        self.lengths: Tensor = (self.held**2).sum(1)
        sizes = np.bincount(own.numpy(), minlength=len(centres))
        self.starts: np.ndarray = np.concatenate([[0], np.cumsum(sizes)])
        self.place: np.ndarray = np.full(len(points), -1, dtype=np.int64)  # of each row in the lists
        self.place[self.rows] = np.arange(len(self.rows))

    def search(self, asked: np.ndarray, count: int, looked: int) -> tuple[np.ndarray, np.ndarray]:
        """The nearest voters of rows (m,) int64 in so many lists: rows and distances, (m, count) each."""
        near = np.empty((len(asked), count), dtype=np.int64)
        distance = np.empty((len(asked), count))
        for part in parts(len(asked), min(ROWS_AT_ONCE, max(1, LOOKS_AT_ONCE // looked))):
            places, found = self._some(asked[part], count, looked)
            near[part], distance[part] = self.rows[places], found
        return near, distance

    def _some(self, asked: np.ndarray, count: int, looked: int) -> tuple[np.ndarray, np.ndarray]:
        """The same of as many rows as memory may hold at once, by place in the lists."""
        rows, own = centred(self.points, asked, self.centre), torch.from_numpy(self.place[asked])
        wanted = nearest_centres(rows, self.centres, looked)
        order = torch.argsort(wanted.flatten(), stable=True)
        ends = torch.cumsum(torch.bincount(wanted.flatten(), minlength=len(self.centres)), 0).numpy().tolist()
        who = order // wanted.shape[1]
        best = torch.full((len(asked), count), torch.inf)
        places = torch.zeros(len(asked), count, dtype=torch.int64)
        for number, end in enumerate(ends):
            begin, stop = self.starts[number], self.starts[number + 1]
            step = max(1, PRODUCT_AT_ONCE // max(1, stop - begin))
            for first in range(ends[number - 1] if number else 0, end if stop > begin else 0, step):
                these = who[first : min(first + step, end)]
                squared = torch.addmm(self.lengths[begin:stop], rows[these], self.held[begin:stop].T, alpha=-2)
                inside = torch.nonzero((own[these] >= begin) & (own[these] < stop)).flatten()
                squared[inside, own[these[inside]] - begin] = torch.inf  # no row is its own neighbour
                value, place = squared.topk(min(count, stop - begin), largest=False, sorted=False)
                value, place = torch.cat([best[these], value], 1), torch.cat([places[these], place + begin], 1)
                best[these], chosen = value.topk(count, largest=False, sorted=False)
                places[these] = place.gather(1, chosen)
        return places.numpy(), self._distances(rows, places, torch.isinf(best))

    def _distances(self, rows: Tensor, places: Tensor, lacking: Tensor) -> np.ndarray:
        """Distances without what cancels in a product, (m, count) float64."""
        result = np.empty(places.shape)
        for part in parts(len(rows), max(1, EXACT_AT_ONCE // (places.shape[1] * rows.shape[1]))):
            apart = self.held[places[part]] - rows[part, None]
            result[part] = torch.linalg.vector_norm(apart, dim=2).numpy()
        result[lacking.numpy()] = np.inf
        return result


def search(points: Any, voters: np.ndarray, count: int, centre: np.ndarray) -> Nearest:
    """As `mislabel.posterior.nearest.nearest_voters`, for voters (v,) int64; `centre` (d,) float32 as there."""
    lists = Lists(points, voters, centre)
    probes = np.sort(np.random.default_rng(1).permutation(len(points))[:PROBES])
    furthest = compared_with_all(points, voters, count, centre, probes)[1].max(1, keepdims=True)
    most = min(MOST, len(lists.centres))
    looked, recall = min(FEWEST, most), 0.0
    while True:
        found = lists.search(probes, count, looked)[1]
        recall = float((np.isfinite(found) & (found <= furthest * (1 + SAME))).mean())
        if recall >= RECALL or looked == most:
            break
        looked = min(2 * looked, most)
    return Nearest(*lists.search(np.arange(len(points)), count, looked), recall)


def means(sample: Tensor, lists: int) -> Tensor:
    """Centres (lists, d) by k-means on a sample (s, d), from evenly spaced rows of it on."""
    centres = sample[torch.arange(lists) * len(sample) // lists]
    for _ in range(ROUNDS):
        own = nearest_centres(sample, centres, 1)[:, 0]
        rows = torch.bincount(own, minlength=lists)[:, None]
        total = torch.zeros_like(centres).index_add_(0, own, sample)
        centres = torch.where(rows > 0, total / rows.clamp(min=1), centres)
    return centres


def nearest_centres(rows: Tensor, centres: Tensor, count: int) -> Tensor:
    """The nearest centres of each row, (m, count) int64."""
    result = torch.empty(len(rows), count, dtype=torch.int64)
    lengths = (centres**2).sum(1)
    for part in parts(len(rows), max(1, PRODUCT_AT_ONCE // len(centres))):
        squared = torch.addmm(lengths, rows[part], centres.T, alpha=-2)
        result[part] = squared.topk(count, largest=False, sorted=False).indices
    return result


def parted(own: Tensor, centres: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """Lists of at most so many: which one each voter is in, (v,) int64, and the centres, those of long lists again."""
    order = torch.argsort(own, stable=True)
    sizes = torch.bincount(own, minlength=len(centres))
    rank = torch.empty_like(own)  # of a voter in its list
    rank[order] = torch.arange(len(own)) - (torch.cumsum(sizes, 0) - sizes)[own[order]]
    pieces = ((sizes + longest - 1) // longest).clamp(min=1)
    first = torch.cumsum(pieces, 0) - pieces
    return first[own] + rank // longest, centres.repeat_interleave(pieces, 0)
