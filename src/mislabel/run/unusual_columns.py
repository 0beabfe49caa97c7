"""A row of a table, column by column: how far each value is from the rows of a class, and from the nearest rows."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from mislabel.modalities.features.columns import FeatureColumn
from mislabel.run.kept_features import KeptFeatures, in_words, is_missing, kept_features, number_words, rounded
from mislabel.run.reading import Run
from mislabel.run.rows import Rows

MOST = 500  # columns that are shown of a row
FEWEST = 5  # rows of a class that say what is usual in it
SAMPLE = 2000  # rows of a class that are looked at
NORMAL = 1.4826  # standard deviations of a normal distribution in its median absolute deviation
LEAST_SPREAD = 0.05  # standard deviations of all rows: less is taken for rounding
FAR, RARE = 3.0, 0.05  # standard deviations, and the share of a class's rows, from which on a value is marked


@dataclass(frozen=True)
class Value:
    """One column of one row.

    Attributes
    ----------
    index : int
        Of the column among those shown.
    name, value : str
    given, suggested : float or None
        Of the rows of the given and of the suggested class: the distance from their median in robust standard
        deviations, or where it is a share, how many of them have this value. None where too little is known.
    is_share : bool
    """

    index: int
    name: str
    value: str
    given: float | None
    suggested: float | None
    is_share: bool


@dataclass(frozen=True, eq=False)
class Usual:
    """What is usual in m rows of a class, for each column of the matrix, (width,) each.

    Attributes
    ----------
    known : int
        How many of them have a value.
    middle, spread : float64
        Median and robust standard deviation of the values.
    share : float64
        Of a level of a category: how many have it, without 0 and 1, which no sample shows.
    """

    known: np.ndarray
    middle: np.ndarray
    spread: np.ndarray
    share: np.ndarray


class Columns:
    """The columns of every row of a run on features.

    Parameters
    ----------
    run : Run
    """

    def __init__(self, run: Run):
        self.rows: Rows = run.rows
        self.kept: KeptFeatures | None = kept_features(run)
        self.of_class = lru_cache(maxsize=64)(self._of_class)

    def of(self, row: int) -> list[Value]:
        """What is known of a row, the most unusual first; nothing where the run keeps no features in words."""
        if self.kept is None or self.rows.position is None:
            return []
        position = int(self.rows.position[row])
        cells, words = self.kept.values(np.array([position]))[0], self.kept.words(position)
        classes = {name: self.rows.code(f"{name}_label", row) for name in ("given", "suggested")}
        usual = {name: None if code is None else self.of_class(code) for name, code in classes.items()}
        values = []
        for index, ((column, place), said) in enumerate(zip(self.kept.columns, words, strict=True)):
            seen = {
                name: None if rows is None else _distance(column, cells[place], rows, place.start)
                for name, rows in usual.items()
            }
            values.append(Value(index, column.name, said, **seen, is_share=column.kind == "category"))
        return sorted(values, key=lambda value: (-unusual(value), value.index))[:MOST]

    def nearest(self, row: int, others: list[int]) -> list[str]:
        """What the nearest rows have in each column, in the order of the columns."""
        if self.kept is None or self.rows.position is None or not others:
            return []
        kept, places = self.kept, self.rows.position[np.array([row, *others])]
        values, words = kept.values(places), [kept.words(int(place)) for place in places[1:]]
        steps = np.max([kept.steps(line) for line in kept.matrix[places]], axis=0)
        return [
            _beside(column, values[:, place], [each[index] for each in words], float(steps[place.start]))
            for index, (column, place) in enumerate(kept.columns)
        ]

    def _of_class(self, code: int) -> Usual | None:
        """Of the rows of a class of which nothing says that they are none; None for too few."""
        labels, kept, positions = self.rows.labels, self.kept, self.rows.position
        assert kept is not None
        assert positions is not None
        typical = self.rows.judged & (labels["given_label"] == code) & (labels["suggested_label"] == code)
        chosen = np.flatnonzero(typical)
        if len(chosen) < FEWEST:
            return None
        if len(chosen) > SAMPLE:
            chosen = np.random.default_rng(0).choice(chosen, SAMPLE, replace=False)
        values = kept.values(np.sort(positions[chosen]))
        for column, place in kept.columns:
            if column.is_number:
                values[is_missing(column, values[:, place]), place.start] = np.nan
        return _usual(values, kept.scale)


def unusual(value: Value) -> float:
    """How unusual a value is in one of the two classes, in standard deviations; a share as that of both tails."""
    known = [each for each in (value.given, value.suggested) if each is not None]
    return max((float(-ndtri(each / 2)) if value.is_share else abs(each) for each in known), default=0.0)


def is_far(value: Value) -> bool:
    """Whether a value is marked as unusual in one of the two classes."""
    known = [each for each in (value.given, value.suggested) if each is not None]
    return any(each < RARE if value.is_share else abs(each) > FAR for each in known)


def in_one_line(values: list[Value]) -> str:
    """All columns of a row in words, in their order: ``age 61, colour blue``."""
    return ", ".join(f"{value.name} {value.value}" for value in values)


def _usual(values: np.ndarray, scale: np.ndarray) -> Usual:
    """What is usual in `values` (m, width), NaN where there is none; `scale` (width,) is the deviation of all rows."""
    known = np.isfinite(values).sum(axis=0)
    values[:, known == 0] = 0
    middle = np.nanmedian(values, axis=0)
    spread = np.maximum(NORMAL * np.nanmedian(np.abs(values - middle), axis=0), LEAST_SPREAD * scale)
    share = ((values > 0.5).sum(axis=0) + 0.5) / (len(values) + 1)
    return Usual(known, middle, spread, share)


def _distance(column: FeatureColumn, cells: np.ndarray, usual: Usual, start: int) -> float | None:
    """Of one value (width,), which begins in column `start` of the matrix, from those that are usual."""
    if is_missing(column, cells):
        return None
    if column.kind == "category":
        return float(usual.share[start + int(cells.argmax())])
    if usual.known[start] < FEWEST:
        return None
    return float((cells[0] - usual.middle[start]) / usual.spread[start])


def _beside(column: FeatureColumn, cells: np.ndarray, words: list[str], step: float) -> str:
    """What other rows have in a column; `cells` (1 + m, width), the row itself first."""
    if not column.is_number:
        return ", ".join(name if count == 1 else f"{count} × {name}" for name, count in Counter(words).most_common())
    known = ~is_missing(column, cells)
    if not known[1:].any():
        return words[0]
    middle = float(np.median(cells[1:][known[1:], 0]))
    said = in_words(column, np.array([middle, 0.0]), step)
    if not known[0]:
        return said
    apart = rounded(float(cells[0, 0]) - middle, max(step, 1.0) if column.kind == "date" else step)
    return f"{said} ({'+' if apart > 0 else ''}{number_words(apart)}{' days' if column.kind == 'date' else ''})"
