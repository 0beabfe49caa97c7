"""A second round of evidence: what a network makes of the rows once it was taught the first.

A whole network soon knows more of the classes than the frozen space that the evidence comes from. With P what it says
of each row, and the given labels y, one more round of the transition EM (`balanced_transition.py`) gives

    q_ik = P_ik T[k, y_i] / sum over k

where T is held as there if a large class would lose most of its rows. Without trusted rows q is what is believed.

Trusted rows that the network was not taught tell how far to believe it. The judge (`judge.py`) then hears P and q
beside the opinions of before, in the space of the network's own embeddings; it starts from whichever alone gives the
trusted labels the highest likelihood: the pool of before, P, or q. They are a little too sure of P: the judge of the
first round, from whom the network learnt, had heard their labels.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mislabel.posterior.balanced_transition import through, transition_of
from mislabel.posterior.derived import crossed, one_hot
from mislabel.posterior.frozen_space import HELD, KEPT, kept_share
from mislabel.posterior.judge import FEWEST, MOST, Judged, Trusted, judge, log_opinion, pool

SAID, SAID_AND_GIVEN = "network", "network_and_given"
SHARE = 5  # one row of so many may wait


def waiting_rows(trusted: Trusted, rows: int, seed: int) -> np.ndarray:
    """Trusted rows that the network is not taught in the first round, (rows,) bool.

    As many as the judge goes by, but no more than a fifth of all rows: the network has to learn from the others. None
    where they would be too few for a judge.
    """
    waiting, places = np.zeros(rows, dtype=bool), np.random.default_rng(seed).permutation(trusted.counting().rows)
    places = places[: min(MOST, rows // SHARE)]
    if len(places) >= FEWEST:
        waiting[places] = True
    return waiting


def said_and_given(said: np.ndarray, given: np.ndarray, *, guard: bool = True) -> np.ndarray:
    """q, (n, K) float64.

    Parameters
    ----------
    said : (n, K) float
        P.
    given : (n,) int in [0, K)
    guard : bool
        Whether T is held where it takes too much from a class.
    """
    said = said.astype(np.float64, copy=False)
    counts = crossed(said, one_hot(given, said.shape[1]))
    free = through(said, transition_of(counts, 0.0), given)
    if guard and kept_share(free, given) < KEPT:
        return through(said, transition_of(counts, HELD), given)
    return free


def second_round(
    opinions: Mapping[str, np.ndarray],
    start: Mapping[str, float],
    said: np.ndarray,
    points: Any,
    given: np.ndarray,
    trusted: Trusted,
    seed: int = 0,
    *,
    guard: bool = True,
) -> tuple[Judged, list[str]]:
    """What all evidence comes to, and the names of the opinions that were heard, in the order of their weights.

    Parameters
    ----------
    opinions : mapping of (n, K) float
        Probabilities, of the first round.
    start : mapping of float
        Their weights without trusted rows.
    said : (n, K) float
        P: what the network says of each row.
    points : (n, d) float
        The network's embeddings; an array, or `Derived`.
    given : (n,) int in [0, K)
    trusted : Trusted
        Rows that the network was not taught.
    seed, guard
        See `judge` and `said_and_given`.
    """
    heard = {**opinions, SAID: said, SAID_AND_GIVEN: said_and_given(said, given, guard=guard)}
    believed, trusted = {SAID_AND_GIVEN: 1.0}, trusted.counting()
    if len(trusted.rows) >= FEWEST:
        starts = [dict(start), {SAID: 1.0}, {SAID_AND_GIVEN: 1.0}]
        believed = max(starts, key=lambda weights: _likelihood(heard, weights, trusted))
    weights = [believed.get(name, 0.0) for name in heard]
    return judge(list(heard.values()), points, given, trusted, weights, seed), list(heard)


def _likelihood(opinions: Mapping[str, np.ndarray], weights: Mapping[str, float], trusted: Trusted) -> float:
    """The mean log-probability that a pool gives the labels of trusted rows."""
    joined = pool([opinions[name][trusted.rows] for name in weights], list(weights.values()))
    return float(np.average(log_opinion(joined)[np.arange(len(joined)), trusted.labels], weights=trusted.weights))
