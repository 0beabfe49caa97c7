"""Probabilities of a wrong label, put right by rows that were drawn at random and checked."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

OFFSET_PULL, SLOPE_PULL = 0.1, 20.0  # the shift is nearly free, and how far probabilities spread is mostly kept
EDGE = 1e-3  # nearer to 0 and 1 the evidence knows nothing
STEPS = 100


@dataclass(frozen=True)
class Recalibration:
    """p becomes expit(offset + slope logit(p)): the order of the rows stays.

    Attributes
    ----------
    offset, slope : float
        slope >= 0.
    checked : int
        Rows that it was fitted to.
    """

    offset: float
    slope: float
    checked: int

    def __call__(self, p: np.ndarray) -> np.ndarray:
        """Recalibrated probabilities, of the shape of p; NaN stays."""
        return expit(self.offset + self.slope * _odds(p))


def recalibrate(p: np.ndarray, wrong: np.ndarray) -> Recalibration:
    """Fit a logistic regression of what was found on log odds, pulled to the probabilities as they are.

    It minimises - log likelihood + OFFSET_PULL / 2 offset^2 + SLOPE_PULL / 2 (slope - 1)^2, as Platt (1999) does but
    for the pull, without which a few dozen rows would make up a slope. Newton's steps, held short.

    Parameters
    ----------
    p : (n,) float
        Of checked rows, made without knowledge of the checks.
    wrong : (n,) bool
    """
    design = np.column_stack([np.ones(len(p)), _odds(p)])
    found, aim, pull = wrong.astype(np.float64), np.array([0.0, 1.0]), np.diag([OFFSET_PULL, SLOPE_PULL])
    weights = aim.copy()
    for _ in range(STEPS):
        told = expit(design @ weights)
        slope = design.T @ (told - found) + pull @ (weights - aim)
        step = np.linalg.solve((design * (told * (1 - told))[:, None]).T @ design + pull, slope)
        weights = weights - step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    return Recalibration(float(weights[0]), max(0.0, float(weights[1])), len(p))


def _odds(p: np.ndarray) -> np.ndarray:
    return logit(np.clip(np.asarray(p, dtype=np.float64), EDGE, 1 - EDGE))
