"""How long a person takes for a decision, from the times of those that were made."""

from collections.abc import Iterable
from datetime import datetime

import numpy as np

from mislabel.decisions.events import Event

PAUSE = 300  # seconds without a decision after which a person is taken to have done something else
FASTEST = 1  # second a decision: what is faster is a program and no person
FEWEST = 5  # gaps below which no pace is told


def seconds_per_decision(history: Iterable[Event]) -> float | None:
    """The median time from one decision on the page to the next of the same sitting.

    Parameters
    ----------
    history : events
        Of a store. Those of one action, a whole selection say, count as one decision; undos do not count.

    Returns
    -------
    float or None
        Seconds; None where too few were made on a page, a program made them, or a time cannot be read.
    """
    actions = {event.action: event.time for event in history if event.source == "page" and event.undoes is None}
    try:
        seconds = np.array([datetime.fromisoformat(time).timestamp() for time in actions.values()])
    except ValueError:
        return None
    gaps = np.diff(np.sort(seconds))
    gaps = gaps[gaps <= PAUSE]
    median = float(np.median(gaps)) if len(gaps) >= FEWEST else 0.0
    return median if median >= FASTEST else None
