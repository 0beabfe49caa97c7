"""The looks of `review --order trust`: which rows they are, how far they were taken, and how much each answer counts.

Nothing is stored but a seed: the rows of the audit, the seed and the decisions say all of it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mislabel.data.decided_labels import code_finder
from mislabel.decisions.events import Decision
from mislabel.decisions.looks import Looks, Share, bounded, draw_looks, followed, weighted_share
from mislabel.run.reading import Run
from mislabel.run.rows import Rows

SEED, TAKEN_OVER = "trust_seed", "look_weights"  # under which a store remembers them


@dataclass(frozen=True, eq=False)
class Answers:
    """The k looks that were taken and of which a person could tell, and what they say of all judged rows.

    Attributes
    ----------
    rows : (k,) int64
    codes : (k,) int64
        Their right classes, -1 where none fits.
    weights : (k,) float64
        One over the probability of each.
    given, suggested : Share or None
        How many given and how many suggested labels are right; None without answers.
    """

    rows: np.ndarray
    codes: np.ndarray
    weights: np.ndarray
    given: Share | None = None
    suggested: Share | None = None

    def __len__(self) -> int:
        return len(self.rows)


def plan(rows: Rows, seed: int) -> Looks:
    """Looks at the judged rows, drawn within strata of given and suggested label, which is the evidence's one."""
    judged = np.flatnonzero(rows.judged)
    given, suggested = (rows.labels[name][judged].astype(np.int64) for name in ("given_label", "suggested_label"))
    looks = draw_looks(given * (len(rows.classes) + 1) + suggested + 1, seed)
    return Looks(judged[looks.rows], looks.share, looks.draws)


def taken(looks: Looks, decided: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The decided rows among the looks that were taken, (k,) int64, and one over the probability of each, (k,).

    Parameters
    ----------
    decided : (n,) bool
        Of all rows of the audit.
    """
    inside = decided[looks.rows]
    reached = followed(inside)
    return looks.rows[:reached][inside[:reached]], looks.weights(reached)[inside[:reached]]


def answers_of(rows: Rows, looks: Looks, decided: np.ndarray, decisions: Sequence[Decision]) -> Answers:
    """What was found so far.

    Parameters
    ----------
    decided : (n,) bool
    decisions : sequence of Decision
        Of the decided rows, in their order.
    """
    decision_of = dict(zip(np.flatnonzero(decided).tolist(), decisions, strict=True))
    looked, weights = taken(looks, decided)
    told = np.array([decision_of[row].wrong is not None for row in looked.tolist()], dtype=bool)
    looked, weights, code_of = looked[told], weights[told], code_finder(rows.classes)
    labels = [decision_of[row].label for row in looked.tolist()]
    found = [None if label is None else code_of(label) for label in labels]
    codes = np.array([-1 if code is None else code for code in found], dtype=np.int64)
    if not len(looked):
        return Answers(looked, codes, weights)
    right = np.array([not decision_of[row].wrong for row in looked.tolist()])
    suggested = codes == np.where(codes >= 0, rows.labels["suggested_label"][looked], -2)
    return Answers(looked, codes, weights, weighted_share(right, weights), weighted_share(suggested, weights))


def look_weights(run: Run) -> dict[Any, float]:
    """How much each decision counts whose row was drawn in a review of the run, by id: with mean 1, and bounded.

    Those of an earlier run whose decisions this one took over are among them.
    """
    weights = {id: float(weight) for id, weight in run.remembered(TAKEN_OVER) or []}
    seed = run.remembered(SEED)
    if seed is None:
        return weights
    rows, decisions = run.rows, run.decisions()
    decided = np.zeros(len(rows) + 1, dtype=bool)
    decided[rows.find(list(decisions))] = True  # ids that are not there set the last one
    looked, inverse = taken(plan(rows, int(seed)), decided[:-1])
    inverse_of = dict(zip(map(rows.id, looked.tolist()), inverse.tolist(), strict=True))
    labelled = [id for id in inverse_of if decisions[id].label is not None]
    drawn = bounded(np.array([inverse_of[id] for id in labelled]))
    return weights | dict(zip(labelled, drawn.tolist(), strict=True))
