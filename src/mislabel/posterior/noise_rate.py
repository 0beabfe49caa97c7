"""The share of wrong labels, as far as it is known: a bound from the labels alone, an interval from checked rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
from scipy.stats import binom

TRUST = 2.0  # how many times as often as it says the evidence is taken to err
NONE, LABELS, RANDOM = "none", "labels", "random_checked"
BASES = {
    NONE: "no row was judged",
    LABELS: "what the labels and all other evidence show; no row was checked at random",
    RANDOM: "rows that were drawn at random and checked",
}


@dataclass(frozen=True)
class NoiseRate:
    """What is known of the share of wrong labels among the rows that were judged or checked.

    Attributes
    ----------
    basis : str
        What it rests on, one of BASES.
    at_least : float or None
        A one-sided 95 % lower bound on what the evidence calls wrong; errors that follow a pattern are not in it.
    estimate, low, high : float or None
        With a 95 % interval; None without rows that were checked at random.
    checked : int
        How many rows those are.
    """

    basis: str = NONE
    at_least: float | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    checked: int = 0

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> "NoiseRate":
        """From metrics.json; nothing of what runs told before they said what it rests on."""
        found = metrics.get("noise_rate")
        told = cast("Mapping[str, Any]", found if isinstance(found, Mapping) else {})
        if told.get("basis") not in BASES:
            return cls(LABELS)
        numbers = {name: _number(told.get(name)) for name in ("at_least", "estimate", "low", "high")}
        checked = told.get("checked")
        return cls(told["basis"], **numbers, checked=checked if type(checked) is int else 0)

    def plain(self) -> dict[str, Any]:
        """The part `noise_rate` of metrics.json."""
        return asdict(self)

    def words(self) -> str:
        """``at least 12.3%``, ``20.1% (14.2% to 27.0%)``, ``not assessed``."""
        if self.estimate is not None and self.low is not None and self.high is not None:
            return f"{self.estimate:.1%} ({self.low:.1%} to {self.high:.1%})"
        if self.at_least is None:
            return "not assessed" if self.basis == NONE else "not known"
        return f"at least {self.at_least:.1%}" if self.at_least else "none for sure"


def at_least(probabilities: np.ndarray, given: np.ndarray, rows: np.ndarray | None = None) -> float:
    """A one-sided 95 % lower bound on the share of wrong labels, as far as the evidence tells.

    Suppose that all labels were right. Then each of the D rows whose most probable class is another one than the given
    would be an error of the evidence, and by its own word row i is one with probability m_i = 1 - max_k P_ik. Evidence
    that learnt from labels is surer than it should be, so it is taken to err up to TRUST times as often as it says:
    D is then a sum of n independent events of probabilities p_i = min(1, TRUST m_i), whose upper tail is no heavier
    than that of a binomial with their mean (Hoeffding, 1956). What D exceeds its 95 % quantile by are wrong labels:

        at_least = max(0, D - binomial_.95(n, mean p)) / n.

    It is 0 where all that looks wrong may be hard to tell. Errors that follow a pattern are learnt with the classes and
    make no row look wrong, so they are not in it; nor are the wrong labels among as many errors as are allowed for.
    On right labels the evidence erred 0 to 1.9 times as often as it said (`benchmarks/coverage.py`).

    Parameters
    ----------
    probabilities : (n, K) float
        P(true label = k).
    given : (n,) int, >= 0 where rows count
    rows : (m,) int64, optional
        Those that count, one at least; all without it.
    """
    rows = np.arange(len(given)) if rows is None else rows
    errs = np.minimum(1.0, TRUST * (1.0 - probabilities.max(1)[rows].astype(np.float64)))
    other = int(np.count_nonzero((probabilities.argmax(1) != given)[rows]))
    allowed = binom.ppf(0.95, len(rows), min(max(float(errs.mean()), 0.0), 1.0))
    return max(0.0, (other - float(allowed)) / len(rows))


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
    return float(value) if known else None
