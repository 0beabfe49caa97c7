"""The files of a run are opened here, so that damage is told in one way: which file, why, and what to do."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.errors import InputError, RunError

REMEDY = "the run has to be made again"


@contextmanager
def telling_damage(path: Path, *also: type[Exception], remedy: str = REMEDY) -> Iterator[None]:
    """Whatever goes wrong in the block while a file of a run is read becomes a `RunError` that names it.

    Parameters
    ----------
    also : exception types
        That a library raises for files of its own.
    """
    try:
        yield
    except InputError:  # says itself what is wrong
        raise
    except (OSError, EOFError, ValueError, KeyError, pa.ArrowException, *also) as error:
        raise RunError(f"{path} cannot be read ({error}); {remedy}") from error


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a run."""
    with telling_damage(path):
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no object")
    return content


@contextmanager
def open_parquet(path: Path, **options: Any) -> Iterator[pq.ParquetFile]:
    """A Parquet file of a run, closed after the block; what goes wrong in the block is told of the file."""
    with telling_damage(path), pq.ParquetFile(path, **options) as file:
        yield file


def read_array(path: Path) -> np.ndarray:
    """A whole .npy file of a run."""
    with telling_damage(path):
        return np.load(path, allow_pickle=False)


def map_matrix(path: Path, rows: int) -> np.memmap:
    """An .npy file with a line for each of at least so many rows, as a map, (>= rows, width).

    Raises
    ------
    RunError
        If the file is broken, or holds too few lines.
    """
    remedy = "make the run again, or delete the file to review without it"
    with telling_damage(path, remedy=remedy):
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    if matrix.ndim != 2 or len(matrix) < rows:
        last = rows - 1
        raise RunError(f"{path} is of shape {matrix.shape}, the rows of the run stand up to place {last}: {remedy}")
    return matrix
