"""The share of wrong labels, estimated during training, for methods that need a noise rate."""

import numpy as np

from mislabel.dynamics.scores import distinct_rates, rates, wrong_events
from mislabel.posterior.beta_mixture import fit_beta_mixture


def estimated_rate(prediction: np.ndarray, given: np.ndarray) -> float:
    """The mean probability of a wrong label, by IDO's beta mixture over the wrong events of the passes so far.

    The first pass is left out where there are more: a head that has hardly been trained says more about its start
    than about the labels. With a single pass the share of wrong events stands for it.

    Parameters
    ----------
    prediction : (passes, n) int
        Predicted class, -1 where a pass did not look at the row.
    given : (n,) int

    Returns
    -------
    float in [0, 1]; 0 where no pass looked at any row
    """
    wrong, observed = wrong_events(prediction[1:] if len(prediction) > 1 else prediction, given)
    if not observed.any():
        return 0.0
    mixture = fit_beta_mixture(*distinct_rates(wrong, observed))
    return float(mixture.noisy(rates(wrong, observed)[observed > 0]).mean())
