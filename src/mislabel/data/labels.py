"""Labels: the user's own values, and codes 0..K-1 for them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np

from mislabel.data.classes import EncodedColumn, class_finder, family, find_classes
from mislabel.data.label_columns import rows_of
from mislabel.data.numerals import is_whole, label_text
from mislabel.data.plan import Missing
from mislabel.errors import InputError, one_of


@dataclass(frozen=True, eq=False)
class Labels:
    """One label per row.

    Attributes
    ----------
    codes : (n,) int64
        The index of each row's label in `classes`, -1 where there is none.
    classes : list
        The K values as the user wrote them (str, int, bool or whole float), sorted unless the user gave an order.
    """

    codes: np.ndarray
    classes: list[Any]

    @property
    def n_classes(self) -> int:
        """K, the classes that no row has included."""
        return len(self.classes)

    def decode(self, codes: Any) -> np.ndarray:
        """The user's values for (m,) codes: int64, float64 or bool where all are known and fit, else objects.

        A code of -1 becomes None.

        Raises
        ------
        InputError
            If a code is not in -1..K-1.
        """
        return decode(codes, self.classes)


def decode(codes: Any, classes: list[Any]) -> np.ndarray:
    """See `Labels.decode`."""
    codes = np.asarray(codes)
    if codes.size and (codes.min() < -1 or codes.max() >= len(classes)):
        wrong = codes.min() if codes.min() < -1 else codes.max()
        raise InputError(f"{wrong} is no class code; codes go from 0 to {len(classes) - 1}, and -1 means no label")
    kinds = {family(value) for value in classes}
    values = np.empty(len(classes) + 1, dtype=object)
    values[: len(classes)] = classes  # the last entry, which -1 finds, stays None
    decoded = values[codes]
    if codes.size and codes.min() < 0:
        return decoded
    fits = all(-(2**63) <= value < 2**63 for value in classes) if kinds == {"whole number"} else True
    dtype = {"whole number": np.int64, "decimal number": np.float64, "true/false": np.bool_}
    return decoded.astype(dtype[kinds.pop()]) if len(kinds) == 1 and kinds <= set(dtype) and fits else decoded


def encode_labels(
    values: Any, ids: Any, *, name: str = "label", classes: Sequence[Any] | None = None, missing: Missing = "error"
) -> tuple[Labels, list[str]]:
    """Codes for n labels of any usual form.

    Parameters
    ----------
    values
        n strings, whole numbers or booleans in a list, array, Series, Categorical, Arrow column; or an (n, K) one-hot
        matrix. A label is missing where there is None, NaN, NA, NaT, an empty string, "nan", or -1 or -100 beside
        codes that are otherwise not negative.
    ids
        n ids, for the messages.
    name
        What the column is called, for the messages.
    classes
        All the values that there may be. Their order is kept, their types may be mixed, and -1 may be among them.
    missing
        "error" raises where a label is missing. With "drop" and "unlabeled" its code is -1; the caller drops.

    Returns
    -------
    labels : Labels
    warnings : list of str
        One sentence for each thing that the user should know.

    Raises
    ------
    InputError
        If labels are missing and may not be; if values are not whole, of mixed types, several per row, or
        probabilities; if the lengths differ; if a value is not among `classes`.

    Examples
    --------
    >>> labels, _ = encode_labels(["spam", "ham", "spam"], range(3))
    >>> labels.classes, labels.codes.tolist(), labels.decode([1]).tolist()
    (['ham', 'spam'], [1, 0, 1], ['spam'])
    """
    one_of("missing", missing, get_args(Missing))
    encoded = find_classes(values, name, rows_of(ids), classes)
    if len(encoded.codes) != len(ids):
        raise InputError(f"{name}: {len(encoded.codes)} labels were given for {len(ids)} rows; one per row is needed")
    if missing == "error":
        refuse_missing(encoded, np.flatnonzero(encoded.codes < 0), ids, name)
    return Labels(encoded.codes, encoded.classes), encoded.notes


def refuse_missing(encoded: EncodedColumn, rows: np.ndarray, ids: Any, name: str) -> None:
    """Raise `InputError` if there is a row in `rows` (positions of rows without a label)."""
    if not len(rows):
        return
    hint = ""
    if {"-1", "-100", "-1.0", "-100.0"} & set(encoded.missing_as):
        hint = " If -1 is a class of its own, list all of them with classes=[...]."
    raise InputError(
        f"{name}: {len(rows)} of {len(encoded.codes)} rows have no label (written as "
        f"{', '.join(encoded.missing_as)}): "
        f'rows {rows_of(ids)(rows)}. Label them, or choose missing="unlabeled" to keep them out of the loss, or '
        f'missing="drop" to leave them out.{hint}'
    )


def encode_against(values: Any, labels: Labels, ids: Any, name: str = "gold") -> tuple[np.ndarray, Labels]:
    """Codes of another column, such as the gold labels, in the classes of `labels`.

    Parameters
    ----------
    values
        n values in any form that `encode_labels` takes; any of them may be missing.
    labels
        What the codes refer to.
    ids, name
        For the messages.

    Returns
    -------
    codes : (n,) int64
        -1 where there is no value; K and above for values that `labels` does not have.
    extended : Labels
        `labels` with those values appended, in sorted order, to its classes; its codes are unchanged.

    Raises
    ------
    InputError
        If the values cannot be labels, or are of another type than the classes.
    """
    # A value that `labels` knows is a class here too, even if it looks like a sentinel.
    encoded = _find_like(values, labels, ids, name)
    if len(encoded.codes) != len(ids):
        raise InputError(f"{name}: {len(encoded.codes)} labels were given for {len(ids)} rows; one per row is needed")
    known, numeric = {family(value) for value in labels.classes}, {"whole number", "decimal number"}
    encoded = _written_alike(encoded, labels.classes)
    other = {family(value) for value in encoded.classes}
    if known and len(known) == 1 and other - known and not (known <= numeric and other <= numeric):
        odd = next((value for value in encoded.classes if not is_whole(value)), encoded.classes[0])
        raise InputError(
            f"{name} holds {' and '.join(sorted(other))} while the labels hold {' and '.join(sorted(known))}, such as "
            f"{odd!r} and {labels.classes[0]!r}; write both columns in the same way"
        )
    if known | other == numeric and len(known) == 1:  # 1 and 1.0 are one class: a column with gaps often holds floats
        cast = float if known == {"decimal number"} else int
        encoded = replace(encoded, classes=[cast(value) for value in encoded.classes])
    find = class_finder(labels.classes)
    codes = [find(value) for value in encoded.classes]
    used = np.bincount(encoded.codes[encoded.codes >= 0], minlength=len(encoded.classes)) > 0
    unseen = [index for index, code in enumerate(codes) if code < 0 and used[index]]
    table = np.array([*codes, -1], dtype=np.int64)
    table[unseen] = len(labels.classes) + np.arange(len(unseen))
    return table[encoded.codes], Labels(labels.codes, [*labels.classes, *(encoded.classes[index] for index in unseen)])


def _written_alike(encoded: EncodedColumn, classes: list[Any]) -> EncodedColumn:
    """Whole numbers as text where the classes are text, and the other way round: a gap makes one column text."""
    if not classes or not all(map(is_whole, [*encoded.classes, *classes])):
        return encoded
    texts = [isinstance(value, str) for value in classes]
    if all(texts) and not any(isinstance(value, str) for value in encoded.classes):
        return replace(encoded, classes=[label_text(value) for value in encoded.classes])
    if not any(texts) and all(isinstance(value, str) for value in encoded.classes):
        return replace(encoded, classes=[int(label_text(value)) for value in encoded.classes])
    return encoded


def _find_like(values: Any, labels: Labels, ids: Any, name: str) -> EncodedColumn:
    say = rows_of(ids)
    mixed = len({family(value) for value in labels.classes}) > 1
    sentinels = any(not isinstance(value, str) and value in (-1, -100) for value in labels.classes)
    if mixed or sentinels:
        try:
            return find_classes(values, name, say, labels.classes)
        except InputError:  # it holds a value that the labels lack: look again without them
            pass
    return find_classes(values, name, say)
