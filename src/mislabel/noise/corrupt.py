"""Plant known errors: wrong labels whose law and rate are known, so that a method can be scored.

- ``sym``: a wrong label can be any of the other classes.
- ``asym``: a wrong label is the class that a map puts in place of the true one, (y + 1) mod C unless said otherwise.
- ``idn``: a hurried annotator. How likely a row is to be wrong differs from row to row, and which wrong label it gets
  hangs on its content, so that similar rows get similar wrong labels. The recipe is part-dependent label noise (PTD,
  Xia et al., arXiv 2006.07836), in the form that DyGen and IDO use.
- ``matrix``: class i becomes class j with probability T[i, j].
- ``str``: IDO's structured noise, in which only a random half of the classes has wrong labels.

"40 % symmetric" means two different things in the literature, so the convention is stored with every result:
``transition`` replaces a chosen label by a *wrong* class and has the realised rate r; ``replace_incl_own`` draws among
*all* classes, the own one included, and has r (C - 1) / C.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mislabel.errors import InputError, one_of
from mislabel.noise.idn import check_features, instance_dependent
from mislabel.noise.maps import FlipName, by_matrix, check_matrix, flip_map
from mislabel.noise.rules import Compat, Recipe, class_dependent, convention_text, recipe_for, refuse_unused

Kind = Literal["sym", "asym", "idn", "matrix", "str"]
Convention = Literal["transition", "replace_incl_own"]
KINDS = ("sym", "asym", "idn")  # those that a rate alone describes
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
        What the rate means; also the map of "asym" (the next class where none is named), how the features entered
        "idn", and the published code that was followed.
    kind : str
    rate : float or None
        The rate that was asked for; None for "matrix".
    recipe : Recipe
        The settings in effect.
    flip_map : (C,) int64 or None
        For "asym": what each class is flipped to. A class that is mapped to itself keeps its rows.
    """

    codes: np.ndarray
    flipped: np.ndarray
    realised_rate: float
    transition: np.ndarray
    convention: str
    kind: str
    rate: float | None
    recipe: Recipe
    flip_map: np.ndarray | None


def corrupt(
    codes: np.ndarray,
    kind: Kind,
    rate: float | None,
    n_classes: int,
    rng: np.random.Generator,
    *,
    features: np.ndarray | None = None,
    convention: Convention = "transition",
    exact: bool = False,
    temperature: float = 3.0,
    center: bool = True,
    compat: Compat | None = None,
    flips: FlipName | np.ndarray = "next",
    superclass: np.ndarray | None = None,
    transition: np.ndarray | None = None,
) -> Corruption:
    """Replace a share of the codes by wrong ones.

    Parameters
    ----------
    codes : (n,) int
        True classes 0..C-1; -1 (no label) is left alone.
    kind
        "sym", "asym", "idn", "matrix" or "str", see the module.
    rate : float or None
        r in [0, 1]; None for "matrix".
    n_classes : int
        C.
    rng
        The only source of randomness.
    features : (n, L) float, for "idn" only
        What the rows look like. Standardised here, column by column.
    convention
        For "sym" only, see the module.
    exact
        Choose exactly round(r N) rows instead of each one with its probability. For "asym" N counts the rows that
        the map can flip.
    temperature : float
        For "idn": t, how strongly the content determines the wrong label. Raw features are not scaled.
    center
        For "idn": shift the law of the flip probabilities so that their mean is r and not just near it.
    compat
        The published code whose meaning of a kind and a rate to reproduce; see `mislabel.noise.rules.COMPAT`.
        "raw" is for "idn": features neither standardised nor scaled, so that the wrong label is a deterministic
        function of features and class. "ido" is its intended form: as released, it also draws an invalid label C.
        What "idn" of "dygen" and "ido" looks at is the caller's to give: padded token numbers, or pixels 0..255.
    flips
        For "asym": the map, by name or as (C,) class numbers; see `mislabel.noise.maps.flip_map`. Rows of a
        class that it maps to itself (the only class of its block or superclass) stay; the others flip at the rate r,
        so that all rows together have a lower one.
    superclass : (C,) int
        For flips="superclass": the coarse class of every class. 100 classes are taken for CIFAR-100's without it.
    transition : (C, C) float
        For "matrix": T, not negative, with rows that sum to 1.

    Raises
    ------
    InputError
        If a setting is unknown, out of range or contradicts another, or codes and features do not fit.
    """
    codes = _check(codes, kind, rate, n_classes, convention)
    refuse_unused(kind, exact, superclass, transition)
    recipe = recipe_for(kind, n_classes, compat, convention, exact, flips, center)
    targets = (
        flip_map(recipe.flips if isinstance(flips, str) else flips, n_classes, superclass) if recipe.flips else None
    )
    known = np.flatnonzero(codes >= 0)
    true = codes[known]
    if kind == "idn":
        rows = check_features(features, len(codes), temperature)
        rows = rows[known] if len(known) < len(rows) else rows
        new = true
        if rate and len(true):
            new = instance_dependent(
                true, rate, n_classes, rng, rows, exact, temperature, recipe.center, recipe.raw
            )  # fmt: skip
    elif kind == "matrix":
        new = by_matrix(true, check_matrix(transition, n_classes), rng)
    else:
        new = class_dependent(true, kind, float(rate or 0), n_classes, rng, recipe, targets)
    noisy = codes.copy()
    noisy[known] = new
    flipped = noisy != codes
    return Corruption(
        codes=noisy,
        flipped=flipped,
        realised_rate=float(flipped.sum() / len(known)) if len(known) else 0.0,
        transition=empirical_transition(true, new, n_classes),
        convention=convention_text(kind, recipe, temperature, compat),
        kind=kind,
        rate=None if rate is None else float(rate),
        recipe=recipe,
        flip_map=targets,
    )


def empirical_transition(true: np.ndarray, given: np.ndarray, n_classes: int) -> np.ndarray:
    """T (C, C): the share of rows of true class i that were given class j. An absent class has the identity's row."""
    counts = np.bincount(true * n_classes + given, minlength=n_classes * n_classes).reshape(n_classes, n_classes)
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(totals > 0, counts / np.maximum(totals, 1), np.eye(n_classes))


def _check(codes: Any, kind: str, rate: Any, n_classes: int, convention: str) -> np.ndarray:
    one_of("kind", kind, (*KINDS, "matrix", "str"))
    one_of("convention", convention, CONVENTIONS)
    if kind == "matrix":
        if rate is not None:
            raise InputError(f"rate is {rate!r}; kind matrix takes its rate from transition: leave rate out (None)")
    elif not isinstance(rate, (int, float, np.integer, np.floating)) or isinstance(rate, bool) or not 0 <= rate <= 1:
        raise InputError(f"rate is {rate!r}; it must be between 0 and 1 (0.4 for 40 per cent)")
    if convention != "transition" and kind != "sym":
        raise InputError(f"convention {convention!r} is for kind sym only; {kind} has one meaning: leave it out")
    if n_classes > _MOST_CLASSES or (n_classes < 2 and rate):
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
