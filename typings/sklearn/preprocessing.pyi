# Of sklearn.preprocessing, what we use.

from typing import Self

import numpy as np
import numpy.typing as npt

class StandardScaler:
    def fit(self, X: npt.ArrayLike) -> Self: ...
    def transform(self, X: npt.ArrayLike) -> np.ndarray: ...
