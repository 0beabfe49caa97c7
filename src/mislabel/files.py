"""A file is either the old one or the whole new one, whatever happens while it is written."""

import contextlib
import json
import math
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.disk import telling_full_disk
from mislabel.errors import InputError

try:
    import fcntl
except ImportError:  # Windows, where no file can be removed that a process has open
    fcntl = None  # pyright: ignore

ENDING = ".mislabel.tmp"  # of files that are being written
ROWS_AT_ONCE = 1 << 13

_NO_LINK_NO_WAIT = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@contextlib.contextmanager
def atomic_path(path: str | Path, needed: int | None = None) -> Iterator[Path]:
    """Give a temporary file beside `path`; when the block ends well it takes the place of `path`.

    The file has mode 0600 and is on the disk (fsync) before it gets its name. After an exception the old file is
    untouched and the temporary one is gone; what a killed process left of one goes when `path` is next written. A
    symbolic link stays a link: the file that it points to is replaced.

    Parameters
    ----------
    needed : int, optional
        Bytes that will be written, for a message.

    Raises
    ------
    InputError
        If the folder does not exist, or `path` is a folder, or no file that can be replaced.
    DiskFull
        If it does not fit.
    """
    target = Path(os.path.realpath(path))
    _check_place(path, target)
    _remove_dead(target)
    with telling_full_disk(target, needed):
        handle, temporary = _new_temporary(target)
        try:
            yield temporary
            to_disk(temporary)
            os.close(handle)  # some systems rename no file that is open
            handle = None
            os.replace(temporary, target)
        except BaseException:
            if handle is not None:
                os.close(handle)
            temporary.unlink(missing_ok=True)
            raise
    folder_to_disk(target.parent)


@contextlib.contextmanager
def atomic_folder(path: Path, unfinished: Path) -> Iterator[Path]:
    """Give the empty folder `unfinished`; when the block ends well it takes the name `path`, and what was there goes.

    The folder has mode 0700, the files in it have 0600 and are on the disk (fsync) before it gets its name. After an
    exception the old folder is untouched. One that a killed process left unfinished goes with the next.

    Raises
    ------
    DiskFull
        If it does not fit.
    """
    remove_folder(unfinished)
    with telling_full_disk(path):
        private_folder(unfinished)
        try:
            yield unfinished
            for item in unfinished.rglob("*"):
                item.chmod(0o700 if item.is_dir() else 0o600)
                folder_to_disk(item) if item.is_dir() else to_disk(item)
            folder_to_disk(unfinished)
            remove_folder(path)
            unfinished.rename(path)
        except BaseException:
            remove_folder(unfinished)
            raise
    folder_to_disk(path.parent)


def private_folder(path: Path) -> None:
    """Make a folder that its owner alone can look into, or make it so; those above it are as the system makes them."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(PermissionError):  # somebody else's, who lets us write
        path.chmod(0o700)


def remove_folder(path: Path) -> None:
    """Remove a folder with all that is in it, where there is one. Links go, what they point to stays."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def check_writable(path: str | Path) -> None:
    """Look whether a file can be written there, before the work that is to fill it.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be written into, or `path` is a folder, or no file that can be replaced.
    """
    target = Path(os.path.realpath(path))
    _check_place(path, target)
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; choose another folder") from error


def atomic_write(path: str | Path, content: bytes | str) -> None:
    """Write `content` (text as UTF-8, newlines as given) to `path` at once; see `atomic_path`."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with atomic_path(path, len(data)) as temporary:
        temporary.write_bytes(data)


class _Plain:
    """A file that numpy does not know as one: to those it writes in C, and says of a full disk no more than a count."""

    def __init__(self, file: Any):
        self.write = file.write


def write_array(array: Any, path: Path) -> None:
    """Write an array as .npy at once; see `atomic_path`.

    Parameters
    ----------
    array : ndarray, or (n, d) rows that are read as `[begin:end]` and written part by part
    """
    if isinstance(array, np.ndarray):
        with atomic_path(path, array.nbytes) as temporary, temporary.open("wb") as file:
            np.save(_Plain(file), array)
        return
    kind = array[:0].dtype
    about = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": tuple(array.shape)}
    with atomic_path(path, kind.itemsize * math.prod(array.shape)) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, about)
        for begin in range(0, len(array), ROWS_AT_ONCE):
            file.write(np.ascontiguousarray(array[begin : begin + ROWS_AT_ONCE]).tobytes())


def write_json(path: str | Path, value: Any, *, indent: int | None = 1, default: Any = None) -> None:
    """Write a value as JSON at once; see `json_bytes`."""
    atomic_write(path, json_bytes(value, indent=indent, default=default))


def json_bytes(value: Any, *, indent: int | None = 1, default: Any = None) -> bytes:
    """A value as JSON in UTF-8; `indent` and `default` as in `json.dumps`.

    Text that UTF-8 cannot hold, such as a file name that is none or half a surrogate pair, is escaped and comes back.
    """
    try:
        return json.dumps(value, indent=indent, default=default, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent, default=default).encode("ascii")


def to_disk(path: Path) -> None:
    """Wait until a file is on the disk. Some systems do that only for a file that is open to be written."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def folder_to_disk(path: Path) -> None:
    """Wait until the names in a folder are on the disk, on systems that can open a folder."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _check_place(path: str | Path, target: Path) -> None:
    if target.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise InputError(f"cannot write {path}: the folder {target.parent} does not exist; make it first")
    if target.exists() and not target.is_file():
        raise InputError(f"cannot write {path}: it is a device, a pipe or a socket; give the name of a file")


def _new_temporary(target: Path) -> tuple[int, Path]:
    """A file of our own beside another, and a handle that holds it: while it is open nobody takes the file for dead."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f"{_prefix(target)}.", suffix=ENDING, dir=target.parent)
        try:
            _hold(handle, wait=True)
            if os.path.exists(name):  # else somebody looked between both calls, and removed it
                return handle, Path(name)
        except BaseException:
            os.close(handle)
            Path(name).unlink(missing_ok=True)
            raise
        os.close(handle)


def _remove_dead(target: Path) -> None:
    """Remove what killed processes left of files with this name."""
    ours = re.compile(re.escape(_prefix(target)) + r"\.\w{8}" + re.escape(ENDING))
    with contextlib.suppress(OSError):  # a folder that cannot be listed
        for name in os.listdir(target.parent):
            if ours.fullmatch(name):
                remove_if_dead(target.parent / name)


def remove_if_dead(path: Path) -> bool:
    """Remove a temporary file of ours unless a process holds it; gives whether it went."""
    try:
        if fcntl is not None:
            handle = os.open(path, os.O_RDWR | _NO_LINK_NO_WAIT)
            try:
                if not stat.S_ISREG(os.fstat(handle).st_mode) or not _hold(handle, wait=False):
                    return False
                path.unlink()
            finally:
                os.close(handle)
        else:
            path.unlink()
    except OSError:
        return False
    return True


def _hold(handle: int, *, wait: bool) -> bool:
    """Lock an open file until it is closed, as by the end of the process; gives whether that was possible."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or a file system without locks, on which nothing is taken for dead
        return False
    return True


def _prefix(target: Path) -> str:
    """What begins the names of temporary files for a target: not all of a long name, as bytes are limited."""
    return "." + os.fsdecode(os.fsencode(target.name)[:100]).encode("utf-8", "ignore").decode("utf-8")
