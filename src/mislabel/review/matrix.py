"""A matrix of the run folder, read a few lines at a time: a map of it would fill memory with what was looked at."""

from pathlib import Path

import numpy as np

from mislabel.errors import RunError
from mislabel.run.reading import Rows


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
    """The file as a map, (N, width) in the order of the input; None where there is none, or rows do not tell a place.

    Raises
    ------
    RunError
        If the file is broken, or holds no line for some row.
    """
    if rows.place is None or not path.is_file():
        return None
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise _unfit(path, f"cannot be read ({error})") from error
    if found.ndim != 2 or len(found) <= int(rows.place.max(initial=-1)):
        raise _unfit(path, f"is of shape {found.shape}, the rows of the run stand up to place {rows.place.max()}")
    return found


def open_matrix(path: Path, rows: Rows) -> Matrix | None:
    """The file, to be read by lines; None and raises as `map_matrix`."""
    found = map_matrix(path, rows)
    return None if found is None else Matrix(path, found)


def _unfit(path: Path, what: str) -> RunError:
    return RunError(f"{path} {what}: make the run again, or delete the file to review without it")
