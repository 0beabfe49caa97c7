"""The one place that prints: nothing that comes from data can drive a terminal, or pass for a line of ours.

Cells, ids, labels, names of columns and files, and what other libraries say of them may hold characters that move a
cursor, hide text, set a title or write into the clipboard (ESC, OSC), turn the reading direction, or have no width.
They are shown by their numbers, ``\\u001b``, as JSON writes them; so JSON that is printed stays the same JSON. Data
files, and the messages of exceptions, keep them as they are.
"""

import codecs
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, TextIO, cast

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def visible(text: str) -> str:
    """The text with every character that a terminal would obey or not show by its number; tabs and new lines stay."""
    return _HIDDEN.sub(lambda match: _by_number(match[0]), text)


def one_line(text: object) -> str:
    """As `visible`, with tabs and new lines as ``\\t`` and ``\\n``: for a cell, a name, a path."""
    return re.sub("[\t\n]", lambda match: _SHORT[match[0]], visible(str(text)))


def tell(text: object) -> None:
    """Print a message to stderr; its further lines are indented, so that none looks like a message of its own."""
    print(_lines(text), file=sys.stderr, flush=True)


def answer(lines: Iterable[object]) -> None:
    """Print lines to stdout, each as `tell` does; there at once, for whoever waits for them."""
    print("\n".join(map(_lines, lines)), flush=True)


def drawing_on(stream: TextIO) -> TextIO:
    """What rich may draw on, past the guard: all texts that it is given must be `one_line`."""
    return getattr(stream, "rich_proxied_file", stream)


def guard_streams() -> None:
    """Make stdout and stderr of this process show hidden characters, whoever prints, and fail at none.

    A character that the encoding of a stream lacks is shown by its number too.
    """
    codecs.register_error("mislabel.visible", _unencodable)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="mislabel.visible")
            setattr(sys, name, cast(TextIO, _Guarded(stream)))


def flush() -> None:
    """Write out what waits in stdout and stderr, if anybody still reads them."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


class _Guarded:
    """A stream that shows hidden characters."""

    def __init__(self, stream: TextIOWrapper):
        self.stream = stream

    def write(self, text: str) -> int:
        begin = text[:1] == "\r"  # how progress bars of other libraries start
        self.stream.write(("\r" if begin else "") + visible(text[begin:]))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    @property
    def rich_proxied_file(self) -> TextIOWrapper:
        """Where rich writes."""
        return self.stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _lines(text: object) -> str:
    first, *rest = visible(str(text)).split("\n")
    return "\n".join([first, *(line if line.startswith("  ") else f"  {line}" for line in rest)])


def _by_number(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[k]:02x}{units[k + 1]:02x}" for k in range(0, len(units), 2))


def _unencodable(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(map(_by_number, error.object[error.start : error.end])), error.end
