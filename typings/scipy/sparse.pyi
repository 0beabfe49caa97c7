# Of scipy.sparse, what we use.

from typing import overload

import numpy as np

class csr_array:
    shape: tuple[int, int]
    def __init__(
        self,
        arg1: np.ndarray | tuple[np.ndarray, tuple[np.ndarray, np.ndarray]],
        shape: tuple[int, ...] | None = None,
    ) -> None: ...
    @property
    def T(self) -> csc_array: ...
    @overload
    def __matmul__(self, other: np.ndarray) -> np.ndarray: ...
    @overload
    def __matmul__(self, other: csr_array) -> csr_array: ...
    def toarray(self) -> np.ndarray: ...
    def tocoo(self) -> coo_array: ...

class csc_array:
    @overload
    def __matmul__(self, other: np.ndarray) -> np.ndarray: ...
    @overload
    def __matmul__(self, other: csr_array) -> csr_array: ...
    def tocsr(self) -> csr_array: ...

class coo_array:
    data: np.ndarray
    coords: tuple[np.ndarray, np.ndarray]
