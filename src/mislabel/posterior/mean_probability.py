"""A posterior from any training: the mean probability of the given label over all passes."""

import numpy as np

from mislabel.dynamics.scores import wrong_events
from mislabel.dynamics.store import DynamicsStore
from mislabel.posterior.derived import parts
from mislabel.posterior.posterior import Posterior, Probabilities, replace_given


def mean_probability(dynamics: DynamicsStore, given: np.ndarray, probabilities: Probabilities) -> Posterior:
    """The given label's mean probability over the passes (data maps, arXiv 2009.10795), the rest as the model says.

    The final model alone would not do: by the last epoch plain training has learnt many wrong labels by heart.

    Parameters
    ----------
    given : (n,) int
    probabilities : (n, K) float32
        The final model's.
    """
    total, looks = np.zeros(len(given)), np.zeros(len(given), dtype=np.int64)
    for loss in dynamics.loss:
        seen = np.isfinite(loss)
        total[seen] += np.exp(-loss[seen].astype(np.float64))
        looks += seen
    mean = np.clip(total / np.maximum(looks, 1), 0.0, 1.0)
    return given_replaced(dynamics, given, probabilities, mean)


def given_replaced(
    dynamics: DynamicsStore, given: np.ndarray, probabilities: Probabilities, of_given: np.ndarray
) -> Posterior:
    """P(given label is right) from a method, (n,) float64, the rest as the model says; evidence from the passes."""
    of_rows = replace_given(probabilities, given, of_given).astype(np.float32)
    return Posterior(probabilities=of_rows, evidence=evidence(dynamics, given))


def evidence(
    dynamics: DynamicsStore, given: np.ndarray, passes: np.ndarray | slice = slice(None)
) -> dict[str, np.ndarray]:
    """What any training shows of a row, from all passes or some: columns of the audit, (n,) each."""
    wrong, observed = wrong_events(dynamics.prediction[passes], given)
    margin = np.empty(len(wrong))
    for part in parts(len(wrong)):  # all passes of all rows may be more than memory
        margin[part] = np.nanmean(dynamics.margin[:, part][passes], axis=0, dtype=np.float64)
    return {"wrong_events": wrong, "observations": observed, "mean_margin": margin}
