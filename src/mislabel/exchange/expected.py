"""How many of the suggested labels that an export takes are expected to be wrong."""

import numpy as np

from mislabel.run.checked import checked
from mislabel.run.reading import Run


def expected_wrong(run: Run, rows: np.ndarray) -> float | None:
    """The sum of their probabilities to be wrong, as rows that were checked at random put these right.

    A suggestion is right where the given label is wrong and the true one is the suggested of all others:

        P(right) = p' q_suggested / (1 - q_given),

    with p' the recalibrated p_mislabeled and q the posterior, which tells of classes beside the given one as it did.

    Parameters
    ----------
    rows : (t,) int64
        Of the audit.

    Returns
    -------
    float or None
        None where too few rows were checked at random.

    Raises
    ------
    RunError
        If a file of the run is broken.
    """
    known = checked(run)
    if known.rate.estimate is None:
        return None
    wrong = known.p(run.exact["p_mislabeled"][rows])
    return float(np.sum(1 - wrong * _of_others(run, rows)))


def _of_others(run: Run, rows: np.ndarray) -> np.ndarray:
    """The share (t,) of the suggested class in the posterior of all classes but the given; 1 where none is kept."""
    posterior, position = run.posterior, run.rows.position
    if posterior is None or position is None or not len(rows):
        return np.ones(len(rows))
    lines = posterior[position[rows]]
    place, codes = np.arange(len(rows)), [run.rows.labels[name][rows] for name in ("given_label", "suggested_label")]
    if np.max(codes) >= lines.shape[1]:  # a class that the run was not trained to tell apart
        return np.ones(len(rows))
    given, suggested = (np.asarray(lines[place, each], dtype=np.float64) for each in codes)
    return np.clip(np.divide(suggested, 1 - given, out=np.ones(len(rows)), where=given < 1), 0.0, 1.0)
