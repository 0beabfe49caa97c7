"""Images as inputs: all are opened and decoded once when they are checked, and one at a time later."""

import hashlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import numpy as np

from mislabel.data.inputs import RawInputs
from mislabel.data.plan import OnBad
from mislabel.errors import InputError, RunError, in_range, one_of, some_ids
from mislabel.modalities.image.decode import Unreadable, decode, pillow
from mislabel.modalities.image.files import NO_FILE
from mislabel.modalities.image.sources import bytes_of, inspect, inspect_all, read_cells
from mislabel.tables.characters import utf8_safe

if TYPE_CHECKING:
    from PIL.Image import Image

GREY = (128, 128, 128)
GREY_SIDE = 32
SMALL = 64  # up to this side a thumbnail is the image itself
SHOWN = 5


class Images(RawInputs):
    """n images, opened when they are asked for; immutable.

    Parameters
    ----------
    sources : list of str, Path, bytes or uint8 array (h, w) or (h, w, 3)
        Where each image is: an absolute path, an encoded image, or pixels.
    names : list of str
        What a row is called in messages: the path as the user wrote it, or "".
    reasons : dict of int to str
        Why the image at a position cannot be read; it is called bad.
    digests : list of bytes
        SHA-256 of each content, where it is known already.

    Attributes
    ----------
    bad : (n,) bool
        The positions in `reasons`.
    """

    modality: ClassVar[str] = "image"
    repeated: ClassVar[str] = "Images"

    def __init__(
        self,
        sources: Sequence[str | Path | bytes | np.ndarray],
        names: Sequence[str],
        *,
        reasons: Mapping[int, str] | None = None,
        digests: Sequence[bytes] | None = None,
    ):
        self.sources: list[str | Path | bytes | np.ndarray] = list(sources)
        self.names: list[str] = list(names)
        self.reasons: dict[int, str] = dict(reasons or {})
        self.bad: np.ndarray = np.zeros(len(self.sources), dtype=bool)
        self.bad[list(self.reasons)] = True
        self._digests = None if digests is None else list(digests)

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, index: np.ndarray) -> "Images":
        """The images at these positions (m,), in this order; the sources are shared."""
        positions = [int(position) for position in index]
        return Images(
            [self.sources[position] for position in positions],
            [self.names[position] for position in positions],
            reasons={new: self.reasons[old] for new, old in enumerate(positions) if old in self.reasons},
            digests=None if self._digests is None else [self._digests[position] for position in positions],
        )

    def open(self, position: int) -> "Image":
        """One image in RGB, see `to_rgb`; grey where it is bad.

        Raises
        ------
        RunError
            If the file has gone or changed since it was checked.
        """
        library = pillow()
        if self.bad[position]:
            return library.new("RGB", (GREY_SIDE, GREY_SIDE), GREY)
        source = self.sources[position]
        if isinstance(source, np.ndarray):
            return library.fromarray(source).convert("RGB")
        try:
            return decode(bytes_of(source))
        except Unreadable as error:
            called = self.names[position] or f"number {position}, counted from 0,"
            raise RunError(
                f"image {called} could be read when the run began, but not now: {error}. Put it back as it was, and "
                "go on with the run"
            ) from error

    def contents(self) -> Iterator[bytes]:
        """The SHA-256 digest (32 bytes) of each content: of the encoded image, or of shape and pixels of an array.

        Where there is no content to be had, it is that of the reason.
        """
        if self._digests is not None:
            yield from self._digests
            return
        for position, source in enumerate(self.sources):
            yield inspect(source, self.reasons.get(position))[0]

    def content_sizes(self) -> np.ndarray:
        return np.full(len(self), hashlib.sha256().digest_size)  # no image is read for that

    def caption(self, position: int) -> str:
        """The name of a row in one line, or the size of the image."""
        if self.names[position]:
            # A file name may hold newlines, or codes that change what a terminal shows.
            return "".join(letter if letter.isprintable() else "\ufffd" for letter in self.names[position])
        if self.bad[position]:
            return "image that cannot be read"
        return "{}x{} image".format(*self.open(position).size)

    def kept(self, positions: range) -> Iterator[bytes | None]:
        """Thumbnails; None for a bad image."""
        with ThreadPoolExecutor() as workers:
            yield from workers.map(lambda position: None if self.bad[position] else self.thumbnail(position), positions)

    def files(self) -> Iterator[tuple[str, bytes] | None]:
        """Of images that were read from files; none of those that are bad, or have names that UTF-8 cannot hold."""
        for position, digest in enumerate(self.contents()):
            name = self.names[position]
            is_file = isinstance(self.sources[position], str | Path) and not self.bad[position]
            yield (name, digest) if is_file and name and utf8_safe(name) == name else None

    def thumbnail(self, position: int, side: int = 128) -> bytes:
        """A small image as it is, as PNG; a JPEG that fits into `side` x `side` of one larger than 64 x 64."""
        image = self.open(position)
        written = io.BytesIO()
        if max(image.size) <= SMALL:
            image.save(written, "PNG")
        else:
            image.thumbnail((side, side))
            image.save(written, "JPEG", quality=85)
        return written.getvalue()


