"""Instance-dependent noise: which rows get a wrong label, and which one, hangs on the row.

The recipe of part-dependent label noise (PTD, Xia et al., arXiv 2006.07836), in the form that DyGen and IDO use. In
symbols: each row has its own flip probability q, drawn from a normal of sd 0.1 around the rate r, truncated to [0, 1];
each true class y has a projection W_y (L, C) of standard normal numbers; a row with features z goes to a wrong class
with probabilities softmax(z^T W_y t / sqrt(L)), the own class left out.

The published codes use raw features (pixels, token numbers) without the scale t / sqrt(L). Their logits are so large
that the softmax is one-hot; here features are standardised, and t = 3 is structured yet random.
"""

import numpy as np
from scipy.special import log_ndtr
from scipy.stats import truncnorm

from mislabel.errors import InputError

_CHUNK = 1 << 22  # numbers in a chunk of logits
_SPREAD = 0.1  # standard deviation of q before truncation
_FARTHEST = 64.0  # how far from [0, 1] the mean of q before truncation may lie


def flip_probabilities(rate: float, size: int, rng: np.random.Generator, center: bool) -> np.ndarray:
    """q (size,): each row's own probability of a wrong label, a normal of sd 0.1 truncated to [0, 1].

    Its mean before truncation is the rate, or with `center` the value that makes the mean after truncation the rate.
    """
    if center and not truncated_mean(-_FARTHEST) < rate < truncated_mean(1 + _FARTHEST):
        return np.full(size, float(rate))  # within 0.0002 of 0 or 1 there is no room for a spread
    mean = _untruncated_mean(rate) if center else rate
    low, high = (0 - mean) / _SPREAD, (1 - mean) / _SPREAD
    return np.clip(truncnorm.ppf(rng.random(size), low, high, loc=mean, scale=_SPREAD), 0.0, 1.0)


def wrong_class_probabilities(
    features: np.ndarray, projection: np.ndarray, own: int, temperature: float | None
) -> np.ndarray:
    """Where rows of one true class go if they are flipped.

    Parameters
    ----------
    features : (m, L) float
        z (or, raw, x).
    projection : (L, C) float
        W_own.
    own : int
        The true class, which gets probability 0.
    temperature : float or None
        t: the logits are z^T W t / sqrt(L). None leaves them z^T W, as the published code does.

    Returns
    -------
    (m, C) float
        Rows sum to 1.
    """
    logits = features @ projection
    if temperature is not None:
        logits *= temperature / np.sqrt(features.shape[1])
    logits[:, own] = -np.inf
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    return logits / logits.sum(axis=1, keepdims=True)


def instance_dependent(
    true: np.ndarray,
    rate: float,
    n_classes: int,
    rng: np.random.Generator,
    features: np.ndarray,
    exact: bool,
    temperature: float,
    center: bool,
    raw: bool,
) -> np.ndarray:
    """Noisy codes (m,) for rows that all have one; the arguments are those of `mislabel.noise.corrupt`."""
    q = flip_probabilities(rate, len(true), rng, center)
    chosen = choose(q, rate, exact, rng)
    draws = rng.random(len(true))
    if raw:
        mean, scale = 0.0, 1.0
    else:
        mean, scale = features.mean(axis=0), features.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)  # a constant column says nothing, and becomes zero
    new = true.copy()
    step = max(1, _CHUNK // max(n_classes, features.shape[1]))
    for own in range(n_classes):
        # One projection at a time, (L, C), also for classes without rows: the law does not depend on who is there.
        projection = rng.standard_normal((features.shape[1], n_classes))
        rows = np.flatnonzero(chosen & (true == own))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            scaled = (features[part] - mean) / scale
            steps = wrong_class_probabilities(scaled, projection, own, None if raw else temperature).cumsum(axis=1)
            # Counting the steps that lie at or below the draw inverts the cumulative sum; the own class has a step of
            # no height and is never hit. Rounding may leave the last step beside 1, and no draw may reach it.
            last = steps[:, -1:]
            new[part] = (steps <= np.minimum(draws[part, None] * last, np.nextafter(last, 0))).sum(axis=1)
    return new


def choose(
    probabilities: np.ndarray, rate: float, exact: bool, rng: np.random.Generator, count: int | None = None
) -> np.ndarray:
    """(m,) bool: the rows to change, each with its own probability, or exactly `count` or round(rate m) of them."""
    size = len(probabilities)
    if not exact:
        return rng.random(size) < probabilities
    # The smallest of exponential waiting times: a draw without replacement, in proportion to the probabilities.
    waiting = rng.exponential(size=size) / np.maximum(probabilities, 1e-300)
    chosen = np.zeros(size, dtype=bool)
    chosen[np.argsort(waiting, kind="stable")[: round(rate * size) if count is None else count]] = True
    return chosen


def truncated_mean(mean: float) -> float:
    """The mean of a normal of sd 0.1 around `mean` once it is truncated to [0, 1]; exact far outside [0, 1] too."""
    if mean > 0.5:
        return 1.0 - truncated_mean(1.0 - mean)
    low, high = (0 - mean) / _SPREAD, (1 - mean) / _SPREAD
    # (phi(low) - phi(high)) / (Phi(high) - Phi(low)) in logarithms, as both parts underflow for a mean far below 0.
    log_mass = log_ndtr(-low) + np.log1p(-np.exp(log_ndtr(-high) - log_ndtr(-low)))
    log_root = 0.5 * np.log(2 * np.pi)
    return float(
        mean + _SPREAD * (np.exp(-(low**2) / 2 - log_root - log_mass) - np.exp(-(high**2) / 2 - log_root - log_mass))
    )


def _untruncated_mean(rate: float) -> float:
    """The mean of the normal that has the mean `rate` once it is truncated to [0, 1], by bisection."""
    low, high = -_FARTHEST, 1 + _FARTHEST
    while high - low > 1e-10:
        middle = (low + high) / 2
        low, high = (middle, high) if truncated_mean(middle) < rate else (low, middle)
    return (low + high) / 2


def idn_convention(temperature: float, center: bool, raw: bool) -> str:
    """How the features entered, for the record."""
    described = "raw features" if raw else f"standardised features, temperature {temperature:g}"
    return f"ptd, {described}, {'centred' if center else 'uncentred'}"


def check_features(features: np.ndarray | None, n: int, temperature: float) -> np.ndarray:
    """The features as (n, L) float64, or an `InputError` that says what is wrong with them."""
    if features is None:
        raise InputError("kind idn needs features, one row of numbers per label: what similar rows have in common")
    if not temperature >= 0 or not np.isfinite(temperature):
        raise InputError(f"temperature is {temperature!r}; it must be a finite number of at least 0")
    features = np.asarray(features, dtype=np.float64)
    if features.ndim != 2 or len(features) != n or features.shape[1] == 0:
        raise InputError(f"features of shape {features.shape} were given for {n} labels; ({n}, L) is needed, L >= 1")
    broken = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(broken):
        raise InputError(f"features are not finite in {len(broken)} rows, the first of which is row {broken[0]}")
    return features
