"""Arrow tables that are written batch by batch into a file and mapped: of the rows only those in use take memory."""

from __future__ import annotations

import json
import mmap
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import Any, Protocol

import pyarrow as pa

from mislabel.disk import telling_full_disk
from mislabel.files import atomic_path, private_folder, remove_folder, write_json
from mislabel.tables.arrow import frame_of
from mislabel.tables.arrow_files import ArrowFile
from mislabel.tables.arrow_stored import concat
from mislabel.tables.cell_files import in_files
from mislabel.tables.late import pd
from mislabel.tables.location import locate

_ABOUT, _LOCK = "about.json", ".lock"


class Streamed(Protocol):
    """The files of one table, read one after the other; see `mislabel.tables.streams.StreamedShards`."""

    @property
    def source(self) -> str: ...

    @property
    def names(self) -> list[str]: ...

    @property
    def schema(self) -> pa.Schema: ...

    @property
    def split(self) -> str | None: ...

    @property
    def notes(self) -> list[str]: ...

    def tables(self, number: int, folder: Path | None, columns: Collection[str] | None) -> Iterator[pa.Table]: ...


class Progress(Protocol):
    """What is told how many files there are, and of each that is read."""

    def begin(self, description: str, total: int) -> None: ...

    def advance(self) -> None: ...

    def end(self) -> None: ...


@dataclass
class Spool:
    """A folder in which files that are read once become mapped ones, so that a run that goes on reads none again.

    Attributes
    ----------
    folder : Path
    progress : Progress, optional
    """

    folder: Path
    progress: Progress | None = None

    def frame(
        self, table: Streamed, columns: Collection[str] | None = None, as_files: Sequence[str] = ()
    ) -> pd.DataFrame:
        """All rows, with the columns that are named or all, and `attrs` as `read_table` sets them.

        A file that was read before, by this process or one that was stopped, is not read again. Where several processes
        come at once, one reads.

        Parameters
        ----------
        as_files : sequence of str
            Columns whose cells become files where they hold bytes; see `in_files`.

        Raises
        ------
        InputError
            If a file cannot be read, or is unlike the first.
        DiskFull
            If they do not fit.
        """
        from filelock import FileLock  # which every command would wait for

        private_folder(self.folder)
        with FileLock(self.folder / _LOCK, mode=0o600):
            about = self._begun(table, columns)
            if about["notes"] is None:
                with telling_full_disk(self.folder):
                    self._read(table, columns, as_files)
                about["notes"] = table.notes
                write_json(self.folder / _ABOUT, about)
        files = map(self._file, range(len(table.names)))
        parts = [part for file in files for part in ArrowFile().parts(locate(file), None)]
        frame = frame_of(concat(iter(parts), parts[0].schema))
        frame.attrs |= {"notes": about["notes"]} if about["notes"] else {}
        frame.attrs |= {"split": about["split"]} if about["split"] else {}
        return frame

    def header(self, table: Streamed) -> tuple[list[str], str | None]:
        """The names of all columns, and which says to what part of the data a row belongs; known from before or not."""
        about = self._about(table)
        return (about["names"], about["split"]) if about else (table.schema.names, table.split)

    def _about(self, table: Streamed) -> dict[str, Any]:
        """What was written of these files; empty where the folder holds nothing of them."""
        try:
            about = json.loads((self.folder / _ABOUT).read_text(encoding="utf-8"))
            return about if about["files"] == table.names else {}
        except (OSError, ValueError, LookupError, TypeError):
            return {}

    def _begun(self, table: Streamed, columns: Collection[str] | None) -> dict[str, Any]:
        """What is known of these columns of these files; whatever else is there is cleared away."""
        about, wanted = self._about(table), None if columns is None else sorted(columns)
        if about and about["columns"] == wanted:
            return about
        for item in self.folder.iterdir():
            if item.name != _LOCK:
                remove_folder(item)
        about = {"files": table.names, "columns": wanted, "names": table.schema.names, "split": table.split}
        write_json(self.folder / _ABOUT, about | {"notes": None})
        return about | {"notes": None}

    def _read(self, table: Streamed, columns: Collection[str] | None, as_files: Sequence[str]) -> None:
        self._told("begin", "read", len(table.names))
        try:
            for number in range(len(table.names)):
                if not self._file(number).is_file():
                    self._read_one(table, number, columns, as_files)
                self._told("advance")
        finally:
            self._told("end")

    def _read_one(self, table: Streamed, number: int, columns: Collection[str] | None, as_files: Sequence[str]) -> None:
        images, rows = self.folder / f"{number:06}", count()
        remove_folder(images)
        parts = (in_files(part, as_files, images, rows) for part in table.tables(number, images, columns))
        first = next(parts, None)
        if first is None:  # a file without rows
            first = table.schema.empty_table()
            first = first if columns is None else first.select([each for each in first.column_names if each in columns])
            first = in_files(first, as_files, images, rows)
        with atomic_path(self._file(number)) as temporary, pa.ipc.new_stream(str(temporary), first.schema) as writer:
            for part in chain([first], parts):
                writer.write_table(part)

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06}.arrow"

    def _told(self, what: str, *values: Any) -> None:
        if self.progress is not None:
            getattr(self.progress, what)(*values)


def mapped(batches: Iterable[pa.RecordBatch], schema: pa.Schema, folder: Path | None = None) -> pa.Table:
    """The batches as one table in a file without a name, which goes with the process however it ends.

    Parameters
    ----------
    folder : Path, optional
        Where the file is; by default where temporary files are.

    Raises
    ------
    DiskFull
        If they do not fit.
    """
    with telling_full_disk(folder or Path(gettempdir())), TemporaryFile(dir=folder) as file:
        with pa.ipc.new_file(file, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        file.flush()
        content = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return pa.ipc.open_file(pa.BufferReader(content)).read_all()
