"""What a Trainer's data set and model say of its rows: labels, names, and what a person sees of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mislabel.errors import InputError, listed

LABELS = ("labels", "label", "label_ids")  # where rows may hold their label
ID, TEXT, TOKENS = "id", "text", "input_ids"


def has_column(dataset: Any, name: str) -> bool:
    """Whether rows have something of this name, as far as the first one tells."""
    if hasattr(dataset, "column_names"):
        return name in dataset.column_names
    first = dataset[0]
    return isinstance(first, Mapping) and name in first


def column(dataset: Any, name: str, what: str) -> list[Any]:
    """What all rows hold under a name.

    Raises
    ------
    InputError
        If they have no such thing.
    """
    if not has_column(dataset, name):
        first = dataset[0]
        named = dataset.column_names if hasattr(dataset, "column_names") else first
        there = listed(named) if isinstance(named, Mapping | list) else f"a {type(first).__name__}"
        raise InputError(f"{what}: rows of train_dataset have no {name!r}; there is {there}")
    if hasattr(dataset, "column_names"):  # of the Hub's kind: nothing else of the rows is read
        return list(dataset.with_format(None).select_columns([name])[:][name])
    return [dataset[number][name] for number in range(len(dataset))]


def columns_of(dataset: Any, labels: Sequence[str], ids: Any, inputs: Any) -> dict[str, str]:
    """Which column holds the label, the id and the text, where one does."""
    texts = inputs if isinstance(inputs, str) else TEXT
    named = {"label": next((name for name in labels if has_column(dataset, name)), None)}
    named |= {"id": ids if isinstance(ids, str) else None, "text": texts}
    return {what: name for what, name in named.items() if name is not None and has_column(dataset, name)}


def codes_of(dataset: Any, names: Sequence[str], n_classes: int | None, labels: Any = None) -> np.ndarray:
    """The label codes of all rows, (n,) int64.

    Parameters
    ----------
    names : sequence of str
        Under which the rows may hold them; the first that is there counts.
    n_classes : int, optional
        As many as there are without it.
    labels : optional
        The codes themselves.

    Raises
    ------
    InputError
        If there are none, or one is no whole number from 0 to n_classes - 1.
    """
    if labels is None:
        name = next((name for name in names if has_column(dataset, name)), names[0])
        labels = column(dataset, name, "labels")
    values = np.array([_code(value) for value in labels], dtype=np.int64)
    if len(values) != len(dataset):
        raise InputError(f"labels: {len(values)} were given for {len(dataset)} rows of train_dataset; needed one a row")
    most = max(int(values.max()), 0) if n_classes is None else n_classes - 1
    wrong = np.flatnonzero((values < 0) | (values > most))
    if len(wrong):
        raise InputError(
            f"labels: {len(wrong)} of {len(values)} rows have none of the codes 0 to {most} that the model tells apart "
            f"(rows {', '.join(map(str, wrong[:5]))}, counted from 0): encode them, set num_labels of the model, or "
            "leave these rows out"
        )
    return values


def _code(value: Any) -> int:
    """A label as a whole number; -1 where it is none."""
    try:
        return int(value) if int(value) == float(value) else -1
    except (TypeError, ValueError):
        return -1


def class_names(config: Any, codes: np.ndarray) -> list[Any]:
    """The classes as the model's configuration calls them; their codes where it says nothing of its own."""
    known = getattr(config, "id2label", None) or {}
    names = [known[code] for code in sorted(known)]
    if names and names != [f"LABEL_{code}" for code in range(len(names))]:
        return names
    return list(range(max(int(codes.max()) + 1, len(names))))


def ids_of(dataset: Any, ids: str | Sequence[Any] | None) -> list[Any] | None:
    """The names of the rows, given or by their column; None where there is no column "id" and no other was named."""
    if not isinstance(ids, str):
        return None if ids is None else list(ids)
    return None if ids == ID and not has_column(dataset, ids) else column(dataset, ids, "ids")


def shown_texts(dataset: Any, inputs: str | Sequence[str] | None, tokenizer: Any) -> list[str] | None:
    """What a person sees of each row; see `NoisyTrainer`. None where there is nothing to show."""
    if inputs is not None and not isinstance(inputs, str):
        return list(inputs)
    if inputs is not None or has_column(dataset, TEXT):
        return column(dataset, inputs or TEXT, "inputs")
    decode = getattr(tokenizer, "batch_decode", None)
    if decode is None or not has_column(dataset, TOKENS):
        return None
    return decode(column(dataset, TOKENS, "inputs"), skip_special_tokens=True)
