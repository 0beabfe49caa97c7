"""What a frozen space says of the given labels: a plain classifier, and a balanced transition EM behind a guard.

A free transition matrix finds what one-sided rules did: on wrench_trec a class keeps a third of its rows, rightly. But
where the space does not hold the classes, that is, where no linear classifier tells them apart, classifier and matrix
swap or merge classes and make it worse than plain training: by 2 points on relations between chemicals and proteins, by
16 on an encoder that knows little of the texts. The labels alone show when: a swap takes most rows of some class from
it. So the matrix is fitted freely, and where a class that is not small keeps less than KEPT of its rows, it is fitted
again with a held diagonal, and the network that learns from it balances classes half as hard. Where the space explains
less than INFORMATIVE of the given labels, and a classifier in it meets no more of them than chance (`gate.py`), nothing
can be said, and the diagonal is held so firmly that they stand. Explaining little is not enough for that: where half of
the labels are wrong at random no space explains much, and a held diagonal finds most of these.

KEPT was chosen over two dozen sets of labels and spaces: labels by rules and people, planted and right ones, each on
MiniLM and on spoilt copies of its space (`benchmarks/guard.py`). Where several sources labelled the rows a class may
keep less: who hears each of them takes more from a class that one of them swells, and rightly. KEPT_OF_VOTES was chosen
over five sets of sources, and narrowly: free is right at .43 on questions under 68 rules, and wrong at .28 and .35 on
relations between chemicals and proteins, in two spaces.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mislabel.posterior.balanced_transition import (
    RIDGE,
    TEMPERATURE,
    Fit,
    balanced_transition,
    given_classifier,
    softened,
)
from mislabel.posterior.derived import by_part, evenly
from mislabel.posterior.gate import met
from mislabel.posterior.kinds import best_power_of_one_kind
from mislabel.posterior.ridge import Space
from mislabel.posterior.source_transitions import Votes, sources_transition
from mislabel.posterior.spaces import best_space

KEPT, KEPT_OF_VOTES = 0.5, 0.4
LARGE, SHARE_OF_MEAN = 0.05, 0.5  # not small: of so many rows in all, or as many of a class of mean size
HELD, FIRMLY = 1.0, 20.0
INFORMATIVE = 0.01
ASKED = 4096  # rows, for a temperature


@dataclass(frozen=True, eq=False)
class FrozenSpace:
    """What the space says of n rows.

    Attributes
    ----------
    space : Space
        See `mislabel.posterior.spaces`.
    explained : float
        The share of the given labels that it explains.
    plain : (n, K) float64
        Probabilities by a fit to the given labels with their shares, of each row by all others.
    fit : Fit
        To the given labels, or to what each source says.
    kept : float
        The smallest share of its rows that a class of given labels that is not small keeps under a free matrix.
    held : float
        Of the matrix that counts: 0 where it is free.
    temperature : float
        Of the classifier in the rounds.
    """

    space: Space
    explained: float
    plain: np.ndarray
    fit: Fit
    kept: float
    held: float
    temperature: float

    @property
    def free(self) -> bool:
        """Whether the space seems to hold the classes, so that the matrix is free."""
        return self.held == 0


def frozen_space(
    points: Any, given: np.ndarray, n_classes: int, *, guard: bool = True, votes: Votes | None = None
) -> FrozenSpace:
    """Fit all of it.

    Parameters
    ----------
    points : (n, d) float
        Embeddings, or standardised features; an array, or `Derived`.
    given : (n,) int in [0, n_classes)
    guard : bool
        Whether the matrix is held where it takes too much from a class; else it is free in any case.
    votes : Votes, optional
        What several sources say of the rows: each then has a matrix of its own, and the given labels only start the
        rounds.
    """
    space, scores, explained = best_space(points, given, n_classes)
    plain = given_classifier(space, given, n_classes, 0.0, RIDGE, softened(TEMPERATURE))
    temperature = temperature_of(scores, given)
    start = by_part(softened(temperature), scores)
    del scores
    fit, held = fitted(space, given, votes, n_classes, start, 0.0, temperature), 0.0
    kept = kept_share(fit.posterior, given)
    if explained < INFORMATIVE and not met(plain.argmax(1), given, n_classes).learnt:
        held = FIRMLY
    elif guard and kept < (KEPT if votes is None else KEPT_OF_VOTES):
        held = HELD
    if held:
        fit = fitted(space, given, votes, n_classes, start, held, temperature)
    return FrozenSpace(space, explained, plain, fit, kept, held, temperature)


def temperature_of(scores: np.ndarray, given: np.ndarray) -> float:
    """How sure the classifier of the rounds is made: TEMPERATURE, and more where it is too timid, as of many classes.

    With TEMPERATURE it gives the right one of a hundred classes a third, so that no label looks wrong and T is blurred.
    The power that the given labels ask for (`kinds.py`) is taken half way, as its root: the rounds feed on what they
    say themselves, and by the whole of it small classes took 8 % of 5,452 right labels of fifty classes, by half 2 %.

    Parameters
    ----------
    scores : (n, K) float
        Of the balanced fit to the given labels, of each row by all others.
    given : (n,) int
    """
    some = evenly(len(given), ASKED)
    power = best_power_of_one_kind(softened(TEMPERATURE)(scores[some]), given[some])
    return TEMPERATURE * float(np.sqrt(power))


def fitted(
    space: Space,
    given: np.ndarray,
    votes: Votes | None,
    n_classes: int,
    start: np.ndarray,
    held: float,
    temperature: float,
) -> Fit:
    """The transition EM of the given labels (n,), or of the votes where there are any."""
    if votes is None:
        return balanced_transition(space, given, n_classes, start=start, held=held, temperature=temperature)
    return sources_transition(space, votes, n_classes, start, held=held, temperature=temperature)


def kept_share(posterior: np.ndarray, given: np.ndarray) -> float:
    """The smallest share of its rows that a class keeps, small ones aside; 1 where there is none."""
    classes = posterior.shape[1]
    of_given = posterior[np.arange(len(given)), given]
    rows, mass = np.bincount(given, minlength=classes), np.bincount(given, weights=of_given, minlength=classes)
    large = rows >= min(LARGE, SHARE_OF_MEAN / classes) * len(given)
    return float((mass[large] / rows[large]).min()) if large.any() else 1.0
