"""The features of a run's rows, column by column, as far as the run keeps them: standardised, in half precision."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mislabel.integrity import check_file, read_object, telling_damage
from mislabel.modalities.features.columns import FeatureColumn
from mislabel.modalities.features.dates import date_of
from mislabel.modalities.features.encoding import FeatureEncoding
from mislabel.run.opening import Matrix
from mislabel.run.reading import Run

ABOUT, HEAD = "mislabel.json", "head.safetensors"  # of the model folder
MISSING = "?"


@dataclass(frozen=True, eq=False)
class KeptFeatures:
    """N rows of features in the order of the data.

    Attributes
    ----------
    encoding : FeatureEncoding
        What the columns of the matrix are.
    matrix : Matrix
        (N, width), standardised, float16.
    mean, scale : (width,) float64
        With which they were.
    """

    encoding: FeatureEncoding
    matrix: Matrix
    mean: np.ndarray
    scale: np.ndarray

    @cached_property
    def columns(self) -> list[tuple[FeatureColumn, slice]]:
        """The columns of the table and where each stands in the matrix; without vectors, which say nothing in words."""
        return [(column, place) for column, place in self.encoding.placed if column.kind != "vector"]

    def values(self, positions: np.ndarray) -> np.ndarray:
        """The features of rows (m,) as the data had them, (m, width) float64, as exactly as the run keeps them."""
        return self.matrix[positions].astype(np.float64) * self.scale + self.mean

    def words(self, position: int) -> list[str]:
        """A row's value in each of `columns`; a question mark where none is known."""
        kept = self.matrix.lines(position, 1)[0]
        row, steps = kept.astype(np.float64) * self.scale + self.mean, self.steps(kept)
        return [in_words(column, row[place], float(steps[place.start])) for column, place in self.columns]

    def steps(self, kept: np.ndarray) -> np.ndarray:
        """How far kept numbers (width,) stand from the next that half precision can hold, in the units of the data."""
        return np.spacing(np.abs(kept.astype(np.float16))).astype(np.float64) * self.scale


def kept_features(run: Run) -> KeptFeatures | None:
    """The features that a run keeps; None where it was on other inputs, or keeps none, as with --no-content.

    Raises
    ------
    RunError
        If a file of the run is damaged.
    """
    about, head = run.folder.model / ABOUT, run.folder.model / HEAD
    if not about.is_file() or not head.is_file():
        return None
    matrix = run.matrix(run.folder.embeddings)
    stored = read_object(about).get("encoding")
    if matrix is None or stored is None:
        return None
    from safetensors import safe_open

    encoding = FeatureEncoding.from_plain(stored)
    with telling_damage(head):
        check_file(head)
        with safe_open(head, framework="numpy") as tensors:
            mean, scale = (tensors.get_tensor(name).astype(np.float64) for name in ("mean", "scale"))
    fits = matrix.shape[1] == encoding.width == len(mean) == len(scale)
    return KeptFeatures(encoding, matrix, mean, scale) if fits else None


def is_missing(column: FeatureColumn, cells: np.ndarray) -> np.ndarray:
    """Where a column's values (..., width) are not known, (...,) bool."""
    if column.kind == "category":
        return cells.max(axis=-1) < 0.5
    return cells[..., 1] > 0.5 if column.marked else np.zeros(cells.shape[:-1], dtype=bool)


def in_words(column: FeatureColumn, cells: np.ndarray, step: float) -> str:
    """A value (width,) that is known up to `step`, without digits that are not."""
    if is_missing(column, cells):
        return MISSING
    if column.kind == "category":
        return column.levels[int(cells.argmax())]
    if column.kind == "date":
        return ("about " if step > 1 else "") + date_of(round(float(cells[0])))
    return number_words(rounded(float(cells[0]), step))


def rounded(value: float, step: float) -> float:
    """The number of the fewest digits that is as near to `value` as `step`, a power of ten, allows."""
    decimals = 6 if not step > 0 else min(int(np.floor(-np.log10(step))), 6)
    return round(value, decimals) + 0.0  # no -0


def number_words(number: float) -> str:
    return f"{number:.10g}"
