"""The values of a JSON file, cut apart without being read: lines, the items of one array, or objects one by one.

This is the one tokenizer of every reader of JSON. It looks at brackets, strings and commas alone, so that depth costs
nothing, a broken value does not spoil the next, and no more than one value is in memory. An item of an array that is a
sound object and lies whole in the part of the file that is in memory, as nearly all do, is read on the way: that takes
half the time, and gives what `read_value` gives.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TextIO

from mislabel.tables import lines
from mislabel.tables.json_values import is_too_deep, scan_value

_CHUNK = 1 << 18
_STRING = r'"(?:[^"\\]+|\\.)*+"'
_TO_BRACKET = re.compile(rf'(?:[^"{{}}\[\]]+|{_STRING})*+', re.DOTALL)
_FLAT = rf'\{{(?:[^"{{}}\[\]]+|{_STRING})*+\}}'  # an object without others in it, as most items are
_TO_COMMA = re.compile(rf'(?:[^"{{}}\[\],]+|{_STRING}|{_FLAT})*+', re.DOTALL)
_BRACE = re.compile(r"[ \t\n\r]*+\{")
_BLANKS = (" ", "\t", "\n", "\r")
_STRING_END = re.compile(r'(?:[^"\\]+|\\.)*+"', re.DOTALL)


class Item(NamedTuple):
    """A value.

    Attributes
    ----------
    number : int
        Of the line, or of the item from 1.
    line : int
        On which its text begins.
    text : str or None
        None where it is too long.
    problem : str
        What is wrong with the file here, where no value is.
    row : dict, optional
        The value, where it was read on the way.
    """

    number: int
    line: int
    text: str | None
    problem: str = ""
    row: dict[str, Any] | None = None


def form_of(handle: TextIO) -> str:
    """How a file holds its values, by its beginning: "lines", "array" or "objects" (each over several lines)."""
    line = handle.readline(lines.LONGEST)
    while line and line.isspace():
        line = handle.readline(lines.LONGEST)
    start = line.strip("\ufeff \t\r\n")
    if start.startswith("["):
        return "array"
    # What writes objects over several lines breaks them behind a bracket or a comma; a line cut off ends anywhere.
    return "objects" if start.startswith("{") and start[-1] in "{[," and line[-1] in "\r\n" else "lines"


def items(handle: TextIO, form: str, bounded: bool = False) -> Iterator[Item]:
    """Every value of a file.

    Parameters
    ----------
    form : str
        See `form_of`.
    bounded : bool
        Whether nothing is kept of a value of more than `lines.LONGEST` characters.
    """
    if form != "lines":
        yield from _Cutter(handle, 1 if form == "array" else 0, bounded).cut()
        return
    numbered = lines.bounded_lines(handle) if bounded else enumerate(handle, start=1)
    for number, text in numbered:
        if text is None or not text.isspace():
            yield Item(number, number, text)


class _Cutter:
    """Cuts values where brackets are `level` deep: 0, or 1 for the items of an array."""

    def __init__(self, handle: TextIO, level: int, bounded: bool):
        self.handle, self.level, self.bounded = handle, level, bounded
        self.depth = self.number = 0
        self.line = self.begin = 1  # where the reader is, and where the value begins
        self.parts: list[str] = []
        self.size, self.long = 0, False

    def cut(self) -> Iterator[Item]:  # noqa: C901 (one branch for each sign)
        ended = opened = False
        for text, sign in self._signs():
            if isinstance(sign, dict):
                yield Item(self.number + 1, self.line, text, "", sign)
                self.number += 1
                self.line += text.count("\n")
                self.begin = self.line
                continue
            if ended and (sign or text.strip()):
                line = self.line + text[: len(text) - len(text.lstrip())].count("\n")
                yield Item(self.number + 1, line, None, "there is something behind its end")
                return
            self._keep(text)
            self.depth += (sign in "{[") - (sign in "}]") if sign else 0
            if sign == "[" and self.level == 1 and not opened:
                opened = True
                self._reset()
            elif sign == ",":
                yield self._item()
            elif sign in ("}", "]") and self.depth < self.level:
                ended = True
                if self.level == 1 and (self.number or not self._is_blank()):
                    yield self._item()
            elif sign:
                self._keep(sign)
                if self.depth == self.level == 0:
                    yield self._item()
        if not self._is_blank():
            yield self._item()
        if self.level == 1 and not ended:
            yield Item(self.number + 1, self.line, None, "the array does not end: the file may be cut off")

    def _signs(self) -> Iterator[tuple[str, str | dict[str, Any]]]:
        """(text before it, sign) of every bracket and comma that matters; the sign is empty where a chunk ends.

        In place of a comma stands the item before it, where that is an object that could be read.
        """
        quoted, held = False, ""
        while piece := self.handle.read(_CHUNK):
            chunk, begin, at = held + piece, 0, 0
            while True:
                while begin == at and self.depth == self.level == 1 and not (quoted or self.size):
                    end, row = _whole_object(chunk, at)
                    if row is None:
                        break
                    yield chunk[at:end], row
                    begin = at = end + 1
                if quoted:
                    end = _STRING_END.match(chunk, at)
                    if end is None:
                        break
                    quoted, at = False, end.end()
                skip = _TO_COMMA if self.depth == self.level == 1 else _TO_BRACKET
                at = skip.match(chunk, at).end()  # pyright: ignore[reportOptionalMemberAccess]
                if at == len(chunk):
                    break
                if chunk[at] == '"':  # a string that does not end in this chunk
                    quoted, at = True, at + 1
                    continue
                yield chunk[begin:at], chunk[at]
                begin = at = at + 1
            inside = chunk[at:]
            odd = quoted and (len(inside) - len(inside.rstrip("\\"))) % 2  # a backslash belongs to what follows it
            held = "\\" if odd else ""
            yield chunk[begin : len(chunk) - len(held)], ""
        yield held, ""

    def _keep(self, text: str) -> None:
        self.line += text.count("\n")
        self.size += len(text)
        if self.bounded and self.size > lines.LONGEST:
            self.long = True
            self.parts.clear()
        elif text:
            self.parts.append(text)

    def _is_blank(self) -> bool:
        return not self.long and not any(part.strip() for part in self.parts)

    def _item(self) -> Item:
        """The value so far; one that is blank has no number of its own."""
        text = None if self.long else self.parts[0] if len(self.parts) == 1 else "".join(self.parts)
        item = Item(self.number + 1, self.begin, text)
        self.number += text is None or (not text.isspace() and text != "")
        self._reset()
        return item

    def _reset(self) -> None:
        self.parts, self.size, self.long, self.begin = [], 0, False, self.line


def _whole_object(chunk: str, at: int) -> tuple[int, dict[str, Any] | None]:
    """Where the item that begins here ends with a comma, and the object that it is; None for anything else."""
    begins = _BRACE.match(chunk, at)
    if begins is None:
        return at, None
    try:
        row, end = scan_value(chunk, begins.end() - 1)
    except (ValueError, RecursionError):  # not whole, or broken, which is told by who reads it alone
        return at, None
    while chunk[end : end + 1] in _BLANKS:
        end += 1
    sound = chunk[end : end + 1] == "," and not is_too_deep(chunk[at:end])
    return (end, row) if sound else (at, None)
