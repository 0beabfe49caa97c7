"""Files that are named by an address (``s3://``, ``https://``, …): which there are, and each here for a while."""

import glob
import importlib
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from mislabel.disk import DiskFull, telling_full_disk
from mislabel.errors import InputError, without_secrets
from mislabel.tables.location import Location, locate

ATTEMPTS, WAIT = 3, 1.0  # times that a file is asked for, and seconds between
PATIENCE = 60  # seconds that a server may be silent
MOST = 100_000  # files behind one name

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_RANGE = re.compile(r"\{([0-9]+)\.\.([0-9]+)\}")


@dataclass(frozen=True)
class Fetched(Location):
    """A file that was brought here, and what messages call it."""

    shown: str = ""

    def __str__(self) -> str:
        return self.shown


def is_remote(source: Any) -> bool:
    """Whether a source is an address."""
    return isinstance(source, str) and _ADDRESS.match(source) is not None


def shown(address: str) -> str:
    """An address for messages and files: without names, passwords and what a signature gives away."""
    return without_secrets(address.partition("?")[0] if _by_http(address) else address)


def name_of(address: str) -> str:
    """The name of the file at an address."""
    return PurePosixPath(unquote(urlsplit(address).path) if _by_http(address) else address).name


def expanded(pattern: str) -> list[str]:
    """The names that a pattern with ranges stands for: ``a-{08..10}`` for a-08, a-09 and a-10.

    Raises
    ------
    InputError
        If a range goes backwards, or they are more than `MOST`.
    """
    pieces, ranges, many = _RANGE.split(pattern)[::3], _RANGE.findall(pattern), 1
    for first, last in ranges:
        if int(last) < int(first):
            raise InputError(f"{shown(pattern)}: the range {{{first}..{last}}} goes backwards")
        many *= int(last) - int(first) + 1
    if many > MOST:
        raise InputError(f"{shown(pattern)} stands for {many} files; at most {MOST} are read")
    numbers = ([f"{k:0{len(first)}}" for k in range(int(first), int(last) + 1)] for first, last in ranges)
    return ["".join(part for pair in zip(pieces, (*chosen, ""), strict=True) for part in pair)
            for chosen in product(*numbers)]  # fmt: skip


def has_range(source: Any) -> bool:
    """Whether a source names files by a range of numbers."""
    return isinstance(source, str) and _RANGE.search(source) is not None


def addresses(source: str) -> list[str]:
    """The files behind an address: itself, those of its ranges, or of a pattern or folder where these can be listed.

    Raises
    ------
    InputError
        If there is none, or nobody here knows how to reach it.
    """
    if has_range(source):
        return expanded(source)
    if _by_http(source):  # which lists nothing
        return [source]
    with _explained(source):
        files, path = _file_system(source)
        folder = not glob.has_magic(path) and files.isdir(path)
        found = files.find(path) if folder else files.glob(path)  # of a plain path itself, where it is there
    if not found:
        raise InputError(f"no file is called like {shown(source)}")
    return [str(files.unstrip_protocol(path)) for path in found]


@contextmanager
def fetched(address: str) -> Iterator[Location]:
    """A file, here until the block ends.

    Raises
    ------
    InputError
        If it is not there, or broke off, at the last of `ATTEMPTS`.
    DiskFull
        If it does not fit where temporary files are.
    """
    with TemporaryDirectory(prefix="mislabel-") as folder:
        here = locate(Path(folder) / (name_of(address) or "shard"))
        with telling_full_disk(here.path), _explained(address):
            for left in reversed(range(ATTEMPTS)):
                try:
                    _copy(address, here.path)
                    break
                except Exception as error:  # of any kind: each library has its own
                    if not left or _final(error):
                        raise
                    time.sleep(WAIT)
        yield Fetched(here.path, here.ending, here.compression, None, shown(address))


def _final(error: Exception) -> bool:
    """Whether asking again is of no use: a full disk, a name that nobody knows, or what is not there or not for us."""
    if isinstance(error, InputError | ImportError | ValueError | FileNotFoundError | PermissionError | DiskFull):
        return True
    return 400 <= int(getattr(error, "code", 0) or 0) < 500 or (isinstance(error, OSError) and _full(error))


def _copy(address: str, target: Path) -> None:
    with _opened(address) as (source, size), target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
        got = file.tell()
    if size is not None and got != size:
        raise OSError(f"it broke off after {got} of {size} bytes")


@contextmanager
def _opened(address: str) -> Iterator[tuple[IO[bytes], int | None]]:
    """The content, and how many bytes it is where that is known."""
    if _by_http(address):
        import urllib.error  # with all that HTTP needs: only here, since every command imports this file
        import urllib.request

        try:
            answer = urllib.request.urlopen(address, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            error.close()
            raise
        with answer:
            yield answer, int(answer.headers["Content-Length"]) if "Content-Length" in answer.headers else None
        return
    files, path = _file_system(address)
    with files.open(path, "rb") as source:
        yield source, files.size(path)


def _file_system(address: str) -> tuple[Any, str]:
    """What reaches an address, by fsspec, and the path there."""
    try:
        library = importlib.import_module("fsspec.core")
    except ImportError as error:
        raise InputError(f'{shown(address)}: addresses need fsspec: pip install "mislabel[remote]"') from error
    return library.url_to_fs(address)


@contextmanager
def _explained(address: str) -> Iterator[None]:
    """One sentence for whatever a server or a library says: they raise errors of many kinds."""
    try:
        yield
    except (InputError, DiskFull):
        raise
    except Exception as error:
        if isinstance(error, OSError) and _full(error):
            raise
        said = without_secrets(str(error)) or type(error).__name__
        raise InputError(f"{shown(address)} could not be read: {said}") from error


def _full(error: OSError) -> bool:
    try:
        with telling_full_disk(Path()):
            raise error
    except DiskFull:
        return True
    except OSError:
        return False


def _by_http(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))
