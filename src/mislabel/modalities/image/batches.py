"""Images, decoded once or as they are needed, and batched."""

import copy
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mislabel.disk import new_map
from mislabel.files import atomic_path
from mislabel.modalities.image.views import strong_view, weak_view

DECODED_AT_ONCE = 256
BATCHES_AHEAD = 2

Pixels = Callable[[int], np.ndarray]  # from a position to (3, h, w) uint8


class ImageInputs:
    """Images as pixels.

    Parameters
    ----------
    pixels : (n, 3, h, w) uint8, or callable
        All images decoded, usually a memory map; or what decodes one of them.
    rows : (n,) int64
        Positions in `pixels`.

    Attributes
    ----------
    lengths : (n,) int64
        All one: every row costs the same.
    """

    def __init__(self, pixels: np.ndarray | Pixels, rows: np.ndarray):
        self.pixels, self.rows = pixels, rows
        self.ahead = BATCHES_AHEAD if callable(pixels) else 0
        self.lengths: np.ndarray = np.ones(len(rows), dtype=np.int64)
        self._workers = ThreadPoolExecutor(os.cpu_count()) if callable(pixels) else None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: np.ndarray) -> "ImageInputs":
        """These rows, in this order; the pixels are shared."""
        part = copy.copy(self)
        part.rows, part.lengths = self.rows[index], self.lengths[index]
        return part

    def batch(self, index: np.ndarray) -> dict[str, Tensor]:
        """`pixel_values` of these rows, (b, 3, h, w) uint8."""
        positions = self.rows[index]
        if isinstance(self.pixels, np.ndarray):
            return {"pixel_values": torch.from_numpy(np.asarray(self.pixels[positions]))}
        assert self._workers is not None
        return {"pixel_values": torch.from_numpy(np.stack(list(self._workers.map(self.pixels, positions.tolist()))))}

    def weak_view(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Cropped after reflection at the edges, and flipped or not; float32 in [0, 1]."""
        return {"pixel_values": weak_view(batch["pixel_values"])}

    def strong_view(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Cropped and flipped anew, then RandAugment and cutout; float32 in [0, 1]."""
        return {"pixel_values": strong_view(batch["pixel_values"])}


def decode_all(pixels: Pixels, n: int, path: Path, advance: Callable[[int], None]) -> np.ndarray:
    """All images decoded into a file, in threads, and mapped: (n, 3, h, w) uint8.

    Parameters
    ----------
    pixels : callable
    path : Path
        Of the .npy file; it appears when it is whole.
    advance : callable
        Gets the number of images after each part.
    """
    with atomic_path(path) as temporary, ThreadPoolExecutor(os.cpu_count()) as workers:
        store = new_map(temporary, (n, *pixels(0).shape), np.uint8)
        for begin in range(0, n, DECODED_AT_ONCE):
            part: Iterable[int] = range(begin, min(begin + DECODED_AT_ONCE, n))
            for position, image in zip(part, workers.map(pixels, part), strict=True):
                store[position] = image
            advance(len(part))
        store.flush()
        del store
    return np.load(path, mmap_mode="r")
