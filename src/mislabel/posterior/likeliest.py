"""Probabilities of many classes, of which the likeliest of each row are kept, and one number for all others.

A million rows x 10,000 classes are 40 GB as float32, and nearly all of it is nothing: behind the thirty likeliest
classes of a row stands a small rest. What a run does with a posterior has an exact form on these, as long as a row's
given label is among them: its probability is replaced, the others scaled, the likeliest looked for. The rest is taken
to be spread evenly over the classes that are not kept.
"""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from mislabel.posterior.derived import parts

KEPT = 32
MANY_CLASSES, MANY = 1000, 1 << 28  # more classes than this, and more numbers: 1 GB for each array of them
LINE = np.dtype([("codes", "<i4", (KEPT,)), ("values", "<f4", (KEPT,)), ("rest", "<f4")])
NONE = 1e-12


def are_many(rows: int, n_classes: int) -> bool:
    """Whether probabilities of so many rows and classes are more than is kept whole."""
    return n_classes > MANY_CLASSES and rows * n_classes > MANY


class Likeliest:
    """Probabilities (n, K) float32 that read like an array: by rows, single numbers, or the largest of each row.

    ``[rows]`` gives these rows as the same kind, ``[rows, codes]`` (m,) numbers, ``[:, codes]`` the classes in another
    order, ``argmax(1)`` and ``max(1)`` what those of an array give, and ``np.asarray`` an array of them all.

    Attributes
    ----------
    kept : (n,) LINE
        Of each row `KEPT` distinct classes, their probabilities, and the sum of all others.
    n_classes : int
        K, above `KEPT`.
    """

    ndim = 2
    dtype = np.dtype(np.float32)

    def __init__(self, kept: np.ndarray, n_classes: int):
        self.kept: np.ndarray = kept
        self.n_classes: int = n_classes

    @classmethod
    def of(cls, codes: np.ndarray, values: np.ndarray, rest: np.ndarray, n_classes: int) -> "Likeliest":
        """From (n, KEPT) classes and probabilities, and (n,) sums of the others."""
        kept = np.empty(len(codes), dtype=LINE)
        kept["codes"], kept["values"], kept["rest"] = codes, values, np.maximum(rest, 0)
        return cls(kept, n_classes)

    @classmethod
    def sure(cls, codes: np.ndarray, n_classes: int) -> "Likeliest":
        """All of the probability of each row for one class, (n,) int."""
        classes = (codes[:, None] + np.arange(KEPT)) % n_classes
        values = np.zeros(classes.shape, dtype=np.float32)
        values[:, 0] = 1
        return cls.of(classes, values, np.zeros(len(codes)), n_classes)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.kept), self.n_classes

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, tuple):
            return Likeliest(self.kept[index], self.n_classes)
        pair: tuple[Any, Any] = index  # pyright: ignore[reportUnknownVariableType]
        return self._reordered(pair[1]) if isinstance(pair[0], slice) else self._numbers(*pair)

    def __setitem__(self, rows: Any, others: Any) -> None:
        self.kept[rows] = others.kept

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        rest = self.kept["rest"] / np.float32(self.n_classes - KEPT)
        result = np.repeat(rest[:, None], self.n_classes, axis=1)
        np.put_along_axis(result, self.kept["codes"].astype(np.int64), self.kept["values"], axis=1)
        return result.astype(dtype or np.float32, copy=False)

    def astype(self, dtype: Any) -> "Likeliest":
        """A copy; numbers stay float32, whatever is asked for."""
        return self.copy()

    def copy(self) -> "Likeliest":
        return Likeliest(np.array(self.kept), self.n_classes)

    def max(self, axis: int = 1) -> np.ndarray:
        """The largest probability of each row, (n,) float32."""
        return self.kept["values"].max(1)

    def argmax(self, axis: int = 1) -> np.ndarray:
        """Its class, (n,) int64; the lower code on a tie."""
        largest = self.kept["values"] == self.max()[:, None]
        return np.where(largest, self.kept["codes"], self.n_classes).min(1).astype(np.int64)

    def with_given(self, given: np.ndarray, of_given: np.ndarray) -> "Likeliest":
        """As `mislabel.posterior.posterior.replace_given`; the given labels (n,) have to be among the kept classes."""
        result = self.copy()
        for part in parts(len(self)):
            kept, own = result.kept[part], self.kept["codes"][part] == given[part][:, None]
            if not own.any(1).all():
                raise ValueError("a given label is not among the kept classes")
            values, now = kept["values"].astype(np.float64), np.asarray(of_given[part], dtype=np.float64)
            values[own] = 0
            total = values.sum(1) + kept["rest"]
            left = total > NONE
            factor = (1 - now) / np.where(left, total, 1)
            even = (1 - now) / (self.n_classes - 1)
            values = np.where(left[:, None], values * factor[:, None], even[:, None])
            values[own] = now
            kept["values"] = values
            kept["rest"] = np.where(left, kept["rest"] * factor, even * (self.n_classes - KEPT))
        return result

    def halfway(self, other: "Likeliest") -> "Likeliest":
        """The mean of both, whose kept classes have to be the same in the same order."""
        if not np.array_equal(self.kept["codes"], other.kept["codes"]):
            raise ValueError("not the same classes are kept")
        result = self.copy()
        for name in ("values", "rest"):
            result.kept[name] = (self.kept[name] + other.kept[name]) / 2
        return result

    def mean_of_equals(self, group: np.ndarray) -> "Likeliest":
        """As `mislabel.posterior.posterior.mean_of_equals`, over the classes that the first row of a group keeps.

        The first is by the kept classes themselves: what is kept may hang on the last digit of a number, and may not
        hang on the order of the table.
        """
        several = np.flatnonzero(np.bincount(group)[group] > 1)
        if not len(several):
            return self
        codes = np.sort(self.kept["codes"][several], axis=1)
        order = np.lexsort((*codes.T[::-1], group[several]))
        several, codes = several[order], codes[order]
        first = np.flatnonzero(np.diff(group[several], prepend=-1))
        counts = np.diff(np.append(first, len(several)))
        codes = np.repeat(codes[first], counts, axis=0)
        values = np.stack([self._numbers(several, codes[:, place]) for place in range(KEPT)], axis=1, dtype=np.float64)
        mean = np.repeat(np.add.reduceat(values, first) / counts[:, None], counts, axis=0)
        result = self.copy()
        result[several] = Likeliest.of(codes, mean, 1 - mean.sum(1), self.n_classes)
        return result

    def among(self, seen: np.ndarray) -> "Likeliest":
        """Without the classes that were not `seen` (K,) bool; of those that are not kept nothing is known."""
        if seen.all():
            return self
        result = self.copy()
        values = np.where(seen[self.kept["codes"]], self.kept["values"], 0).astype(np.float64)
        total = values.sum(1) + self.kept["rest"]
        result.kept["values"] = values / np.where(total > NONE, total, 1)[:, None]
        result.kept["rest"] = np.where(total > NONE, self.kept["rest"] / np.where(total > NONE, total, 1), 1)
        return result

    def transition(self, given: np.ndarray) -> Any:
        """T as `mislabel.posterior.summary.transition_matrix` has it, sparse; the rest of a row counts nowhere."""
        nothing = np.empty(0, dtype=np.int64)
        total = self._cells(np.empty(0), nothing, nothing)
        for part in parts(len(self)):
            codes, values = self.kept["codes"][part], self.kept["values"][part].astype(np.float64)
            total = total + self._cells(values.ravel(), codes.ravel(), np.repeat(given[part], KEPT))
        sums = np.asarray(total.sum(1)).ravel()
        total.data /= np.repeat(np.where(sums > 0, sums, 1), np.diff(total.indptr))
        nobody = np.flatnonzero(sums == 0)
        return total + self._cells(np.ones(len(nobody)), nobody, nobody)

    def _cells(self, values: np.ndarray, true: np.ndarray, given: np.ndarray) -> Any:
        return csr_array((values, (true, given)), shape=(self.n_classes, self.n_classes))

    def _numbers(self, rows: Any, codes: Any) -> np.ndarray:
        lines = self.kept[rows]
        own = lines["codes"] == np.asarray(codes)[:, None]
        others = lines["rest"] / np.float32(self.n_classes - KEPT)
        return np.where(own.any(1), np.where(own, lines["values"], 0).sum(1), others).astype(np.float32)

    def _reordered(self, order: np.ndarray) -> "Likeliest":
        """With what was class `order[k]` as class k."""
        place = np.empty(self.n_classes, dtype=np.int32)
        place[order] = np.arange(self.n_classes)
        result = self.copy()
        result.kept["codes"] = place[self.kept["codes"]]
        return result
