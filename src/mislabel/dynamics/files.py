"""What both stores read from disk, and refuse: a manifest, and an array that must be whole and as it was written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import Field

from mislabel.errors import RunError
from mislabel.integrity import digest, read_as, telling_damage

T = TypeVar("T")

REMEDY = "the run cannot be continued, start it anew"


Count = Annotated[int, Field(ge=0, le=2**40)]
Digests = dict[str, list[str]]  # of the parts of each quantity; runs of 0.1.0 have none


def read_manifest(path: Path, schema: int, kind: type[T]) -> T:
    """A manifest as a dataclass; RunError where it cannot be read, another version wrote it, or it says odd things."""
    known = read_as(path, dict[str, Any]).get("schema")
    if known != schema:
        raise RunError(f"{path} has schema {known}, this version reads {schema}: update mislabel")
    return read_as(path, kind)


def map_array(path: Path, shape: tuple[int, ...], dtype: type[Any]) -> np.ndarray:
    """The array, mapped for reading; RunError where it is missing, cut short, or of another shape or type."""
    with telling_damage(path, remedy=REMEDY):
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # "r+" would fill up a file that was cut short
    if array.shape != shape or array.dtype != dtype:
        raise RunError(f"{path} holds {array.dtype} {array.shape}, needed {np.dtype(dtype).name} {shape}")
    return array


def part_digest(part: np.ndarray) -> str:
    """Of one pass or epoch, as it lies in a file."""
    return digest(np.ascontiguousarray(part))


def keep_digest(digests: list[str], number: int, part: np.ndarray) -> None:
    """Take the digest of part `number`, and forget those of later ones.

    Digests stand for the first parts, so where those before it are unknown, as where a run of 0.1.0 goes on, none is
    kept.
    """
    if len(digests) >= number:
        digests[number:] = [part_digest(part)]


def check_parts(path: Path, array: np.ndarray, digests: Sequence[str]) -> None:
    """Compare the first parts of an array, each as `part_digest` told when it was written.

    Raises
    ------
    RunError
        If one differs.
    """
    for number, known in enumerate(digests[: len(array)]):
        if part_digest(array[number]) != known:
            raise RunError(
                f"{path} is not what this run wrote: its part {number} was damaged or changed since; {REMEDY}"
            )
