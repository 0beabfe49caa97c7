"""Two Gaussians over losses: rows of the lower one look rightly labelled (as in DivideMix, arXiv 2002.07394)."""

import warnings

import numpy as np

FEWEST = 10  # rows of a class, of which two components could tell anything


def lower_component(losses: np.ndarray) -> np.ndarray:
    """The probability that each of these losses, (n,), belongs to the component of the lower mean, (n,) float64.

    Losses are brought to [0, 1] before; where all are equal there is nothing to divide by, and all belong to it.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    own = losses.astype(np.float64)
    if len(own) < 2 or np.ptp(own) <= 1e-12:
        return np.ones(len(own))
    scaled = ((own - own.min()) / np.ptp(own))[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten iterations are the paper's
        mixture = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=0).fit(scaled)
    return mixture.predict_proba(scaled)[:, mixture.means_[:, 0].argmin()]


def lower_component_of_class(losses: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The same by a mixture for each given class of FEWEST rows or more; 1 in smaller ones.

    Parameters
    ----------
    losses : (n,) float
    given : (n,) int
    """
    result = np.ones(len(losses))
    for label in np.flatnonzero(np.bincount(given) >= FEWEST):
        rows = given == label
        result[rows] = lower_component(losses[rows])
    return result
