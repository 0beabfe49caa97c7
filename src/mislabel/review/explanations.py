"""Why a row is listed, in sentences for somebody who never trained a network."""

from collections.abc import Callable

from mislabel.run.opinions import opinion_sentences
from mislabel.run.rows import Rows


def reasons(rows: Rows, row: int) -> list[str]:
    """The evidence for and against the given label, as far as the run has it: opinions, then what training showed.

    What each source says is told beside them.
    """
    sentences = (sentence(rows, row) for sentence in _SENTENCES)
    return [*opinion_sentences(rows, row, sources=False), *(text for text in sentences if text)]


def _wrong_events(rows: Rows, row: int) -> str | None:
    wrong, observed = rows.number("wrong_events", row), rows.number("observations", row)
    if wrong is None or not observed:
        return None
    return f"In {wrong:.0f} of {observed:.0f} passes of training the network predicted another class."


def _margin(rows: Rows, row: int) -> str | None:
    margin = rows.number("mean_margin", row)
    if margin is None:
        return None
    means = "another class was more likely than the given label" if margin < 0 else "the given label was the likeliest"
    return f"On average over training {means}."


def _neighbours(rows: Rows, row: int) -> str | None:
    code = rows.code("neighbour_label", row)
    if code is None:
        return None
    same = " too" if code == rows.labels["given_label"][row] else ""
    return f"Most of its nearest neighbours carry “{rows.classes[code]}”{same}."


def _centroid(rows: Rows, row: int) -> str | None:
    score = rows.number("centroid_score", row)
    if score is None:
        return None
    side = "nearer to another class than to its own" if score > 0 else "nearest to its own class"
    return f"Over training it was {side}."


def _score(rows: Rows, row: int) -> str | None:
    score = rows.number("score", row)
    return None if score is None else f"The score that orders this run is {score:.3g}; higher is more suspicious."


def _difficulty(rows: Rows, row: int) -> str | None:
    difficulty = rows.number("difficulty", row)
    if difficulty is None:
        return None
    word = "easy" if difficulty < 0.2 else "hard" if difficulty > 0.6 else "neither easy nor hard"
    return f"It was {word} to learn as what it is suggested to be (difficulty {difficulty:.2f})."


_SENTENCES: tuple[Callable[[Rows, int], str | None], ...] = (
    _wrong_events, _margin, _neighbours, _centroid, _score, _difficulty,
)  # fmt: skip
