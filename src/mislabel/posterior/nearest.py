"""The nearest rows of each row: exactly among some ten thousand, past that by lists with a recall that is measured.

All distances against all take time with the square of the rows: 100,000 rows minutes, a million hours. So where there
are more than EXACT of them the voters are parted into lists (`nearest_lists.py`), and a row looks into the lists whose
centres are nearest to it. How many those have to be hangs on the data, so it is measured: a thousand rows are also
compared with all, and the number is doubled until nearly all of what they find is found.
"""

# Some of torch's functions have no types.
# pyright: reportUnknownMemberType=false
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mislabel.posterior.derived import column_means

if TYPE_CHECKING:
    from torch import Tensor

EXACT = 1 << 30  # distances: 32,768 rows among themselves
FEWEST_VOTERS = 1 << 12  # that are worth parting
PROBES = 1000  # rows that tell how many of the nearest were found
ROWS_AT_ONCE = 1024
PRODUCT_AT_ONCE = 1 << 24  # values of one product of rows and voters, 64 MB in float32


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest voters of each of n rows other than itself, in no particular order.

    Attributes
    ----------
    near : (n, count) int64
        Rows.
    distance : (n, count) float64
        Euclidean. Infinite where a voter lacks a last neighbour, since it does not vote for itself.
    recall : float
        The share of the nearest that is among them: 1 where all were compared, else as measured on probes.
    """

    near: np.ndarray
    distance: np.ndarray
    recall: float = 1.0


def nearest_voters(points: Any, voters: np.ndarray, count: int, recalls: list[float] | None = None) -> Nearest:
    """The `count` nearest voters of each row other than itself.

    Parameters
    ----------
    points : (n, d) float
        Distances are Euclidean. An array, or `Derived`.
    voters : (n,) bool, at least `count` of them
    recalls : list of float, optional
        Gets the recall where rows are too many to compare all.
    """
    # torch takes a second, and a report of a finished run imports this module without looking for neighbours
    from mislabel.posterior import nearest_lists

    rows = np.flatnonzero(voters)
    centre = column_means(points).astype(np.float32)  # about the centre, products cancel least
    if len(rows) > FEWEST_VOTERS and len(points) * len(rows) > EXACT:
        found = nearest_lists.search(points, rows, count, centre)
        if recalls is not None and found.recall < 1:
            recalls.append(found.recall)
        return found
    near, distance = compared_with_all(points, rows, count, centre, np.arange(len(points)))
    return Nearest(near, distance)


def compared_with_all(
    points: Any, voters: np.ndarray, count: int, centre: np.ndarray, asked: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest voters (v,) int64 of the rows that are asked (m,) int64, both ascending: as in `Nearest`, for m."""
    import torch

    near = np.empty((len(asked), count), dtype=np.int64)
    distance = np.empty((len(asked), count))
    held = centred(points, voters, centre)
    lengths = (held**2).sum(1)
    place = np.searchsorted(voters, asked)  # of a row among the voters, if it is one
    votes = voters[np.minimum(place, len(voters) - 1)] == asked
    step = max(1, min(ROWS_AT_ONCE, PRODUCT_AT_ONCE // len(held)))
    for begin in range(0, len(asked), step):
        part = slice(begin, begin + step)
        rows, own = centred(points, asked[part], centre), place[part][votes[part]]
        squared = torch.addmm(lengths, rows, held.T, alpha=-2)  # less the row's own square, which orders nothing
        squared[np.flatnonzero(votes[part]), own] = torch.inf
        chosen = squared.topk(count, largest=False, sorted=False).indices
        apart = cast("Tensor", torch.linalg.vector_norm(held[chosen] - rows[:, None], dim=2))
        exact = apart.numpy().astype(np.float64)
        chosen = chosen.numpy()
        exact[votes[part]] = np.where(chosen[votes[part]] == own[:, None], np.inf, exact[votes[part]])
        near[part], distance[part] = chosen, exact
    return voters[near], distance


def centred(points: Any, rows: np.ndarray, centre: np.ndarray) -> "Tensor":
    """These rows (m,) int64 of the points, less the centre (d,), (m, d) float32."""
    import torch

    result = torch.from_numpy(points[rows].astype(np.float32, copy=False))
    return result.sub_(torch.from_numpy(centre))
