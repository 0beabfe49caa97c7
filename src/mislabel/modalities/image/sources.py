"""A column of images (paths, encoded images, structs of both, Pillow images, arrays), read cell by cell."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.data.columns import as_list, kind_word
from mislabel.errors import InputError, some_ids
from mislabel.modalities.image.decode import Unreadable, check_size, decode, explained, pillow, quiet, to_rgb
from mislabel.modalities.image.files import locate, read_bytes
from mislabel.modalities.image.pixels import as_uint8, split_stack

Source = str | bytes | np.ndarray  # an absolute path, an encoded image, or uint8 (h, w) or (h, w, 3)
_BLOCK = 1024  # rows handed to the threads at once, so that a million rows do not wait as objects


@dataclass
class Cells:
    """n images before any file is opened: where they are, what they are called, and why some cannot be read."""

    sources: list[Source] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)


def read_cells(values: Any, ids: Sequence[Any], name: str, root: Path | None) -> Cells:
    """Sort out what is given for each row; no file is opened here.

    Raises
    ------
    InputError
        If a cell is no image at all, or an array does not hold pixels; see `as_uint8` and `split_stack`.
    """
    stacked = isinstance(values, np.ndarray) and values.ndim > 1
    cells = split_stack(values, name) if stacked else as_list(values, name)
    if len(cells) != len(ids):
        raise InputError(f"{name}: {len(cells)} images were given for {len(ids)} ids; one per row is needed")
    read = Cells(names=[_path_and_bytes(cell)[0] for cell in cells])
    wrong: list[int] = []
    for position, cell in enumerate(cells):
        source = None
        try:
            source = _source(cell, root)
            if source is None:
                wrong.append(position)
        except Unreadable as error:
            read.reasons[position] = str(error)
        read.sources.append(b"" if source is None else source)
    if wrong:
        kinds_found = sorted({_kind(cells[position]) for position in wrong})
        raise InputError(
            f"{name}: {len(wrong)} of {len(cells)} rows hold no image but {', '.join(kinds_found)}: rows "
            f"{some_ids(ids[position] for position in wrong)}. Every row needs a path, the bytes of an image file, a "
            "Pillow image or an array of pixels; fill these rows, or leave them out"
        )
    arrays = {position: source for position, source in enumerate(read.sources) if isinstance(source, np.ndarray)}
    for position, array in as_uint8(arrays, ids, name).items():
        read.sources[position] = array
        try:
            check_size(array.shape[1], array.shape[0])
        except Unreadable as error:
            read.reasons[position] = str(error)
    return read


def inspect_all(sources: Sequence[Any], reasons: Mapping[int, str], threads: int) -> list[tuple[bytes, str]]:
    """What `inspect` gives for each source, in so many threads; `reasons` are those known already."""
    known = [reasons.get(position) for position in range(len(sources))]
    seen: list[tuple[bytes, str]] = []
    # Pillow lets go of the interpreter lock while it decodes, so threads are enough.
    with quiet(), ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(sources), _BLOCK):
            seen += pool.map(inspect, sources[start : start + _BLOCK], known[start : start + _BLOCK])
    return seen


def inspect(source: Source | Path, known: str | None = None) -> tuple[bytes, str]:
    """The SHA-256 digest of a content and why it cannot be used, "" if it can.

    The content is the encoded image, or shape and pixels of an array; where there is none to be had, the reason. If the
    reason is known already, nothing is read.
    """
    if known:
        return _digest(known.encode("utf-8", "surrogatepass")), known
    if isinstance(source, np.ndarray):
        return _digest(repr(source.shape).encode() + source.tobytes()), ""
    try:
        data = bytes_of(source)
    except Unreadable as error:
        return _digest(str(error).encode("utf-8", "surrogatepass")), str(error)
    try:
        decode(data)
    except Unreadable as error:
        return _digest(data), str(error)
    return _digest(data), ""


def bytes_of(source: str | Path | bytes) -> bytes:
    """The encoded image; `Unreadable` if there is none."""
    if not isinstance(source, bytes):
        return read_bytes(source)
    if not source:
        raise Unreadable("empty (0 bytes)")
    return source


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _source(cell: Any, root: Path | None) -> Source | None:
    """Where the image of a cell is, with arrays as they are; None if the cell is no image."""
    if isinstance(cell, np.ndarray):
        return cell
    if isinstance(cell, pillow().Image):
        return _pixels(cell)
    path, content = _path_and_bytes(cell)
    if content is None and (path or isinstance(cell, str)):
        return locate(path, root)
    return content


def _path_and_bytes(cell: Any) -> tuple[str, bytes | None]:
    """The path that a cell names ("" where none), and its encoded image (None where there is none)."""
    if isinstance(cell, Mapping):  # as the datasets library stores images
        content, path = cell.get("bytes"), cell.get("path")
        path = path if isinstance(path, str) else ""
        return path, bytes(content) if isinstance(content, (bytes, bytearray, memoryview)) else None
    if isinstance(cell, (bytes, bytearray, memoryview)):
        return "", bytes(cell)
    if isinstance(cell, (str, os.PathLike)):
        return os.fsdecode(cell), None
    return "", None


def _pixels(image: Any) -> np.ndarray:
    """A Pillow image as uint8 (h, w, 3).

    Raises
    ------
    Unreadable
        If its file, which may not have been read so far, cannot be.
    """
    with explained():
        check_size(*image.size)
        return np.asarray(to_rgb(image))


def _kind(value: object) -> str:
    return "a dict without bytes and path" if isinstance(value, Mapping) else kind_word(value)
