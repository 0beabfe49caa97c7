"""Why a row is listed, in sentences that somebody understands who never trained a network."""

import math
from collections.abc import Callable

from mislabel.review.rows import Rows


def reasons(rows: Rows, row: int) -> list[str]:
    """What the run knows against the given label, or for it; only what there is a number for."""
    found = (sentence(rows, row) for sentence in _SENTENCES)
    return [one for one in found if one]


def _wrong_events(rows: Rows, row: int) -> str | None:
    wrong, observed = _number(rows, row, "wrong_events"), _number(rows, row, "observations")
    if wrong is None or not observed:
        return None
    return f"In {wrong:.0f} of {observed:.0f} passes of training the network predicted another class (wrong events)."


def _margin(rows: Rows, row: int) -> str | None:
    margin = _number(rows, row, "mean_margin")
    if margin is None:
        return None
    means = "another class was more likely" if margin < 0 else "it was the likeliest"
    return f"The given label's mean margin was {margin:+.2f}: {means}."


def _neighbours(rows: Rows, row: int) -> str | None:
    if "neighbour_label" not in rows.labels:
        return None
    code = int(rows.labels["neighbour_label"][row])
    if code < 0:
        return None
    same = " too" if code == rows.labels["given_label"][row] else ""
    return f"Most of its nearest neighbours carry “{rows.classes[code]}”{same}."


def _centroid(rows: Rows, row: int) -> str | None:
    score = _number(rows, row, "centroid_score")
    if score is None:
        return None
    side = "nearer to another class than to its own" if score > 0 else "nearest to its own class"
    return f"Over the epochs it was {side} (centroid score {score:+.2f})."


def _score(rows: Rows, row: int) -> str | None:
    score = _number(rows, row, "score")
    return None if score is None else f"The score that orders this run is {score:.3g}; higher is more suspicious."


def _difficulty(rows: Rows, row: int) -> str | None:
    difficulty = _number(rows, row, "difficulty")
    if difficulty is None:
        return None
    word = "easy" if difficulty < 0.2 else "hard" if difficulty > 0.6 else "neither easy nor hard"
    return f"It was {word} to learn as what it is suggested to be (difficulty {difficulty:.2f})."


_SENTENCES: tuple[Callable[[Rows, int], str | None], ...] = (
    _wrong_events, _margin, _neighbours, _centroid, _score, _difficulty,
)  # fmt: skip


def _number(rows: Rows, row: int, name: str) -> float | None:
    value = float(rows.numbers[name][row]) if name in rows.numbers else math.nan
    return value if math.isfinite(value) else None
