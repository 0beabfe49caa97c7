"""How good the audit is, by gold labels: which wrong labels it finds, and how well its probabilities are calibrated."""

from dataclasses import dataclass

import numpy as np

from mislabel.posterior.summary import wilson
from mislabel.run.scores import calibration_error

BINS = 10
LOOKED_AT = (0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class Detection:
    """How many wrong labels are found when rows are looked at worst first.

    Attributes
    ----------
    rows, wrong : (t + 1,) float64
        After each of the t distinct probabilities, from none to all: rows looked at, wrong labels among them.
    """

    rows: np.ndarray
    wrong: np.ndarray

    @property
    def true_rate(self) -> float:
        """Share of wrong labels."""
        return float(self.wrong[-1] / self.rows[-1])

    @property
    def grid(self) -> np.ndarray:
        """Shares of rows at which a chart draws a point, (m,) float64: at most 200, whatever the number of rows."""
        shares = self.rows / self.rows[-1]
        return shares if len(shares) <= 200 else np.linspace(0, 1, 200)

    def found_at(self, share: np.ndarray | float) -> np.ndarray:
        """Share of all wrong labels in the first `share` of the rows; rows of equal probability in any order."""
        return np.interp(share, self.rows / self.rows[-1], self.wrong / self.wrong[-1])

    def by_depth(self) -> tuple[np.ndarray, np.ndarray]:
        """Depths of the list and the share of wrong labels down there, (m,) float64 each, m at most 200.

        Rows of equal probability count together, in any order.
        """
        depths = np.unique(np.round(np.geomspace(min(10, self.rows[-1]), self.rows[-1], 200)))
        return depths, np.interp(depths, self.rows, self.wrong) / depths

    def auroc(self) -> float:
        """Area under the receiver operating characteristic, by trapezoids (a tie counts half)."""
        right = self.rows - self.wrong
        return float(np.trapezoid(self.wrong / self.wrong[-1], right / right[-1]))

    def precision_recall(self) -> tuple[np.ndarray, np.ndarray]:
        """Recall and precision, (m,) float64 each with m at most about 200, from the strictest threshold on."""
        recall, precision = self.wrong[1:] / self.wrong[-1], self.wrong[1:] / self.rows[1:]
        if len(recall) > 200:
            steps = np.searchsorted(recall, np.linspace(recall[0], 1, 200))
            recall, precision = recall[steps], precision[steps]
        return recall, precision


def detection(wrong: np.ndarray, p_mislabeled: np.ndarray) -> Detection | None:
    """The curve for (m,) rows; None where none or all of the labels are wrong, so that there is nothing to find."""
    if not 0 < wrong.sum() < len(wrong):
        return None
    _, rank = np.unique(-p_mislabeled, return_inverse=True)
    rows = np.cumsum(np.bincount(rank))
    wrong_so_far = np.cumsum(np.bincount(rank, weights=wrong))
    return Detection(np.append(0.0, rows), np.append(0.0, wrong_so_far))


@dataclass(frozen=True)
class Reliability:
    """Stated against observed shares of wrong labels, in the bins that hold rows.

    Attributes
    ----------
    stated, observed, low, high : (b,) float64
        Of each bin: the mean probability, the share of wrong labels, and that share's 95 % interval (Wilson's).
    rows : (b,) int64
    error : float
        Expected calibration error over the bins.
    """

    stated: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rows: np.ndarray
    error: float


def reliability(wrong: np.ndarray, p_mislabeled: np.ndarray) -> Reliability:
    """Ten bins of equal width over (m,) probabilities, m >= 1."""
    bin_of = np.minimum((p_mislabeled * BINS).astype(int), BINS - 1)
    rows = np.bincount(bin_of, minlength=BINS)
    used = rows > 0
    number = rows[used]
    observed = np.bincount(bin_of, weights=wrong, minlength=BINS)[used] / number
    low, high = wilson(observed, number)
    return Reliability(
        stated=np.bincount(bin_of, weights=p_mislabeled, minlength=BINS)[used] / number,
        observed=observed,
        low=low,
        high=high,
        rows=number,
        error=calibration_error(p_mislabeled, wrong, BINS),
    )
