"""Texts as a modality."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mislabel.errors import InputError
from mislabel.modalities.base import Modality, Words

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import nn

    from mislabel.data import Dataset
    from mislabel.data.inputs import CheckedInputs, RawInputs
    from mislabel.data.plan import Join
    from mislabel.modalities.contract import Prepared, Reader, Settings, Storage
    from mislabel.modalities.text.texts import Texts
    from mislabel.training.progress import Quiet

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


class TextModality(Modality):
    name = "text"
    words: Words = Words(
        plural="texts",
        title="Text",
        contained="the texts",
        whole="full text",
        other="another text",
        noise_features="text tf-idf",
    )
    help = "Column of texts, or several, whose texts are joined: 'title,body'."
    searchable = True
    encoder: str | None = DEFAULT_ENCODER
    whole_method = "panel"
    own_plan: tuple[str, ...] = ("join",)
    meanings = True
    task: str | None = "text-classification"
    estimator: str | None = "TextClassifier"

    def count(self, values: Any, name: str) -> int:
        from mislabel.data.columns import as_list

        return len(values) if hasattr(values, "columns") else len(as_list(values, name))

    def check(
        self,
        values: Any,
        ids: Any,
        name: str,
        *,
        root: Path | None = None,
        on_bad: str = "error",
        join: "Join" = "lines",
    ) -> "CheckedInputs":
        """Strings, or a table of columns that are joined; see `check_texts` and `joined_columns`."""
        import numpy as np

        from mislabel.data.inputs import CheckedInputs
        from mislabel.modalities.text.texts import check_texts, joined_columns

        if hasattr(values, "columns"):
            values = joined_columns(values, ids, name, join)
        elif join == "pair":
            raise InputError(f"{name}: join is 'pair', which is for two columns of texts; one was given")
        texts, empty, notes = check_texts(values, ids, name)
        texts.pair = join == "pair"
        return CheckedInputs(texts, empty, np.zeros(len(texts), dtype=bool), notes, name)

    def columns(self, names: Sequence[str], option: str, taken: Sequence[str | None] = ()) -> list[str]:
        """The column that is called so, or those between commas."""
        parts = [part.strip() for part in option.split(",")]
        return [option] if option in names or not all(parts) else parts

    def values(self, frame: "pd.DataFrame", option: str, taken: Sequence[str | None], **checks: Any) -> Any:
        """The texts of one column, or the columns whose texts are joined."""
        import pandas as pd

        from mislabel.tables.reading import pick_column

        names = self.columns(list(map(str, frame.columns)), option)
        columns = [pick_column(frame, name, self.name) for name in names]
        return columns[0] if len(columns) == 1 else pd.concat(columns, axis=1)

    def prepare(
        self, dataset: "Dataset", settings: "Settings", accelerator: Any, storage: "Storage | None", progress: "Quiet"
    ) -> "Prepared":
        from mislabel.modalities.text.reader import prepare

        return prepare(dataset, settings, accelerator, storage, progress)

    def load_reader(self, folder: Path, about: dict[str, Any]) -> "tuple[Reader, nn.Module]":
        from mislabel.modalities.text.reader import load

        return load(folder, about)

    def from_kept(self, kept: Sequence[str | bytes | None]) -> "RawInputs":
        from mislabel.modalities.text.texts import Texts

        return Texts("" if value is None else str(value) for value in kept)

    def noise_features(self, inputs: "RawInputs", seed: int) -> "np.ndarray":
        """Which words it uses."""
        from mislabel.modalities.text.noise_features import text_features

        return text_features(cast("Texts", inputs), seed=seed)


TEXT = TextModality()
