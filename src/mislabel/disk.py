"""Room on disk: what is to be filled later is reserved first, and a disk that is full is told in one sentence."""

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.errors import InputError, RunError

_FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}
_NO_RESERVING = {getattr(errno, name) for name in ("EOPNOTSUPP", "ENOTSUP", "ENOSYS", "EINVAL") if hasattr(errno, name)}
_ZEROS = bytes(1 << 20)


class DiskFull(RunError, OSError):
    """Something did not fit: the disk, a quota or the largest size of a file. What was there before is untouched."""


@contextlib.contextmanager
def telling_full_disk(path: Path, needed: int | None = None) -> Iterator[None]:
    """Whatever says in the block that a disk is full becomes a `DiskFull` that names `path` and tells what is free.

    Parameters
    ----------
    needed : int, optional
        Bytes that are to be written in the block, where that is known.
    """
    try:
        yield
    except (InputError, RunError):  # says itself what is wrong
        raise
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        size = "" if needed is None else f"{megabytes(needed)} are needed and "
        raise DiskFull(
            f"cannot write {path}: {reason}; {size}{free_space(path)}: make room and give the command again, what was "
            "there before is as it was"
        ) from error


def free_bytes(path: Path) -> int:
    """How much is free where a file or folder is or will be."""
    return shutil.disk_usage(nearest_existing(path)).free


def nearest_existing(path: Path) -> Path:
    """The path itself where something is there, else the nearest folder above it that there is."""
    return next((folder for folder in (path, *path.absolute().parents) if folder.exists()), Path())


def free_space(path: Path) -> str:
    """That, in words."""
    try:
        return f"{megabytes(free_bytes(path))} are free"
    except OSError:
        return "how much is free cannot be told"


def megabytes(size: float) -> str:
    """A size in bytes for a person: a round number from 10 MB on, else one that is not 0 unless it is."""
    return f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.3g} MB"


def reserve(handle: int, size: int) -> None:
    """Give an open file its full size, with room on the disk behind every byte; what it holds stays.

    A map of a file with holes ends the process, without a word, when the disk is full at the moment a hole is filled.

    Raises
    ------
    OSError
        If there is not that much room.
    """
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(handle, 0, size)
            return
        except OSError as error:
            if error.errno not in _NO_RESERVING:
                raise
    end = os.lseek(handle, 0, os.SEEK_END)
    while end < size:
        end += os.write(handle, memoryview(_ZEROS)[: min(len(_ZEROS), size - end)])
    os.fsync(handle)  # a file system that is far away tells of a full disk no sooner


def new_map(path: Path, shape: tuple[int, ...], dtype: type[Any]) -> np.memmap:
    """A new .npy file of zeros, reserved and mapped to be filled, with mode 0600; one that was there is replaced.

    Raises
    ------
    DiskFull
        If there is no room for it; then no file is left.
    """
    needed = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if path.exists() and path.stat().st_size:
        path.unlink()  # never cut short: another process may have it mapped
    try:
        with telling_full_disk(path, needed), open(path, "wb", opener=_private) as file:
            np.lib.format.write_array_header_1_0(file, _header(shape, dtype))
            file.flush()
            reserve(file.fileno(), file.tell() + needed)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return np.load(path, mmap_mode="r+")


def open_map(path: Path) -> np.memmap:
    """An .npy file that is there, mapped to be written to; where it has holes, as older versions left them, reserved.

    Raises
    ------
    DiskFull
        If there is no room for what it lacks.
    """
    with telling_full_disk(path), path.open("r+b") as file:
        reserve(file.fileno(), os.fstat(file.fileno()).st_size)
    return np.load(path, mmap_mode="r+")


def _header(shape: tuple[int, ...], dtype: type[Any]) -> dict[str, object]:
    return {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _reason(error: BaseException) -> str | None:
    """What the system says, where it says of a file that it cannot grow; libraries in Rust tell the number as text."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (match := re.search(r"\(os error (\d+)\)|\[Errno (\d+)\]", str(error))):
        number = int(match[1] or match[2])
    return os.strerror(number) if number is not None and number in _FULL else None
