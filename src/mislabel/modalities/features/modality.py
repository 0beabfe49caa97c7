"""Features as a modality."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mislabel.modalities.base import Modality, Source, Words

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import nn

    from mislabel.data import Dataset
    from mislabel.data.inputs import CheckedInputs, RawInputs
    from mislabel.data.plan import MissingValues
    from mislabel.modalities.contract import Prepared, Reader, Settings, Storage
    from mislabel.modalities.features.encoding import FeatureEncoding
    from mislabel.modalities.features.features import Features
    from mislabel.training.progress import Quiet


class FeatureModality(Modality):
    name = "features"
    words: Words = Words(
        plural="features", title="Features", contained="the features", whole="full line", other="other features",
        noise_features="features",
    )  # fmt: skip
    help = "Columns as globs ('f_*,age'), one column of vectors, or an .npy file of n rows."
    metavar = "GLOB"
    one_column = False
    own_plan: tuple[str, ...] = ("missing_values",)
    replaceable = True  # better embeddings of the same rows are no other rows
    task: str | None = "tabular-classification"
    estimator: str | None = "FeatureClassifier"

    def check(
        self,
        values: Any,
        ids: Any,
        name: str,
        *,
        root: Path | None = None,
        on_bad: str = "error",
        encoding: "FeatureEncoding | None" = None,
        missing_values: "MissingValues" = "error",
    ) -> "CheckedInputs":
        """Columns, a matrix or vectors; see `check_features`, also for `encoding` and `missing_values`."""
        import numpy as np

        from mislabel.data.inputs import CheckedInputs
        from mislabel.modalities.features.features import check_features

        table, notes = check_features(values, ids, name, encoding=encoding, missing_values=missing_values)
        none = np.zeros(len(table), dtype=bool)
        return CheckedInputs(table, none, none, notes, name)

    def columns(self, names: Sequence[str], option: str, taken: Sequence[str | None]) -> list[str]:
        from mislabel.modalities.features.selection import choose_columns

        if option.endswith(".npy"):
            return []
        return choose_columns(names, option or "*", [name for name in taken if name is not None])

    def values(self, frame: "pd.DataFrame", option: str, taken: Sequence[str | None], **checks: Any) -> Any:
        """The columns that globs name, without those that are taken, or the rows of an .npy file.

        With an `encoding` that knows columns by their names the whole table: it picks them itself.
        """
        from mislabel.modalities.features.matrices import read_matrix
        from mislabel.modalities.features.selection import take_columns

        encoding: FeatureEncoding | None = checks.get("encoding")
        if option.endswith(".npy"):
            return read_matrix(Path(option), len(frame))
        if encoding is not None and not encoding.is_matrix:
            return frame
        return take_columns(frame, self.columns(list(frame.columns), option, taken))

    def open_source(self, source: Any) -> Source | None:
        """A matrix in an .npy file, whose rows have no other columns."""
        if not isinstance(source, (str, Path)) or not str(source).endswith(".npy"):
            return None
        import pandas as pd

        from mislabel.modalities.features.matrices import read_matrix

        frame = pd.DataFrame(index=range(len(read_matrix(Path(source), None))))
        return Source(frame, {"features": str(source)}, [])

    def prepare(
        self, dataset: "Dataset", settings: "Settings", accelerator: Any, storage: "Storage | None", progress: "Quiet"
    ) -> "Prepared":
        from mislabel.modalities.features.reader import prepare

        return prepare(dataset, settings, accelerator, storage, progress)

    def load_reader(self, folder: Path, about: dict[str, Any]) -> "tuple[Reader, nn.Module]":
        from mislabel.modalities.features.reader import load

        return load(folder, about)

    def noise_features(self, inputs: "RawInputs", seed: int) -> "np.ndarray":
        """The features themselves."""
        return cast("Features", inputs).matrix


FEATURES = FeatureModality()
