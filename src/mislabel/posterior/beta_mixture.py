"""A two-component beta mixture over rates in [0, 1]: which rows behave as if their label were wrong.

IDO (arXiv 2505.00812) fits it to the wrong events of training. The fit is expectation-maximisation with weighted
moments, on the few distinct rates and how often each occurs, so its cost does not depend on the number of rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

EDGE = 1e-6  # a rate of 0 or 1 is moved inside by this much, where the beta density is finite
MINIMUM_RESPONSIBILITY = 1e-6
MINIMUM_VARIANCE = 1e-6
MINIMUM_SHAPE = 1e-6
NEARLY_FLAT, SHAPE_IF_FLAT = 1.02, 1.1
ROUNDING = 1e-6


@dataclass(frozen=True)
class BetaMixture:
    """Component 0 is clean (lower mean), component 1 noisy.

    Attributes
    ----------
    weight, a, b : (2,) float64
        Mixing weights (sum 1) and the shapes of the two beta densities.
    identified : bool
        False where the rates could not tell two components apart (fewer than three distinct rates, or a fit that
        collapsed). Then the rate itself stands for the probability of a wrong label.
    """

    weight: np.ndarray
    a: np.ndarray
    b: np.ndarray
    identified: bool = True

    def plain(self) -> dict[str, Any]:
        """What JSON can hold of it."""
        shapes = {"weight": self.weight.tolist(), "a": self.a.tolist(), "b": self.b.tolist()}
        return {**shapes, "identified": self.identified}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "BetaMixture":
        """The mixture that gave `plain`; more entries do not matter."""
        weight, a, b = (np.array(plain[name], dtype=np.float64) for name in ("weight", "a", "b"))
        return cls(weight, a, b, identified=bool(plain.get("identified", True)))

    def noisy(self, rate: np.ndarray) -> np.ndarray:
        """P(noisy | rate), shape of `rate`, float64 in [0, 1], never falling as the rate rises."""
        rate = _inside(rate)
        if not self.identified:
            return np.clip((rate - EDGE) / (1 - 2 * EDGE), 0.0, 1.0)
        rate = np.clip(rate, *self._rising_range())
        log_clean, log_noisy = self.log_joint(rate)
        return special.expit(log_noisy - log_clean)

    def cumulative(self, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F_0 and F_1, the cumulative distribution of each component at `rate`."""
        rate = _inside(rate)
        if not self.identified:
            return rate, rate
        return special.betainc(self.a[0], self.b[0], rate), special.betainc(self.a[1], self.b[1], rate)

    def difficulty_weight(self, rate: np.ndarray) -> np.ndarray:
        """IDO's epsilon = p_0 F_0 + (1 - p_1)(1 - F_1): high where the rate is neither clearly clean nor noisy."""
        clean = 1.0 - self.noisy(rate)
        below_clean, below_noisy = self.cumulative(rate)
        return clean * (below_clean + 1.0 - below_noisy)

    def density(self, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The two weighted densities at `rate`, for a plot."""
        log_clean, log_noisy = self.log_joint(_inside(rate))
        return np.exp(log_clean), np.exp(log_noisy)

    def log_joint(self, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log(weight_k Beta(rate; a_k, b_k)) of both components, for rates strictly inside (0, 1)."""
        parts = [
            np.log(weight) + (a - 1) * np.log(rate) + (b - 1) * np.log1p(-rate) - special.betaln(a, b)
            for weight, a, b in zip(self.weight, self.a, self.b, strict=True)
        ]
        return parts[0], parts[1]

    def _rising_range(self) -> tuple[float, float]:
        """Where the log ratio noisy / clean rises with the rate; it turns at most once, at A / (A + B)."""
        rise_a, rise_b = self.a[1] - self.a[0], self.b[1] - self.b[0]
        if rise_a > 0 and rise_b > 0:
            return 0.0, rise_a / (rise_a + rise_b)
        if rise_a < 0 and rise_b < 0:
            return rise_a / (rise_a + rise_b), 1.0
        return 0.0, 1.0


START = BetaMixture(weight=np.array([0.5, 0.5]), a=np.array([1.0, 2.0]), b=np.array([2.0, 1.0]))


def fit_beta_mixture(
    rates: np.ndarray, counts: np.ndarray | None = None, *, start: BetaMixture = START, iterations: int = 20
) -> BetaMixture:
    """Fit by expectation-maximisation with weighted moments (IDO, section "BMM").

    Parameters
    ----------
    rates : (m,) float in [0, 1]
        Distinct rates, or one per row.
    counts : (m,) optional
        How often each rate occurs; 1 each by default.
    start : BetaMixture
        Where to begin; the fit of the epoch before makes a warm start.
    iterations : int
        Passes of E-step and M-step; 20 from scratch, 1 or 2 for a warm start.

    Raises
    ------
    ValueError
        If a rate is not finite or not in [0, 1], or there is none.
    """
    rates = np.asarray(rates, dtype=np.float64).ravel()
    counts = np.ones_like(rates) if counts is None else np.asarray(counts, dtype=np.float64).ravel()
    rates, counts = rates[counts > 0], counts[counts > 0]
    if rates.size == 0 or not np.all((rates >= 0) & (rates <= 1)):
        raise ValueError("a beta mixture needs at least one rate, all of them finite and between 0 and 1")
    if np.unique(rates).size < 3:
        return unidentified(rates, counts)
    rates, shares = _inside(rates), counts / counts.sum()
    mixture = start if start.identified else START
    for _ in range(iterations):
        mixture = _step(mixture, rates, shares)
        if not np.all(np.isfinite([*mixture.weight, *mixture.a, *mixture.b])):
            return unidentified(rates, counts)
    mixture = _clean_first(mixture)
    # Means in order but shapes crossed (or the same but for rounding): the ratio would fall as the rate rises, so
    # the components were not separated.
    falling = mixture.a[1] <= mixture.a[0] * (1 + ROUNDING) and mixture.b[1] >= mixture.b[0] * (1 - ROUNDING)
    return unidentified(rates, counts) if falling else mixture


def unidentified(rates: np.ndarray, counts: np.ndarray) -> BetaMixture:
    """The mixture that stands for "cannot be told apart"; its noisy weight is the mean rate."""
    mean = float(np.average(rates, weights=counts))
    return BetaMixture(np.array([1 - mean, mean]), np.ones(2), np.ones(2), identified=False)


def _inside(rate: np.ndarray) -> np.ndarray:
    return np.clip(np.asarray(rate, dtype=np.float64), 0.0, 1.0) * (1 - 2 * EDGE) + EDGE


def _step(mixture: BetaMixture, rates: np.ndarray, shares: np.ndarray) -> BetaMixture:
    joint = np.maximum(np.exp(np.stack(mixture.log_joint(rates))), MINIMUM_RESPONSIBILITY)
    responsibility = joint / joint.sum(axis=0) * shares
    weight = responsibility.sum(axis=1)
    mean = responsibility @ rates / weight
    variance = np.maximum((responsibility * (rates - mean[:, None]) ** 2).sum(axis=1) / weight, MINIMUM_VARIANCE)
    a = mean * (mean * (1 - mean) / variance - 1)
    b = a * (1 - mean) / mean
    a, b = np.maximum(a, MINIMUM_SHAPE), np.maximum(b, MINIMUM_SHAPE)
    # The clean density has to fall towards 1 and the noisy one towards 0 (IDO's code does the same).
    if b[0] < NEARLY_FLAT:
        b[0] = SHAPE_IF_FLAT
    if a[1] < NEARLY_FLAT:
        a[1] = SHAPE_IF_FLAT
    return BetaMixture(weight / weight.sum(), a, b)


def _clean_first(mixture: BetaMixture) -> BetaMixture:
    means = mixture.a / (mixture.a + mixture.b)
    order = [0, 1] if means[0] <= means[1] else [1, 0]
    return BetaMixture(mixture.weight[order], mixture.a[order], mixture.b[order], mixture.identified)
