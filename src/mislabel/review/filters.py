"""Which rows a list shows, and which pairs of classes there are to ask for."""

import zlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mislabel.decisions.events import KINDS
from mislabel.errors import one_of
from mislabel.run.rows import Rows
from mislabel.tables.arrow import compute

if TYPE_CHECKING:
    from mislabel.review.session import Session

MOST_PAIRS = 200


@dataclass(frozen=True)
class Filter:
    """Which rows a list shows; what is None is not asked.

    Attributes
    ----------
    given, suggested : int, optional
        Class codes.
    decision : str
        any, undecided, decided, differ (two reviewers do, and nobody has settled it), or a kind of decision.
    status : str
        any, or a status of the run.
    reviewer : str
        Whose decision holds; any where it is empty.
    search : str
        To be contained in the text, in capitals or not; in the id where rows are no texts.
    area : str
        Of the map, to lie in; anywhere where it is empty. See `mislabel.review.areas`.
    """

    given: int | None = None
    suggested: int | None = None
    decision: str = "any"
    status: str = "judged"
    search: str = ""
    reviewer: str = ""
    area: str = ""


def digest(rows: np.ndarray) -> str:
    """A name for a set of rows (m,) int64, with which a page says which rows it means."""
    return f"{len(rows)}-{zlib.crc32(rows.tobytes()):08x}"


def matching(session: "Session", wanted: Filter) -> np.ndarray:
    """The rows that pass, (m,) int64, in the order of the audit.

    Raises
    ------
    InputError
        If there is no such status or kind of decision.
    """
    rows, labels = session.rows, session.rows.labels
    passes = np.ones(len(rows), dtype=bool)
    if wanted.status == "judged":
        passes &= rows.judged
    elif wanted.status != "any":
        one_of("status", wanted.status, ("any", "judged", *rows.status.dictionary.to_pylist()))
        passes &= rows.with_status(wanted.status)
    for name in ("given", "suggested"):
        code = getattr(wanted, name)
        if code is not None:
            passes &= labels[f"{name}_label"] == code
    with session.lock:
        session.refresh()
        if wanted.decision != "any":
            passes &= _with_decision(session, wanted.decision)
        if wanted.reviewer:
            passes &= _decided_by(session, wanted.reviewer)
    if wanted.area:
        passes &= session.map.inside(wanted.area)
    if wanted.search.strip():
        passes &= _containing(session, wanted.search.strip())
    return np.flatnonzero(passes)


def pairs(rows: Rows) -> list[dict[str, int]]:
    """Pairs of given and suggested class among judged rows where they differ, the most frequent first."""
    given, suggested = rows.labels["given_label"][rows.judged], rows.labels["suggested_label"][rows.judged]
    differ = (given != suggested) & (suggested >= 0)
    codes = given[differ].astype(np.int64) * len(rows.classes) + suggested[differ]
    common = Counter(dict(zip(*(part.tolist() for part in np.unique(codes, return_counts=True)), strict=True)))
    return [
        {"given": code // len(rows.classes), "suggested": code % len(rows.classes), "count": count}
        for code, count in common.most_common(MOST_PAIRS)
    ]


def _with_decision(session: "Session", wanted: str) -> np.ndarray:
    """The rows of which this holds, (n,) bool."""
    one_of("decision", wanted, ("any", "undecided", "decided", "differ", *KINDS))
    undecided = session.undecided()
    if wanted == "undecided":
        return undecided
    if wanted == "decided":
        return ~undecided
    if wanted == "differ":
        return session.in_dispute & ~session.hidden
    return ~undecided & (session.kind == KINDS.index(wanted))  # pyright: ignore[reportArgumentType]


def _decided_by(session: "Session", reviewer: str) -> np.ndarray:
    """The rows whose decision is this person's, (n,) bool."""
    decided = np.zeros(len(session.rows), dtype=bool)
    rows = [row for row, stack in session.stacks.items() if stack and stack[-1].reviewer == reviewer]
    decided[np.array(rows, dtype=np.int64)] = True
    return decided & ~session.hidden


def _containing(session: "Session", words: str) -> np.ndarray:
    """The rows whose text holds these words, or whose id does where rows are no texts, (n,) bool."""
    positions = session.rows.position
    if session.modality.searchable and session.contents.there and positions is not None:
        return session.contents.containing(words)[positions]
    ids = session.rows.ids.cast("string")
    return compute.match_substring(ids, words, ignore_case=True).to_numpy(zero_copy_only=False)
