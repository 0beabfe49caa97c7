"""The one reader of a JSON value from a file of somebody else: what no later step could hold is refused in words."""

import json
import re
from typing import Any

from mislabel.tables.characters import utf8_safe

DEEPEST = 100  # brackets within brackets; no table needs them, and to write or compare them takes a stack as deep
_DIGITS = 4300  # of a whole number, which Python reads and writes

_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]', re.DOTALL)


class Unusable(ValueError):
    """A value is valid JSON and still nothing that a table can hold."""


def read_value(text: str) -> Any:
    """The value that a text holds; numbers that are NaN or infinite may be there, as Python and pandas write them.

    Raises
    ------
    ValueError
        If it is no JSON (`json.JSONDecodeError`), or `Unusable`: nested too deeply, a key that is there twice, or a
        whole number of thousands of digits.
    """
    if is_too_deep(text):
        raise Unusable(f"brackets are nested more than {DEEPEST} deep")
    try:
        return _DECODER.decode(text)
    except (json.JSONDecodeError, Unusable):
        raise
    except RecursionError as error:  # where the caller stands deep itself
        raise Unusable("brackets are nested too deep") from error
    except ValueError as error:
        raise Unusable(f"a whole number has more than {_DIGITS} digits") from error


def is_too_deep(text: str) -> bool:
    """Whether brackets are nested more than `DEEPEST` deep, in strings aside; broken JSON may be, too."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    depth = 0
    for sign in _BRACKETS.finditer(text):
        depth += (sign[0] in "[{") - (sign[0] in "]}")
        if depth > DEEPEST:
            return True
    return False


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if any(not key.isascii() and utf8_safe(key) is not key for key in row):  # half of a pair, which no name can hold
        row = {utf8_safe(key): value for key, value in pairs}
    if len(row) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if utf8_safe(key) in seen or seen.add(utf8_safe(key)))
        raise Unusable(f"the key {twice!r} is there twice")
    return row


_DECODER = json.JSONDecoder(object_pairs_hook=_object_of)
scan_value = _DECODER.raw_decode
