"""What both stores read from disk, and refuse: a manifest, and an array that must be whole."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.errors import RunError


def read_manifest(path: Path, schema: int) -> dict[str, Any]:
    """The manifest; RunError where it cannot be read or another version wrote it."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error
    if manifest.get("schema") != schema:
        raise RunError(f"{path} has schema {manifest.get('schema')}, this version reads {schema}: update mislabel")
    return manifest


def map_array(path: Path, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """The array, mapped for reading; RunError where it is missing, cut short, or of another shape or type."""
    try:
        array = np.load(path, mmap_mode="r")  # "r+" would fill up a file that was cut short
    except (OSError, ValueError, EOFError) as error:
        raise RunError(f"{path} cannot be read ({error}); the run cannot be continued, start it anew") from error
    if array.shape != shape or array.dtype != dtype:
        raise RunError(f"{path} holds {array.dtype} {array.shape}, needed {np.dtype(dtype).name} {shape}")
    return array
