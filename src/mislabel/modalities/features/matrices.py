"""Matrices of numbers: read from a file, made float32 without needless copies, and checked in blocks of rows."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mislabel.data.label_columns import Rows
from mislabel.errors import InputError, did_you_mean

LARGEST = 1e38  # a third of what float32 holds, so that neither a difference nor a jitter of two leaves it
MAPPED = 1 << 26  # bytes of a file that stays on the disk while a run reads it, and must not be changed meanwhile
_BLOCK = 1 << 20  # cells that are looked at together, so that no check needs a second matrix


def read_matrix(path: Path, rows: int | None) -> np.ndarray:
    """Open an .npy file that holds one matrix; its numbers stay on the disk until they are used.

    Parameters
    ----------
    path
        The file.
    rows
        How many rows the table has that this matrix goes with; None where there is no table.

    Returns
    -------
    (n, d) memmap of the dtype in the file
        Read-only, so that who needs it in float32 copies it; of a file over MAPPED one that may be written to and need
        not be copied, since what is written stays in memory.

    Raises
    ------
    InputError
        If the file is missing, not an .npy file, broken, holds Python objects or no matrix, or has another number of
        rows.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give one .npy file, written by numpy.save")
    if not path.exists():
        beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"{path} does not exist{did_you_mean(path.name, beside)}")
    try:
        with open(path, "rb") as handle:
            start = handle.read(6)
        if start != b"\x93NUMPY":
            archive = "it looks like an .npz archive: " if start[:2] == b"PK" else ""
            raise InputError(f"{path} is not an .npy file; {archive}save one matrix with numpy.save")
        matrix = np.load(path, mmap_mode="c" if path.stat().st_size > MAPPED else "r", allow_pickle=False)
    except InputError:
        raise
    except Exception as error:
        # A broken header makes numpy's reader raise errors of many kinds, some of them of Python's own parser.
        if "Python objects" in str(error):
            raise InputError(
                f"{path} holds Python objects, which are never loaded because that could run code; save numbers: "
                "numpy.save(path, matrix.astype('float32'))"
            ) from error
        raise InputError(f"{path} is broken, or cannot be read ({error}); save the matrix again") from error
    if matrix.ndim != 2:
        raise InputError(f"{path} holds an array of shape {matrix.shape}; a matrix of shape (rows, columns) is needed")
    if rows is not None and len(matrix) != rows:
        raise InputError(
            f"{path} has {len(matrix)} rows and the table has {rows}; row k of the file belongs to row k of the table, "
            "so both need the same rows in the same order"
        )
    return matrix


def as_float32(matrix: np.ndarray) -> np.ndarray:
    """`matrix` (n, d) of any real dtype as C-contiguous float32; itself, without a copy, where it is so already.

    What float32 cannot hold becomes infinite, for `refuse_unusable` to find. A read-only matrix is copied, because
    torch takes none.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        floats = np.asarray(matrix, dtype=np.float32, order="C")
    return floats if floats.flags.writeable else floats.copy()


def blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of rows that cover a matrix of this shape, about a million cells each."""
    step = max(1, _BLOCK // max(1, shape[1]))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def refuse_unusable(
    matrix: np.ndarray, name: str, say: Rows, naming: Callable[[np.ndarray], str], or_else: str = ""
) -> None:
    """Raise InputError where `matrix` (n, d) float32 has a NaN or a number beyond `LARGEST`.

    `naming` puts a few of the columns (m,) int64 in words, and `or_else` says what else can be done about NaN.
    """
    columns = np.zeros(matrix.shape[1], dtype=bool)
    bad_rows: list[np.ndarray] = []
    missing = infinite = False
    for block in blocks(matrix.shape):
        usable = np.abs(matrix[block]) <= LARGEST  # not of NaN
        if usable.all():
            continue
        columns |= ~usable.all(axis=0)
        bad = np.flatnonzero(~usable.all(axis=1))
        missing |= bool(np.isnan(matrix[block][bad]).any())
        infinite |= bool((np.abs(matrix[block][bad]) > LARGEST).any())
        bad_rows.append(bad + block.start)
    if not bad_rows:
        return
    rows = np.concatenate(bad_rows)
    what = ["no number (NaN, None)"] * missing + [
        "one that is infinite or too large for float32 (beyond 1e38)"
    ] * infinite
    drop = f"fill or drop them, e.g. pandas fillna, sklearn SimpleImputer{or_else}"
    rescale = "replace or drop them, or rescale the column, e.g. by its logarithm"
    raise InputError(
        f"{name}: {len(rows)} of {len(matrix)} rows hold {' or '.join(what)}, in {naming(np.flatnonzero(columns))}; "
        f"rows {say(rows)}. Every number must be known and finite: {drop if missing else rescale}"
    )


def constant_columns(matrix: np.ndarray) -> np.ndarray:
    """Columns (m,) int64 of `matrix` (n, d) that hold the same number in every row."""
    left = np.arange(matrix.shape[1])
    for block in blocks(matrix.shape):
        left = left[(matrix[block][:, left] == matrix[0, left]).all(axis=0)]
        if not len(left):
            break
    return left


def row_bytes(matrix: np.ndarray) -> Iterator[bytes]:
    """The bytes of each row of `matrix` (n, d), as little-endian float32; rows of equal numbers give equal bytes."""
    width = 4 * matrix.shape[1]
    for block in blocks(matrix.shape):
        rows = np.add(matrix[block], np.float32(0)).astype("<f4", copy=False).tobytes()  # -0.0 + 0.0 is 0.0
        yield from (rows[start : start + width] for start in range(0, len(rows), width))
