"""Characters that no file can hold, those that nobody sees, those that words are made of, and too many of them."""

import re
import unicodedata

# Spaces, control characters, and characters of no width: nothing that a reader or a model could see.
_BLANK = re.compile(r"[\s\x00-\x1f\x7f\u200b-\u200d\u2060\ufeff]*")


def utf8_safe(text: str) -> str:
    """`text` with lone surrogates replaced by U+FFFD (and pairs of them joined), so that it can always be encoded."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def is_blank(text: str) -> bool:
    """Whether there is nothing to read in `text`."""
    return _BLANK.fullmatch(text) is not None


def is_letter(character: str) -> bool:
    """Whether words are made of it, in any script: a letter, or a mark on one, as a vowel is in many scripts."""
    return unicodedata.category(character)[0] in "LM"


def short(text: str, limit: int) -> str:
    """At most `limit` characters, the last of them an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
