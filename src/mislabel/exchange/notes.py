"""What a person wrote beside a decision, as an export tells it."""

from mislabel.errors import InputError
from mislabel.exchange.corrected import Corrected

NAME = "decision_note"


def notes_of(corrected: Corrected) -> list[str | None] | None:
    """The note of each of n rows of the data, None for rows without one; None where there is none at all.

    Raises
    ------
    InputError
        If there are some, and the data have a column of that name that is no export's.
    """
    original = corrected.original
    written = {position: decision.note for position, decision in corrected.decisions.items() if decision.note}
    carried = NAME in original.table.names and original.carries_decisions
    if not written:
        return None
    if NAME in original.table.names and not carried:
        raise InputError(
            f"{original.source} has a column {NAME!r} of its own, which an export of decisions with notes adds: rename "
            "it, and give the file with --data"
        )
    before = original.table.column(NAME) if carried else [None] * len(corrected.row_of)
    notes: list[str | None] = [word if isinstance(word, str) and word else None for word in before]
    for position, note in written.items():
        notes[position] = note
    return notes
