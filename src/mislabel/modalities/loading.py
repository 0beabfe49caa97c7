"""From a table, a folder of images or a matrix on disk to a Dataset."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from mislabel.data.inputs import MODALITIES, Modality
from mislabel.data.labels import Missing
from mislabel.data.rows import Dataset
from mislabel.errors import InputError
from mislabel.modalities.dataset import OnBad, make_dataset
from mislabel.modalities.features import FeatureEncoding, choose_columns, read_matrix, take_columns
from mislabel.modalities.image.files import read_image_folder
from mislabel.tables.reading import as_frame, pick_column


def load_dataset(
    source: Any,
    *,
    text: str | None = None,
    image: str | None = None,
    features: str | None = None,
    label: str | None = None,
    gold: str | None = None,
    id: str | None = None,
    split: str | None = None,
    missing: Missing = "error",
    on_bad: OnBad = "error",
    encoding: FeatureEncoding | None = None,
    holdout: float = 0.0,
    held_out: Collection | None = None,
    seed: int = 0,
    classes: Sequence | None = None,
    need_labels: bool = True,
) -> Dataset:
    """Read a table and check it.

    Parameters
    ----------
    source
        A path, ``hf:NAME[:SPLIT]``, a DataFrame, an Arrow table or a map-style Hugging Face data set; for images also a
        folder of class folders, which says image, label and perhaps split by itself.
    text, image, features
        What the input is, one of the three: a column of texts; a column of image paths (relative to the table) or
        encoded images; or for features globs of columns ("f_*,age"), a column of vectors, or an .npy file of n rows.
    label, gold, id, split
        The names of columns. Rows are taken by their place; an index is not looked at.
    missing, on_bad, encoding, holdout, held_out, seed, classes, need_labels
        See `make_dataset`.

    Raises
    ------
    InputError
        If the table cannot be read, lacks a column, or does not pass the checks of `make_dataset`.
    """
    notes: list[str] = []
    where = _where(source)
    if is_folder(source):
        source, frame = Path(source), read_image_folder(Path(source))
        if image not in frame:  # as when a run on a table is asked about a folder
            image = "image"
        label = label or "label"
        split = split or ("split" if "split" in frame else None)
        id = id or "image"
        notes, root = frame.attrs.get("notes", []), source
    elif _is_matrix(source):
        features, root = str(source), None
        frame = pd.DataFrame(index=range(len(read_matrix(Path(source), None))))
    else:
        kept = [name for name in (label, gold, id, split) if name is not None]
        frame = as_frame(source, strings=[name for name in (text, image) if name], lossless=kept)
        root = Path(source).parent if isinstance(source, (str, Path)) and not str(source).startswith("hf:") else None

    def column(name: str | None, what: str) -> Any:
        return None if name is None else pick_column(frame, name, what)

    if need_labels and label is None:
        raise InputError(f"which column holds the labels? There are {', '.join(map(str, frame.columns))}")
    modality = one_input(text, image, features)
    if modality == "features":
        pattern = features or "*"
        by_name = encoding is not None and not encoding.is_matrix and not pattern.endswith(".npy")
        values = frame if by_name else feature_values(frame, pattern, (label, gold, id, split))
    else:
        values = pick_column(frame, text or image or "", modality)
    dataset = make_dataset(
        values,
        column(label, "label"),
        modality=modality,
        ids=column(id, "id"),
        gold=column(gold, "gold"),
        split=column(split, "split"),
        missing=missing,
        on_bad=on_bad,
        root=root,
        encoding=encoding,
        holdout=holdout,
        held_out=held_out,
        seed=seed,
        classes=classes,
        need_labels=need_labels,
        name=_name_of(source),
        inputs_name=text or image or features or "features",
        label_name=label or "label",
        gold_name=gold or "gold",
        id_name=id or "id",
        split_name=split or "split",
        notes=notes,
    )
    return replace(dataset, source=where)


def one_input(text: str | None, image: str | None, features: str | None) -> Modality:
    """Which of the three was given.

    Raises
    ------
    InputError
        If it is not exactly one.
    """
    given: list[Modality] = [
        name for name, value in zip(MODALITIES, (text, image, features), strict=True) if value is not None
    ]
    if len(given) != 1:
        said = "none" if not given else " and ".join(f"--{name}" for name in given)
        raise InputError(
            f"what is the input? Exactly one of --text COL, --image COL and --features GLOB is needed, {said} was given"
        )
    return given[0]


def feature_values(frame: pd.DataFrame, pattern: str, taken: Sequence[str | None]) -> Any:
    """The columns that a pattern names, without those that are `taken`, or the rows of an .npy file."""
    if pattern.endswith(".npy"):
        return read_matrix(Path(pattern), len(frame))
    return take_columns(frame, choose_columns(frame, pattern, [name for name in taken if name is not None]))


def is_folder(source: Any) -> bool:
    """Whether the source is a folder on this machine, which holds class folders of images."""
    return isinstance(source, (str, Path)) and not str(source).startswith("hf:") and Path(source).is_dir()


def _is_matrix(source: Any) -> bool:
    return isinstance(source, (str, Path)) and str(source).endswith(".npy")


def _where(source: Any) -> str | None:
    if isinstance(source, str) and source.startswith("hf:"):
        return source
    return str(Path(source).resolve()) if isinstance(source, (str, Path)) else None


def _name_of(source: Any) -> str:
    if isinstance(source, str) and source.startswith("hf:"):
        return source
    return Path(source).name if isinstance(source, (str, Path)) else "data"
