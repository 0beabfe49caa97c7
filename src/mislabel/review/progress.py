"""How far a review is, class by class and pair by pair, and what its next rows are expected to bring."""

from collections import Counter

import numpy as np

from mislabel.decisions.advice import FEWEST, ROWS, Expected, expected_wrong
from mislabel.decisions.pace import seconds_per_decision
from mislabel.review.answers import Advice, Part, Progress
from mislabel.review.session import Session

MOST_PARTS = 200
RARE = 0.1  # of the next rows wrong, below which the end is near


def advice(session: Session) -> Advice | None:
    """What the next fifty rows bring; None where no row is left."""
    found = _expected(session)
    if not found.rows:
        return None
    number = found.stated if found.number is None else found.number
    minutes = None
    pace = seconds_per_decision(session.events())
    if pace is not None:
        minutes = max(1, round(found.rows * pace / 60))
    return Advice(rows=found.rows, expected=round(number, 1), minutes=minutes, words=_words(found, minutes))


def progress(session: Session) -> Progress:
    """Of the rows that are planned: how many of each given class, and of each pair of classes, are decided."""
    rows = session.queue.rows
    given, suggested = (session.rows.labels[f"{name}_label"][rows].tolist() for name in ("given", "suggested"))
    decided = (~session.open(rows)).tolist()
    wrong = [done and _is_wrong(session, row) for row, done in zip(rows.tolist(), decided, strict=True)]
    pairs = list(zip(given, suggested, strict=True))
    return Progress(
        classes=_parts([(code, None) for code in given], decided, wrong),
        pairs=_parts(pairs, decided, wrong, only=lambda pair: pair[0] != pair[1]),
        seconds=seconds_per_decision(session.events()),
    )


def _expected(session: Session) -> Expected:
    p = session.rows.numbers["p_mislabeled"]
    ahead = session.ahead(ROWS)
    last = [row for row in session.last_decided(ROWS) if np.isfinite(p[row])]
    wrong = np.array([_is_wrong(session, row) for row in last], dtype=bool)
    return expected_wrong(np.nan_to_num(p[ahead].astype(np.float64)), p[last].astype(np.float64), wrong)


def _is_wrong(session: Session, row: int) -> bool:
    event = session.decision(row)
    return event is not None and event.decision.wrong is True


def _words(found: Expected, minutes: int | None) -> list[str]:
    rows = f"the next {found.rows} rows" if found.rows > 1 else "the next row"
    time = "" if minutes is None else f" They take about {minutes} minute{'s' if minutes > 1 else ''}."
    if found.number is None:
        return [
            f"Of {rows} the run expects about {found.stated:.0f} to have a wrong label. After {FEWEST} decisions this "
            f"says how far that holds.{time}"
        ]
    said = (
        f"Of {rows} about {found.number:.0f} have a wrong label (95% interval {found.low} to {found.high}): "
        f"{found.last_wrong} of the last {found.last} that you decided had one.{time}"
    )
    if found.number >= RARE * found.rows:
        return [said]
    return [
        said,
        "That is fewer than one in ten, so the list has little left to give: stop here, or decide random rows to know "
        "how many wrong labels are left (--order random).",
    ]


def _parts(names: list, decided: list[bool], wrong: list[bool], only=lambda name: True) -> list[Part]:
    """Those with most rows first."""
    counts, done, found = (
        Counter(name for name, counted in zip(names, which, strict=True) if counted)
        for which in ([True] * len(names), decided, wrong)
    )
    chosen = [name for name, _ in counts.most_common() if only(name) and -1 not in name][:MOST_PARTS]
    return [
        Part(given=name[0], suggested=name[1], rows=counts[name], decided=done[name], wrong=found[name])
        for name in chosen
    ]
