"""The estimator for tables and vectors."""

from typing import Any, cast

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from mislabel.data import Dataset
from mislabel.data.plan import Missing, MissingValues
from mislabel.errors import InputError
from mislabel.estimators.base import RunClassifier
from mislabel.run.settings import Drawn
from mislabel.tables.foreign import native
from mislabel.training.training_settings import Balance, Device, Precision


class FeatureClassifier(RunClassifier):
    """A classifier of tables or embeddings, for labels that are partly wrong: a small network on standardised columns.

    `fit` and `predict` take a matrix (n, d), or a DataFrame whose text columns become one column per value.

    Parameters
    ----------
    method : str, optional
        A name of `mislabel methods`; "panel" without it.
    options : dict, optional
        Options of the method.
    batch_size, accumulate, learning_rate, balance, noise_stability, precision, device
        As in `mislabel train`.
    seed : int
    missing : "error", "drop" or "unlabeled"
        What becomes of rows without a label, given or trusted.
    missing_values : "error" or "impute"
        What becomes of numbers and dates that are missing in a table: "impute" puts the median there and marks them.
    trusted_drawn : "random" or "chosen"
        How the rows with a trusted label were picked.
    verbose : bool
        Whether progress is shown on stderr.

    Attributes
    ----------
    classes_ : (K,) array
        The classes, as given.
    audit_ : Audit
        Which training labels look wrong.
    n_features_in_ : int
        d.
    feature_names_in_ : (d,) array of str
        Where `fit` got a DataFrame with names.
    """

    modality = "features"

    def __init__(
        self,
        method: str | None = None,
        options: dict[str, Any] | None = None,
        batch_size: int | None = None,
        accumulate: int = 1,
        learning_rate: float | None = None,
        balance: Balance = "none",
        noise_stability: float = 0.0,
        precision: Precision = "auto",
        device: Device = "auto",
        seed: int = 0,
        missing: Missing = "error",
        missing_values: MissingValues = "error",
        trusted_drawn: Drawn = "chosen",
        verbose: bool = False,
    ):
        self.method = method
        self.options = options
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.learning_rate = learning_rate
        self.balance = balance
        self.noise_stability = noise_stability
        self.precision = precision
        self.device = device
        self.seed = seed
        self.missing = missing
        self.missing_values = missing_values
        self.trusted_drawn = trusted_drawn
        self.verbose = verbose

    def _dataset(self, X: Any, y: Any, ids: Any, trusted: Any, sources: Any, source_kind: str | None) -> Dataset:
        X = self._checked(X, reset=True)
        if y is None:
            if sources is None:
                raise InputError(
                    "FeatureClassifier requires y to be passed, but the target y is None: one label per row"
                )
            return super()._dataset(X, y, ids, trusted, sources, source_kind)
        if self.missing == "error" and trusted is None:  # rows that have a trusted label may lack the other
            with np.errstate(invalid="ignore"):  # it casts infinite numbers before it refuses them
                check_classification_targets(y)
        if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return super()._dataset(X, y, ids, trusted, sources, source_kind)

    def _new(self, X: Any) -> Any:
        return super()._new(self._checked(X, reset=False))

    def _checked(self, X: Any, *, reset: bool) -> Any:
        """X as scikit-learn wants it: a table where its columns have names or are no numbers, else a matrix."""
        X = native(X)
        fills = self.missing_values == "impute" if reset else self.predictor_.reader.checks()["encoding"].fills
        if _mixed(X) or (fills and isinstance(X, pd.DataFrame)):
            validate_data(self, cast(Any, X), skip_check_array=True, reset=reset)
            return X
        # What float32 cannot hold becomes infinite, and is refused; a sum to look for such numbers may be.
        with np.errstate(over="ignore", invalid="ignore"):
            matrix = validate_data(self, X, dtype=np.float32, order="C", reset=reset)
        return X if isinstance(X, pd.DataFrame) and hasattr(self, "feature_names_in_") else matrix

    def _set_classes(self) -> None:
        self.classes_ = np.array(self.predictor_.classes)
        if hasattr(self, "n_features_in_"):
            return
        encoding = self.predictor_.reader.checks()["encoding"]  # loaded
        self.n_features_in_ = encoding.width if encoding.is_matrix else len(encoding.columns)
        if not encoding.is_matrix:
            self.feature_names_in_: np.ndarray = np.array([column.name for column in encoding.columns], dtype=object)


def _mixed(X: Any) -> bool:
    """Whether X is a table with columns that are not numbers."""
    return isinstance(X, pd.DataFrame) and not all(map(pd.api.types.is_numeric_dtype, X.dtypes))
