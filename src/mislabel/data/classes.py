"""Find the classes in a column: which values there are, of which type, and which of them mean "no label"."""

import math
import numbers
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.label_columns import Column, Rows, as_column, is_categorical
from mislabel.data.lookalikes import lookalike_note, missing_word_note
from mislabel.data.numerals import label_text, one_spelling
from mislabel.errors import InputError

MISSING_WORDS = frozenset({"", "nan", "<na>"})
SENTINELS = frozenset({-1, -100})
# Integers in a span of at most this many values are looked up in a table, which is far faster than sorting them.
_TABLE = 1 << 22
_HASHABLE = {str, int, bool, float, np.str_, np.bool_}


@dataclass(frozen=True)
class EncodedColumn:
    """A column of labels as codes, and the classes that they refer to.

    Attributes
    ----------
    codes : (n,) int64
        The index of each row's label in `classes`; -1 where there is none.
    classes : list
        The K values as Python objects: sorted, or in the order that the caller gave.
    missing_as : list of str
        The ways in which a missing label was written, such as ``"-1"``.
    notes : list of str
        Sentences for the user.
    """

    codes: np.ndarray
    classes: list[Any]
    missing_as: list[str]
    notes: list[str]


def find_classes(values: Any, name: str, say: Rows, classes: Sequence[Any] | None = None) -> EncodedColumn:
    """Codes and classes of a column in any of the forms that `label_columns` knows, or a Categorical.

    With `classes` the values must be among them, with their type, and their order is kept; then nothing but nulls
    and missing words counts as missing, and types may be mixed.

    Raises
    ------
    InputError
        If the values cannot be labels; see `mislabel.data.labels.encode_labels`.
    """
    if is_categorical(values):
        return _from_categorical(values, name, say, classes)
    column = as_column(values, name, say)
    if type(classes).__name__ == "ClassLabel":
        classes = list(classes.names)  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
        if column.values.dtype.kind in "iuf":
            return _from_categorical(_by_number(column, classes, name, say), name, say, None)
    known = np.flatnonzero(~column.missing) if column.missing.any() else None

    def say_known(mask: np.ndarray) -> str:
        positions = np.flatnonzero(mask)
        return say(positions if known is None else known[positions])

    if column.one_hot:
        names = list(range(column.one_hot)) if classes is None else check_class_list(classes, name)
        if len(names) != column.one_hot:
            raise InputError(f"{name}: a one-hot matrix of {column.one_hot} columns needs as many classes, not {names}")
        return EncodedColumn(column.values.astype(np.int64), names, [], column.notes)
    inverse, uniques = _factor(column.values)
    notes = list(column.notes)
    if classes is None and uniques and all(isinstance(value, str) for value in uniques):
        inverse, uniques, more = _spelled_alike(inverse, uniques, name)
        notes += more
    _check_values(uniques, inverse, name, say_known, mixed_allowed=classes is not None)
    if classes is None:
        used, missing_as = _without_missing(uniques)
        used.sort(key=lambda index: uniques[index])
        names = [uniques[index] for index in used]
        table = np.full(len(uniques) + 1, -1, dtype=np.int64)
        table[used] = np.arange(len(used))
    else:
        names = check_class_list(classes, name)
        table, missing_as = _match(uniques, inverse, names, name, say_known)
    unchanged = np.array_equal(table[:-1], np.arange(len(table) - 1))
    codes = inverse if unchanged else table[inverse]
    if known is not None:
        missing_as.insert(0, "null")
        present, codes = codes, np.full(len(column.missing), -1, dtype=np.int64)
        codes[known] = present
    notes += [note for note in (lookalike_note(names, name), missing_word_note(names, name)) if note]
    return EncodedColumn(codes, names, missing_as, notes)


def check_class_list(classes: Sequence[Any] | Any, name: str) -> list[Any]:
    """The classes that the caller lists, as Python objects without a repetition."""
    listed = [value.item() if isinstance(value, np.generic) else value for value in classes]
    keys = [class_key(value) for value in listed]
    if not listed or len(set(keys)) < len(keys):
        raise InputError(f"classes for {name} must be a list of different values; {listed!r} was given")
    return listed


def class_key(value: Any) -> tuple[str, Any]:
    """What makes a class the same class: its value and its type, so that True, 1 and "1" are three."""
    return family(value), value


