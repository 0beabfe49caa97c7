"""What somebody brings, checked: probabilities, classes in their order, inputs to show, a space."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mislabel.data import Dataset
from mislabel.data.classes import find_classes
from mislabel.data.label_columns import rows_of
from mislabel.data.numerals import label_text
from mislabel.data.order import class_ranks
from mislabel.errors import InputError, one_of, some_ids
from mislabel.modalities import modality_names
from mislabel.modalities.dataset import make_dataset
from mislabel.tables.foreign import native

SUM_TOLERANCE = 1e-3  # of the probabilities of a row, which float16 rounds


def check_probabilities(values: Any, rows: int | None = None, classes: int | None = None) -> np.ndarray:
    """Class probabilities (n, K) float64 whose rows sum to 1.

    Raises
    ------
    InputError
        If they have another shape, are no probabilities, or a row does not sum to 1.
    """
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"pred_probs are no matrix of numbers: {error}") from None
    if found.ndim != 2 or (rows or len(found)) != len(found) or (classes or found.shape[-1]) != found.shape[-1]:
        wanted = f"({'n' if rows is None else rows}, {'K' if classes is None else classes})"
        raise InputError(f"pred_probs have the shape {found.shape}, needed {wanted}: a row of K probabilities a row")
    if found.shape[1] < 2:
        raise InputError(f"pred_probs are of {found.shape[1]} class(es), needed at least 2; of two classes give both")
    strange = ~np.isfinite(found).all(1) | (found < -SUM_TOLERANCE).any(1) | (found > 1 + SUM_TOLERANCE).any(1)
    _refuse(strange, "hold something that is no probability from 0 to 1")
    _refuse(np.abs(found.sum(1) - 1) > SUM_TOLERANCE, "do not sum to 1: give probabilities, not scores or logits")
    found = found.clip(0, 1)
    return found / found.sum(1, keepdims=True)


def classes_of_columns(labels: Any, columns: int, classes: Sequence[Any] | None) -> list[Any]:
    """The K classes that the columns of probabilities stand for.

    Those that were given; or 0..K-1 where the labels are such numbers; or the sorted labels, where there are K of them.

    Raises
    ------
    InputError
        If it cannot be told, or there are not K.
    """
    labels = native(labels)
    if classes is not None:
        listed = list(classes)
        if len(listed) != columns:
            raise InputError(f"classes are {len(listed)}, needed {columns}, one for each column of pred_probs")
        return listed
    if labels is None:
        raise InputError("which class each column of pred_probs stands for is not known without labels: give classes=")
    found = find_classes(labels, "labels", rows_of(range(len(labels))), None).classes
    numbers = [value for value in found if isinstance(value, int) and not isinstance(value, bool)]
    if len(numbers) == len(found) and all(0 <= value < columns for value in numbers):
        return list(range(columns))
    if len(found) != columns:
        raise InputError(
            f"labels show {len(found)} classes, {some_ids(found)}, and pred_probs have {columns} columns: say with "
            "classes= which class each column stands for"
        )
    return list(found)


def dataset_of(
    labels: Any,
    probabilities: np.ndarray | None,
    inputs: Any,
    modality: str | None,
    classes: Sequence[Any] | None,
    **columns: Any,
) -> tuple[Dataset, dict[str, str]]:
    """The checked rows, and which column is what.

    Parameters
    ----------
    inputs : optional
        What a report and a review show of the rows; without it, their probabilities.
    modality : str, optional
        Told from `inputs` without it.
    columns
        Further arguments of `make_dataset`.
    """
    if inputs is None:
        assert probabilities is not None
        assert classes is not None
        names = [f"P({label_text(value)})" for value in classes]
        if len(set(names)) < len(names):  # as of 1 and "1"
            names = [f"{name}, column {number}" for number, name in enumerate(names)]
        order = np.argsort(class_ranks(list(classes)))  # rows are taken by what is in them: however classes are listed
        inputs = pd.DataFrame(probabilities[:, order], columns=pd.Index([names[column] for column in order]))
        modality = "features"
    kind = modality or _told(inputs)
    one_of("modality", kind, modality_names())
    said = {kind: kind, "label": "labels"} | ({} if columns.get("trusted") is None else {"trusted": "trusted"})
    return make_dataset(inputs, labels, modality=kind, classes=classes, **columns), said


def note_unseen(dataset: Dataset, seen: np.ndarray, why: str) -> None:
    """Tell in the notes which rows (n,) bool were not seen, and are not judged."""
    if not seen.all():
        dataset.notes.append(
            f"Rows that {why}, and that are not judged: {np.count_nonzero(~seen)}; "
            f"{some_ids(dataset.ids[~seen].tolist())}."
        )


def check_points(features: Any, rows: int) -> np.ndarray | None:
    """Features as (n, d) float32; None where there are none.

    Raises
    ------
    InputError
        If they are no (n, d) numbers.
    """
    if features is None:
        return None
    try:
        points = np.asarray(features, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"features are no matrix of numbers: {error}") from None
    if points.ndim != 2 or len(points) != rows or not points.shape[1]:
        raise InputError(f"features have the shape {points.shape}, needed ({rows}, d): a vector for each row")
    broken = ~np.isfinite(points).all(1)
    if broken.any():
        raise InputError(
            f"features of {int(broken.sum())} rows are NaN or infinite: {some_ids(np.flatnonzero(broken))}"
        )
    return points


def _refuse(rows: Any, why: str) -> None:
    if rows.any():
        raise InputError(f"pred_probs of {int(rows.sum())} rows {why}: rows {some_ids(np.flatnonzero(rows))}")


def _told(inputs: Any) -> str:
    """The modality that inputs are surely of."""
    if isinstance(inputs, pd.DataFrame) or getattr(inputs, "ndim", 0) == 2:
        return "features"
    first = next(iter(inputs), None)
    if isinstance(first, str):
        return "text"
    raise InputError(
        f"what are the inputs, of which the first is a {type(first).__name__}? Say modality= one of "
        f"{', '.join(sorted(modality_names()))}"
    )
