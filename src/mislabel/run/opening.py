"""The files of a run are opened here, so that damage is told in one way: which file, why, and what to do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow.parquet as pq

from mislabel.errors import RunError
from mislabel.integrity import open_checked, telling_damage
from mislabel.posterior.likeliest import LINE, Likeliest


@contextmanager
def open_parquet(path: Path, **options: Any) -> Iterator[pq.ParquetFile]:
    """A Parquet file of a run, closed after the block; what goes wrong in the block is told of the file."""
    with telling_damage(path), open_checked(path) as source, pq.ParquetFile(source, **options) as file:
        yield file


def read_array(path: Path) -> np.ndarray:
    """A whole .npy file of a run."""
    with telling_damage(path), open_checked(path) as file:
        return np.load(file, allow_pickle=False)


def read_likeliest(path: Path, n_classes: int, rows: int = 0) -> Likeliest:
    """What is kept of the posterior of many classes, of so many rows at least.

    Raises
    ------
    RunError
        If the file is damaged, or of another run.
    """
    with telling_damage(path, remedy=Matrix.remedy):
        kept = read_array(path)
        if kept.dtype != LINE or kept.ndim != 1 or len(kept) < rows:
            raise ValueError(f"it holds {kept.shape} of {kept.dtype}, and the run has {rows} rows")
        return Likeliest(kept, n_classes)


class Matrix:
    """A matrix in an .npy file of a run, read a few lines at a time: a map would fill memory with what was looked at.

    Parameters
    ----------
    path : Path
    rows : int
        How many lines are needed at least.

    Attributes
    ----------
    shape : (int, int)
    dtype : dtype

    Raises
    ------
    RunError
        If the file is damaged, or holds too few lines.
    """

    remedy = "make the run again, or delete the file to review without it"

    def __init__(self, path: Path, rows: int):
        self.path: Path = path
        self.lock: threading.Lock = threading.Lock()
        with telling_damage(path, remedy=self.remedy):
            self.file: BinaryIO = open_checked(path)
            version = np.lib.format.read_magic(self.file)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            shape, turned, dtype = read[version](self.file)
            self.dtype: np.dtype[Any] = dtype
            self.offset: int = self.file.tell()
            if turned or self.dtype.hasobject:
                raise ValueError("it is no matrix of numbers, line by line")
        if len(shape) != 2 or shape[0] < rows:
            raise RunError(f"{path} is of shape {shape}, and the run has rows up to position {rows - 1}: {self.remedy}")
        self.shape: tuple[int, int] = (shape[0], shape[1])
        with telling_damage(path, remedy=self.remedy):
            if path.stat().st_size < self.offset + shape[0] * self._line:
                raise ValueError("it was cut short")

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def _line(self) -> int:
        return self.shape[1] * self.dtype.itemsize

    def lines(self, begin: int, count: int) -> np.ndarray:
        """Lines [begin, begin + count), (count, width) in the file's dtype."""
        count = max(0, min(count, len(self) - begin))
        with self.lock, telling_damage(self.path, remedy=self.remedy):
            self.file.seek(self.offset + begin * self._line)
            data = self.file.read(count * self._line)
            return np.frombuffer(data, dtype=self.dtype).reshape(count, self.shape[1])

    def __getitem__(self, index: slice | np.ndarray) -> np.ndarray:
        """Lines from one on to another, or those of these numbers, (m, width) in the file's dtype."""
        if isinstance(index, slice):
            begin, end, _ = index.indices(len(self))
            return self.lines(begin, end - begin)
        result = np.empty((len(index), self.shape[1]), dtype=self.dtype)
        for position in np.argsort(index, kind="stable").tolist():  # through the file once
            result[position] = self.lines(int(index[position]), 1)[0]
        return result
