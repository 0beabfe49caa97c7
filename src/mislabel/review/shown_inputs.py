"""The inputs of a run, one at a time and in any order, and a search through all of its texts.

inputs.parquet is packed in groups of some thousand rows, each of which has to be unpacked whole. So texts are unpacked
once into a file beside it that goes with the process. Pictures stay as they are.
"""

import contextlib
import os
import threading
import time
from bisect import bisect_right
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.integrity import open_checked, telling_damage
from mislabel.run.folder import RunFolder
from mislabel.run.opening import open_parquet
from mislabel.tables.arrow import compute

GROUPS_KEPT = 8  # groups of rows kept unpacked in memory
SEARCHERS = 2
HOUR = 3600


class Contents:
    """n inputs, by their position in the data.

    Parameters
    ----------
    folder : RunFolder
    texts : bool
        Whether they are texts, or features in words; else encoded images.

    Raises
    ------
    RunError
        If inputs.parquet cannot be read.
    """

    def __init__(self, folder: RunFolder, *, texts: bool):
        self.folder: RunFolder = folder
        self.lock: threading.Lock = threading.Lock()
        self.groups: OrderedDict[int, pa.Array] = OrderedDict()
        # Both read, not mapped: a map would fill memory with all that was ever looked at.
        self.unpacked: pa.RecordBatchFileReader | None = None
        self.lowered: pa.RecordBatchFileReader | None = None
        self.ready: threading.Event = threading.Event()
        self.closing: threading.Event = threading.Event()
        self.there: bool = folder.inputs.is_file()
        with telling_damage(folder.inputs):
            self.file: Any | None = pq.ParquetFile(open_checked(folder.inputs)) if self.there else None
        about = self.file.metadata if self.file is not None else None
        sizes = [about.row_group(k).num_rows for k in range(about.num_row_groups)] if about is not None else []
        self.starts: list[int] = [0, *accumulate(sizes)]
        if self.there and texts:
            threading.Thread(target=self._unpack, daemon=True).start()
        else:
            self.ready.set()

    def close(self) -> None:
        """Stop unpacking, and wait until that has stopped: Python may not end while another thread is inside Arrow."""
        self.closing.set()
        self.ready.wait()

    def __len__(self) -> int:
        return self.starts[-1]

    def read(self, position: int) -> str | bytes | None:
        """The input at a position: text, or an encoded image; None where the run keeps none."""
        if not 0 <= position < len(self):
            return None
        number = bisect_right(self.starts, position) - 1
        return self._group(number)[position - self.starts[number]].as_py()

    def containing(self, words: str) -> np.ndarray:
        """Which texts contain `words`, in capitals or not, (n,) bool; waits for the texts to be unpacked."""
        self.ready.wait()
        wanted = _lower(pa.array([words]))[0].as_py()

        def look(number: int) -> np.ndarray:
            texts = self._lowered(number)
            return compute.match_substring(texts, wanted).fill_null(False).to_numpy(zero_copy_only=False)

        with ThreadPoolExecutor(SEARCHERS) as threads:
            return np.concatenate([np.zeros(0, dtype=bool), *threads.map(look, range(len(self.starts) - 1))])

    def _lowered(self, number: int) -> pa.Array:
        with self.lock:  # a file has one place where it is read
            if self.lowered is not None:
                return self.lowered.get_batch(number).column(0)
            texts = self._packed(number)
        return _lower(texts)

    def _packed(self, number: int) -> pa.Array:
        assert self.file is not None
        return self.file.read_row_group(number, columns=["input"])["input"].combine_chunks()

    def _group(self, number: int) -> pa.Array:
        with self.lock:
            if number not in self.groups:
                if self.unpacked is not None:
                    self.groups[number] = self.unpacked.get_batch(number).column(0)
                else:
                    self.groups[number] = self._packed(number)
                if len(self.groups) > GROUPS_KEPT:
                    self.groups.popitem(last=False)
            self.groups.move_to_end(number)
            return self.groups[number]

    def _unpack(self) -> None:
        path = self.folder.path / f".review-{os.getpid()}.arrow"
        try:
            for left in self.folder.path.glob(".review-*.arrow"):  # by a review that was killed at this very moment
                if time.time() - left.stat().st_mtime > HOUR:
                    left.unlink()
            if self._write(path):
                self.unpacked, self.lowered = (
                    pa.ipc.open_file(pa.OSFile(str(path)), options=pa.ipc.IpcReadOptions(included_fields=[column]))
                    for column in range(2)
                )
        except (OSError, pa.ArrowException):
            pass  # a full or read-only disk: rows and searches read the packed file, and take longer
        finally:
            with contextlib.suppress(OSError):  # what is open stays; some systems delete no open file
                path.unlink(missing_ok=True)
            self.ready.set()

    def _write(self, path: Path) -> bool:
        """Unpack all texts; whether that was done before somebody closed this."""
        schema = pa.schema([("input", pa.large_string()), ("lower", pa.large_string())])
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))  # never through a link
        with (
            open_parquet(self.folder.inputs) as file,
            pa.OSFile(str(path), "wb") as sink,
            pa.ipc.new_file(sink, schema) as writer,
        ):
            for number in range(file.num_row_groups):
                if self.closing.is_set():
                    return False
                texts = file.read_row_group(number, columns=["input"])["input"].combine_chunks()
                texts = texts.cast(pa.large_string())
                writer.write_batch(pa.record_batch([texts, _lower(texts)], schema=schema))
        return True


def _lower(texts: pa.Array) -> pa.Array:
    return compute.utf8_lower(texts)
