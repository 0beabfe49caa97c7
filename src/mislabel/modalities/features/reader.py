"""Runs on features: the columns of a table, or vectors that somebody computed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import nn

from mislabel.data import Dataset
from mislabel.data.inputs import RawInputs
from mislabel.data.training_rows import trainable_rows
from mislabel.modalities.contract import Prepared, Settings, Storage
from mislabel.modalities.features.encoding import FeatureEncoding
from mislabel.modalities.features.features import Features
from mislabel.modalities.heads import load_head, prepare_head, save_head
from mislabel.modalities.vectors import FeatureInputs
from mislabel.training.inputs import Inputs
from mislabel.training.progress import Quiet


@dataclass
class FeatureReader:
    """Features in, as they are: the network standardises them.

    Attributes
    ----------
    encoding : FeatureEncoding
        How columns became numbers.
    """

    encoding: FeatureEncoding

    def inputs(self, raw: RawInputs, accelerator: Any, progress: Quiet | None = None) -> Inputs:
        return FeatureInputs(cast(Features, raw).matrix)

    def save(self, folder: Path, network: nn.Module) -> dict[str, Any]:
        save_head(folder, network, "")
        return {"modality": "features", "encoding": self.encoding.plain()}

    def checks(self) -> dict[str, Any]:
        return {"encoding": self.encoding}


def prepare(
    dataset: Dataset, settings: Settings, accelerator: Any, storage: Storage | None, progress: Quiet
) -> Prepared:
    """See `Modality.prepare`."""
    features = cast(Features, dataset.inputs)
    reader = FeatureReader(features.encoding)
    return prepare_head(dataset, trainable_rows(dataset), features.matrix, reader, embedded=False)


def load(folder: Path, about: dict[str, Any]) -> tuple[FeatureReader, nn.Module]:
    """Read what `FeatureReader.save` wrote."""
    return FeatureReader(FeatureEncoding.from_plain(about["encoding"])), load_head(folder, len(about["classes"]))
