# Of sklearn.isotonic, what we use.

from typing import Self

import numpy as np

class IsotonicRegression:
    def __init__(
        self, *, y_min: float | None = None, y_max: float | None = None, out_of_bounds: str = "nan"
    ) -> None: ...
    def fit(self, X: np.ndarray, y: np.ndarray) -> Self: ...
    def predict(self, T: np.ndarray) -> np.ndarray: ...
