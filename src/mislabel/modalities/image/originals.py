"""The original of a picture, the very one that a run read, encoded anew.

It comes from below one folder that a person named, or from the cells of one Parquet file.
"""

import hashlib
import io
import os
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.errors import InputError
from mislabel.modalities.image.decode import Unreadable, decode, explained
from mislabel.modalities.image.files import LARGEST_BYTES, NO_FILE, locate

MOST_PIXELS = 2**24  # that are sent: 4096 x 4096
LOSSLESS_PIXELS = 2**20  # up to which nothing is lost, unless the file itself is a JPEG
AT_ONCE = 16  # cells of a column that are read to get at one of them
_JPEG = b"\xff\xd8\xff"


def read_original(root: Path, file: str, sha256: bytes) -> bytes:
    """An image file below a folder, upright and in RGB, as a PNG or JPEG that holds pixels alone.

    Parameters
    ----------
    root : Path
        The folder. Links below it are followed as long as they stay below it.
    file : str
        Where the image lies: from there, or absolute.
    sha256 : bytes
        32 bytes, of the file that is meant.

    Raises
    ------
    Unreadable
        If it is not below the folder, is no plain file, holds other bytes than those, or cannot be decoded; see
        `decode`. An image of more than `MOST_PIXELS` is made smaller.
    """
    inside = os.path.realpath(root)
    real = os.path.realpath(locate(file, Path(inside)))
    if not Path(real).is_relative_to(inside):
        raise Unreadable("lies outside the folder that --images names")
    data = _read(inside, Path(real).relative_to(inside).parts)
    if hashlib.sha256(data).digest() != sha256:
        raise Unreadable("is not the file that the run read: it was changed or replaced since")
    return _encoded(data)


class StoredImages:
    """A column of encoded images, or of structs that hold their bytes, in a Parquet file.

    Parameters
    ----------
    path : Path
    column : str
    rows : int
        That the file should have: those of the run.

    Raises
    ------
    InputError
        If it is no such file.
    """

    def __init__(self, path: Path, column: str, rows: int):
        self.path: Path = path
        self.column: str = column
        try:
            with pq.ParquetFile(path) as file:
                names, found = file.schema_arrow.names, file.metadata.num_rows
        except (OSError, pa.ArrowException) as error:
            raise InputError(
                f"--images is {path}, which is neither a folder nor a Parquet file that can be read: name the folder "
                "that the images lie in, or the file that the run read them from"
            ) from error
        if column not in names:
            raise InputError(f"--images is {path}, which has no column {column!r}: name the file that the run read")
        if found != rows:
            raise InputError(
                f"--images is {path}, which has {found} rows, and the run {rows}: name the very file that the run "
                "read, of which it left out no row"
            )

    def read(self, row: int, sha256: bytes) -> bytes:
        """The image in a row, as `read_original` gives one; raises as that does."""
        try:
            data = self._cell(row)
        except (OSError, pa.ArrowException) as error:
            raise Unreadable("the file cannot be read") from error
        if not isinstance(data, bytes) or hashlib.sha256(data).digest() != sha256:
            raise Unreadable("is not the image that the run read: the file was changed or replaced since")
        return _encoded(data)

    def _cell(self, row: int) -> bytes | None:
        with pq.ParquetFile(self.path) as file:
            begin = 0
            for group in range(file.num_row_groups):
                end = begin + file.metadata.row_group(group).num_rows
                if row < end:
                    return self._of_group(file, group, row - begin)
                begin = end
        return None

    def _of_group(self, file: pq.ParquetFile, group: int, row: int) -> bytes | None:
        """A group may hold gigabytes, and is read a few cells at a time."""
        for part in file.iter_batches(AT_ONCE, row_groups=[group], columns=[self.column]):
            if row < len(part):
                cell = part.column(0)[row].as_py()
                return cell.get("bytes") if isinstance(cell, dict) else cell
            row -= len(part)
        return None


def _read(root: str, parts: tuple[str, ...]) -> bytes:
    """A plain file, found folder by folder from the root on, none of them a link by now."""
    try:
        descriptor = _open(root, parts)
        with os.fdopen(descriptor, "rb") as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("not a regular file")
            if status.st_size > LARGEST_BYTES:
                raise Unreadable(f"larger than {LARGEST_BYTES >> 20} MiB")
            return opened.read(LARGEST_BYTES)
    except FileNotFoundError as error:
        raise Unreadable(NO_FILE) from error
    except (OSError, ValueError) as error:
        raise Unreadable(getattr(error, "strerror", None) or "cannot be read") from error


def _open(root: str, parts: tuple[str, ...]) -> int:
    """A descriptor of the file; whoever puts a link or a pipe into its place meanwhile gets nothing read."""
    if not parts:
        raise Unreadable("is a folder")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    if os.open not in os.supports_dir_fd:  # Windows: the path as it was resolved
        return os.open(os.path.join(root, *parts), flags | getattr(os, "O_BINARY", 0))
    folders = flags | getattr(os, "O_DIRECTORY", 0)
    folder = os.open(root, folders)
    try:
        for part in parts[:-1]:
            below = os.open(part, folders, dir_fd=folder)
            os.close(folder)
            folder = below
        if not stat.S_ISREG(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
            raise Unreadable("not a regular file")  # to open a device may do something
        return os.open(parts[-1], flags, dir_fd=folder)
    finally:
        os.close(folder)


def _encoded(data: bytes) -> bytes:
    image = decode(data)
    pixels, written = image.width * image.height, io.BytesIO()
    if pixels > MOST_PIXELS:
        share = (MOST_PIXELS / pixels) ** 0.5
        image = image.resize((max(1, int(image.width * share)), max(1, int(image.height * share))))
    with explained():
        if data.startswith(_JPEG) or pixels > LOSSLESS_PIXELS:
            image.save(written, "JPEG", quality=92, subsampling=0)
        else:
            image.save(written, "PNG", compress_level=1)
    return written.getvalue()