def check_images(
    values: Any,
    ids: Any,
    name: str,
    *,
    root: Path | None = None,
    on_bad: OnBad = "error",
    threads: int | None = None,
) -> tuple[Images, np.ndarray, list[str]]:
    """The images, which of them are bad, and what was done to them. Each is read and decoded once, here.

    Parameters
    ----------
    values : sequence, or array (n, h, w), (n, h, w, 1) or (n, h, w, 3)
        n paths, encoded images (bytes), dicts with "bytes" or "path", Pillow images, or arrays (h, w), (h, w, 1) or
        (h, w, 3) of uint8, whole numbers in 0..255 or floats in 0..1. A file is known by its content, not its ending.
    ids : sequence
        n ids, for the messages.
    name : str
        What the images are called, for the messages.
    root : Path, optional
        Where relative paths start, and which they must not leave by ".."; the working directory, without that rule.
    on_bad : "error" or "quarantine"
        Whether images that cannot be read are an error, or are kept and marked as bad.
    threads : int, optional
        How many images are decoded at the same time; 8 or the number of cores, whichever is less.

    Returns
    -------
    images : Images
        n of them; `images.reasons` says why those are bad that are.
    bad : (n,) bool
    notes : list of str

    Raises
    ------
    InputError
        If a cell is no image at all, if Pillow is missing, if an image cannot be read, or with "quarantine", if none
        can.
    """
    one_of("on_bad", on_bad, get_args(OnBad))
    threads = min(8, os.cpu_count() or 1) if threads is None else threads
    in_range("threads", threads, 1, 1024)
    cells = read_cells(values, ids, name, root)
    seen = inspect_all(cells.sources, cells.reasons, threads)
    reasons = {position: reason for position, (_, reason) in enumerate(seen) if reason}
    images = Images(cells.sources, cells.names, reasons=reasons, digests=[digest for digest, _ in seen])
    if not reasons:
        return images, images.bad.copy(), []
    n, lines = len(images), _lines(images, ids)
    if on_bad == "error" or len(reasons) == n:
        listed = "".join(f"\n  {line}" for line in lines)
        fix = "Repair these files, or keep the rows out of training and have them listed with --on-bad quarantine"
        if len(reasons) == n:
            fix = "At least one image that can be read is needed"
        if any(reason == NO_FILE and not os.path.isabs(images.names[position]) for position, reason in reasons.items()):
            fix += f". Relative paths were taken from {root or Path.cwd()}"
        raise InputError(f"{name}: {len(reasons)} of {n} images cannot be read:{listed}\n{fix}")
    rows = some_ids(ids[position] for position in sorted(reasons))
    note = f"Images that cannot be read, kept but neither trained on nor judged: {len(reasons)} of {n}; rows {rows}."
    return images, images.bad.copy(), [f"{note} Reasons: {'; '.join(lines)}."]


def _lines(images: Images, ids: Any) -> list[str]:
    """At most five of "id: name: reason", and how many more there are."""
    lines = []
    for position in sorted(images.reasons)[:SHOWN]:
        named = images.names[position] not in ("", ids[position])  # in a folder of class folders the path is the id
        called = images.caption(position) + ": " if named else ""
        lines.append(f"{some_ids([ids[position]])}: {called}{images.reasons[position]}")
    more = len(images.reasons) - SHOWN
    return lines + ([f"(and {more} more)"] if more > 0 else [])
