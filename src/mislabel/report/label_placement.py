"""Labels on a chart: near what they name, without covering each other."""

import numpy as np

ANGLES = np.pi * (0.5 + np.arange(16) / 8)  # from straight above, all around
GAPS = (3.0, 8.0, 14.0, 22.0, 32.0, 44.0, 58.0, 74.0)


def place_boxes(anchors: np.ndarray, sizes: np.ndarray, taken: np.ndarray, width: float, height: float) -> np.ndarray:
    """Centres of boxes, each as near to its anchor as there is room. The first one is placed first.

    A box that finds no free place takes the one where it covers least.

    Parameters
    ----------
    anchors, sizes : (m, 2) float64
        What each box names, and its width and height.
    taken : (t, 4) float64
        Boxes to keep clear of, as centre and size.
    width, height : float
        Of the chart, from 0; boxes stay inside.

    Returns
    -------
    (m, 2) float64
    """
    gaps, angles = (grid.ravel() for grid in np.meshgrid(GAPS, ANGLES, indexing="ij"))
    rays = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    placed = np.empty_like(anchors, dtype=np.float64)
    for k, (anchor, size) in enumerate(zip(anchors, sizes, strict=True)):
        centres = anchor + rays * (size / 2 + gaps[:, None])
        centres = np.clip(centres, size / 2, np.maximum([width, height] - size / 2, size / 2))
        placed[k] = centres[_covered(centres, size, taken).argmin()]
        taken = np.vstack([taken, np.append(placed[k], size)])
    return placed


def _covered(centres: np.ndarray, size: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Area of `taken` (t, 4) that a box of this size covers at each of the centres (p, 2), (p,) float64."""
    apart = np.abs(centres[:, None] - taken[None, :, :2])
    overlap = np.minimum((size + taken[:, 2:]) / 2 - apart, np.minimum(size, taken[:, 2:]))
    return np.maximum(overlap, 0).prod(-1).sum(-1).round(6)
