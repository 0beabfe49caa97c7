"""Which file a source names, and what the end of its name says: the format, the compression, the sheet."""

import codecs
import difflib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO

from mislabel.errors import InputError
from mislabel.tables.compression import READ, open_compressed, open_for_writing

_SHEET = re.compile(r"(.+\.xlsx)#(.+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Location:
    """One file.

    Attributes
    ----------
    path : Path
    ending : str
        What says which format it is, in small letters: ".csv" of both data.csv and data.csv.gz.
    compression : str
        The ending behind that, one of `compression.READ`, or nothing.
    sheet : str, optional
        Of an Excel file, what stands behind a # in the source.
    """

    path: Path
    ending: str
    compression: str = ""
    sheet: str | None = None

    def __str__(self) -> str:
        return str(self.path)

    def open(self) -> IO[bytes]:
        """The content as bytes, unpacked."""
        return open_compressed(self.path, self.compression) if self.compression else open(self.path, "rb")

    def open_text(self) -> TextIO:
        """The content as text in UTF-8, with or without a byte order mark; newlines stay as they are."""
        if self.compression:
            return io.TextIOWrapper(self.open(), encoding="utf-8-sig", newline="")
        return open(self.path, encoding="utf-8-sig", newline="")

    def create_text(self) -> TextIO:
        """A new file for text in UTF-8, compressed as its name says; newlines are written as they are."""
        return io.TextIOWrapper(open_for_writing(self.path, self.compression), encoding="utf-8", newline="")


def locate(source: str | Path) -> Location:
    """Take the name of a source apart; nothing is looked up but whether a name with a # is a file."""
    path, sheet = Path(source), None
    named = _SHEET.fullmatch(str(source))
    if named and not path.exists():
        path, sheet = Path(named[1]), named[2]
    endings = [ending.lower() for ending in path.suffixes]
    if len(endings) > 1 and endings[-1] in READ:
        return Location(path, endings[-2], endings[-1], sheet)
    return Location(path, endings[-1] if endings else "", "", sheet)


def check_exists(file: Location) -> None:
    """Raise InputError where there is no such file; the message gives one whose name is near."""
    path = file.path
    if not path.exists():
        beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, beside, n=1)
        raise InputError(f"{path} does not exist" + (f'; did you mean "{path.parent / close[0]}"?' if close else ""))


@contextmanager
def in_utf8(file: Location) -> Iterator[None]:
    """Turn a byte that is not UTF-8 into an InputError that says where it lies and how to convert the file."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(_not_utf8(file)) from error


def _not_utf8(file: Location) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, start = 0, b""
    with file.open() as handle:
        while True:
            block = handle.read(1 << 20)
            start = start or block[:2]
            held_back = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                offset += error.start - held_back
                break
            if not block:  # cannot happen: somebody changed the file meanwhile
                break
            offset += len(block)
    likely = "UTF-16" if start in (b"\xff\xfe", b"\xfe\xff") else "WINDOWS-1252"
    name = file.path.name.removesuffix(file.path.suffix) if file.compression else file.path.name
    unpack = "Unpack and convert it" if file.compression else "Convert it"
    return (
        f"{file.path} is not UTF-8: the byte at offset {offset} cannot be read. {unpack}, for example if it is "
        f"{likely}: iconv -f {likely} -t UTF-8 {name} > new{file.ending}"
    )
