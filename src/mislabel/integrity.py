"""Files that a run reads back: a changed byte is an error that names the file, and never another result.

`digests.json` stands in the folder and tells of each file its size and a digest of every block of 1 MiB. A file that is
needed whole is checked whole; one that may be larger than memory is checked block by block, each when it is first read.
They find damage, not deceit: whoever can change a file can change its digest, too.
"""

import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from mislabel.errors import InputError, RunError
from mislabel.files import write_json

T = TypeVar("T")
NAME = "digests.json"
SCHEMA = 1
BLOCK = 1 << 20  # bytes
SIZE = 16  # bytes of a BLAKE2b digest
REMEDY = "take it from a copy of the run, or make the run again"
DEPTH = 4  # folders between a file and the digests that tell of it: RUN/model/branch-1/adapter


@contextmanager
def telling_damage(path: Path, *, remedy: str = REMEDY) -> Iterator[None]:
    """Whatever goes wrong in the block, while a file or folder of a run is read, becomes a `RunError` that names it.

    Raises
    ------
    RunError
        Also where the libraries that read such a file raise something of their own, as each does for other damage.
    """
    try:
        yield
    except (InputError, RunError, MemoryError):  # say themselves what is wrong
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise RunError(f"{path} cannot be read ({reason[0]}); {remedy}") from error


@dataclass(frozen=True)
class FileDigest:
    """What a file was when it was written.

    Attributes
    ----------
    size : int
        In bytes.
    blocks : tuple of str
        BLAKE2b of each block of 1 MiB, in hex; the last block may be shorter.
    """

    size: int
    blocks: tuple[str, ...]


def digest(data: Any) -> str:
    """BLAKE2b with 128 bits of some bytes, or of whatever has a buffer, in hex."""
    return hashlib.blake2b(data, digest_size=SIZE).hexdigest()


def file_digest(path: Path) -> FileDigest:
    """Read a file and give its digests."""
    blocks = []
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            blocks.append(digest(block))
        return FileDigest(file.tell(), tuple(blocks))


def bytes_digest(data: bytes) -> FileDigest:
    """The digests of a file that is about to be written."""
    parts = (data[begin : begin + BLOCK] for begin in range(0, len(data), BLOCK))
    return FileDigest(len(data), tuple(map(digest, parts)))


def add_digests(folder: Path, *paths: Path, also: dict[Path, bytes] | None = None) -> None:
    """Take files into the digests of a folder: as they lie there, or as they are about to be written (`also`).

    Files that the folder no longer has are forgotten.
    """
    known = read_digests(folder) or {}
    files = {name: entry for name, entry in known.items() if (folder / name).is_file()}
    files |= {path.relative_to(folder).as_posix(): file_digest(path) for path in paths}
    files |= {path.relative_to(folder).as_posix(): bytes_digest(data) for path, data in (also or {}).items()}
    content = {name: {"size": entry.size, "blocks": list(entry.blocks)} for name, entry in sorted(files.items())}
    write_json(folder / NAME, {"schema": SCHEMA, "block": BLOCK, "own": _own(content), "files": content}, indent=None)


def read_digests(folder: Path) -> dict[str, FileDigest] | None:
    """The digests of the files of a folder, by their names in it; None where it has none.

    Raises
    ------
    RunError
        If digests.json is damaged, or a newer version wrote it.
    """
    path = folder / NAME
    try:
        status = path.stat()
    except OSError:
        return None
    return _read(path, status.st_mtime_ns, status.st_size, status.st_ino)


def known_digest(path: Path) -> FileDigest | None:
    """What the folder of a file, or one above it, tells of the file; None where no folder does."""
    for folder in list(path.parents)[:DEPTH]:
        files = read_digests(folder)
        if files is not None:
            return files.get(path.relative_to(folder).as_posix())
    return None


def check_file(path: Path) -> None:
    """Read a file whole and compare it with its digest, where there is one.

    Raises
    ------
    RunError
        If it differs.
    """
    known = known_digest(path)
    if known is not None and file_digest(path) != known:
        raise _damaged(path)


