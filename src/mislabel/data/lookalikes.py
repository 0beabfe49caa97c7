"""Class names that look like each other, or like "no label": accepted, with a warning."""

import re
import unicodedata
from typing import Any

_INVISIBLE = re.compile("[\u200b-\u200d\u2060\ufeff\u00ad]")
_DOUBTFUL = frozenset({"na", "n/a", "#n/a", "null", "none", "nil", "nat"})


def lookalikes(classes: list[Any]) -> list[list[Any]]:
    """Groups of classes that differ only in case, spaces, invisible characters or the way their letters are encoded."""
    groups: dict[str, list[Any]] = {}
    for value in classes:
        groups.setdefault(shape(value), []).append(value)
    return [group for group in groups.values() if len(group) > 1]


def lookalike_note(classes: list[Any], name: str) -> str:
    """A sentence that names the groups (at most five), or nothing."""
    if not any(isinstance(value, str) for value in classes):
        return ""
    groups = lookalikes(classes)
    if not groups:
        return ""
    listed = "; ".join(" and ".join(map(ascii, group)) for group in groups[:5])
    more = f"; and {len(groups) - 5} more" if len(groups) > 5 else ""
    return f"{name}: these classes look alike and are kept as different ones: {listed}{more}."


def missing_word_note(classes: list[Any], name: str) -> str:
    """A sentence about classes that may have been meant as "no label", or nothing."""
    doubtful = [value for value in classes if isinstance(value, str) and value.strip().casefold() in _DOUBTFUL]
    if not doubtful:
        return ""
    return f"{name}: {' and '.join(map(repr, doubtful))} may mean that there is no label, and is kept as a class."


def shape(value: object) -> str:
    """What is left of a value as text without case, extra spaces, invisible characters and kinds of encoding."""
    text = unicodedata.normalize("NFKC", str(value))
    return " ".join(_INVISIBLE.sub("", text).casefold().split())
