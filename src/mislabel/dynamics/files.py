"""What both stores read from disk, and refuse: a manifest, and an array that must be whole and as it was written."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.errors import RunError
from mislabel.integrity import digest, telling_damage

REMEDY = "the run cannot be continued, start it anew"


def read_manifest(path: Path, schema: int) -> dict[str, Any]:
    """The manifest; RunError where it cannot be read or another version wrote it."""
    with telling_damage(path):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(manifest, dict):
            raise ValueError("it holds no object")
    if manifest.get("schema") != schema:
        raise RunError(f"{path} has schema {manifest.get('schema')}, this version reads {schema}: update mislabel")
    return manifest


def map_array(path: Path, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """The array, mapped for reading; RunError where it is missing, cut short, or of another shape or type."""
    with telling_damage(path, remedy=REMEDY):
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # "r+" would fill up a file that was cut short
    if array.shape != shape or array.dtype != dtype:
        raise RunError(f"{path} holds {array.dtype} {array.shape}, needed {np.dtype(dtype).name} {shape}")
    return array


def part_digest(part: np.ndarray) -> str:
    """Of one pass or epoch, as it lies in a file."""
    return digest(np.ascontiguousarray(part))


def check_parts(path: Path, array: np.ndarray, digests: Sequence[str]) -> None:
    """Compare the first parts of an array, each as `part_digest` told when it was written.

    Raises
    ------
    RunError
        If one differs.
    """
    for number, known in enumerate(digests):
        if part_digest(array[number]) != known:
            raise RunError(
                f"{path} is not what this run wrote: its part {number} was damaged or changed since; {REMEDY}"
            )
