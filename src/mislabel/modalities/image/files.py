"""Image files: the path and the bytes of one, or the reason why it cannot be read."""

import errno
import os
import re
import stat
import unicodedata
from pathlib import Path

from mislabel.modalities.image.decode import Unreadable

LARGEST_BYTES = 2**29  # as many as the largest image has when each pixel takes 8 bytes
NO_FILE = "no such file"
_OF_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")  # C:\, C:/ or \\server
_REASONS = {
    errno.ENOENT: NO_FILE, errno.ENOTDIR: NO_FILE, errno.EACCES: "permission denied", errno.EPERM: "permission denied",
    errno.ELOOP: "a link that leads back to itself", errno.EISDIR: "is a folder", errno.ENAMETOOLONG: "name too long",
}  # fmt: skip


def locate(path: str, root: Path | None) -> str:
    """`path` made absolute: a relative one starts at `root`, or at the working directory where that is None.

    A name that is not there as it is written is looked for with "/" in place of the backslashes of Windows, and with
    its letters composed (as Windows and Linux write "ü") or decomposed (as Macs do).

    Raises
    ------
    Unreadable
        If it is empty, a web address, an absolute path of a Windows machine, or a relative path that climbs out of
        `root` by "..". Links inside `root` may lead anywhere.
    """
    if not path:
        raise Unreadable("the path is empty")
    if "\0" in path:
        raise Unreadable("the path holds a NUL character")
    if "://" in path:
        raise Unreadable("a web address; download the image first")
    if os.sep == "/" and _OF_WINDOWS.match(path) and not os.path.lexists(path):
        raise Unreadable("a path on a Windows machine; write it relative to the table, or as it is on this machine")
    start = os.path.abspath(root or ".")
    full = os.path.join(start, path)
    if not os.path.lexists(full):
        path = _as_it_is_here(start, path.replace("\\", "/"))
        full = os.path.join(start, path)
    if root is not None and not os.path.isabs(path) and ".." in Path(path).parts:
        inside = os.path.realpath(root)
        if not Path(os.path.realpath(full)).is_relative_to(inside):
            raise Unreadable(f"lies outside {root}; give an absolute path if that is meant")
    return full


def _as_it_is_here(start: str, path: str) -> str:
    """`path` with every part spelled as the file system has it, where only the form of its letters differs."""
    if path.isascii():
        return path
    here = "/" if os.path.isabs(path) else ""
    for part in path.strip("/").split("/"):
        forms = dict.fromkeys((part, *(unicodedata.normalize(form, part) for form in ("NFC", "NFD"))))
        there = (form for form in forms if os.path.lexists(os.path.join(start, here, form)))
        here = os.path.join(here, next(there, part))
    return here


def read_bytes(path: str | os.PathLike) -> bytes:
    """The content of a file.

    Raises
    ------
    Unreadable
        If it is missing, no file, empty, larger than `LARGEST_BYTES`, or not to be read by this user.
    """
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise Unreadable("is a folder")
        if not stat.S_ISREG(status.st_mode):  # reading from a pipe might never end
            raise Unreadable("not a regular file")
        if status.st_size == 0:
            raise Unreadable("empty (0 bytes)")
        if status.st_size > LARGEST_BYTES:
            raise Unreadable(f"larger than {LARGEST_BYTES >> 20} MiB")
        return Path(path).read_bytes()
    except OSError as error:
        if error.errno == errno.ENOENT and os.path.islink(path):
            raise Unreadable("a link to a file that does not exist") from error
        raise Unreadable(_REASONS.get(error.errno or 0, error.strerror or "cannot be read")) from error
    except ValueError as error:  # characters that no file name can have
        raise Unreadable(NO_FILE) from error
