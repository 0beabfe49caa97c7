"""The pace of a review, from times written by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.decisions.events import Decision, Event
from mislabel.decisions.pace import seconds_per_decision

START = datetime(2026, 11, 21, 15, tzinfo=UTC)


def events(*seconds, source="page", undoes=None):
    return [
        Event(k, k, (START + timedelta(seconds=at)).isoformat(), Decision(k, "keep", "a", "a"), source, undoes)
        for k, at in enumerate(seconds, 1)
    ]


def test_pauses_are_left_out():
    # Gaps: 4, 8, an hour, 6, 300, 2, 301; without the hour and the 301 their median is 6.
    assert seconds_per_decision(events(0, 4, 12, 3612, 3618, 3918, 3920, 4221)) == pytest.approx(6)


def test_few_decisions_tell_no_pace():
    assert seconds_per_decision([]) is None
    assert seconds_per_decision(events(0, 1, 2, 3, 4)) is None
    assert seconds_per_decision(events(0, 1, 2, 3, 4, 5)) == 1


def test_what_was_not_decided_one_by_one_does_not_count():
    page = events(*range(0, 60, 10))
    others = [*events(*range(60), source="import"), *events(*range(60), undoes=1)]
    selection = [Event(99 + k, 1, page[0].time, page[0].decision, "page") for k in range(50)]
    assert seconds_per_decision([*page, *others, *selection]) == 10
    assert seconds_per_decision([*page, Event(7, 7, "yesterday", page[0].decision, "page")]) is None


@given(st.lists(st.integers(0, 300), min_size=5, max_size=20), st.randoms())
def test_the_median_of_the_gaps_in_any_order(gaps, random):
    made = events(*(sum(gaps[:k]) for k in range(len(gaps) + 1)))
    random.shuffle(made)
    ordered = sorted(gaps)
    middle = (ordered[(len(gaps) - 1) // 2] + ordered[len(gaps) // 2]) / 2
    assert seconds_per_decision(made) == (pytest.approx(middle) if middle >= 1 else None)
