"""An area of the map, as a person drew it round some rows: ``pca:120,88;4000,90;2000,5000``."""

import re
from dataclasses import dataclass

import numpy as np

from mislabel.errors import InputError

FORM = re.compile(r"(pca|tsne):(\d{1,5},\d{1,5}(?:;\d{1,5},\d{1,5}){2,199})")


@dataclass(frozen=True, eq=False)
class Area:
    """A polygon.

    Attributes
    ----------
    layout : str
        The layout of the map that it was drawn on.
    corners : (c, 2) float64
    """

    layout: str
    corners: np.ndarray

    @classmethod
    def parse(cls, text: str) -> "Area":
        """An area from what the address says; `InputError` for anything else."""
        found = FORM.fullmatch(text)
        if found is None:
            raise InputError(f"{text[:40]!r} is no area of the map: needed is layout:x,y;x,y;… with 3 to 200 corners")
        corners = [[float(number) for number in corner.split(",")] for corner in found[2].split(";")]
        return cls(found[1], np.array(corners))

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Which points (n, 2) lie inside, (n,) bool: those that a ray to the right leaves by an odd number of edges."""
        low, high = self.corners.min(axis=0), self.corners.max(axis=0)
        near = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
        x, y = points[near].astype(np.float64).T
        inside = np.zeros(len(near), dtype=bool)
        for (x0, y0), (x1, y1) in zip(self.corners, np.roll(self.corners, 1, axis=0), strict=True):
            if y0 != y1:
                crosses = (y0 > y) != (y1 > y)
                inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
        result = np.zeros(len(points), dtype=bool)
        result[near] = inside
        return result
