"""Confident learning (Northcutt et al., arXiv 1911.00068): cleanlab on out-of-sample probabilities."""

import warnings
from importlib.util import find_spec

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mislabel.errors import InputError

FOLDS, STEPS = 5, 1000
STRENGTHS = (1.0, 0.1, 0.01, 1e-3, 1e-4)  # inverse of the penalty, as scikit-learn has it


def need_cleanlab() -> None:
    """Raise InputError where cleanlab is not installed."""
    if find_spec("cleanlab") is None:
        raise InputError(
            'score confident_learning needs cleanlab, which is not installed: pip install "mislabel[bench]"'
        )


def label_errors(embeddings: np.ndarray, given: np.ndarray, n_classes: int, seed: int = 0) -> np.ndarray:
    """1 - cleanlab's label quality by its default, self-confidence, (n,) float64: higher = more likely wrong.

    Parameters
    ----------
    embeddings : (n, d) float
        From before training: where a network learnt the given labels, nothing made of it is out of sample.
    given : (n,) int in [0, n_classes)

    Raises
    ------
    InputError
        If cleanlab is not installed.
    """
    need_cleanlab()
    from cleanlab.rank import get_label_quality_scores

    probabilities = out_of_sample(embeddings, given, n_classes, seed)
    return 1.0 - get_label_quality_scores(given, probabilities, method="self_confidence")


def out_of_sample(embeddings: np.ndarray, given: np.ndarray, n_classes: int, seed: int = 0) -> np.ndarray:
    """Class probabilities of each row by a model that was not fitted to it, (n, n_classes) float64.

    Logistic regression on standardised embeddings in five stratified folds; fewer where no class has five rows. A
    class with fewer rows than folds lies in some of them only, and a model fitted without it gives it probability 0.
    Of the penalties the one is taken under which the first fold's given labels are most likely: with too weak a one
    the model learns wrong labels by heart, and cleanlab would look worse than it is.
    """
    result = np.zeros((len(given), n_classes))
    folds = max(2, min(FOLDS, int(np.bincount(given).max())))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        splits = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(embeddings, given))
    fitted, held = splits[0]
    tried = [_predict(embeddings, given, fitted, held, n_classes, strength) for strength in STRENGTHS]
    best = STRENGTHS[int(np.argmin([_mean_loss(predicted, given[held]) for predicted in tried]))]
    for fitted, held in splits:
        result[held] = _predict(embeddings, given, fitted, held, n_classes, best)
    return result


def _predict(
    embeddings: np.ndarray, given: np.ndarray, fitted: np.ndarray, held: np.ndarray, n_classes: int, strength: float
) -> np.ndarray:
    """Probabilities of the rows `held`, (h, n_classes) float64, by a model of the rows `fitted`."""
    result, present = np.zeros((len(held), n_classes)), np.unique(given[fitted])
    if len(present) == 1:
        result[:, present] = 1.0
        return result
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=STEPS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # after so many steps the order hardly changes
        model.fit(embeddings[fitted], given[fitted])
    result[:, present] = model.predict_proba(embeddings[held])
    return result


def _mean_loss(probabilities: np.ndarray, given: np.ndarray) -> float:
    return float(-np.log(np.maximum(probabilities[np.arange(len(given)), given], 1e-12)).mean())
