# Of sklearn.mixture, what we use.

from typing import Self

import numpy as np

class GaussianMixture:
    weights_: np.ndarray
    means_: np.ndarray
    precisions_: np.ndarray
    def __init__(
        self,
        n_components: int = 1,
        *,
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        weights_init: np.ndarray | None = None,
        means_init: np.ndarray | None = None,
        precisions_init: np.ndarray | None = None,
        random_state: int | None = None,
    ) -> None: ...
    def fit(self, X: np.ndarray) -> Self: ...
    def bic(self, X: np.ndarray) -> float: ...
    def predict_proba(self, X: np.ndarray) -> np.ndarray: ...
