"""Options as a person writes them on a command line: name=value."""

import json
from collections.abc import Iterable
from typing import Any

from mislabel.errors import InputError


def read_pairs(pairs: Iterable[str], flag: str = "--option") -> dict[str, Any]:
    """From name=value to a dictionary; a value is read as JSON where it is, else as text.

    Raises
    ------
    InputError
        For what has no equals sign.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"{flag} {pair!r} is not of the form name=value")
        try:
            options[name] = json.loads(value)
        except (ValueError, RecursionError):
            options[name] = value
    return options
