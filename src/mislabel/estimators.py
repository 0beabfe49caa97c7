"""The estimators: scikit-learn's contract around a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self, cast

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from mislabel.audit import Audit
from mislabel.data import make_dataset
from mislabel.data.labels import Missing
from mislabel.run.about import describe
from mislabel.run.config import DEFAULT_ENCODER, RunConfig
from mislabel.run.folder import RunFolder
from mislabel.run.job import run
from mislabel.run.predictor import Predictor, load_predictor
from mislabel.run.saved import load_audit, save_run
from mislabel.training.progress import Quiet, Terminal


class TextClassifier(ClassifierMixin, BaseEstimator):
    """A text classifier for labels that are partly wrong.

    Parameters
    ----------
    method : str
        "ido" (default), or another name of `mislabel methods`.
    backbone : str
        Hugging Face encoder: hub name or folder.
    tune : "full" or "head"
        Train the whole encoder, or a small head on its frozen embeddings.
    options : dict, optional
        Options of the method.
    max_length, batch_size, accumulate, learning_rate, precision, device
        As in `mislabel train`.
    seed : int
    missing : "error", "drop" or "unlabeled"
        What becomes of rows without a label.
    verbose : bool
        Whether progress is shown on stderr.

    Attributes
    ----------
    classes_ : (K,) array
        The classes, as given.
    audit_ : Audit
        Which training labels look wrong.
    n_features_in_ : int
        1: a text.

    Examples
    --------
    >>> from mislabel import TextClassifier
    >>> TextClassifier(seed=1).get_params()["method"]
    'ido'
    """

    audit_: Audit
    predictor_: Predictor

    def __init__(
        self,
        method: str = "ido",
        backbone: str = DEFAULT_ENCODER,
        tune: Literal["full", "head"] = "full",
        options: dict[str, Any] | None = None,
        max_length: int = 128,
        batch_size: int | None = None,
        accumulate: int = 1,
        learning_rate: float | None = None,
        precision: Literal["auto", "bf16", "fp32"] = "auto",
        device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
        seed: int = 0,
        missing: Literal["error", "drop", "unlabeled"] = "error",
        verbose: bool = False,
    ):
        self.method = method
        self.backbone = backbone
        self.tune = tune
        self.options = options
        self.max_length = max_length
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.learning_rate = learning_rate
        self.precision = precision
        self.device = device
        self.seed = seed
        self.missing = missing
        self.verbose = verbose

    def fit(self, X: Sequence[str], y: Sequence[Any], ids: Sequence[Any] | None = None) -> Self:
        """Train on texts and their given labels.

        Parameters
        ----------
        X : n texts
        y : n labels of any hashable type
        ids : n names of the rows, optional
            0..n-1 without them.

        Raises
        ------
        InputError
            If texts or labels cannot be used.
        """
        dataset = make_dataset(X, y, ids=ids, missing=cast(Missing, self.missing))
        config = self._config()
        result = run(dataset, config, progress=Terminal() if self.verbose else Quiet())
        self.audit_, self.predictor_, self._about = result.audit, result.predictor, (config, dataset)
        self._set_classes()
        return self

    def predict_proba(self, X: Sequence[str]) -> np.ndarray:
        """Class probabilities, (m, K) float32, in the order of `classes_`."""
        check_is_fitted(self, "predictor_")
        dataset = make_dataset(X, need_labels=False)
        return self.predictor_.probabilities(dataset.inputs, device=self.device)

    def predict(self, X: Sequence[str]) -> np.ndarray:
        """The most probable class of each text, (m,), as the labels went in."""
        codes = self.predict_proba(X).argmax(1)
        return self.classes_[codes]

    def save(self, folder: str | Path, *, content: bool = True, overwrite: bool = False) -> None:
        """Write a run folder, as `mislabel train` does.

        Parameters
        ----------
        folder : path
        content : bool
            Whether the training texts go into it.
        overwrite : bool
            Whether to replace a run that is there.

        Raises
        ------
        InputError
            If the folder is not empty, or this classifier was itself loaded from one.
        """
        check_is_fitted(self, "predictor_")
        from mislabel.errors import InputError

        if self._about is None:
            raise InputError("this classifier was loaded from a run folder: copy that folder")
        config, dataset = self._about
        target = RunFolder(folder)
        with target.locked():
            columns = {"text": "text", "label": "label"}
            target.prepare(describe(config, dataset, columns), resume=False, overwrite=overwrite)
            save_run(self.audit_, self.predictor_, dataset, target, content)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a run folder of `save` or `mislabel train`."""
        home = RunFolder(folder)
        home.read_metrics()
        settings = home.read_config()["settings"]
        known = cls().get_params()
        self = cls(**{name: value for name, value in settings.items() if name in known})
        self.audit_ = load_audit(home)
        self.predictor_ = load_predictor(home.model)
        self._about = None
        self._set_classes()
        return self

    def _set_classes(self) -> None:
        self.classes_ = np.array(self.predictor_.classes)
        self.n_features_in_ = 1

    def _config(self) -> RunConfig:
        names = RunConfig.__dataclass_fields__
        settings = {name: value for name, value in self.get_params().items() if name in names and name != "options"}
        return RunConfig(**settings, options=self.options or {})
