"""Tar files as WebDataset writes them: members of one name before the first dot are one row, their endings columns.

Nothing is written by the name that a member has, and what is no plain file is refused.
"""

import json
import re
import tarfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import pyarrow as pa

from mislabel.errors import InputError, some_ids
from mislabel.tables.location import Location

ENDING = ".tar"
KEY = "key"
TEXTS, NUMBER, OBJECT = ("txt", "text", "transcript"), "cls", "json"
IMAGES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm")
LARGEST_TEXT, LARGEST_IMAGE = 16_000_000, 1 << 29  # bytes of a member
MOST_FIELDS = 1000  # of the objects of one file
_BLOCK = 512  # bytes
_WHOLE = re.compile(r"-?[0-9]{1,18}")


@dataclass(eq=False)
class Rows:
    """The rows of one tar file, as they come.

    Attributes
    ----------
    columns : dict of list
        By name; each as long as `count`, but for the last row.
    left_out : set of str
        Endings that are no column.
    """

    columns: dict[str, list[Any]] = field(default_factory=lambda: {KEY: []})
    left_out: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        return len(self.columns[KEY])

    def begin(self, key: str) -> None:
        for name, values in self.columns.items():
            if name != KEY:
                values.extend([None] * (self.count - len(values)))
        self.columns[KEY].append(key)

    def put(self, name: str, value: Any) -> None:
        """Set a cell of the last row. Raises ValueError where it has one."""
        values = self.columns.setdefault(name, [])
        if len(values) == self.count:
            raise ValueError(f"a second {name}")
        values.extend([None] * (self.count - 1 - len(values)))
        values.append(value)


def read_tar(file: Location, folder: Path | None, wanted: Collection[str] | None = None) -> tuple[pa.Table, set[str]]:
    """All rows of a tar file, and the endings of members that are left out.

    Parameters
    ----------
    folder : Path, optional
        A new folder for the images, whose column then holds paths; without it, the names of the members.
    wanted : collection of str, optional
        Columns; without it all.

    Returns
    -------
    table
        Columns `key`, of text those in `TEXTS`, `cls` (whole numbers where all are), for each field of a .json member
        that is text, a number or a boolean `json.FIELD`, and of images those in `IMAGES`.

    Raises
    ------
    InputError
        If it is damaged or cut off, holds links, devices, names that lead out of it or members that are too large, or
        a column is of several types.
    """
    rows = Rows()
    with _readable(file):
        for member, content in _members(file):
            key, _, ending = _split(member.name)
            try:
                _read(rows, key, ending.lower(), member, content, folder, wanted)
            except ValueError as error:
                raise InputError(f"{file}: the member {member.name!r} cannot be read: {error}") from error
    if not rows.count:
        raise InputError(f"{file} holds no row: no member is {', '.join((*TEXTS, NUMBER, OBJECT, *IMAGES))}")
    rows.begin("")  # fills the columns up
    rows.columns[KEY].pop()
    return pa.table({name: _column(file, name, values) for name, values in rows.columns.items()}), rows.left_out


def _read(
    rows: Rows, key: str, ending: str, member: tarfile.TarInfo, content: IO[bytes], folder: Path | None,
    wanted: Collection[str] | None,
) -> None:  # fmt: skip
    """Put one member into the last row, or a new one."""
    readable = ending in (*TEXTS, NUMBER, OBJECT, *IMAGES)
    if not readable:
        rows.left_out.add(ending)
        return
    limit = LARGEST_IMAGE if ending in IMAGES else LARGEST_TEXT
    if member.size > limit:
        raise ValueError(f"it has {member.size} bytes, and at most {limit} are read")
    if not rows.count or rows.columns[KEY][-1] != key:
        rows.begin(key)
    if ending == OBJECT:
        for name, value in _fields(content.read()).items():
            if wanted is None or name in wanted:
                rows.put(name, value)
        if len(rows.columns) > MOST_FIELDS:
            raise ValueError(f"objects have more than {MOST_FIELDS} fields")
    elif wanted is not None and ending not in wanted:
        return
    elif ending in IMAGES:
        rows.put(ending, member.name if folder is None else _put_aside(folder, rows.count, ending, content))
    else:
        rows.put(ending, content.read().decode("utf-8-sig"))


def _members(file: Location) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """The plain files in it, one after the other, each with its content."""
    with file.open() as stream, tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as archive:
        for member in archive:
            cast(Any, archive).members = []  # of a million members the names alone would take a gigabyte
            if member.isdir():
                continue
            _check(file, member)
            content = archive.extractfile(member)
            if content is not None and not PurePosixPath(member.name).name.startswith("."):
                yield member, content
        end = archive.offset
    _check_end(file, end)


def _check(file: Location, member: tarfile.TarInfo) -> None:
    path = PurePosixPath(member.name)
    why = None
    if not member.isreg() or member.issparse():
        why = "is a link, a device or a sparse file, and no plain one"
    elif path.is_absolute() or ".." in path.parts or "\0" in member.name:
        why = "has a name that leads out of the file"
    if why is not None:
        raise InputError(f"{file}: the member {member.name!r} {why}: nothing of this file is read; write it again")


def _check_end(file: Location, begin: int) -> None:
    """Raise InputError unless blocks of zeros end the file: a damaged header ends reading without a word."""
    found = 0
    with file.open() as stream:
        stream.seek(begin)
        while block := stream.read(1 << 20):
            if block.count(0) != len(block):
                raise InputError(f"{file} is damaged behind byte {begin}: get it again")
            found += len(block)
    if found < _BLOCK:
        raise InputError(f"{file} ends without the mark of its end: it may be cut off")


def _split(name: str) -> tuple[str, str, str]:
    """The key, a dot and the ending: the folder belongs to the key, and its dots do not count."""
    folder, slash, last = name.rpartition("/")
    key, dot, ending = last.partition(".")
    return f"{folder}{slash}{key}".removeprefix("./"), dot, ending


def _fields(content: bytes) -> dict[str, Any]:
    """The fields of an object that are text, numbers, booleans or nothing."""
    try:
        value = json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return {f"{OBJECT}.{name}": each for name, each in value.items() if not isinstance(each, list | dict)}


def _put_aside(folder: Path, count: int, ending: str, content: IO[bytes]) -> str:
    """Write an image to a file with a name of ours; gives its path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{count:09}.{ending}"
    path.write_bytes(content.read())
    return str(path.absolute())


def _column(file: Location, name: str, values: list) -> pa.Array:
    if name == NUMBER:
        stripped = [None if value is None else value.strip() for value in values]
        numbers = all(value is None or _WHOLE.fullmatch(value) for value in stripped)
        values = [None if value is None else int(value) for value in stripped] if numbers else stripped
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
        kinds = sorted({type(value).__name__ for value in values if value is not None})
        raise InputError(
            f"{file}: {name} is of several types, or of one that a column cannot have ({some_ids(kinds)}): {error}"
        ) from error


@contextmanager
def _readable(file: Location) -> Iterator[None]:
    """One sentence for whatever is wrong with the file."""
    try:
        yield
    except (tarfile.TarError, EOFError) as error:
        raise InputError(f"{file} is not a tar file that can be read: {error}") from error
