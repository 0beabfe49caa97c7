"""Rows that carry their number through a Trainer's data loader, whatever the data set and its collator are."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch.utils.data import Dataset

from mislabel.errors import InputError

ROW = "mislabel_row"  # the key of the row numbers in a batch


class NumberedRow(NamedTuple):
    """An item of a data set and its position."""

    number: int
    item: Any


class NumberedRows(Dataset):
    """A map-style data set whose items say where they stand; what it holds stays as it is."""

    def __init__(self, dataset: Any):
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, number: int) -> NumberedRow:
        return NumberedRow(number, self.dataset[number])

    def __getitems__(self, numbers: list[int]) -> list[NumberedRow]:
        """A batch at once, where the data set knows how: reading rows one by one can be slow."""
        if hasattr(self.dataset, "__getitems__"):
            return [*map(NumberedRow, numbers, self.dataset.__getitems__(numbers))]
        return [self[number] for number in numbers]


class NumberingCollator:
    """A collator around another, which never sees the numbers; a batch gets them under `ROW`, (b,) int64."""

    def __init__(self, collate: Callable[[list[Any]], Any]):
        self.collate = collate

    def __call__(self, rows: list[NumberedRow]) -> dict[str, Any]:
        batch = self.collate([row.item for row in rows])
        if not isinstance(batch, Mapping):
            raise InputError(f"the data collator gives a {type(batch).__name__}, needed a mapping of names to tensors")
        return {**batch, ROW: torch.tensor([row.number for row in rows], dtype=torch.int64)}


def refuse_streams(dataset: Any) -> None:
    """Raise InputError unless rows can be asked for by their position."""
    if dataset is None:
        raise InputError("no train_dataset was given: its rows are what is judged")
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise InputError(
            f"train_dataset is a {type(dataset).__name__}, whose rows have no positions: needed a map-style data set, "
            "with a length and items by number, since every pass is compared row by row"
        )
    if len(dataset) == 0:
        raise InputError("train_dataset has no rows; at least one is needed")
