"""Data sets of the Hugging Face library: from the hub by name, or an object that the caller has loaded."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import pandas as pd

from mislabel.errors import InputError

PREFIX = "hf:"


def is_hub(source: Any) -> bool:
    """Whether a source is written as ``hf:NAME``."""
    return isinstance(source, str) and source.startswith(PREFIX)


def local_part(name: str) -> tuple[Path, str | None] | None:
    """The path and the part of ``hf:PATH[:PART]`` where there is such a file or folder."""
    rest = name.removeprefix(PREFIX)
    path, _, part = rest.rpartition(":")
    for candidate, wanted in ((rest, None), (path, part)):
        if candidate and Path(candidate).exists():
            return Path(candidate), wanted
    return None


def local_name(name: str) -> str:
    """``hf:NAME`` as it means the same from every folder: with the whole path of a file or folder here."""
    here = local_part(name)
    return name if here is None else ":".join([f"{PREFIX}{here[0].resolve()}", *filter(None, here[1:])])


def read_hub(name: str) -> pd.DataFrame:
    """Read ``hf:NAME`` or ``hf:NAME:SPLIT`` through the ``datasets`` library (this needs a network or its cache).

    Raises
    ------
    InputError
        If the library is not installed, the data set cannot be loaded, or it has several splits and none was named.
    """
    dataset_name, _, split = name.removeprefix(PREFIX).partition(":")
    if not dataset_name:
        raise InputError(f'"{name}" names no data set; write for example hf:ag_news or hf:ag_news:train')
    try:
        library = importlib.import_module("datasets")
    except ImportError as error:
        raise InputError(f'reading "{name}" needs the datasets library: pip install datasets') from error
    # Before version 4 a data set may come with a script, and the library asks whether to run it.
    scripts = "trust_remote_code" in inspect.signature(library.load_dataset).parameters
    try:
        loaded = library.load_dataset(
            dataset_name, split=split or None, **({"trust_remote_code": False} if scripts else {})
        )
    except Exception as error:
        # The library raises its own, changing kinds of errors here: all of them mean that there is no such data.
        raise InputError(f'"{name}" could not be loaded: {error}') from error
    if isinstance(loaded, dict):
        if len(loaded) > 1:
            raise InputError(
                f'"{name}" has the splits {", ".join(map(str, loaded))}; pick one, for example '
                f"hf:{dataset_name}:{next(iter(loaded))}"
            )
        loaded = next(iter(loaded.values()))
    return hub_frame(loaded)


def hub_frame(dataset: Any) -> pd.DataFrame:
    """A map-style data set as a frame; a ClassLabel column shows its names instead of its codes (-1: no label)."""
    frame = pd.DataFrame(dataset.to_pandas()).reset_index(drop=True)
    for column, feature in (getattr(dataset, "features", None) or {}).items():
        names = getattr(feature, "names", None)
        if names and column in frame.columns and pd.api.types.is_numeric_dtype(frame[column]):
            codes = frame[column].fillna(-1).astype("int64")
            frame[column] = pd.Categorical.from_codes(codes.where(codes >= 0, -1), categories=names, ordered=True)
    return frame
