"""Data sets of the Hugging Face hub, by name."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

from mislabel.errors import InputError
from mislabel.tables.foreign import native, one_table
from mislabel.tables.late import pd
from mislabel.tables.shard import PARTS

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
    """Read ``hf:NAME[:CONFIG][:SPLIT]`` through the ``datasets`` library (this needs a network or its cache).

    One word behind the name is a configuration where the data set has one of that name, and else a split. Without a
    split, train, validation and test are one table with a column that says which.

    Raises
    ------
    InputError
        If the library is not installed, the data set cannot be loaded, or it has other splits and none was named.
    """
    dataset_name, *rest = name.removeprefix(PREFIX).split(":")
    if not dataset_name or len(rest) > 2:
        raise InputError(
            f'"{name}" names no data set; write for example hf:ag_news, hf:ag_news:train or hf:glue:sst2:train'
        )
    try:
        library = importlib.import_module("datasets")
    except ImportError as error:
        raise InputError(f'reading "{name}" needs the datasets library: pip install datasets') from error
    try:
        config, split = _config_and_split(library, dataset_name, [word or None for word in rest])
        # Before version 4 a data set may come with a script, and the library asks whether to run it.
        scripts = "trust_remote_code" in inspect.signature(library.load_dataset).parameters
        more = {"trust_remote_code": False} if scripts else {}
        loaded = library.load_dataset(dataset_name, *([config] if config else []), split=split, **more)
    except Exception as error:
        # The library raises its own, changing kinds of errors here: all of them mean that there is no such data.
        raise InputError(f'"{name}" could not be loaded: {error}') from error
    before = f"{PREFIX}{dataset_name}" + (f":{config}" if config else "")
    return one_table(loaded, f'"{name}"', before + ":{}") if isinstance(loaded, dict) else native(loaded)


def _config_and_split(library: Any, name: str, words: list[str | None]) -> tuple[str | None, str | None]:
    """What the words behind the name of a data set are."""
    if len(words) != 1:
        return (words[0], words[1]) if words else (None, None)
    (word,) = words
    if word is None or word.lower() in PARTS or word not in library.get_dataset_config_names(name):
        return None, word
    return word, None
