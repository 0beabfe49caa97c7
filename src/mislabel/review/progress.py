"""How far a review is, class by class and pair by pair, and what its next rows are expected to bring."""

import numpy as np

from mislabel.decisions.advice import FEWEST, ROWS, Expected, expected_wrong
from mislabel.decisions.pace import seconds_per_decision
from mislabel.review.answers import Advice, Part, Progress
from mislabel.review.session import Session
from mislabel.review.teaching import model_words

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
    words = [*_words(found, minutes), *_for_the_model(session, found)]
    return Advice(rows=found.rows, expected=round(number, 1), minutes=minutes, words=words)


def _for_the_model(session: Session, found: Expected) -> list[str]:
    """What answers bring for the next training; what the order trust teaches has a place of its own."""
    if session.queue.looks is not None or found.number is None:
        return []
    drawn, preview = session.drawn_answers(), session.preview
    if drawn is None or preview is None:
        return ["What they bring the next training cannot be told from rows in this order; --order trust tells."]
    return model_words(preview.ask(drawn))


def progress(session: Session) -> Progress:
    """Of the rows that are planned: how many of each given class, and of each pair of classes, are decided."""
    rows, classes = session.queue.rows, len(session.rows.classes)
    given, suggested = (session.rows.labels[f"{name}_label"][rows].astype(np.int64) for name in ("given", "suggested"))
    decided = ~session.open(rows)
    wrong = decided.copy()
    wrong[decided] = [_is_wrong(session, row) for row in rows[decided].tolist()]
    parted = (given >= 0) & (suggested >= 0) & (given != suggested)
    pairs = np.where(parted, given * classes + suggested, -1)
    return Progress(
        classes=[Part(given=code, suggested=None, **counts) for code, counts in _parts(given, decided, wrong)],
        pairs=[
            Part(given=code // classes, suggested=code % classes, **counts)
            for code, counts in _parts(pairs, decided, wrong)
        ],
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


def _parts(names: np.ndarray, decided: np.ndarray, wrong: np.ndarray) -> list[tuple[int, dict[str, int]]]:
    """How many rows have each name from 0 on, and how many of these are decided and wrong; most rows first."""
    found, place, rows = np.unique(names, return_inverse=True, return_counts=True)
    counts = {"rows": rows} | {
        name: np.bincount(place, weights=which, minlength=len(found)).astype(np.int64)
        for name, which in (("decided", decided), ("wrong", wrong))
    }
    chosen = [at for at in np.argsort(-rows, kind="stable").tolist() if found[at] >= 0][:MOST_PARTS]
    return [(int(found[at]), {name: int(values[at]) for name, values in counts.items()}) for at in chosen]
