"""Characters that no file can hold, and those that nobody sees."""

import re

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
