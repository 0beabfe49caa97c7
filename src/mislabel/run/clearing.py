"""A run makes room for the next: it is put aside at once, then removed; what a kill leaves of that is recognised."""

import os
from pathlib import Path
from tempfile import mkdtemp

from mislabel.files import remove_folder

ASIDE = ".overwritten-"  # begins the name of a folder in the run folder that holds what is to be removed


def put_aside(folder: Path, first: Path, last: Path, stays: tuple[str, ...]) -> None:
    """Move what lies in a folder aside, in it, and remove it. A link goes; what it points to stays.

    Parameters
    ----------
    first, last : Path
        Of the files in it, that which says that a run is whole, and that which says that it is one. As long as the
        last is there, or nothing, the folder is known as one that may be cleared.
    stays : tuple of str
        Names of what is left alone.
    """
    aside = Path(mkdtemp(prefix=ASIDE, dir=folder))
    order = {first: -1, last: 1}
    moved = [item for item in folder.iterdir() if item.name not in stays and not item.name.startswith(ASIDE)]
    for item in sorted(moved, key=lambda path: order.get(path, 0)):
        os.replace(item, aside / item.name)
    remove_aside(folder)


def remove_aside(folder: Path) -> None:
    """Remove what was put aside."""
    for item in _asides(folder):
        remove_folder(item)


def half_cleared(folder: Path) -> bool:
    """Whether a process was killed while it put a run aside or removed it: what is left is no run any more."""
    return any(item.is_symlink() or not item.is_dir() or any(item.iterdir()) for item in _asides(folder))


def _asides(folder: Path) -> list[Path]:
    return [item for item in folder.iterdir() if item.name.startswith(ASIDE)] if folder.is_dir() else []
