"""A matrix of the run folder, read a few lines at a time: a memory map would keep every line that was read."""

from pathlib import Path

import numpy as np

from mislabel.run.reading import Run


class Matrix:
    """An .npy file with one line per row of the data.

    Attributes
    ----------
    shape : (int, int)
    """

    def __init__(self, path: Path, mapped: np.memmap):
        self.path, self.offset, self.shape, self.dtype = path, mapped.offset, mapped.shape, mapped.dtype

    def lines(self, begin: int, count: int) -> np.ndarray:
        """Lines [begin, begin + count), (count, width) in the file's dtype."""
        size = self.shape[1] * self.dtype.itemsize
        with self.path.open("rb") as file:
            file.seek(self.offset + begin * size)
            return np.frombuffer(file.read(count * size), dtype=self.dtype).reshape(count, self.shape[1])


def open_matrix(run: Run, path: Path) -> Matrix | None:
    """The posterior or the embeddings of a run, to be read by lines; None and raises as `Run.map_matrix`."""
    mapped = run.map_matrix(path)
    return None if mapped is None else Matrix(path, mapped)
