"""Training dynamics as Dataset Cartography's code leaves them (Swayamdipta et al., EMNLP 2020, arXiv 2009.10795).

A folder of `dynamics_epoch_0.jsonl`, `dynamics_epoch_1.jsonl`, ...: a line a row,

    {"guid": 17, "logits_epoch_0": [2.9, -2.3, 0.1], "gold": 0}

where `guid` names the row and `gold` is the position of the label that was trained on, which may be wrong.
"""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from mislabel.doors.recorder import Recorder
from mislabel.errors import InputError
from mislabel.tables.json_values import read_value

AT_ONCE = 4096
_NAME = re.compile(r"dynamics_epoch_(\d+)\.jsonl")


def read_cartography(folder: str | Path) -> Recorder:
    """A recorder that has seen the epochs of a folder.

    Raises
    ------
    InputError
        If there are no such files, or a line is none of theirs.
    """
    epochs = _files(Path(folder))
    first = {id: len(logits) for number, path in epochs for id, logits, _ in _rows(path, number)}
    if not first:
        raise InputError(f"{folder}: its dynamics_epoch files hold no rows")
    recorder = Recorder(list(first), next(iter(first.values())))
    for number, path in epochs:
        rows = _rows(path, number)
        while part := list(islice(rows, AT_ONCE)):
            other = next((id for id, logits, _ in part if len(logits) != recorder.n_classes), None)
            if other is not None:
                raise InputError(f"{path}: the row {other!r} has another number of logits than {recorder.n_classes}")
            ids, logits, labels = zip(*part, strict=True)
            recorder.update(ids, torch.tensor(labels), torch.tensor(logits))
        recorder.end_epoch()
    return recorder


def _files(folder: Path) -> list[tuple[int, Path]]:
    """The number and the file of each epoch, in order."""
    found = [(match, path) for path in folder.glob("*.jsonl") if (match := _NAME.fullmatch(path.name))]
    if not found:
        raise InputError(f"{folder} has no dynamics_epoch_0.jsonl and so on: give the folder that holds these files")
    return sorted((int(match[1]), path) for match, path in found)


def _rows(path: Path, number: int) -> Iterator[tuple[Any, list[float], int]]:
    """The name, the logits and the label of each line."""
    name = f"logits_epoch_{number}"
    with path.open(encoding="utf-8") as lines:
        for count, text in enumerate(lines, 1):
            if not text.strip():
                continue
            try:
                row = read_value(text)
                logits, label = [float(value) for value in row[name]], int(row["gold"])
                yield row["guid"], logits, label
            except (ValueError, TypeError, KeyError) as error:
                why = f"{type(error).__name__}: {error}"
                raise InputError(f"{path}, line {count}: needed an object with guid, {name} and gold ({why})") from None
