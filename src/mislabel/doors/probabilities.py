"""For people with out-of-sample probabilities, or any scikit-learn model: an audit without training here."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from mislabel.audit import Audit
from mislabel.data import Dataset
from mislabel.data.training_rows import check_memory, trainable_rows
from mislabel.doors.judged import Observed, Outside, judge_outside
from mislabel.doors.rows import check_probabilities, classes_of_columns, dataset_of
from mislabel.dynamics.store import Pass
from mislabel.errors import InputError, in_range, one_of
from mislabel.run.evidence import Evidence
from mislabel.run.folder import RunFolder
from mislabel.run.opinions import OWN_MODEL, TRANSITION

METHOD = "your probabilities"
FOLDS = 5
FLOOR, SMALLEST = 1e-4, 1e-12
BY_HEART = 0.995  # of the given labels that probabilities meet, above which they are hardly out of sample


def audit_from(
    labels: Any,
    pred_probs: Any = None,
    features: Any = None,
    *,
    trusted: Any = None,
    sources: Any = None,
    source_kind: str | None = None,
    model: Any = None,
    inputs: Any = None,
    modality: str | None = None,
    classes: Sequence[Any] | None = None,
    ids: Sequence[Any] | None = None,
    gold: Any = None,
    decisions: str | Path | None = None,
    out: str | Path | None = None,
    content: bool = True,
    overwrite: bool = False,
    missing: str = "error",
    folds: int = FOLDS,
    seed: int = 0,
    trusted_drawn: str = "chosen",
) -> Audit:
    """Judge labels by what some model says of rows that it was not fitted to.

    The contract is cleanlab's: `labels` and `pred_probs` of `find_label_issues`, or a scikit-learn classifier, which is
    then fitted in folds. The probabilities are one opinion; where rows of a class lie in the space of the features (or
    of the log-probabilities, without features) is another; a few trusted rows decide how they count.

    Parameters
    ----------
    labels : (n,) given labels
        Of any type; numbers 0..K-1 are columns of `pred_probs`.
    pred_probs : (n, K) float, optional
        Probabilities of each class, of each row by a model that was fitted without it. The columns are the sorted
        classes, as `classes_` of scikit-learn, or `classes`.
    features : (n, d) float, optional
        Embeddings by a model that did not learn these labels.
    trusted : (n,) labels, optional
        Labels that somebody checked, missing (None, NaN) in all rows but a few. They decide how the rest is judged.
    sources, source_kind, gold, ids
        As in `TextClassifier.fit`: several labels a row, true labels that only score, names of rows.
    model : scikit-learn classifier, optional
        In place of `pred_probs`: cloned and fitted in `folds` stratified folds to `inputs`, by which it then judges the
        rows that it did not see.
    inputs : n inputs, optional
        Texts, images, or a table (DataFrame or matrix): what `model` reads, and what report and review show.
    modality : str, optional
        "text", "image" or "features", where it cannot be told from `inputs`.
    classes : K classes, optional
        In the order of the columns.
    decisions : path, optional
        An earlier run of the same rows whose review decided some: these are taken as known.
    out : path, optional
        A run folder to write, for `mislabel report`, `review` and `export`.
    content, overwrite
        Whether inputs and features go into it; whether to replace a run that is there.
    missing : "error" or "unlabeled"
        What becomes of rows without a label.
    folds, seed : int
    trusted_drawn : "random" or "chosen"
        How the trusted rows were picked; random ones tell the rate of wrong labels.

    Returns
    -------
    Audit

    Raises
    ------
    InputError
        If arguments do not fit, or the rows cannot be judged.

    Examples
    --------
    >>> import numpy as np
    >>> from mislabel import audit_from
    >>> labels = np.tile([0, 1], 30)
    >>> pred_probs = np.eye(2)[labels] * 0.8 + 0.1
    >>> pred_probs[0] = [0.05, 0.95]
    >>> audit = audit_from(labels, pred_probs)
    >>> int(audit.table["id"][0])
    0
    """
    if (pred_probs is None) == (model is None):
        raise InputError("give either pred_probs, or a model and the inputs that it reads")
    if out is not None:
        RunFolder(out).check_free(resume=False, overwrite=overwrite)
    one_of("missing", missing, ("error", "unlabeled"))
    settings = {"ids": ids, "trusted": trusted, "sources": sources, "source_kind": source_kind, "gold": gold}
    if model is not None:
        if inputs is None:
            raise InputError(f"{type(model).__name__} reads inputs, and none were given: add inputs=")
        dataset, columns = dataset_of(labels, None, inputs, modality, classes, missing=missing, **settings)
        probabilities = cross_validated(model, inputs, dataset, folds, seed)
    else:
        probabilities = check_probabilities(pred_probs, None if labels is None else len(labels))
        listed = classes_of_columns(labels, probabilities.shape[1], classes)
        dataset, columns = dataset_of(labels, probabilities, inputs, modality, listed, missing=missing, **settings)
    outside = _judged(dataset, probabilities, features, columns, decisions, seed, trusted_drawn)
    if out is not None:
        outside.save(out, content=content, overwrite=overwrite)
    return outside.audit


def cross_validated(model: Any, inputs: Any, dataset: Dataset, folds: int, seed: int) -> np.ndarray:
    """What a scikit-learn classifier says of each row without having seen it, (n, K) float64.

    Rows that do not train, as those without a label, are judged by a fit to all that do. A class that no row of a fit
    shows has the probability 0 there.

    Parameters
    ----------
    model : classifier
        With `predict_proba`; it is cloned.
    inputs : n inputs
        As the model reads them.
    folds : int
        Fewer where no class has so many rows.

    Raises
    ------
    InputError
        If the model cannot say probabilities.
    """
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedKFold

    if not hasattr(model, "predict_proba"):
        raise InputError(
            f"{type(model).__name__} has no predict_proba: wrap it in sklearn.calibration.CalibratedClassifierCV, or "
            "give pred_probs"
        )
    in_range("folds", folds, 2, 1000)
    check_memory(dataset)
    rows, result = trainable_rows(dataset), np.zeros((len(dataset), dataset.labels.n_classes))
    target = dataset.training_codes
    folds = max(2, min(folds, int(np.bincount(target[rows]).max())))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, target[rows])
        parts = [(rows[fitted], rows[held]) for fitted, held in splits]
    others = np.setdiff1d(np.arange(len(dataset)), rows)
    for fitted, held in [*parts, *([(rows, others)] if len(others) else [])]:
        fit = cast(Any, clone(model)).fit(_of_rows(inputs, fitted), target[fitted])
        result[np.ix_(held, fit.classes_)] = fit.predict_proba(_of_rows(inputs, held))
    return check_probabilities(result)


def by_own_model(evidence: Evidence, probabilities: np.ndarray) -> Evidence:
    """The evidence with what the model says as one more opinion."""
    return evidence.heard(OWN_MODEL, probabilities, {TRANSITION: 1.0})


def _judged(
    dataset: Dataset,
    probabilities: np.ndarray,
    features: Any,
    columns: dict[str, str],
    decisions: str | Path | None,
    seed: int,
    trusted_drawn: str,
) -> Outside:
    codes, rows = dataset.labels.codes, np.arange(len(dataset))
    known = codes >= 0
    met = float(np.mean(probabilities[known].argmax(1) == codes[known])) if known.any() else 0.0
    if met > BY_HEART:
        dataset.notes.append(
            f"The probabilities meet {met:.1%} of the given labels, as those of a model do that was fitted to these "
            "rows. Little is found then: give probabilities of rows that were held out, or model= in their place."
        )
    of_given = probabilities[rows, np.maximum(codes, 0)]
    others = probabilities.copy()
    others[rows[known], codes[known]] = -1.0
    logs = np.log(np.maximum(of_given, SMALLEST))
    recorded = {
        "prediction": probabilities.argmax(1).astype(np.int32),
        "loss": np.where(known, -logs, np.nan).astype(np.float32),
        "margin": np.where(known, logs - np.log(np.maximum(others.max(1), SMALLEST)), np.nan).astype(np.float32),
    }
    return judge_outside(
        dataset,
        Observed(probabilities, [Pass("held out", 1, 0)], [recorded]),
        door="audit_from",
        method=METHOD,
        features=features,
        stand_in=log_odds(probabilities),
        heard=by_own_model,
        decisions=decisions,
        columns=columns,
        seed=seed,
        trusted_drawn=trusted_drawn,
    )


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Bounded log-probabilities less their mean, (n, K) float32: a space where rows of a class lie together."""
    logs = np.log(np.maximum(probabilities, FLOOR))
    return (logs - logs.mean(1, keepdims=True)).astype(np.float32)


def _of_rows(inputs: Any, rows: np.ndarray) -> Any:
    """Some of the inputs, in a form as they came."""
    if hasattr(inputs, "iloc"):
        return inputs.iloc[rows]
    if isinstance(inputs, np.ndarray):
        return inputs[rows]
    return [inputs[row] for row in rows.tolist()]
