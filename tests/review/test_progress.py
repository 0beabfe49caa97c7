"""How far a review is by class and pair, and its advice when to stop, counted by hand."""

from contextlib import closing

import numpy as np
import pytest
from review.browser import COLOURS, write_run

from mislabel.review.progress import advice, progress
from mislabel.review.session import Session
from mislabel.run.folder import RunFolder


@pytest.fixture
def session(tmp_path):
    """A hundred rows, half of them red that may be green, half green as they are."""
    given = [0] * 50 + [1] * 50
    run = write_run(tmp_path / "run", [f"text {k}" for k in range(100)], given, [1] * 100, COLOURS)
    with closing(Session(RunFolder(run))) as opened:
        yield opened


def decide(session, rows, kind):
    for row in rows:
        session.decide(np.array([row]), kind, None, key=f"{row} {kind}")


def test_classes_and_pairs_are_counted_with_what_was_wrong(session):
    decide(session, range(10), "suggestion")
    decide(session, range(10, 14), "keep")
    decide(session, [14], "unsure")
    decide(session, [60], "none")
    found = progress(session)
    assert [part.model_dump() for part in found.classes] == [
        {"given": 0, "suggested": None, "rows": 50, "decided": 15, "wrong": 10},
        {"given": 1, "suggested": None, "rows": 50, "decided": 1, "wrong": 1},
    ]
    assert [part.model_dump() for part in found.pairs] == [
        {"given": 0, "suggested": 1, "rows": 50, "decided": 15, "wrong": 10}
    ]


def test_advice_is_of_the_next_fifty_and_rests_on_the_last_fifty(session):
    p = session.rows.numbers["p_mislabeled"]
    first = advice(session)
    assert (first.rows, first.minutes) == (50, None)
    assert first.expected == pytest.approx(p[:50].sum(), abs=0.06)
    assert "the run expects about" in first.words[0]
    decide(session, range(25), "suggestion")
    decide(session, range(25, 50), "keep")
    told = advice(session)
    assert "25 of the last 50 that you decided had one" in told.words[0]
    assert told.expected == pytest.approx(50 * 0.5 * p[50:].mean() / p[:50].mean(), rel=0.02, abs=0.06)
    decide(session, range(50, 90), "keep")
    told = advice(session)
    assert told.rows == 10
    assert "0 of the last 50 that you decided had one" in told.words[0]
    assert "stop here" in told.words[1]
    decide(session, range(90, 100), "keep")
    assert advice(session) is None
