"""How methods divide rows into those with a label that is likely right, and the others."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture


def clean(losses: np.ndarray) -> np.ndarray:
    """w of each network: the probability that a row's loss belongs to the lower component, (networks, n) float64.

    Parameters
    ----------
    losses : (networks, n) float32
    """
    weights = np.ones(losses.shape)
    for network, own in enumerate(losses.astype(np.float64)):
        spread = own.max() - own.min()
        if spread <= 1e-12 or len(own) < 2:
            continue  # nothing to divide by: all keep their labels
        scaled = ((own - own.min()) / spread)[:, None]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # ten iterations are the paper's
            mixture = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=0).fit(scaled)
        weights[network] = mixture.predict_proba(scaled)[:, np.asarray(mixture.means_)[:, 0].argmin()]
    return weights
