"""Several labels a row: the balanced transition EM with one transition a source.

As `balanced_transition.py`, but for the step that reads the labels. With P what the classifier says of a row without
it, v_is the vote of source s on row i (or none), and F_i the rules that fire on it,

    log q_ik = log P_ik + sum_s log T_s[k, v_is] + 1/|F_i| sum_{r in F_i} log R_r[k] + const

*People* say any class, and err each in a way of their own: T_s is the transition matrix of the one-label EM,
counted on the rows on which s speaks, by what all but s say of them: the posterior without the term of s, with the
matrices of the round before. Of a single source that is P. Whether s speaks at all says nothing of the class.

A soft label says a share w_isl of every class. It is one label in parts: w_isl log T_s[k, l], summed over l, and T_s
counts each part. A share of 1 is a label.

*Models* are read in the same way, but once, after the last round. What a model gets wrong follows the input, as what a
classifier learns does: heard in every round, an LLM that is right on 44 % of 1,749 rows taught the classifier its
mistakes, and 4 points of the labels were lost. Where models alone label the rows they are read as people are.

*Rules* say one class each, so what they say adds nothing to whether they fire, R_r[k] prop. to P(r fires | true = k).
There are many, most of which fire on few rows, so each starts from the average of the rules of its class, which counts
as PRIOR rows:

    R_r[k] prop. to (sum_{i: r fires} P_ik + PRIOR A_c[k]) / (sum_i P_ik + COUNT)
    A_c[k] = P(true = k | a rule of class c fires)

Rules are written by one person with the same words in mind; they are not independent given the class, and several that
fire on a row count as one, by the mean of their logs. Measured on labels by 68 and 164 rules: the sum trusts the
largest rules too far on the first and the mean is as good on the other; and that a rule does *not* fire, which
Dawid-Skene counts, does harm on both (`docs/sources.md`).

A source that never speaks, one that repeats another, and the order of sources change nothing.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array
from scipy.special import log_softmax, softmax

from mislabel.posterior.balanced_transition import (
    COUNT,
    DIAGONAL,
    RIDGE,
    ROUNDS,
    SMALLEST,
    TEMPERATURE,
    Fit,
    alternated,
    transition_of,
)
from mislabel.posterior.ridge import Space

PRIOR = 20.0  # rows that the average of the rules of a class counts in each of them


@dataclass(frozen=True, eq=False)
class Votes:
    """What S sources say of n rows.

    Attributes
    ----------
    codes : (n, S) int
        Classes, -1 where a source abstains.
    rules, models : (S,) bool
        Which are rules, that say one class each, and which are models.
    shares : dict
        Of the sources, by their position, that say a share of every class, (n, K) float; `codes` has their likeliest.
    """

    codes: np.ndarray
    rules: np.ndarray
    models: np.ndarray
    shares: dict[int, np.ndarray] = field(default_factory=dict[int, np.ndarray])

    def distinct(self) -> "Votes":
        """Those that speak, each once, in an order that hangs on what they say alone."""
        kinds = np.vstack([self.rules, self.models]).astype(self.codes.dtype)
        kept = (self.codes >= 0).any(0) & ~np.isin(np.arange(len(self.rules)), list(self.shares))
        both = np.vstack([kinds, self.codes])[:, kept]
        both = np.unique(both, axis=1) if both.size else both
        soft = {(bool(self.models[source]), each.tobytes()): source for source, each in self.shares.items()}
        last = [soft[key] for key in sorted(soft) if self.shares[soft[key]].any()]
        return Votes(
            np.hstack([both[2:], self.codes[:, last]]),
            np.append(both[0], np.zeros(len(last))).astype(bool),
            np.append(both[1], self.models[last]).astype(bool),
            {both.shape[1] + place: self.shares[source] for place, source in enumerate(last)},
        )

    def said(self, sources: np.ndarray, n_classes: int) -> tuple[np.ndarray, csr_array]:
        """What some sources (S',) bool say of rows, as M labels, each by one source of one row.

        Returns
        -------
        rows : (M,) int64
            The row of each label.
        labels : (M, S' K) sparse
            How much of each is which class of which source: all of one, or the shares of a soft label.
        """
        chosen = np.flatnonzero(sources)
        rows, source = np.nonzero(self.codes[:, chosen] >= 0)
        label, outcome = np.arange(len(rows)), source * n_classes + self.codes[rows, chosen[source]]
        weight = np.ones(len(rows))
        for place in (place for place in range(len(chosen)) if int(chosen[place]) in self.shares):
            of, kept = np.flatnonzero(source == place), source[label] != place
            shares = np.asarray(self.shares[int(chosen[place])][rows[of]], dtype=np.float64)
            entry, said = np.nonzero(shares)
            label = np.append(label[kept], of[entry])
            outcome = np.append(outcome[kept], place * n_classes + said)
            weight = np.append(weight[kept], shares[entry, said])
        return rows, csr_array((weight, (label, outcome)), shape=(len(rows), len(chosen) * n_classes))


def sources_transition(
    space: Space,
    votes: Votes,
    n_classes: int,
    start: np.ndarray,
    *,
    held: float = 0.0,
    power: float = 1.0,
    temperature: float = TEMPERATURE,
    ridge: float = RIDGE,
    rounds: int = ROUNDS,
) -> Fit:
    """Fit as above; the posterior of a row without any vote is its P.

    Parameters
    ----------
    votes : Votes
        Of the rows of the space.
    start : (n, K) float
        What P is before the first round.
    held : float
        Above or at 0: how firmly a vote is taken at its word, as in `balanced_transition`.
    """
    heard = votes.distinct()
    late = heard.models if not heard.models.all() else np.zeros(len(heard.models), dtype=bool)
    people = _People(heard, ~heard.rules & ~late, n_classes, held)
    rules = _Rules(heard.codes[:, heard.rules], n_classes, held)

    def reading(classifier: np.ndarray) -> np.ndarray:
        others = np.log(np.maximum(classifier, SMALLEST)) + rules.evidence(classifier)
        return np.exp(log_softmax(others + people.evidence(others), axis=1))

    fit = alternated(space, start, reading, power, temperature, ridge, rounds)
    if not late.any():
        return fit
    logs = np.log(np.maximum(fit.posterior, SMALLEST))
    logs = logs + _People(heard, late, n_classes, held).evidence(logs)
    return Fit(np.exp(log_softmax(logs, axis=1)), fit.classifier)


class _People:
    """Sources that say any class, through the rounds.

    Of M labels, each by one source of one row, `rows` (M,) says of which row, and `labels` (M, S K) how much of it is
    which class of which source; `said` (n, S K) is the same, summed by row. `table` (S K, K) holds log T_s[k, l] of the
    last round, one line a source and class that it says.
    """

    def __init__(self, votes: Votes, sources: np.ndarray, n_classes: int, held: float):
        self.rows, self.labels = votes.said(sources, n_classes)
        parts = self.labels.tocoo()
        outcomes = int(sources.sum()) * n_classes
        place = self.rows[parts.coords[0]], parts.coords[1]
        self.said = csr_array((parts.data, place), shape=(len(votes.codes), outcomes))
        self.gathered = self.labels.T.tocsr()
        self.table = np.zeros((outcomes, n_classes))
        self.n_classes, self.held = n_classes, held

    def evidence(self, others: np.ndarray) -> np.ndarray:
        """sum_s log T_s[k, v_is], (n, K) float64.

        Parameters
        ----------
        others : (n, K) float64
            Logs of what all else says of the rows, up to a constant a row.
        """
        whole = others + self.said @ self.table
        without = softmax(whole[self.rows] - self.labels @ self.table, axis=1)
        counts = (self.gathered @ without).reshape(-1, self.n_classes, self.n_classes)  # source, said, true
        transitions = transition_of(counts.transpose(0, 2, 1), self.held)
        self.table = np.log(transitions).transpose(0, 2, 1).reshape(-1, self.n_classes)
        return self.said @ self.table


class _Rules:
    """Sources that say one class each. `fires` is (n, S); `mean` the same, each row divided by its sum."""

    def __init__(self, codes: np.ndarray, n_classes: int, held: float):
        rows, sources = np.nonzero(codes >= 0)
        said = codes[rows, sources]
        self.classes = np.zeros(codes.shape[1], dtype=np.int64)
        self.classes[sources] = said
        if (self.classes[sources] != said).any():
            raise ValueError("a rule says one class, and one of these says several")
        self.fires = csr_array((np.ones(len(rows)), (rows, sources)), shape=codes.shape)
        many = np.bincount(rows, minlength=len(codes))
        self.mean = csr_array((1 / many[rows], (rows, sources)), shape=codes.shape)
        self.n_classes, self.held = n_classes, held

    def evidence(self, classifier: np.ndarray) -> np.ndarray:
        """The mean of log R_r[k] over the rules that fire, (n, K) float64."""
        own, identity = np.eye(self.n_classes)[self.classes], np.eye(self.n_classes)
        counts = self.fires.T @ classifier
        of_class = own.T @ counts + COUNT + DIAGONAL * identity
        counts = counts + PRIOR * (of_class / of_class.sum(1, keepdims=True))[self.classes]
        counts = counts + self.held * own * counts.sum(1, keepdims=True)
        return self.mean @ log_softmax(np.log(counts) - np.log(classifier.sum(0) + COUNT), axis=1)
