"""What a person decided, event by event, and what holds after them.

A row is *decided* while a decision on it holds. Training may take the decisions of an earlier run *as known*; its store
then *takes them over*.

Nothing is ever taken away: every decision and every undo is an *event* with its number and its time, and what holds now
is what replaying all events gives. Events of one click, a whole selection say, share an *action*, and are undone
together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from mislabel.errors import InputError

Kind = Literal["keep", "suggestion", "label", "unsure", "none"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NAMED: tuple[Kind, ...] = ("keep", "suggestion", "label")  # the kinds that say what the true label is
OF_THIS_RUN = ("page", "import")  # the sources of decisions on this very run
LONGEST_NAME, LONGEST_NOTE = 80, 1000  # characters


def checked_name(reviewer: str | None) -> str | None:
    """A reviewer's name on one line; `InputError` for one that is empty, or too long to stand beside a decision."""
    name = None if reviewer is None else " ".join(reviewer.split())
    if name is not None and not (0 < len(name) <= LONGEST_NAME and name.isprintable()):
        raise InputError(f"reviewer is {reviewer!r:.120}, needed is a name of 1 to {LONGEST_NAME} characters")
    return name


def checked_note(note: str | None) -> str | None:
    """A note without space around it, None for an empty one; `InputError` for one that is too long."""
    text = (note or "").strip()
    if len(text) > LONGEST_NOTE:
        raise InputError(f"the note has {len(text)} characters, a decision holds {LONGEST_NOTE}")
    return text or None


@dataclass(frozen=True)
class Decision:
    """What a person says of a row.

    Attributes
    ----------
    id : int or str
    kind : str
        keep: the given label is right; suggestion: the suggested one is; label: another one; unsure: cannot tell;
        none: no class fits.
    label : object
        The true label as the user writes it; None for unsure and none.
    given : object
        The label that the data had at that time, or None.
    probe : bool
        Whether the row was shown because chance chose it.
    note : str or None
        What the person wrote beside it.
    """

    id: Any
    kind: Kind
    label: Any = None
    given: Any = None
    probe: bool = False
    note: str | None = None

    @property
    def wrong(self) -> bool | None:
        """Whether the given label was wrong; None where the person could not tell, or there was no label."""
        if self.kind == "unsure" or self.given is None:
            return None
        return self.kind == "none" or self.label != self.given


@dataclass(frozen=True)
class Event:
    """A decision, or the undoing of one.

    Attributes
    ----------
    number : int
        Grows with the order in which events were made, from 1.
    action : int
        The number of the first event that was made at the same go.
    time : str
        UTC, ISO 8601.
    decision : Decision
        Of an undo: the decision that no longer holds.
    source : str
        Who decided: page, import, or the run that it was taken over from.
    undoes : int or None
        Of an undo: the number of that decision's event.
    reviewer : str or None
        The name of the person, where one was told.
    """

    number: int
    action: int
    time: str
    decision: Decision
    source: str
    undoes: int | None = None
    reviewer: str | None = None


def replay(events: Iterable[Event]) -> dict[Any, Event]:
    """What holds after these events, by id: of each row the last decision that was not undone."""
    stacks: dict[Any, list[Event]] = {}
    for event in events:
        apply_event(stacks.setdefault(event.decision.id, []), event)
    return {id: stack[-1] for id, stack in stacks.items() if stack}


def apply_event(stack: list[Event], event: Event) -> None:
    """Change the stack of one row's decisions, the last on top: a decision is pushed, an undo removes its own."""
    if event.undoes is None:
        stack.append(event)
    else:
        stack[:] = [earlier for earlier in stack if earlier.number != event.undoes]
