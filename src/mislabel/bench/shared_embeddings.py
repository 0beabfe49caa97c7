"""Embeddings of a frozen encoder, computed once and read by every cell on the same inputs."""

import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from filelock import FileLock
from pandas.util import hash_pandas_object

from mislabel.data import Dataset
from mislabel.errors import InputError
from mislabel.modalities import modality
from mislabel.run.defaults import effective_for
from mislabel.run.folder import RunFolder
from mislabel.run.settings import RunConfig
from mislabel.training.device import make_accelerator
from mislabel.training.progress import Quiet


def shared_embeddings(dataset: Dataset, table: Path, column: str, config: RunConfig, home: Path) -> tuple[Path, float]:
    """The .npy file (n, d) float32 for all rows of a table, and the seconds that it took once.

    Parameters
    ----------
    column : str
        What names the inputs in the table; the same inputs share a file, whatever their labels are.

    Raises
    ------
    InputError
        If the settings name no pretrained encoder.
    """
    if config.scratch is not None:
        raise InputError("random weights (scratch) give no embeddings: there is no frozen encoder to compare on")
    config = effective_for(RunConfig(**{**config.plain(), "method": "ce", "options": {}, "tune": "head"}), dataset)
    hashes: Any = hash_pandas_object
    names = modality(dataset.inputs.modality).columns(pq.read_schema(table).names, column, ())
    cells = pd.read_parquet(table, columns=names)
    inputs = hashes(cells if len(names) > 1 else cells[names[0]], index=False).to_numpy()
    named = repr((config.backbone, config.max_length, config.resolution, config.precision)).encode()
    key = hashlib.sha256(named + inputs.tobytes()).hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    path, about = home / f"{key}.npy", home / f"{key}.json"
    with FileLock(home / f".{key}.lock"):
        if not about.is_file():
            began = time.perf_counter()
            work = RunFolder(home / f"{key}.work")
            work.path.mkdir(exist_ok=True)
            accelerator = make_accelerator(config.device, config.precision)
            modality(dataset.inputs.modality).prepare(dataset, config, accelerator, work, Quiet())
            work.embeddings.replace(path)
            shutil.rmtree(work.path)
            about.write_text(json.dumps({"seconds": round(time.perf_counter() - began, 2)}), encoding="utf-8")
    return path, json.loads(about.read_text(encoding="utf-8"))["seconds"]


def lend(path: Path, target: Path) -> None:
    """The same file under another name, without a copy where the file system can."""
    target.unlink(missing_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copy(path, target)


def matrix_of(dataset: Dataset, path: Path | None) -> np.ndarray:
    """What a simple classifier reads, (n, d) float32: embeddings, or features as they are."""
    return np.load(path) if path is not None else dataset.inputs.matrix  # pyright: ignore[reportAttributeAccessIssue]
