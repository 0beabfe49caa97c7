"""A file is either the old one or the whole new one, whatever happens while it is written."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.errors import InputError


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary file beside `path`; when the block ends well it takes the place of `path`.

    The file has mode 0600 and is on the disk (fsync) before it gets its name. After an exception the old file is
    untouched and the temporary one is gone. A symbolic link stays a link: the file that it points to is replaced.

    Raises
    ------
    InputError
        If the folder does not exist, or `path` is a folder.
    """
    target = Path(os.path.realpath(path))
    _check_place(path, target)
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _to_disk(temporary)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    # The new name is an entry in the folder; on systems where a folder cannot be opened there is nothing to do.
    with contextlib.suppress(OSError):
        _to_disk(target.parent)


def check_writable(path: str | Path) -> None:
    """Look whether a file can be written there, before the work that is to fill it.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be written into, or `path` is a folder.
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
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_array(array: np.ndarray, path: Path) -> None:
    """Write an array as .npy at once; see `atomic_path`."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)


def _check_place(path: str | Path, target: Path) -> None:
    if target.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise InputError(f"cannot write {path}: the folder {target.parent} does not exist; make it first")


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


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
