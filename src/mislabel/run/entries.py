"""What lies in a run folder is plain files and folders: a link in one that was received would lead out of it."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from mislabel.errors import RunError

KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


def check_plain(paths: Iterable[Path]) -> None:
    """Look whether files and folders, and whatever is in those, are what they seem; the missing ones are fine.

    Raises
    ------
    RunError
        If one is a link or no file at all: what is written there would end up elsewhere, and what is read there would
        be no part of the run.
    """
    for path in _walk(paths):
        kind = KINDS.get(stat.S_IFMT(os.lstat(path).st_mode))
        if kind is not None:
            to = f" to {os.readlink(path)}" if kind == KINDS[stat.S_IFLNK] else ""
            raise RunError(
                f"{path} is {kind}{to}, and a run folder holds plain files and folders alone: nothing is read or "
                "written through it; put what it points to in its place, or remove it"
            )


def _walk(paths: Iterable[Path]) -> Iterator[Path]:
    """Those that are there and all that is in them; links are not followed."""
    for path in paths:
        if os.path.lexists(path):
            yield path
            if path.is_dir():
                yield from _walk(sorted(path.iterdir()))
