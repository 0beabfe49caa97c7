"""What tests of several rooms share and cannot be a fixture."""

from functools import partial

import numpy as np
import pandas as pd

from mislabel.modalities.features.features import check_features
from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.prototypes import prototype_similarity

N = 40_000  # rows, where a law is looked at


def numerical_gradient(function, point, step=1e-6):
    """Central differences of a number that depends on an array, of the array's shape."""
    gradient = np.zeros_like(point)
    for place in np.ndindex(point.shape):
        up, down = point.copy(), point.copy()
        up[place] += step
        down[place] -= step
        gradient[place] = (function(up) - function(down)) / (2 * step)
    return gradient


def softmax(z):
    """Along the last axis, by numpy."""
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax(z):
    """Along the last axis, by numpy; of logits that are not large."""
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def opinion_for(method, points, given, classes):
    """What a run would say of the rows beside their labels, (n, K) float32, where the method learns from that."""
    if not getattr(method, "learns_from_evidence", False):
        return None
    return frozen_space(points, given, classes).fit.posterior.astype(np.float32)


def worth_for(method, points, given, classes):
    """What a run would take the labels for before training, (n,) float, where the method weighs them."""
    if not hasattr(method, "row_worth"):
        return None
    return method.row_worth(prototype_similarity(points, given, classes), given)


class StopAfter:
    """Says that Ctrl-C was pressed after a number of steps."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left < 0


def check(values, count=None, name="data.csv", **how):
    """Features of so many rows, or as many as there are values, which are called r0, r1, ..., and notes."""
    count = len(values) if count is None else count
    return check_features(values, [f"r{place}" for place in range(count)], name, **how)


check_vectors = partial(check, name="vectors")


def read_only(array):
    array.flags.writeable = False
    return array


def people():
    """A table with a column of each kind, under an odd index."""
    return pd.DataFrame(
        {
            "age": [37, 20, 51, 20],
            "colour": ["red", "green", "red", "blue"],
            "emb": [[0.5, -3.0], [1.0, 2.0], [4.0, 8.0], [0.0, 0.25]],
            "member": [True, False, True, True],
        },
        index=[7, 7, 3, 1],
    )


def rng(seed=0):
    return np.random.default_rng(seed)


def truth(classes, size=N, seed=0):
    """True classes of many rows."""
    return rng(seed).integers(0, classes, size)


def band(share, size):
    """Four standard deviations of a mean of `size` independent draws; fixed counts vary less."""
    return 4 * np.sqrt(share * (1 - share) / size)
