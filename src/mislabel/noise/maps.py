"""Where wrong labels go: the maps that "asym" flips along, and the matrices that "matrix" draws from.

Sources: the maps are those of DyGen, SED and IDO's CIFAR-10 loader ("next"), of IDO's CIFAR-100 loader ("block5"), and
of the usual asymmetric noise of CIFAR-10 ("cifar10").
"""

from typing import Any, Literal

import numpy as np
import pandas as pd

from mislabel.data.labels import Labels, encode_labels
from mislabel.errors import InputError, one_of
from mislabel.tables.reading import pick_column

FlipName = Literal["next", "block5", "superclass", "cifar10"]
FLIPS = ("next", "block5", "superclass", "cifar10")
_BLOCK = 5
_CIFAR10 = (0, 1, 0, 5, 7, 3, 6, 7, 8, 1)  # truck->automobile, bird->airplane, deer->horse, cat<->dog
# The coarse class (of 20, alphabetical) of each of CIFAR-100's fine classes (alphabetical).
CIFAR100_SUPERCLASS = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3, 15, 0, 11, 1,
    10, 12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12,
    12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0,
    17, 8, 14, 13,
)  # fmt: skip


def flip_map(flips: FlipName | str | np.ndarray, n_classes: int, superclass: Any = None) -> np.ndarray:
    """The wrong class that "asym" puts in place of each class.

    Parameters
    ----------
    flips
        "next": (y + 1) mod C. "block5": the next one in the block of five consecutive classes, and for its last one
        the first; the last block may be smaller. "superclass": the same inside each superclass. "cifar10": truck to
        automobile, bird to airplane, deer to horse, cat to dog and dog to cat, the other five stay. Or the map itself,
        (C,) whole numbers 0..C-1.
    n_classes : int
        C.
    superclass : (C,) int, for "superclass" only
        The coarse class of every class. Not needed for 100 classes, which are taken for CIFAR-100's.

    Returns
    -------
    (C,) int64
        A class that is mapped to itself never flips, such as the only one of its block or superclass.

    Raises
    ------
    InputError
        If the map is unknown, or does not fit the number of classes.
    """
    if superclass is not None and not (isinstance(flips, str) and flips == "superclass"):
        raise InputError('superclass was given, which only the map "superclass" uses; add flips="superclass"')
    if not isinstance(flips, str):
        return _whole_numbers(flips, n_classes, "flips", below=n_classes)
    one_of("flips", flips, FLIPS)
    classes = np.arange(n_classes)
    if flips == "next":
        return (classes + 1) % n_classes
    if flips == "block5":
        return _cycles(classes // _BLOCK)
    if flips == "superclass":
        return _cycles(_superclasses(superclass, n_classes))
    if n_classes != len(_CIFAR10):
        raise InputError(
            f'flips="cifar10" is for the 10 classes of CIFAR-10 in their order, and {n_classes} were given; choose '
            "next, block5 or superclass, or give your own map, one class number per class"
        )
    return np.array(_CIFAR10, dtype=np.int64)


def _cycles(groups: np.ndarray) -> np.ndarray:
    """(C,): the next class of the same group in class order, and after the last one the first."""
    targets = np.empty(len(groups), dtype=np.int64)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        targets[members] = np.roll(members, -1)
    return targets


def _superclasses(superclass: Any, n_classes: int) -> np.ndarray:
    if superclass is not None:
        return _whole_numbers(superclass, n_classes, "superclass")
    if n_classes != len(CIFAR100_SUPERCLASS):
        raise InputError(
            f'flips="superclass" needs the coarse class of each of the {n_classes} classes; give superclass. It is '
            "known for CIFAR-100 only"
        )
    return np.array(CIFAR100_SUPERCLASS)


def _whole_numbers(values: Any, n_classes: int, name: str, below: int | None = None) -> np.ndarray:
    """(C,) int64, or an `InputError`; `below` bounds the values to 0..below-1."""
    values = np.asarray(values)
    if values.shape != (n_classes,) or values.dtype.kind not in "iu":
        raise InputError(
            f"{name} of shape {values.shape} and type {values.dtype} was given; one whole number for each of the "
            f"{n_classes} classes is needed"
        )
    if below is not None and values.size and (values.min() < 0 or values.max() >= below):
        raise InputError(f"{name} goes from {values.min()} to {values.max()}; its values must be 0 to {below - 1}")
    return values.astype(np.int64)


def superclasses(frame: pd.DataFrame, name: str | None, labels: Labels, flips: Any) -> np.ndarray | None:
    """The coarse class of every class of a table, out of the column `name` with the coarse label of every row.

    Returns
    -------
    (C,) int64, or None where `name` is
        A class without rows gets a coarse class of its own, so that nothing is flipped to it.

    Raises
    ------
    InputError
        If the column is missing, or a class with rows has no coarse class or more than one; or if there is no such
        column, and the order of the classes cannot be the one that the map `flips` is about.
    """
    if name is None:
        if isinstance(flips, str) and flips != "next":
            _refuse_numbers_as_text(labels.classes, flips)
        return None
    coarse = encode_labels(
        pick_column(frame, name, "superclass"), range(len(frame)), name=name, missing="unlabeled"
    )[0].codes  # fmt: skip
    codes = np.arange(labels.n_classes) + coarse.max(initial=-1) + 1
    for code in np.unique(labels.codes[labels.codes >= 0]):
        own = np.unique(coarse[(labels.codes == code) & (coarse >= 0)])
        if len(own) != 1:
            raise InputError(
                f"the rows of class {labels.classes[code]!r} have {len(own)} different values in the superclass column "
                f'"{name}"; each class needs exactly one: correct these rows'
            )
        codes[code] = own[0]
    return codes


def _refuse_numbers_as_text(classes: list[Any], flips: str) -> None:
    if all(isinstance(value, str) and value.isdecimal() for value in classes) and classes != sorted(classes, key=int):
        raise InputError(
            f'flips="{flips}" goes by the order of the classes, and theirs is {", ".join(classes[:4])}, ... as they '
            "are numbers written as text; turn the labels into whole numbers"
        )


def check_matrix(matrix: Any, n_classes: int) -> np.ndarray:
    """The transition matrix as (C, C) float64, or an `InputError` that says what is wrong with it."""
    if matrix is None:
        raise InputError(
            "kind matrix needs transition, (C, C): row i says how class i is spread over the noisy classes"
        )
    try:
        matrix = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("transition holds something that is not a number, or rows of different lengths") from None
    if matrix.shape != (n_classes, n_classes):
        raise InputError(
            f"transition has shape {matrix.shape}; for {n_classes} classes it must be square, one row each"
        )
    allowed = np.isfinite(matrix) & (matrix >= 0)
    sums = np.where(allowed, matrix, 0).sum(axis=1)
    broken = np.flatnonzero(~allowed.all(axis=1) | (abs(sums - 1) > 1e-6))
    if len(broken):
        row = broken[0]
        fault = f"sums to {sums[row]:.9g}" if allowed[row].all() else f"holds {matrix[row][~allowed[row]][0]:g}"
        raise InputError(f"row {row} of transition {fault}; its entries must be probabilities of 0 to 1 that sum to 1")
    return matrix


def by_matrix(true: np.ndarray, matrix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noisy codes (m,): one draw from row `true` of the matrix (C, C) for each row."""
    draws = rng.random(len(true))
    new = true.copy()
    for own in np.unique(true):
        rows = np.flatnonzero(true == own)
        steps = matrix[own].cumsum()
        # The first step above the draw. A class of probability 0 has a step of no height, which no draw can hit, and
        # rounding may not carry a draw to the end.
        new[rows] = np.searchsorted(
            steps, np.minimum(draws[rows] * steps[-1], np.nextafter(steps[-1], 0)), side="right"
        )
    return new
