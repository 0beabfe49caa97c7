"""Scores against gold labels. Gold comes in here, after training and judging are over, and nowhere else."""

from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, roc_auc_score

from mislabel.audit import Audit
from mislabel.data import Dataset


def test_scores(dataset: Dataset, rows: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Accuracy, macro F1 and calibration of a model on test rows with a gold label; empty where there are no rows.

    Without gold labels only the agreement with the given ones is returned, under a name that says so.

    Parameters
    ----------
    rows : (m,) int64
        Positions of the test rows.
    probabilities : (m, K) float32
        The model's, for these rows.
    """
    if not len(rows):
        return {}
    if dataset.gold is not None and (dataset.gold[rows] >= 0).any():
        known = dataset.gold[rows] >= 0
        return {"rows": int(known.sum()), **gold_scores(dataset.gold[rows][known], probabilities[known])}
    given = dataset.labels.codes[rows]
    scores: dict[str, Any] = {"rows": len(rows)}
    if (given >= 0).any():
        scores["agreement_with_given"] = float(np.mean(probabilities.argmax(1)[given >= 0] == given[given >= 0]))
    return scores


def gold_scores(gold: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Accuracy, macro F1 and calibration error of (m, K) probabilities against (m,) gold labels."""
    predicted = probabilities.argmax(1)
    return {
        "accuracy": float(accuracy_score(gold, predicted)),
        "macro_f1": float(f1_score(gold, predicted, average="macro")),
        "ece": calibration_error(probabilities.max(1), predicted == gold),
    }


def detection_scores(dataset: Dataset, audit: Audit) -> dict[str, Any]:
    """How well the audit finds the wrong labels among the judged rows that have a gold label."""
    if dataset.gold is None:
        return {}
    judged = audit.table[(audit.table["status"] == "judged") & audit.table["gold_label"].notna()]
    if not len(judged):
        return {}
    wrong = (judged["given_label"] != judged["gold_label"]).to_numpy(dtype=bool)
    score = np.asarray(judged["p_mislabeled"], dtype=np.float64)
    noise = audit.metrics["noise_rate"]
    result: dict[str, Any] = {"noise_rate": {**noise, "true": float(wrong.mean())}}
    if 0 < wrong.sum() < len(wrong):
        result["detection"] = {
            "auroc": float(roc_auc_score(wrong, score)),
            "average_precision": float(average_precision_score(wrong, score)),
        }
        if "centroid_score" in judged:
            marking = np.asarray(judged["centroid_score"], dtype=np.float64)
            result["detection"]["centroid_auroc"] = float(roc_auc_score(wrong, marking))
        if "score" in judged:
            result["detection"] |= _ranking_scores(wrong, np.asarray(judged["score"], dtype=np.float64))
    right = (judged["suggested_label"] == judged["gold_label"]).to_numpy(dtype=bool)
    result["suggestion"] = {
        "accuracy": float(right.mean()),
        "accuracy_on_wrong": float(right[wrong].mean()) if wrong.any() else None,
    }
    return result


def _ranking_scores(wrong: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """How well a score finds the wrong labels, over the rows that have one."""
    known = np.isfinite(score)
    if not 0 < wrong[known].sum() < known.sum():
        return {}
    return {
        "score_auroc": float(roc_auc_score(wrong[known], score[known])),
        "score_average_precision": float(average_precision_score(wrong[known], score[known])),
    }


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error over equally wide bins of confidence, (m,) each."""
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = 0.0
    for number in np.unique(bin_of):
        inside = bin_of == number
        gap += inside.mean() * abs(float(right[inside].mean()) - float(confidence[inside].mean()))
    return float(gap)
