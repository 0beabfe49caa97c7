"""The true labels that a run knows: what a person decided in its review, and the trusted labels of its data."""

from typing import Any

import numpy as np

from mislabel.decisions.events import OF_THIS_RUN, Decision, Kind, replay
from mislabel.run.reading import Run


def known_labels(run: Run) -> dict[Any, Decision]:
    """The decisions of the review, and trusted labels as if they were decisions, by id.

    A decision is newer than a trusted label and holds, unless the person could not tell.
    """
    decisions = run.decisions()
    trusted = _trusted_labels(run)
    said = {id: decision for id, decision in decisions.items() if decision.kind != "unsure" or id not in trusted}
    return trusted | said


def _trusted_labels(run: Run) -> dict[Any, Decision]:
    """Of the rows that were known when the run began, those that no earlier review had decided."""
    if not run.columns.get("trusted"):
        return {}
    earlier = replay(event for event in run.history() if event.source not in OF_THIS_RUN)
    taken_over = {id for id, event in earlier.items() if event.decision.kind != "unsure"}
    rows, known = run.rows, {}
    for row in np.flatnonzero(rows.with_status("decided")).tolist():
        id, given = rows.id(row), rows.label(int(rows.labels["given_label"][row]))
        label = rows.label(int(rows.labels["suggested_label"][row]))
        kind: Kind = "keep" if label == given else "suggestion"
        if id not in taken_over:
            known[id] = Decision(id, kind, label, given)
    return known
