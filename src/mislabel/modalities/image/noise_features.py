"""What a hurried annotator sees of images, for noise that depends on the input."""

from collections.abc import Iterable

import numpy as np

from mislabel.errors import InputError


def pixel_features(images: Iterable[np.ndarray], side: int = 16) -> np.ndarray:
    """What a hurried annotator sees of an image: its colours, averaged over a coarse grid.

    The published codes use all pixels as they are: ``images.reshape(n, -1)``, with ``compat="raw"``.

    Parameters
    ----------
    images
        n images, uint8 (h, w, 3), of any sizes.
    side : int
        The grid has side x side cells.

    Returns
    -------
    (n, side * side * 3) float32
        In [0, 1].

    Raises
    ------
    InputError
        If Pillow is not installed, or something is not such an image.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise InputError(
            'features of images need Pillow, which is not installed: pip install "mislabel[image]"'
        ) from error
    if isinstance(side, bool) or not isinstance(side, (int, np.integer)) or side < 1:
        raise InputError(f"side is {side!r}; it must be a whole number of at least 1")
    rows = []
    for position, image in enumerate(images):
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise InputError(
                f"image {position} has shape {image.shape} and type {image.dtype}; turn it into RGB, (h, w, 3) uint8"
            )
        small = Image.fromarray(image).resize((int(side), int(side)), Image.Resampling.BOX)
        rows.append(np.asarray(small, dtype=np.float32).reshape(-1) / 255)
    return np.stack(rows) if rows else np.zeros((0, side * side * 3), dtype=np.float32)
