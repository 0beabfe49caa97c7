"""What a decision says of the given label, and what holds after some events."""

import pytest

from mislabel.decisions.events import Decision, Event, replay


@pytest.mark.parametrize(
    ("decision", "wrong"),
    [
        (Decision(1, "keep", "a", "a"), False),
        (Decision(1, "suggestion", "b", "a"), True),
        (Decision(1, "label", "a", "a"), False),
        (Decision(1, "none", None, "a"), True),
        (Decision(1, "unsure", None, "a"), None),
        (Decision(1, "label", "a", None), None),
        (Decision(1, "none", None, None), None),
    ],
)
def test_says_whether_the_given_label_was_wrong(decision, wrong):
    assert decision.wrong is wrong


def test_what_holds_is_the_last_decision_that_was_not_undone():
    first, second = Decision("a", "keep", 1, 1), Decision("a", "label", 2, 1)
    other = Decision("b", "none", None, 1)
    events = [Event(1, 1, "", first, "page"), Event(2, 2, "", second, "page"), Event(3, 2, "", other, "page")]
    undo = [Event(4, 4, "", second, "page", undoes=2), Event(5, 4, "", other, "page", undoes=3)]
    assert {id: event.decision for id, event in replay(events).items()} == {"a": second, "b": other}
    assert {id: event.decision for id, event in replay(events + undo).items()} == {"a": first}
    # An undo of the decision below leaves the one on top.
    assert replay([*events, Event(4, 4, "", first, "page", undoes=1)])["a"].number == 2
