"""The originals of a run's pictures, from below the folder that the person named who started the review."""

import threading
from pathlib import Path

import numpy as np

from mislabel.errors import InputError
from mislabel.modalities.image.decode import Unreadable
from mislabel.modalities.image.originals import read_original
from mislabel.run.folder import RunFolder
from mislabel.run.kept_inputs import keeps_files, read_inputs

NOT_ASKED = "A small copy. To see the original: mislabel review … --images FOLDER, the folder that the images lie in."
NOT_KEPT = "A small copy: this run does not say which file it was made from."


class Originals:
    """Files below one folder, each shown only where it is the very file that the run read.

    Parameters
    ----------
    folder : RunFolder
    root : Path, optional
        Nothing is shown without it: a run folder alone, which may come from anywhere, leads to no file.
    pictures : bool
        Whether the run's inputs are pictures.

    Raises
    ------
    InputError
        If `root` is no folder, or inputs are no pictures.
    RunError
        If inputs.parquet is damaged.
    """

    def __init__(self, folder: RunFolder, root: Path | None, *, pictures: bool):
        if root is not None and not pictures:
            raise InputError("--images is for runs on images, and this is none: leave it out")
        if root is not None and not root.is_dir():
            raise InputError(f"--images is {root}, which is no folder: name the one that the images lie in")
        self.inputs: Path = folder.inputs
        self.root: Path | None = root
        self.lock: threading.Lock = threading.Lock()
        self.known: bool = root is not None and folder.inputs.is_file() and keeps_files(folder.inputs)

    def lacking(self, position: int) -> str | None:
        """Why there is none of the row at this position of the data, as far as the run knows; None where there is."""
        if self.root is None:
            return NOT_ASKED
        return NOT_KEPT if self._kept(position) is None else None

    def read(self, position: int) -> bytes:
        """The original of a row, as PNG or JPEG.

        Raises
        ------
        InputError
            If there is none, or it must not be shown, with the reason.
        """
        kept = self._kept(position)
        if self.root is None or kept is None:
            raise InputError(self.lacking(position) or NOT_KEPT)
        file, sha256 = kept
        try:
            with self.lock:  # one at a time: a large image takes hundreds of megabytes
                return read_original(self.root, file, sha256)
        except Unreadable as error:
            raise InputError(f"The original cannot be shown: {file} below {self.root}: {error}.") from error

    def _kept(self, position: int) -> tuple[str, bytes] | None:
        if not self.known:
            return None
        place = np.array([position])
        (file,), (sha256,) = (read_inputs(self.inputs, place, column) for column in ("file", "sha256"))
        return (file, sha256) if isinstance(file, str) and isinstance(sha256, bytes) else None
