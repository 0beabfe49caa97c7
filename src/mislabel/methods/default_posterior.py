"""The posterior of methods whose papers give none: the mean probability over the passes."""

import numpy as np

from mislabel.dynamics.store import DynamicsStore
from mislabel.posterior.mean_probability import mean_probability
from mislabel.posterior.posterior import Posterior
from mislabel.training.stages import Stage


class DefaultPosterior:
    """A base for the options of a method without a posterior of its own."""

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """The given label's mean probability over the passes, the rest as the model says."""
        return mean_probability(dynamics, given, probabilities)
