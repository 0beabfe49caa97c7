"""Compressed files, read and written in little memory: .gz, .bz2, .xz, .zst, and .zip with one file in it."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from mislabel.errors import InputError

READ = (".gz", ".bz2", ".xz", ".zst", ".zip")
WRITTEN = (".gz", ".bz2", ".xz", ".zst")

_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, NotImplementedError)


def open_compressed(path: Path, compression: str) -> IO[bytes]:
    """The content of a compressed file, as a stream.

    Parameters
    ----------
    compression : str
        One of `READ`.

    Raises
    ------
    InputError
        Here or while it is read: if the file is damaged or cut off, or is a .zip file of several files.
    """
    return io.BufferedReader(_Unpacked(path, compression), 1 << 16)


def open_for_writing(path: Path, compression: str) -> IO[bytes]:
    """A new file, compressed as `WRITTEN` says or plain (""); the same content gives the same bytes."""
    if compression == ".gz":
        return io.BufferedWriter(_Gzip(path))
    if compression == ".bz2":
        return io.BufferedWriter(bz2.open(path, "wb"))  # pyright: ignore[reportArgumentType]
    if compression == ".xz":
        return io.BufferedWriter(lzma.open(path, "wb"))  # pyright: ignore[reportArgumentType]
    if compression == ".zst":
        return io.BufferedWriter(_Packed(pa.CompressedOutputStream(str(path), "zstd")))
    return open(path, "wb")


class _Unpacked(io.RawIOBase):
    """What is inside of a compressed file; damage is an InputError wherever it shows."""

    def __init__(self, path: Path, compression: str):
        self.path, self.compression = path, compression
        self.inner = self._guarded(lambda: _opened(path, compression))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._guarded(lambda: self.inner.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "inner"):
            self.inner.close()
        super().close()

    def _guarded(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except (FileNotFoundError, PermissionError):
            raise
        except _DAMAGE as error:
            raise InputError(
                f"{self.path} cannot be unpacked ({error}): it is damaged, cut off, or no {self.compression} file"
            ) from error


class _Packed(io.RawIOBase):
    """A compressed stream of pyarrow, which does not say how much it took."""

    def __init__(self, inner: Any):
        self.inner = inner

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.inner.write(bytes(data))
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self.inner.close()
        super().close()


class _Gzip(gzip.GzipFile):
    """Without the name of the temporary file and the time in its header."""

    def __init__(self, path: Path):
        self.target = open(path, "wb")  # noqa: SIM115 (closed by `close`)
        super().__init__(filename="", mode="wb", fileobj=self.target, mtime=0)

    def close(self) -> None:
        super().close()
        self.target.close()


def _opened(path: Path, compression: str) -> Any:
    if compression == ".gz":
        return gzip.open(path, "rb")
    if compression == ".bz2":
        return bz2.open(path, "rb")
    if compression == ".xz":
        return lzma.open(path, "rb")
    if compression == ".zst":
        return pa.input_stream(str(path), compression="zstd")
    archive = zipfile.ZipFile(path)
    members = [
        item for item in archive.infolist()
        if not item.is_dir() and not item.filename.startswith("__MACOSX/") and Path(item.filename).name[0] != "."
    ]  # fmt: skip
    if len(members) != 1:
        names = ", ".join(item.filename for item in members[:5]) or "nothing"
        archive.close()
        raise InputError(f"{path} holds {len(members)} files ({names}): unpack it, and give one of them")
    return archive.open(members[0])
