# Of scipy.stats, what we use.

import numpy as np
import numpy.typing as npt

class _Binomial:
    def cdf(self, k: npt.ArrayLike, n: npt.ArrayLike, p: npt.ArrayLike) -> np.ndarray: ...
    def ppf(self, q: npt.ArrayLike, n: npt.ArrayLike, p: npt.ArrayLike) -> np.ndarray: ...

class _Hypergeometric:
    def cdf(self, k: npt.ArrayLike, M: npt.ArrayLike, n: npt.ArrayLike, N: npt.ArrayLike) -> np.ndarray: ...
    def sf(self, k: npt.ArrayLike, M: npt.ArrayLike, n: npt.ArrayLike, N: npt.ArrayLike) -> np.ndarray: ...

class _Normal:
    def ppf(self, q: npt.ArrayLike) -> np.ndarray: ...

class _TruncatedNormal:
    def ppf(
        self, q: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike, loc: npt.ArrayLike = 0, scale: npt.ArrayLike = 1
    ) -> np.ndarray: ...

binom: _Binomial
hypergeom: _Hypergeometric
norm: _Normal
truncnorm: _TruncatedNormal

def rankdata(a: npt.ArrayLike, method: str = "average", *, axis: int | None = None) -> np.ndarray: ...
