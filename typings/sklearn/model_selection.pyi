# Of sklearn.model_selection, what we use.

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

class StratifiedKFold:
    def __init__(self, n_splits: int = 5, *, shuffle: bool = False, random_state: int | None = None) -> None: ...
    def split(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Iterator[tuple[np.ndarray, np.ndarray]]: ...

def cross_val_predict(
    estimator: Any, X: npt.ArrayLike, y: npt.ArrayLike, *, cv: Any = None, method: str = "predict"
) -> np.ndarray: ...
