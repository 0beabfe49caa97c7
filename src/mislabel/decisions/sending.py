"""Decisions as a file that one person sends another: a JSON array, an object for each row that is decided.

The page writes it, and a review that is one file does (`review/offline/`); `import-decisions` reads it. The name of its
key `mislabel_decision` says that it is one, so that no column of the data is taken for it.
"""

from typing import Any

from mislabel.decisions.events import Event

ID, BEFORE, SAID, LABEL = "mislabel_id", "label_before", "mislabel_decision", "label"
NOTE, REVIEWER, TIME = "note", "reviewer", "time"


def sent_decision(event: Event) -> dict[str, Any]:
    """A decision that holds as such an object; what was not told of it is null."""
    decision = event.decision
    return {
        ID: decision.id, BEFORE: decision.given, SAID: decision.kind, LABEL: decision.label, NOTE: decision.note,
        REVIEWER: event.reviewer, TIME: event.time,
    }  # fmt: skip


def is_sent(cells: dict[str, Any]) -> bool:
    return SAID in cells and ID in cells
