"""What rows that were drawn at random and checked tell of all rows of a run: in its review, or before its training."""

import math
from dataclasses import dataclass, replace

import numpy as np

from mislabel.audit import LIKELY
from mislabel.data import Dataset
from mislabel.decisions.estimates import Depth, precision_curve
from mislabel.decisions.reviewed import UNDECIDED, WRONG, ReviewedRows, reviewed_rows, worked_through
from mislabel.errors import RunError
from mislabel.posterior.noise_rate import RANDOM, NoiseRate
from mislabel.posterior.prediction_powered import has_strata, powered_share
from mislabel.posterior.recalibration import Recalibration, recalibrate
from mislabel.run.reading import Run

FEWEST = 10  # rows checked at random below which nothing is said of all others


@dataclass(frozen=True)
class Checked:
    """What is known of the judged rows of a run with its review.

    Attributes
    ----------
    rate : NoiseRate
        As the run knew it, where its review checked too few rows at random.
    whole : Depth or None
        How many of all judged rows are wrong, as the review tells; None where no row was judged.
    recalibration : Recalibration or None
        Of p_mislabeled, by the review.
    """

    rate: NoiseRate
    whole: Depth | None = None
    recalibration: Recalibration | None = None

    def p(self, p: np.ndarray) -> np.ndarray:
        """Probabilities of a wrong label (n,), recalibrated where that is known; NaN stays."""
        return p if self.recalibration is None else self.recalibration(p)


def checked(run: Run) -> Checked:
    """What is known of a run by now.

    Raises
    ------
    RunError
        If its decisions cannot be read.
    """
    rows = run.rows
    reviewed = reviewed_rows(run.history(), rows.judged_rank, rows.n_judged)
    return checked_in_review(run.noise_rate, run.exact["p_mislabeled"][rows.judged], reviewed)


def known(run: Run) -> Checked:
    """The same; what the run knew by itself where its decisions cannot be read."""
    try:
        return checked(run)
    except RunError:
        return Checked(run.noise_rate)


def checked_in_review(rate: NoiseRate, p: np.ndarray, reviewed: ReviewedRows) -> Checked:
    """What a review tells.

    The beginning of the list that was worked through is known and no sample; the probes behind it are a random sample
    of what lies there. Where a person decided other rows beside, each probe was drawn from fewer rows than the one
    before, and `mislabel.decisions.estimates` counts without the evidence.

    Parameters
    ----------
    rate : NoiseRate
        As the run knew it.
    p : (n,) float
        p_mislabeled of the judged rows, worst first.
    reviewed : ReviewedRows
        Of these.
    """
    if not len(reviewed):
        return Checked(rate)
    [whole] = powered_curve(p, reviewed, np.array([len(reviewed)]))
    known = np.arange(len(reviewed)) < worked_through(reviewed.state, reviewed.probe)
    drawn = (reviewed.state != UNDECIDED) & reviewed.probe & ~known
    checks = int(np.count_nonzero(drawn))
    if checks < FEWEST or whole.precision is None:
        return Checked(rate, whole)
    low, high = whole.precision_interval
    rate = replace(rate, basis=RANDOM, estimate=whole.precision, low=low, high=high, checked=checks)
    return Checked(rate, whole, recalibrate(p[drawn], reviewed.state[drawn] == WRONG))


def powered_curve(p: np.ndarray, reviewed: ReviewedRows, at: np.ndarray | None = None) -> list[Depth]:
    """`mislabel.decisions.estimates.precision_curve` with what the evidence adds, where enough rows were checked.

    Parameters
    ----------
    p : (n,) float
        p_mislabeled, worst first.
    reviewed : ReviewedRows
        Of these.
    at : (k,) int, optional
        Depths.
    """
    curve = precision_curve(reviewed, at)
    decided, wrong = reviewed.state != UNDECIDED, reviewed.state == WRONG
    behind = np.arange(len(reviewed)) >= worked_through(reviewed.state, reviewed.probe)
    if (decided & ~reviewed.probe & behind).any():
        return curve
    rows = np.flatnonzero(behind)
    sample = np.flatnonzero(decided[rows])  # probes, all of them
    likely, found = p[rows] > LIKELY, wrong[rows]
    return [_powered(each, len(reviewed) - len(rows), likely, sample, found) for each in curve]


def _powered(depth: Depth, known: int, likely: np.ndarray, sample: np.ndarray, wrong: np.ndarray) -> Depth:
    """One depth, of which so many rows are known; the arrays are of the rows behind them."""
    rows = depth.depth - known
    inside = sample[sample < rows]
    if rows <= 0 or not has_strata(likely[:rows], len(inside)):
        return depth  # whose limits are exact
    share = powered_share(likely[:rows], inside, wrong[inside])
    before, edge = depth.wrong - int(wrong[inside].sum()), 1e-9 * rows  # no whole number is to be pushed beyond itself
    low, high = math.ceil(share.low * rows - edge), math.floor(share.high * rows + edge)
    return replace(depth, estimate=before + share.estimate * rows, low=before + low, high=before + high)


def checked_before(dataset: Dataset, trained: np.ndarray, predicted: np.ndarray | None, rate: NoiseRate) -> NoiseRate:
    """What trusted rows tell that were drawn at random from all training rows.

    Parameters
    ----------
    dataset : Dataset
    trained : (m,) int64
        Positions of the rows that trained.
    predicted : (m,) float, optional
        The probability that each given label is wrong, found without any trusted label.
    rate : NoiseRate
        Without them.
    """
    given, status = dataset.labels.codes, dataset.status
    labelled = (given >= 0) & np.isin(status, ("judged", "decided", "none_of_these"))
    population = np.flatnonzero(labelled & (dataset.split == "train"))
    sample = np.flatnonzero(status[population] != "judged")
    if len(sample) < FEWEST:
        return rate
    rows = population[sample]
    wrong = (status[rows] == "none_of_these") | (dataset.training_codes[rows] != given[rows])
    likely = np.zeros(len(given), dtype=bool)
    if predicted is not None and not (status[rows] == "none_of_these").any():  # of which there is no prediction
        likely[trained] = predicted > LIKELY
    share = powered_share(likely[population], sample, wrong)
    told = {"estimate": share.estimate, "low": share.low, "high": share.high}
    return replace(rate, basis=RANDOM, **told, checked=len(sample))
