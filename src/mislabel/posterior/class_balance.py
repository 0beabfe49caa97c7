"""Weights under which classes count more alike than by their rows: in closed-form fits and in losses the same ones."""

from typing import Any

import numpy as np

from mislabel.posterior.derived import by_part, column_sums


def class_weights(mass: np.ndarray, power: float) -> np.ndarray:
    """The weight of each class, (K,) float64, from its rows (K,) int, or their mass in shares (K,) float.

    mass^-power, scaled so that the mean over the rows is 1: sum(mass * w) = sum(mass). 0 for a class without any.
    """
    mass = np.asarray(mass, dtype=np.float64)
    weights = np.zeros(len(mass))
    there = mass > 0
    weights[there] = (mass[there].max() / mass[there]) ** power if there.any() else 0.0
    total = mass @ weights
    return weights * (mass.sum() / total) if total else weights


def balanced(shares: Any, power: float) -> np.ndarray:
    """The weights of rows, (n,) float64 with mean 1, from their class shares (n, K): each the mean of its classes'."""
    weights = class_weights(column_sums(shares), power)

    def of_rows(some: np.ndarray) -> np.ndarray:
        return some @ weights

    return by_part(of_rows, shares)
