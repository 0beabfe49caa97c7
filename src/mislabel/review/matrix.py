"""A matrix of the run folder, read a few lines at a time: a map of it would fill memory with what was looked at."""

from pathlib import Path

import numpy as np

from mislabel.review.rows import Rows


class Matrix:
    """An .npy file with a line for each place of the input.

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


def map_matrix(path: Path, rows: Rows) -> np.memmap | None:
    """The file as a map, (N, width) in the order of the input; None where there is none that fits these rows."""
    if rows.place is None or not path.is_file():
        return None
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError):
        return None
    return found if found.ndim == 2 and len(found) > int(rows.place.max(initial=-1)) else None


def open_matrix(path: Path, rows: Rows) -> Matrix | None:
    """The file, to be read by lines; None where there is none that fits these rows."""
    found = map_matrix(path, rows)
    return None if found is None else Matrix(path, found)
