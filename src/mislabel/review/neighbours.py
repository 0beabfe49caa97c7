"""The nearest judged rows of one row, found in the run's embeddings on request."""

import threading
from functools import lru_cache

import numpy as np

from mislabel.run.opening import Matrix
from mislabel.run.reading import Run
from mislabel.run.rows import Rows

BLOCK = 1 << 23  # bytes read at a time, so that memory does not grow with the file
SHOWN = 3


class Neighbours:
    """Nearest rows by cosine similarity.

    Parameters
    ----------
    run : Run
        Whose embeddings, (N, d) float16 or float32, are in the order of the input.
    """

    def __init__(self, run: Run):
        self.rows: Rows = run.rows
        self.matrix: Matrix | None = run.matrix(run.folder.embeddings)
        self.lock: threading.Lock = threading.Lock()
        rows = self.rows
        if self.matrix is not None and rows.position is not None:
            self.row_of: np.ndarray = np.full(self.matrix.shape[0], -1, dtype=np.int32)
            self.row_of[rows.position] = np.arange(len(rows))
            self.eligible: np.ndarray = np.zeros(len(self.row_of), dtype=bool)
            self.eligible[rows.position[rows.judged]] = True
            self.nearest = lru_cache(maxsize=4096)(self._nearest)

    @property
    def there(self) -> bool:
        return self.matrix is not None

    def of(self, row: int) -> list[tuple[int, float]]:
        """The three nearest rows, nearest first, and their cosine similarity; none for a row that has no direction."""
        if self.rows.position is None or self.matrix is None:
            return []
        with self.lock:  # one at a time: two at once would take twice the memory and no less time
            return self.nearest(int(self.rows.position[row]))

    def _nearest(self, position: int) -> list[tuple[int, float]]:
        matrix = self.matrix
        assert matrix is not None
        n, width = matrix.shape
        own = matrix.lines(position, 1)[0].astype(np.float32)
        length = float(np.linalg.norm(own))
        if not 0 < length < np.inf or n < 2:
            return []
        similarity, step = np.empty(n, dtype=np.float32), max(1, BLOCK // (width * matrix.dtype.itemsize))
        for begin in range(0, n, step):
            block = matrix.lines(begin, min(step, n - begin)).astype(np.float32)
            lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
            lengths[lengths == 0] = np.inf
            similarity[begin : begin + len(block)] = (block @ own) / (lengths * length)
        similarity[~self.eligible] = -np.inf
        similarity[position] = -np.inf
        last = n - min(SHOWN, n - 1)
        nearest = np.flatnonzero(similarity >= max(np.partition(similarity, last)[last], np.finfo(np.float32).min))
        nearest = nearest[np.lexsort((nearest, -similarity[nearest]))][:SHOWN]
        return [(int(self.row_of[k]), float(similarity[k])) for k in nearest]
