# Of scipy.optimize, what we use.

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

class OptimizeResult(dict[str, Any]):
    x: np.ndarray

class ScalarResult(dict[str, Any]):
    x: float

def brentq(f: Callable[[float], float], a: float, b: float) -> float: ...
def minimize(
    fun: Callable[[np.ndarray], tuple[float, np.ndarray]],
    x0: np.ndarray,
    *,
    jac: bool,
    method: str,
    options: Mapping[str, Any] = ...,
) -> OptimizeResult: ...
def minimize_scalar(
    fun: Callable[[float], float], *, bounds: tuple[float, float], method: str, options: Mapping[str, Any] = ...
) -> ScalarResult: ...