def check_files(folder: Path) -> None:
    """`check_file` for each file that lies in a folder or in one inside it, as for a library that opens them itself."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            check_file(path)


def open_checked(path: Path) -> BinaryIO:
    """A file to be read, whose blocks are compared with their digests when they are first read, where there are any.

    Raises
    ------
    RunError
        When a block is read that is not what was written.
    """
    return cast(BinaryIO, CheckedFile(path, known_digest(path)))


def checked_bytes(path: Path) -> bytes:
    """All of a file; raises as `open_checked`."""
    with open_checked(path) as file:
        return file.read()


def read_object(path: Path, form: type[Any] | None = None) -> dict[str, Any]:
    """The object in a JSON file, with all of its keys.

    Parameters
    ----------
    form : TypedDict, optional
        Whose keys have to be of the types that are declared there.

    Raises
    ------
    RunError
        If it is damaged, or says what it should not; the message tells where.
    """
    with telling_damage(path), _told_by_key():
        content = json.loads(checked_bytes(path).decode("utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no object")
        if form is not None:
            TypeAdapter(form).validate_python(content, strict=True)
    return content


def read_as(path: Path, kind: type[T]) -> T:
    """A JSON file as an object of a type, such as a dataclass; every value is of the type that is declared for it.

    Raises
    ------
    RunError
        If it is damaged, or says what it should not; the message tells where.
    """
    with telling_damage(path), _told_by_key():
        return TypeAdapter(kind).validate_json(checked_bytes(path), strict=True)


@contextmanager
def _told_by_key() -> Iterator[None]:
    """What pydantic finds in the block becomes one line: the first key that is not as declared, and why."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}") from error


class CheckedFile(io.RawIOBase):
    """A file that is read, a block of it compared with its digest, if it has any, when it is first looked into.

    Not safe for threads: each needs one of its own, or a lock. It is closed when nobody holds it any more.

    Raises
    ------
    RunError
        If the size differs, or when a block differs.
    """

    def __init__(self, path: Path, known: FileDigest | None):
        self.path: Path = path
        self.position: int = 0
        self.file: io.FileIO = path.open("rb", buffering=0)
        self.size: int = os.fstat(self.file.fileno()).st_size
        self.unchecked: dict[int, str] = {} if known is None else dict(enumerate(known.blocks))
        if known is not None and known.size != self.size:
            self.close()
            raise _damaged(path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.size}[whence]
        self.position = max(0, start + offset)
        return self.position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        end = min(self.position + len(view), self.size)
        count = max(0, end - self.position)
        for number in range(self.position // BLOCK, -(-end // BLOCK) if count and self.unchecked else 0):
            if number in self.unchecked:
                self._check(number)
        self.file.seek(self.position)
        done = 0
        while done < count and (read := self.file.readinto(view[done:count])):
            done += read
        self.position += done
        return done

    def close(self) -> None:
        if not self.closed and hasattr(self, "file"):
            self.file.close()
        super().close()

    def _check(self, number: int) -> None:
        self.file.seek(number * BLOCK)
        block, wanted = bytearray(), min(BLOCK, self.size - number * BLOCK)
        while len(block) < wanted and (part := self.file.read(wanted - len(block))):
            block += part
        if digest(block) != self.unchecked[number]:
            raise _damaged(self.path)
        del self.unchecked[number]


@lru_cache(maxsize=64)
def _read(path: Path, changed: int, size: int, inode: int) -> dict[str, FileDigest]:
    """Read once for each state of the file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema, files = content["schema"], content["files"]
        if schema == SCHEMA and content["own"] != _own(files):
            raise ValueError("its own digest differs")
        read = {name: FileDigest(entry["size"], tuple(entry["blocks"])) for name, entry in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RunError(f"{path} is damaged ({error}); {REMEDY}") from error
    if schema != SCHEMA:
        raise RunError(f"{path} has schema {schema}, this version reads {SCHEMA}: update mislabel")
    return read


def _own(files: dict[str, Any]) -> str:
    return digest(json.dumps(files, sort_keys=True, ensure_ascii=True).encode())


def _damaged(path: Path) -> RunError:
    return RunError(f"{path} is not what this run wrote: it was damaged or changed since; {REMEDY}")
