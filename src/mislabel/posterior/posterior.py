"""The posterior over every row's true label, and what follows from it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

import numpy as np

from mislabel.posterior.beta_mixture import BetaMixture
from mislabel.posterior.derived import kept_precision, parts
from mislabel.posterior.likeliest import Likeliest

if TYPE_CHECKING:  # brings torch, which a report does not need
    from mislabel.posterior.generative import Generative

Probabilities = np.ndarray | Likeliest


@dataclass(frozen=True)
class Posterior:
    """What a method concludes about the training rows.

    Attributes
    ----------
    probabilities : (n, K) float32, or Likeliest
        P(true label = k), rows sum to 1.
    evidence : dict of (n,) arrays
        Columns for the audit table, such as `wrong_events`.
    mixture : BetaMixture, optional
        The mixture over all rows, where the method fits one.
    rates : (n,) float64, optional
        What the mixture was fitted to.
    labels : dict of (n,) int64 arrays
        More columns for the audit table, that hold class codes.
    generative : Generative, optional
        What judges new rows from their trajectories, where the method fits such a model.
    recalls : list of float
        The share of neighbours that was found, as measured, each time that rows were too many to compare all.
    """

    probabilities: Probabilities
    evidence: dict[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    mixture: BetaMixture | None = None
    rates: np.ndarray | None = None
    labels: dict[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    generative: "Generative | None" = None
    recalls: list[float] = field(default_factory=list[float])


def halfway(one: Probabilities, other: Probabilities) -> Probabilities:
    """The mean of two, (n, K) float32; of `Likeliest`, one was made from the other."""
    if isinstance(one, Likeliest) and isinstance(other, Likeliest):
        return one.halfway(other)
    return ((np.asarray(one) + np.asarray(other)) / 2).astype(np.float32)


@overload
def mean_of_equals(values: np.ndarray, group: np.ndarray) -> np.ndarray: ...
@overload
def mean_of_equals(values: Probabilities, group: np.ndarray) -> Probabilities: ...
def mean_of_equals(values: Probabilities, group: np.ndarray) -> Probabilities:
    """The mean over the rows of each group, in place of what is said of each of them.

    Parameters
    ----------
    values : (n,) or (n, K) float, or Likeliest
    group : (n,) int, all >= 0
    """
    if isinstance(values, Likeliest):
        return values.mean_of_equals(group)
    several = np.flatnonzero(np.bincount(group)[group] > 1)
    if not len(several):
        return values
    _, group_of, counts = np.unique(group[several], return_inverse=True, return_counts=True)
    total = np.zeros((len(counts), *values.shape[1:]))
    np.add.at(total, group_of, values[several])
    means = total / counts.reshape(-1, *[1] * (values.ndim - 1))
    result = values.copy()
    result[several] = means[group_of]
    return result


@overload
def replace_given(probabilities: np.ndarray, given: np.ndarray, of_given: np.ndarray) -> np.ndarray: ...
@overload
def replace_given(probabilities: Probabilities, given: np.ndarray, of_given: np.ndarray) -> Probabilities: ...
def replace_given(probabilities: Probabilities, given: np.ndarray, of_given: np.ndarray) -> Probabilities:
    """Class probabilities with that of the given label set, the others scaled to keep their proportions.

    Parameters
    ----------
    probabilities : (n, K) float, or Likeliest
    given : (n,) int, all >= 0
    of_given : (n,) float in [0, 1]

    Returns
    -------
    (n, K) float64, of many rows float32; rows sum to 1. Of Likeliest the same kind.
    """
    if isinstance(probabilities, Likeliest):
        return probabilities.with_given(given, of_given)
    result = np.empty(probabilities.shape, dtype=kept_precision(len(given)))
    for part in parts(len(given)):
        result[part] = _replaced(probabilities[part], given[part], of_given[part])
    return result


def _replaced(probabilities: np.ndarray, given: np.ndarray, of_given: np.ndarray) -> np.ndarray:
    """The same of so few rows that memory holds it several times."""
    result = np.array(probabilities, dtype=np.float64)
    rows = np.arange(len(given))
    result[rows, given] = 0.0
    rest = result.sum(1, keepdims=True)
    even = np.full_like(result, 1.0 / (result.shape[1] - 1))
    even[rows, given] = 0.0
    result = np.divide(result, rest, out=even, where=rest > 1e-12)
    result *= (1.0 - of_given)[:, None]
    result[rows, given] = of_given
    return result