def class_finder(classes: Sequence[Any]) -> Callable[[Any], int]:
    """Gives the code of a label: by its value and type, or else by its number (3 and 3.0); -1 where it is no class."""
    exact = {class_key(value): code for code, value in enumerate(classes)}
    number_keys = [_number_key(value) for value in classes]
    often = Counter(number_keys)
    by_number = {key: code for code, key in enumerate(number_keys) if often[key] == 1}
    return lambda label: exact.get(class_key(label), by_number.get(_number_key(label), -1))


def _number_key(value: Any) -> tuple[str, str]:
    kind = family(value)
    return ("number" if kind.endswith("number") else kind), label_text(value)


def family(value: Any) -> str:
    """The type of a label in words."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, (bool, np.bool_)):
        return "true/false"
    if isinstance(value, numbers.Integral):
        return "whole number"
    if isinstance(value, (float, np.floating)):
        return "decimal number"
    return type(value).__name__


def _factor(values: np.ndarray) -> tuple[np.ndarray, list[Any]]:
    """Which of the distinct values each one is, (m,) int64, and the distinct values as Python objects."""
    if values.dtype == object:
        return _factor_objects(values.tolist())
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
        seen = np.flatnonzero(np.bincount(values, minlength=2))
        return np.searchsorted(seen, values).astype(np.int64), [bool(value) for value in seen]
    if values.dtype.kind in "iu" and len(values):
        low, high = int(values.min()), int(values.max())
        if high - low < _TABLE and low > -(2**62) and high < 2**62:
            offsets = values.astype(np.int64) - low
            present = np.zeros(high - low + 1, dtype=bool)
            present[offsets] = True
            seen = np.flatnonzero(present)
            return (np.cumsum(present) - 1)[offsets], [int(value) + low for value in seen]
    uniques, inverse = np.unique(values, return_inverse=True)
    return inverse.reshape(-1).astype(np.int64), uniques.tolist()


def _factor_objects(values: list[Any]) -> tuple[np.ndarray, list[Any]]:
    # Python's own dictionaries: pandas' hash table for strings stops at a NUL and would merge "a\0b" with "a\0c".
    kinds = set(map(type, values))
    if len(kinds) == 1 and kinds <= _HASHABLE:
        index_of = {value: index for index, value in enumerate(dict.fromkeys(values))}
        uniques = [value.item() if isinstance(value, np.generic) else value for value in index_of]
        return np.fromiter(map(index_of.__getitem__, values), dtype=np.int64, count=len(values)), uniques
    cells = [value.item() if isinstance(value, np.generic) else value for value in values]
    kinds = {family(value) for value in cells}
    if kinds == {"whole number", "decimal number"} and all(abs(value) <= 2**53 for value in cells):
        return _factor(np.array(cells, dtype=np.float64))
    try:
        index_of_key = {key: index for index, key in enumerate(dict.fromkeys(map(class_key, cells)))}
    except TypeError:  # something that cannot be hashed: its type is what the error must name
        return np.arange(len(cells)), cells
    inverse = np.fromiter((index_of_key[class_key(value)] for value in cells), dtype=np.int64, count=len(cells))
    return inverse, [value for _, value in index_of_key]


def _spelled_alike(inverse: np.ndarray, uniques: list[str], name: str) -> tuple[np.ndarray, list[str], list[str]]:
    """Codes and texts, with whole numbers in one spelling, and a note where there were two."""
    spelled = one_spelling(uniques, name)
    if not spelled:
        return inverse, uniques, []
    kept = list(dict.fromkeys(spelled.get(text, text) for text in uniques))
    code_of = {text: code for code, text in enumerate(kept)}
    table = np.array([code_of[spelled.get(text, text)] for text in uniques], dtype=np.int64)
    first, *_ = spelled
    note = f"{name}: whole numbers are written with and without a point, which is taken as the same: {first!r} is "
    note += f"{spelled[first]!r}."
    return table[inverse], kept, [note]


def _check_values(uniques: list[Any], inverse: np.ndarray, name: str, say: Any, mixed_allowed: bool) -> None:
    types = [family(value) for value in uniques]
    for index, value_type in enumerate(types):
        if value_type not in ("text", "true/false", "whole number", "decimal number"):
            raise InputError(
                f"{name}: a value of type {value_type} cannot be a label (rows {say(inverse == index)}); turn the "
                "labels into text or whole numbers"
            )
    broken = [
        index for index, value_type in enumerate(types)
        if value_type == "decimal number"
        and not (math.isfinite(uniques[index]) and uniques[index] == int(uniques[index]))
    ]  # fmt: skip
    if broken:
        raise InputError(
            f"{name}: {len(broken)} of {len(uniques)} distinct values are not whole, such as {uniques[broken[0]]!r} "
            f"(rows {say(np.isin(inverse, broken))}); this looks like regression / soft labels. Labels must be "
            "classes: text or whole numbers"
        )
    if len(set(types)) > 1 and not mixed_allowed:
        rarest = min(set(types), key=types.count)
        some = np.isin(inverse, [index for index, value_type in enumerate(types) if value_type == rarest])
        raise InputError(
            f"{name}: the labels mix {' and '.join(sorted(set(types)))} (rows with {rarest}: {say(some)}). Turn them "
            "into one type, or list all of them with classes=[...]"
        )


def _without_missing(uniques: list[Any]) -> tuple[list[int], list[str]]:
    """The indices of the values that are classes, and the other values, which mean "no label", as text."""
    if uniques and isinstance(uniques[0], str):
        missing = {index for index, value in enumerate(uniques) if value.strip().casefold() in MISSING_WORDS}
    elif uniques and not isinstance(uniques[0], bool):
        negative = {index for index, value in enumerate(uniques) if value < 0}
        missing = negative if all(uniques[index] in SENTINELS for index in negative) else set()
    else:
        missing = set()
    return [index for index in range(len(uniques)) if index not in missing], [repr(uniques[p]) for p in sorted(missing)]


def _match(
    uniques: list[Any], inverse: np.ndarray, names: list[Any], name: str, say: Any
) -> tuple[np.ndarray, list[str]]:
    """Codes by distinct value where the classes are given; one more entry, -1, for rows without a value."""
    code_of = class_finder(names)
    table = np.full(len(uniques) + 1, -1, dtype=np.int64)
    missing_as, unknown = [], []
    for index, value in enumerate(uniques):
        table[index] = code_of(value)
        if table[index] >= 0:
            continue
        is_word = isinstance(value, str) and value.strip().casefold() in MISSING_WORDS
        if is_word or (not isinstance(value, (str, bool)) and value in SENTINELS):
            missing_as.append(repr(value))
        else:
            unknown.append(index)
    if unknown:
        raise InputError(
            f"{name}: {', '.join(repr(uniques[index]) for index in unknown[:5])} "
            f"{'is' if len(unknown) == 1 else 'are'} not among classes={names!r} "
            f"(rows {say(np.isin(inverse, unknown))}); add to classes, or correct these rows"
        )
    return table, missing_as


def _by_number(column: Column, names: list[Any], name: str, say: Rows) -> pd.Categorical:
    """Numbers as a ClassLabel means them: indices of its names, and below zero for "no label"."""
    codes = np.full(len(column.missing), -1, dtype=np.int64)
    codes[~column.missing] = np.maximum(column.values, -1)
    if codes.size and codes.max() >= len(names):
        wrong = np.flatnonzero(codes >= len(names))
        raise InputError(f"{name}: rows {say(wrong)} hold a number beyond the {len(names)} names of the ClassLabel")
    return pd.Categorical.from_codes(codes, categories=names, ordered=True)  # pyright: ignore[reportArgumentType]


def _from_categorical(values: Any, name: str, say: Rows, classes: Sequence[Any] | None) -> EncodedColumn:
    """Look at the levels only; a level that no row has is a class all the same."""
    categorical = values if hasattr(values, "codes") else values.array
    level_of_row = np.asarray(categorical.codes, dtype=np.int64)

    def say_rows(levels: np.ndarray) -> str:
        return say(np.flatnonzero(np.isin(level_of_row, levels)))

    levels = np.asarray(categorical.categories)
    encoded = find_classes(levels, name, say_rows, classes)
    code_of_level, names = encoded.codes, encoded.classes
    if categorical.ordered and classes is None:
        in_order = list(dict.fromkeys(code for code in code_of_level.tolist() if code >= 0))
        names = [encoded.classes[code] for code in in_order]
        rank = np.full(len(names) + 1, -1, dtype=np.int64)  # the last, which -1 finds, stays -1
        rank[in_order] = np.arange(len(names))
        code_of_level = rank[code_of_level]
    codes = np.append(code_of_level, -1)[level_of_row]
    missing_as = (["null"] if (level_of_row < 0).any() else []) + encoded.missing_as
    return EncodedColumn(codes, names, missing_as, encoded.notes)


def classes_of_one_type(classes: Sequence[Any]) -> list[Any]:
    """The classes as a column of a file holds them, which has one type: where they are of several, all are text."""
    return [str(value) for value in classes] if len({type(value) for value in classes}) > 1 else list(classes)
