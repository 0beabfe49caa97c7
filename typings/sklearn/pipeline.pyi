# Of sklearn.pipeline, what we use.

from typing import Any, Self

import numpy as np
import numpy.typing as npt

class Pipeline:
    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self: ...
    def predict_proba(self, X: npt.ArrayLike) -> np.ndarray: ...

def make_pipeline(*steps: Any) -> Pipeline: ...
