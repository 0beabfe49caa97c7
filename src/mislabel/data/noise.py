"""Plant known errors: wrong labels whose law and rate are known, so that a method can be scored.

Three kinds:

- ``sym``: a wrong label can be any of the other classes.
- ``asym``: a wrong label is always the next class, (y + 1) mod C ("pair flip").
- ``idn``: a hurried annotator. How likely a row is to be wrong differs from row to row, and which wrong label it gets
  hangs on its content, so that similar rows get similar wrong labels. The recipe is part-dependent label noise (PTD,
  Xia et al., arXiv 2006.07836), in the form that DyGen and IDO use.

"40 % symmetric" means two different things in the literature, so the convention is stored with every result:
``transition`` replaces a chosen label by a *wrong* class and has the realised rate r; ``replace_incl_own`` draws among
*all* classes, the own one included, and has r (C - 1) / C.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mislabel.data.names import one_of
from mislabel.data.noise_idn import check_features, choose, idn_convention, instance_dependent
from mislabel.errors import InputError

Kind = Literal["sym", "asym", "idn"]
Convention = Literal["transition", "replace_incl_own"]
KINDS = ("sym", "asym", "idn")
CONVENTIONS = ("transition", "replace_incl_own")
_MOST_CLASSES = 10_000  # the transition matrix of that many classes takes 0.8 GB


@dataclass(frozen=True, eq=False)
class Corruption:
    """What was done.

    Attributes
    ----------
    codes : (n,) int64
        The noisy codes; -1 stays -1.
    flipped : (n,) bool
        Where the code is another one than before.
    realised_rate : float
        The share of flipped rows among those that have a code.
    transition : (C, C) float
        Row i: how the rows of class i are spread over the noisy classes; rows sum to 1. An absent class keeps itself.
    convention : str
        What the rate means; for ``idn`` also how the features entered.
    kind : str
    rate : float
        The rate that was asked for.
    """

    codes: np.ndarray
    flipped: np.ndarray
    realised_rate: float
    transition: np.ndarray
    convention: str
    kind: str
    rate: float


def corrupt(
    codes: np.ndarray,
    kind: Kind,
    rate: float,
    n_classes: int,
    rng: np.random.Generator,
    *,
    features: np.ndarray | None = None,
    convention: Convention = "transition",
    exact: bool = False,
    temperature: float = 3.0,
    center: bool = True,
    compat: Literal["raw"] | None = None,
) -> Corruption:
    """Replace a share of the codes by wrong ones.

    Parameters
    ----------
    codes : (n,) int
        True classes 0..C-1; -1 (no label) is left alone.
    kind
        "sym", "asym" or "idn", see the module.
    rate : float
        r in [0, 1].
    n_classes : int
        C.
    rng
        The only source of randomness.
    features : (n, L) float, for "idn" only
        What the rows look like. Standardised here, column by column.
    convention
        For "sym" only, see the module.
    exact
        Choose exactly round(r N) rows instead of each one with its probability.
    temperature : float
        For "idn": t, how strongly the content determines the wrong label.
    center
        For "idn": shift the law of the flip probabilities so that their mean is r and not just near it.
    compat
        "raw" reproduces the published code for "idn": features neither standardised nor scaled, so that the wrong
        label is a deterministic function of features and class.

    Raises
    ------
    InputError
        If a setting is unknown or out of range, or codes and features do not fit.
    """
    codes = _check(codes, kind, rate, n_classes, convention, compat)
    known = np.flatnonzero(codes >= 0)
    true = codes[known]
    said: str = convention
    if kind == "idn":
        said = idn_convention(temperature, center, compat)
        rows = check_features(features, len(codes), temperature)
        rows = rows[known] if len(known) < len(rows) else rows
        new = true
        if rate > 0 and len(true):
            raw = compat == "raw"
            new = instance_dependent(true, rate, n_classes, rng, rows, exact, temperature, center, raw)
    else:
        chosen = choose(np.full(len(true), rate), rate, exact, rng)
        new = true.copy()
        if kind == "asym":
            new[chosen] = (true[chosen] + 1) % n_classes
        elif convention == "transition":
            # A step of 1..C-1 round the circle of classes reaches each wrong class with the same probability.
            new[chosen] = (true[chosen] + rng.integers(1, max(n_classes, 2), size=int(chosen.sum()))) % n_classes
        else:
            new[chosen] = rng.integers(0, n_classes, size=int(chosen.sum()))
    noisy = codes.copy()
    noisy[known] = new
    flipped = noisy != codes
    return Corruption(
        codes=noisy,
        flipped=flipped,
        realised_rate=float(flipped.sum() / len(known)) if len(known) else 0.0,
        transition=empirical_transition(true, new, n_classes),
        convention=said,
        kind=kind,
        rate=float(rate),
    )


def empirical_transition(true: np.ndarray, given: np.ndarray, n_classes: int) -> np.ndarray:
    """T (C, C): the share of rows of true class i that were given class j. An absent class has the identity's row."""
    counts = np.bincount(true * n_classes + given, minlength=n_classes * n_classes).reshape(n_classes, n_classes)
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(totals > 0, counts / np.maximum(totals, 1), np.eye(n_classes))


def _check(codes: Any, kind: str, rate: float, n_classes: int, convention: str, compat: str | None) -> np.ndarray:
    one_of(kind, KINDS, "kind")
    one_of(convention, CONVENTIONS, "convention")
    if not isinstance(rate, (int, float, np.integer, np.floating)) or isinstance(rate, bool) or not 0 <= rate <= 1:
        raise InputError(f"rate is {rate!r}; it must be between 0 and 1 (0.4 for 40 per cent)")
    if convention != "transition" and kind != "sym":
        raise InputError(f"convention {convention!r} is for kind sym only; {kind} has one meaning: leave it out")
    if compat is not None:
        one_of(compat, ("raw",), "compat")
        if kind != "idn":
            raise InputError(f'compat="raw" is for kind idn only, not {kind}')
    if n_classes > _MOST_CLASSES or (n_classes < 2 and rate > 0):
        raise InputError(f"{n_classes} classes were given; wrong labels need 2 to {_MOST_CLASSES} of them")
    codes = np.asarray(codes)
    if codes.ndim != 1 or (codes.dtype.kind not in "iu" and codes.size):
        raise InputError(
            f"codes of shape {codes.shape} and type {codes.dtype} were given; (n,) whole numbers are needed"
        )
    codes = codes.astype(np.int64)
    if codes.size and (codes.min() < -1 or codes.max() >= n_classes):
        raise InputError(f"codes go from {codes.min()} to {codes.max()}; they must be -1 or 0 to {n_classes - 1}")
    return codes
