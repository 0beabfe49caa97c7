"""The cut statistic: how far a row's neighbours disagree with its label, beside labels that were dealt out at random.

Lang et al., "Training Subset Selection for Weak Supervision", NeurIPS 2022, arXiv 2206.02914.

    w_ij = 1 / (1 + d_ij),   J_i = sum over i's neighbours j with another label of w_ij
    z_i  = (J_i - (1 - pi) sum_j w_ij) / sqrt(pi (1 - pi) sum_j w_ij^2),   pi the share of i's label

The published code counts a row as its own neighbour, at distance 0; here it is none. A row of a large class may expect
agreement, so one neighbour that disagrees says more there than in a small class: what rules gave too often is found.
"""

import numpy as np

from mislabel.posterior.nearest import nearest_voters

NEIGHBOURS = 20


def cut_statistic(
    points: np.ndarray,
    given: np.ndarray,
    n_classes: int,
    count: int = NEIGHBOURS,
    recalls: list[float] | None = None,
) -> np.ndarray:
    """z of each row, (n,) float64, higher = more likely wrong; 0 where all labels are the same or nobody is near.

    Parameters
    ----------
    points : (n, d) float
        All finite. Distances are Euclidean.
    given : (n,) int in [0, n_classes)
    count : int
        How many neighbours a row has; all others where those are fewer.
    recalls : list of float, optional
        As in `mislabel.posterior.nearest.nearest_voters`.
    """
    found = nearest_voters(points, np.ones(len(given), dtype=bool), max(1, min(count, len(given) - 1)), recalls)
    weight, near = 1 / (1 + found.distance), found.near
    share = (np.bincount(given, minlength=n_classes) / len(given))[given]
    cut = (weight * (given[near] != given[:, None])).sum(1)
    spread = np.sqrt(share * (1 - share) * (weight**2).sum(1))
    return np.where(spread > 0, (cut - (1 - share) * weight.sum(1)) / np.where(spread > 0, spread, 1.0), 0.0)
