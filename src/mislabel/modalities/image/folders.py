"""A folder of class folders of images as a table."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from mislabel.errors import InputError, some_ids

ENDINGS = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_SPLITS = {
    "train": "train", "training": "train", "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid",
    "test": "test", "testing": "test",
}  # fmt: skip


def is_folder(source: Any) -> bool:
    """Whether the source is a folder on this machine, which holds class folders of images."""
    return isinstance(source, (str, Path)) and not str(source).startswith("hf:") and Path(source).is_dir()


def read_image_folder(folder: Path) -> pd.DataFrame:
    """A folder of class folders as a table.

    Parameters
    ----------
    folder : Path
        Holds one folder per class, or nothing but folders called train (training), valid (validation, val, dev) or
        test (testing), in capitals or not, which hold one folder per class. Class folders may have folders of their
        own. An image is a file with one of `ENDINGS`. What begins with a dot is not looked at, and folders that are
        links are not followed.

    Returns
    -------
    DataFrame
        The columns `image` (the path inside `folder` with "/"), `label` (the name of the class folder) and, where
        there are such folders, `split` (train, valid or test); sorted by `image`. ``attrs["notes"]`` is a list of
        sentences on what was left out.

    Raises
    ------
    InputError
        If `folder` is missing, is no folder, holds no image or no class folder, or cannot be listed.
    """
    folder = Path(folder)
    if not folder.exists():
        raise InputError(f"{folder} does not exist; a folder of class folders is needed")
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; a folder of class folders is needed")
    files, links = _walk(folder)
    images = [path for path in files if PurePosixPath(path).suffix.lower() in ENDINGS]
    others = sorted(set(files) - set(images))
    tops = {entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith(".")}
    depth = 1 if tops and all(name.lower() in _SPLITS for name in tops) else 0  # of the class in the path
    if not images:
        raise InputError(f"{folder} holds no images; files with one of these endings are looked for: {_listed()}")
    kept = [path for path in images if path.count("/") > depth]
    if not kept:
        example = f"{folder}/{'train/' if depth else ''}CLASS/{PurePosixPath(images[0]).name}"
        raise InputError(
            f"{folder} has no class folders: {len(images)} images lie directly in it, for example {images[0]}. Put "
            f"each into a folder with the name of its class, like {example}, or give a table with a column of paths"
        )
    stray = sorted(set(images) - set(kept))
    parts = [path.split("/") for path in kept]
    columns = {"image": kept, "label": [part[depth] for part in parts]}
    if depth:
        columns["split"] = [_SPLITS[part[0].lower()] for part in parts]
    # As objects: a file name may hold bytes that are no UTF-8, which Arrow's strings refuse.
    frame = pd.DataFrame(columns, dtype=object)
    left_out = (
        ("Files that are no images by their ending, left out", others),
        ("Images outside of any class folder, left out", stray),
        ("Folders that are links, not followed", links),
    )
    frame.attrs["notes"] = [f"{what}: {len(paths)}; {some_ids(paths)}." for what, paths in left_out if paths]
    return frame


def _walk(folder: Path) -> tuple[list[str], list[str]]:
    """The files below `folder` and the folders that are links, each as sorted paths inside it; none that is hidden."""
    files: list[str] = []
    links: list[str] = []
    for inside, folders, names in _listing(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        where = os.path.relpath(inside, folder)
        prefix = "" if where == "." else Path(where).as_posix() + "/"
        files += [prefix + name for name in names if not name.startswith(".")]
        links += [prefix + name for name in folders if os.path.islink(os.path.join(inside, name))]
    return sorted(files), sorted(links)


def _listing(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be listed: {error.strerror}") from error

    return os.walk(folder, onerror=refuse, followlinks=False)


def _listed() -> str:
    return ", ".join(ENDINGS)
