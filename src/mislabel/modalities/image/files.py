"""Image files: where one is, and its bytes, or the reason why they cannot be had."""

import errno
import os
import stat
from pathlib import Path

from mislabel.modalities.image.decode import Unreadable

LARGEST_BYTES = 2**29  # as many as the largest image has when each pixel takes 8 bytes
NO_FILE = "no such file"
_REASONS = {
    errno.ENOENT: NO_FILE, errno.ENOTDIR: NO_FILE, errno.EACCES: "permission denied", errno.EPERM: "permission denied",
    errno.ELOOP: "a link that leads back to itself", errno.EISDIR: "is a folder", errno.ENAMETOOLONG: "name too long",
}  # fmt: skip


def locate(path: str, root: Path | None) -> str:
    """`path` made absolute: a relative one starts at `root`, or at the working directory where that is None.

    Raises
    ------
    Unreadable
        If it is empty, a web address, or a relative path that climbs out of `root` by "..". Links inside `root` may
        lead anywhere.
    """
    if not path:
        raise Unreadable("the path is empty")
    if "\0" in path:
        raise Unreadable("the path holds a NUL character")
    if "://" in path:
        raise Unreadable("a web address; download the image first")
    full = os.path.join(os.path.abspath(root or "."), path)
    if root is not None and not os.path.isabs(path) and ".." in Path(path).parts:
        inside = os.path.realpath(root)
        if not Path(os.path.realpath(full)).is_relative_to(inside):
            raise Unreadable(f"lies outside {root}; give an absolute path if that is meant")
    return full


def read_bytes(path: str | os.PathLike) -> bytes:
    """The content of a file.

    Raises
    ------
    Unreadable
        If it is missing, no file, empty, larger than `LARGEST_BYTES`, or not to be read by this user.
    """
    try:
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            raise Unreadable("is a folder")
        if not stat.S_ISREG(found.st_mode):  # reading from a pipe might never end
            raise Unreadable("not a regular file")
        if found.st_size == 0:
            raise Unreadable("empty (0 bytes)")
        if found.st_size > LARGEST_BYTES:
            raise Unreadable(f"larger than {LARGEST_BYTES >> 20} MiB")
        return Path(path).read_bytes()
    except OSError as error:
        if error.errno == errno.ENOENT and os.path.islink(path):
            raise Unreadable("a link to a file that does not exist") from error
        raise Unreadable(_REASONS.get(error.errno or 0, error.strerror or "cannot be read")) from error
    except ValueError as error:  # characters that no file name can have
        raise Unreadable(NO_FILE) from error
