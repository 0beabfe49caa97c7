"""The fitted mixture and the rates of wrong events behind it, on their way into metrics.json and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mislabel.posterior.beta_mixture import BetaMixture


def mixture_metrics(mixture: BetaMixture, rates: np.ndarray) -> dict[str, Any]:
    """What metrics.json holds of a mixture fitted to rates (n,)."""
    values, counts = rate_distribution(rates)
    return {**mixture.plain(), "rates": values.tolist(), "counts": counts.tolist()}


def read_mixture(metrics: Mapping[str, Any]) -> BetaMixture | None:
    """The mixture; None where the method fitted none."""
    return BetaMixture.from_plain(metrics) if {"weight", "a", "b"} <= set(metrics) else None


def read_rates(metrics: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray] | None:
    """The distribution of the rates, as `rate_distribution` gives it; None where metrics.json has none."""
    rates, counts = metrics.get("rates"), metrics.get("counts", [])
    if not rates or len(rates) != len(counts):
        return None
    return np.array(rates, dtype=np.float64), np.array(counts, dtype=np.int64)


def rate_distribution(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rates to six digits, (m,) float64, and the rows of each, (m,) int64."""
    return np.unique(np.round(rates, 6), return_counts=True)
