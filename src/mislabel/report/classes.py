"""Counts class by class, and pair of classes by pair."""

from dataclasses import dataclass

import numpy as np

from mislabel.report.findings import Findings
from mislabel.report.formatting import label_text, short

LONGEST_NAME = 60


@dataclass(frozen=True)
class ClassRow:
    """The counts of one class; shares are None where there is nothing to count.

    Attributes
    ----------
    judged : int
        Rows with this given label that were assessed; where 0, the class was not.
    unjudged : int
        Further rows with this given label.
    noise : float or None
        Mean p_mislabeled of the judged: what the evidence calls wrong.
    called_wrong : float or None
        Their sum.
    suggested : int
        Judged rows for which this class is suggested.
    difficulty : float or None
        Mean over the judged.
    true_noise, suggestion_accuracy : float or None
        By gold, over the judged rows that have one.
    """

    name: str
    judged: int
    unjudged: int
    noise: float | None
    suggested: int
    difficulty: float | None
    true_noise: float | None
    suggestion_accuracy: float | None

    @property
    def called_wrong(self) -> float | None:
        return None if self.noise is None else self.noise * self.judged


def class_rows(findings: Findings) -> list[ClassRow]:
    """One line per class of the run; those with the most wrong labels first, those not assessed last."""
    given, suggested, p_mislabeled = findings.given, findings.suggested, findings.p_mislabeled
    n = findings.n_classes
    judged, scored = findings.assessed, findings.scored
    easy = judged & np.isfinite(findings.difficulty)
    rows, everything = _count(given[judged], n), _count(given, n)
    noise = _mean(given[judged], p_mislabeled[judged], n)
    difficulty = _mean(given[easy], findings.difficulty[easy], n)
    thought = _count(suggested[judged], n)
    true_noise = right = np.full(n, np.nan)
    if findings.gold is not None:
        true_noise = _mean(given[scored], (findings.gold != given)[scored], n)
        right = _mean(given[scored], (findings.gold == suggested)[scored], n)
    summaries = [
        ClassRow(
            name=short(label_text(findings.classes[code]), LONGEST_NAME),
            judged=int(rows[code]),
            unjudged=int(everything[code] - rows[code]),
            noise=_known(noise[code]),
            suggested=int(thought[code]),
            difficulty=_known(difficulty[code]),
            true_noise=_known(true_noise[code]),
            suggestion_accuracy=_known(right[code]),
        )
        for code in range(n)
    ]
    mass = np.where(rows > 0, np.nan_to_num(noise) * rows, -1.0)
    return [summaries[code] for code in np.argsort(-mass, kind="stable")]


@dataclass(frozen=True)
class Confusion:
    """Rows that carry the label `given` and probably belong to `true`.

    Attributes
    ----------
    share : float or None
        T[true, given].
    confirmed : float or None
        By gold: the share of these rows whose gold label is `true`; None without gold.
    """

    true: str
    given: str
    rows: int
    share: float | None
    confirmed: float | None


def confusions(findings: Findings, limit: int = 10) -> list[Confusion]:
    """The pairs with the most rows, counted by the suggested labels."""
    result = []
    for true, given, count in label_pairs(findings)[:limit].tolist():
        rows = findings.scored & (findings.suggested == true) & (findings.given == given)
        confirmed = float((findings.gold[rows] == true).mean()) if findings.gold is not None and rows.any() else None
        result.append(
            Confusion(
                true=short(label_text(findings.classes[true]), LONGEST_NAME),
                given=short(label_text(findings.classes[given]), LONGEST_NAME),
                rows=count,
                share=None if findings.transition is None else float(findings.transition[true, given]),
                confirmed=confirmed,
            )
        )
    return result


def most_confused(findings: Findings, limit: int) -> np.ndarray:
    """Codes (m,) int64 of the classes to show where there is room for `limit`: all in their order, if they are no more.

    Otherwise the classes of the most frequent confusions, pair by pair, so that a pair stands side by side; where these
    are too few, then those that are given most often.
    """
    if findings.n_classes <= limit:
        return np.arange(findings.n_classes)
    frequent = np.argsort(-_count(findings.given[findings.assessed], findings.n_classes), kind="stable")
    order = dict.fromkeys([*label_pairs(findings)[:, :2].ravel().tolist(), *frequent.tolist()])
    return np.array(list(order)[:limit], dtype=np.int64)


def label_pairs(findings: Findings) -> np.ndarray:
    """Suggested label, given label and rows of each pair of labels that differ, (m, 3) int64; the most rows first."""
    changed = findings.assessed & (findings.suggested >= 0) & (findings.suggested != findings.given)
    pairs = np.stack([findings.suggested[changed], findings.given[changed]], axis=1)
    pairs, counts = np.unique(pairs, axis=0, return_counts=True)
    return np.column_stack([pairs, counts])[np.argsort(-counts, kind="stable")]


def _count(codes: np.ndarray, n: int) -> np.ndarray:
    return np.bincount(codes[(codes >= 0) & (codes < n)], minlength=n)


def _mean(codes: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Mean of the values (m,) by code (m,), (n,) float64; NaN where a code has none."""
    inside = (codes >= 0) & (codes < n)
    codes, values = codes[inside], values[inside]
    rows = np.bincount(codes, minlength=n)
    sums = np.bincount(codes, weights=values.astype(np.float64), minlength=n)
    return np.where(rows > 0, sums / np.maximum(rows, 1), np.nan)


def _known(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
