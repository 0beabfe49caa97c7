"""A folder of class folders of images as a table."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from mislabel.errors import InputError, some_ids

ENDINGS = (".jpg", ".jpeg", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_SPLITS = {
    "train": "train", "training": "train", "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid",
    "test": "test", "testing": "test",
}  # fmt: skip
_OF_OTHER_PROGRAMS = ("__MACOSX", "@eaDir")  # of zip files made on a Mac, and thumbnails of a Synology


def is_folder(source: Any) -> bool:
    """Whether the source is a folder on this machine, which holds class folders of images."""
    return isinstance(source, (str, Path)) and not str(source).startswith("hf:") and Path(source).is_dir()


def read_image_folder(folder: Path) -> pd.DataFrame:
    """A folder of class folders as a table.

    Parameters
    ----------
    folder : Path
        Holds one folder per class, or nothing but folders called train (training), valid (validation, val, dev) or
        test (testing), in capitals or not, which hold one folder per class. All of that may lie in a single folder in
        it. Class folders may have folders of their own. An image is a file with one of `ENDINGS`. Folders that hold
        none do not count. What begins with a dot is not looked at, and folders that are links are not followed.

    Returns
    -------
    DataFrame
        The columns `image` (the path inside `folder` with "/"), `label` (the name of the class folder) and, where
        there are such folders, `split` (train, valid or test); sorted by `image`. ``attrs["notes"]`` is a list of
        sentences on what was left out.

    Raises
    ------
    InputError
        If `folder` is missing, is no folder, holds no image or no class folder, or cannot be listed; if folders that
        split the data stand beside folders that do not.
    """
    folder = Path(folder)
    if not folder.exists():
        raise InputError(f"{folder} does not exist; a folder of class folders is needed")
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; a folder of class folders is needed")
    tree = _walk(folder)
    if not tree.images:
        raise InputError(f"{folder} holds no images; files with one of these endings are looked for: {_listed()}")
    level, splits, notes = _layout(folder, [path.split("/") for path in tree.images])
    depth = level + splits  # of the class in the path
    kept = [path for path in tree.images if path.count("/") > depth]
    if not kept:
        example = f"{folder}/{'train/' if splits else ''}CLASS/{PurePosixPath(tree.images[0]).name}"
        raise InputError(
            f"{folder} has no class folders: {len(tree.images)} images lie directly in it, for example "
            f"{tree.images[0]}. Put each into a folder with the name of its class, like {example}, or give a table "
            "with a column of paths"
        )
    parts = [path.split("/") for path in kept]
    columns = {"image": kept, "label": [part[depth] for part in parts]}
    if splits:
        columns["split"] = [_SPLITS[part[level].lower()] for part in parts]
    # As objects: a file name may hold bytes that are no UTF-8, which Arrow's strings refuse.
    frame = pd.DataFrame(columns, dtype=object)
    frame.attrs["notes"] = notes + _left_out(tree, kept, depth, splits)
    return frame


@dataclass(frozen=True)
class _Tree:
    """What is below a folder, as sorted paths in it with "/"."""

    images: list[str]
    others: list[str]  # files that are no images by their ending
    folders: list[str]
    links: list[str]  # folders that are links
    passed_over: list[str]  # folders that are hidden or of other programs


def _layout(folder: Path, images: list[list[str]]) -> tuple[int, bool, list[str]]:
    """Where the folders of classes or splits are in the paths of all images, whether they are splits, and notes."""
    level = _level(images)
    tops = dict.fromkeys(path[level] for path in images if len(path) > level + 1)
    splits = [name for name in tops if name.lower() in _SPLITS]
    others = [name for name in tops if name.lower() not in _SPLITS]
    notes = [f"All images lie in {'/'.join(images[0][:level])}, whose folders are read."] if level else []
    if not splits:
        return level, False, notes
    if not others:
        return level, True, notes
    if len(splits) > 1 or any(path[level] in splits and len(path) > level + 2 for path in images):
        where = folder.joinpath(*images[0][:level])
        raise InputError(
            f"{where} holds folders that split the data ({some_ids(splits)}) and other folders with images "
            f"({some_ids(others)}), so that it is not clear which are classes. To leave the others out, move them away "
            "or let their names begin with a dot: images without a label cannot be learned from. If all of them are "
            "classes, give a table with a column of paths and one of labels"
        )
    return level, False, [*notes, f"The folder {splits[0]!r} is taken as a class, like those beside it."]


def _level(images: list[list[str]]) -> int:
    """How many folders, one in the other, hold everything and are no classes: 0 for class folders in the folder."""
    level = 0
    while True:
        tops = {path[level] for path in images}
        if len(tops) > 1 or next(iter(tops)).lower() in _SPLITS:
            return level
        if any(len(path) <= level + 2 for path in images):  # an image lies directly in this only folder: a class
            return 0
        level += 1


def _left_out(tree: _Tree, kept: list[str], depth: int, splits: bool) -> list[str]:
    """Sentences on what is not in the table."""
    stray, notes = sorted(set(tree.images) - set(kept)), []
    labelled = {path.split("/")[depth - 1] for path in kept}
    loose = [path for path in stray if splits and path.count("/") == depth]  # in a folder for a split, in no class
    for name in dict.fromkeys(path.split("/")[depth - 1] for path in loose):
        paths = [path for path in loose if path.split("/")[depth - 1] == name]
        if name not in labelled:
            stray = sorted(set(stray) - set(paths))
            notes.append(
                f"The folder {name!r} has no class folders, so that its images have no label; left out: {len(paths)}; "
                f"{some_ids(paths)}."
            )
    with_images = {str(above) for path in tree.images for above in PurePosixPath(path).parents}
    bare = [path for path in tree.folders if path not in with_images and path.count("/") <= depth]
    bare = [path for path in bare if path.rpartition("/")[0] not in bare]
    left_out = (
        ("Files that are no images by their ending, left out", tree.others),
        ("Images outside of any class folder, left out", stray),
        ("Folders without images, passed over", bare),
        ("Folders that are hidden or of other programs, passed over", tree.passed_over),
        ("Folders that are links, not followed", tree.links),
    )
    return notes + [f"{what}: {len(paths)}; {some_ids(paths)}." for what, paths in left_out if paths]


def _walk(folder: Path) -> _Tree:
    tree = _Tree([], [], [], [], [])
    for inside, folders, names in _listing(folder):
        where = os.path.relpath(inside, folder)
        prefix = "" if where == "." else Path(where).as_posix() + "/"
        hidden = [name for name in folders if name.startswith(".") or name in _OF_OTHER_PROGRAMS]
        folders[:] = [name for name in folders if name not in hidden]
        links = [name for name in folders if os.path.islink(os.path.join(inside, name))]
        for paths, here in ((tree.passed_over, hidden), (tree.folders, folders), (tree.links, links)):
            paths += [prefix + name for name in here]
        for name in (name for name in names if not name.startswith(".")):
            images = PurePosixPath(name).suffix.lower() in ENDINGS
            (tree.images if images else tree.others).append(prefix + name)
    real = [path for path in tree.folders if path not in set(tree.links)]
    return _Tree(*(sorted(paths) for paths in (tree.images, tree.others, real, tree.links, tree.passed_over)))


def _listing(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be listed: {error.strerror}") from error

    return os.walk(folder, onerror=refuse, followlinks=False)


def _listed() -> str:
    return ", ".join(ENDINGS)
