"""Whole numbers that are written as decimals: a gap anywhere in a column of a data frame makes 3.0 of 3."""

import re
from typing import Any

from mislabel.errors import InputError

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")
_WITH_POINT = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0*")
_DECIMAL = re.compile(r"-?[0-9]*\.0*[1-9][0-9]*")


def label_text(value: Any) -> str:
    """A label as text, the same for 3, 3.0, "3" and "3.0"."""
    text = str(value)
    match = None if isinstance(value, bool) else _WITH_POINT.fullmatch(text)
    return match[1] if match else text


def is_whole(value: Any) -> bool:
    """Whether a label is a whole number, or the text of one: 3, 3.0, "3", "3.0"."""
    return not isinstance(value, bool) and _WHOLE.fullmatch(label_text(value)) is not None


def one_spelling(texts: list[str], name: str) -> dict[str, str]:
    """How to write texts that are whole numbers with a point, where others are whole numbers without: "3.0" as "3".

    Nothing where all are written with a point, or are decimals, such as the numbers of versions.

    Raises
    ------
    InputError
        If a number is there in both ways beside decimals.
    """
    pointed = {text: match[1] for text in texts if (match := _WITH_POINT.fullmatch(text))}
    if not pointed or not any(map(_WHOLE.fullmatch, texts)):
        return {}
    decimals = [text for text in texts if _DECIMAL.fullmatch(text)]
    known = set(texts)
    twice = sorted(text for text in pointed if pointed[text] in known)
    if decimals and twice:
        raise InputError(
            f"{name}: {pointed[twice[0]]!r} and {twice[0]!r} read like one class, beside {decimals[0]!r}; write each "
            "class in one way"
        )
    return {} if decimals else pointed
