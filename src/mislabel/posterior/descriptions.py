"""What sentences that say what a class means tell of the rows: a second view, whose errors are not those of the labels.

Similarities are compared with what is usual for their sentence, since sentences differ more than rows do: of the cosine
of row i and sentence s, the mean over all rows is taken off ("calibration" against all rows in place of empty prompts,
as in arXiv 2410.01944 and CLIPCleaner, arXiv 2408.10012). Of several sentences of a class the log of the mean of
exp(cos / SOFTNESS) counts.

A row *agrees* where the class whose description is nearest is its given one. On labels by rules such rows are right
where the labels alone are not, so a balanced fit to them starts the transition EM. That needs rows of every class: a
view too weak to find a class would lose it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, softmax

from mislabel.posterior.balanced_transition import RIDGE, TEMPERATURE, Fit
from mislabel.posterior.frozen_space import fitted
from mislabel.posterior.ridge import Space, leave_one_out
from mislabel.posterior.source_transitions import Votes

SOFTNESS = 0.07
SHARPNESS = 15.0  # of the zero-shot opinion: softmax(SHARPNESS * calibrated cosine)
ENOUGH, ENOUGH_SHARE = 20, 0.5  # agreeing rows of a class, or their share of its rows where it has fewer
TINY = 5  # rows of a class below which it says nothing of the descriptions


@dataclass(frozen=True, eq=False)
class DescribedClasses:
    """What descriptions say.

    Attributes
    ----------
    zero_shot : (n, K) float64
        Probabilities from the descriptions alone; 0 for a class without one.
    agreeing : (K,) int64
        Rows of each given class that its own description is nearest to.
    weak : list of int
        Classes of given labels of which too few rows agree, or that have no description.
    fit : Fit or None
        The transition EM that starts from the rows that agree; None where a class is weak.
    """

    zero_shot: np.ndarray
    agreeing: np.ndarray
    weak: list[int]
    fit: Fit | None


def class_similarity(similarity: np.ndarray, sentences: Mapping[int, Sequence[int]], n_classes: int) -> np.ndarray:
    """Calibrated similarity of rows and classes, (n, K) float64; minus infinity for a class without a sentence.

    Parameters
    ----------
    similarity : (n, S) float
        Cosines of rows and sentences.
    sentences : mapping
        From classes to the columns of their sentences.
    """
    scores = np.full((len(similarity), n_classes), -np.inf)
    for code, columns in sentences.items():
        cosines = similarity[:, list(columns)].astype(np.float64)
        of_class = SOFTNESS * np.asarray(logsumexp(cosines / SOFTNESS, axis=1))
        scores[:, code] = of_class - of_class.mean()
    return scores


def described_classes(
    space: Space,
    scores: np.ndarray,
    given: np.ndarray,
    held: float = 0.0,
    votes: Votes | None = None,
    temperature: float = TEMPERATURE,
) -> DescribedClasses:
    """From similarities (n, K), as `class_similarity` gives them, and given labels (n,) to what they say together.

    Where several sources labelled the rows, the rounds read their votes. `held` and `temperature` are those of
    `FrozenSpace`.
    """
    classes = scores.shape[1]
    agrees = scores.argmax(1) == given
    there, agreeing = (np.bincount(rows, minlength=classes) for rows in (given, given[agrees]))
    enough = (agreeing >= ENOUGH) | (agreeing >= ENOUGH_SHARE * there) | (there < TINY)
    weak = np.flatnonzero(~enough).tolist()
    fit = None
    if not weak:
        one_hot = np.eye(classes)[given]
        weights = np.where(agrees, 1 / np.maximum(agreeing, 1)[given], 0.0)
        weights *= agrees.sum() / weights.sum()
        start = softmax(temperature * leave_one_out(space, one_hot, weights, RIDGE), axis=1)
        fit = fitted(space, given, votes, classes, start, held, temperature)
    return DescribedClasses(softmax(SHARPNESS * scores, axis=1), agreeing, weak, fit)
