"""Characters that no file can hold."""


def utf8_safe(text: str) -> str:
    """`text` with lone surrogates replaced by U+FFFD (and pairs of them joined), so that it can always be encoded."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
