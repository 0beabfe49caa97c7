"""The yardstick from outside: cleanlab on cross-validated logistic regression, pruned and fitted again.

Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021.
"""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import StandardScaler

from mislabel.data import Dataset
from mislabel.data.training_rows import check_memory, trainable_rows
from mislabel.errors import InputError
from mislabel.run.scores import gold_scores

FOLDS = 5


def cross_validated(matrix: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Probabilities (n, K) of each row from a model that did not see it."""
    model = LogisticRegression(max_iter=1000)
    return np.asarray(cross_val_predict(model, matrix, given, cv=FOLDS, method="predict_proba"))


def cleanlab_scores(dataset: Dataset, matrix: np.ndarray, *, standardise: bool) -> dict[str, Any]:
    """Train and judge with cleanlab; measures as in a run's metrics.json.

    It gets trusted labels as the given labels of their rows. They are not pruned, and not scored.

    Parameters
    ----------
    matrix : (n, d) float32
        Embeddings, or features, of all rows.
    standardise : bool
        Columns of different units need it; embeddings are better off without (7 to 13 points of accuracy with 40 %
        wrong labels): the logistic regression is then regularised more.

    Raises
    ------
    InputError
        If cleanlab is not installed.
    """
    try:
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        raise InputError('the row "cleanlab" needs it: pip install "mislabel[bench]"') from None
    assert dataset.gold is not None
    check_memory(dataset)
    rows, held_out = np.sort(trainable_rows(dataset)), dataset.rows("test")  # folds by position, as cleanlab has them
    own: Any = matrix[rows]
    new: Any = matrix[held_out]
    if standardise:
        scaler = StandardScaler().fit(own)
        own, new = scaler.transform(own), scaler.transform(new)
    trusted = dataset.status[rows] == "decided"
    classes, given = np.unique(dataset.training_codes[rows], return_inverse=True)
    probabilities = cross_validated(own, given)
    flagged = find_label_issues(given, probabilities) & ~trusted
    model = LogisticRegression(max_iter=1000).fit(own[~flagged], given[~flagged])
    # A class of which nothing was left, or that no training row has, gets probability 0.
    predicted = np.zeros((len(new), dataset.labels.n_classes), dtype=np.float64)
    predicted[:, classes[model.classes_]] = model.predict_proba(new)
    wrong = (dataset.labels.codes[rows] != dataset.gold[rows])[~trusted]
    score = (1 - get_label_quality_scores(given, probabilities))[~trusted]
    result: dict[str, Any] = {
        "test": {"rows": len(held_out), **gold_scores(dataset.gold[held_out], predicted)},
        "noise_rate": {"estimate": float(flagged[~trusted].mean()), "true": float(wrong.mean())},
    }
    if 0 < wrong.sum() < len(wrong):
        result["detection"] = {
            "auroc": float(roc_auc_score(wrong, score)),
            "average_precision": float(average_precision_score(wrong, score)),
        }
    return result
