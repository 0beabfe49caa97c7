"""Who decided each row, as an export tells it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from mislabel.decisions.events import Decision, Event, apply_event, replay
from mislabel.errors import InputError
from mislabel.exchange.corrected import Corrected

NAME = "reviewer"


def decisions_by_name(history: Iterable[Event]) -> dict[str, dict[Any, Decision]]:
    """The last decision of each person on each row that was not undone, by name and id, whoever decided it since."""
    stacks: defaultdict[Any, list[Event]] = defaultdict(list)
    for event in history:
        apply_event(stacks[event.decision.id], event)
    found: defaultdict[str, dict[Any, Decision]] = defaultdict(dict)
    for id, stack in stacks.items():
        for event in stack:
            if event.reviewer is not None:
                found[event.reviewer][id] = event.decision
    return dict(found)


def reviewers_of(corrected: Corrected, history: Iterable[Event], *, asked: bool) -> list[str | None] | None:
    """The name of who decided, for each of n rows of the data, None for rows without one.

    Parameters
    ----------
    history : iterable of Event
    asked : bool
        Whether to tell it where there are fewer than two names.

    Returns
    -------
    list or None
        None where it is not to be told.

    Raises
    ------
    InputError
        If it is, and the data have a column of that name that is no export's.
    """
    standing = replay(history)
    if not asked and len({event.reviewer for event in standing.values()} - {None}) < 2:
        return None
    original = corrected.original
    names: list[str | None] = [None] * len(corrected.row_of)
    if NAME in original.table.names:
        if not original.carries_decisions:
            raise InputError(
                f"{original.source} has a column {NAME!r} of its own, which an export of several reviewers adds: "
                "rename it, and give the file with --data"
            )
        names = [word if isinstance(word, str) and word else None for word in original.table.column(NAME)]
    for position, decision in corrected.decisions.items():
        event = standing.get(decision.id)
        if event is not None and event.decision == decision:  # else it is a trusted label
            names[position] = event.reviewer
    return names
