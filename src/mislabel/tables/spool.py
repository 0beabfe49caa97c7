"""Arrow tables that are written batch by batch into a file and mapped: of the rows only those in use take memory."""

import mmap
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile, gettempdir

import pyarrow as pa

from mislabel.disk import telling_full_disk


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
