"""One image from bytes: recognised by its content, turned upright, in RGB; or the reason why it cannot be used."""

import contextlib
import functools
import io
import threading
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mislabel.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_PIXELS = 2**26  # 8192 x 8192
TOO_LARGE = f"larger than {LARGEST_PIXELS:,} pixels"
NO_AREA = "its width or height is zero"
# Pillow knows many more formats, some of which start other programs (EPS) or are rarely tested.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
# How files of these formats start, and where their width and height (4 or 2 bytes each) follow.
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "PNG", slice(16, 20), slice(20, 24)),
    (b"GIF8", "GIF", slice(6, 8), slice(8, 10)),
    (b"BM", "BMP", slice(18, 22), slice(22, 26)),
    (b"\xff\xd8\xff", "JPEG", None, None),
    (b"II*\0", "TIFF", None, None),
    (b"MM\0*", "TIFF", None, None),
    (b"RIFF", "WebP (RIFF)", None, None),
)
_EXIF_ORIENTATION = 0x0112
# What turns an image of orientation 2..8 upright, by its name in `PIL.Image.Transpose`.
_TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE",
    8: "ROTATE_90",
}  # fmt: skip


class Unreadable(Exception):
    """Why an image cannot be used, in a few words. It never leaves this package: it becomes the reason of a row."""


def pillow() -> Any:
    """The module ``PIL.Image`` with all its formats loaded.

    Raises
    ------
    InputError
        If Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise InputError('images need the Pillow library: pip install "mislabel[image]"') from error
    Image.init()
    return Image


def decode(data: bytes) -> "Image":
    """The first frame of an encoded image as RGB, see `to_rgb`.

    Raises
    ------
    Unreadable
        If `data` is no image, is broken, or has more than `LARGEST_PIXELS` (looked up before anything is decoded).
    """
    library = pillow()
    with explained():
        try:
            image = library.open(io.BytesIO(data), formats=_formats())
        except library.UnidentifiedImageError:
            raise Unreadable(_what_it_is(data)) from None
        with image:
            check_size(*image.size)
            return to_rgb(image)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Every error of Pillow in here becomes an `Unreadable`, and its warnings are not shown."""
    try:
        with quiet():
            yield
    except Unreadable:
        raise
    except pillow().DecompressionBombError:
        raise Unreadable(TOO_LARGE) from None
    except Exception as error:  # broken files make the decoders raise nearly anything
        words = str(error).split("\n")[0].strip()[:80]
        raise Unreadable(f"truncated or corrupt ({words or type(error).__name__})") from error


def check_size(width: int, height: int) -> None:
    """Raise `Unreadable` unless there are 1 to `LARGEST_PIXELS` pixels."""
    if width * height == 0:
        raise Unreadable(NO_AREA)
    if width * height > LARGEST_PIXELS:
        raise Unreadable(f"{TOO_LARGE} ({width} x {height})")


def to_rgb(image: "Image") -> "Image":
    """An opened image in RGB, upright by its EXIF orientation, without metadata.

    What is transparent shows white. Grey of 16 bits (and whole numbers of 32 bits, which hold such grey in some
    formats) is divided by 257, so that 65535 becomes 255; floats are rounded and clipped to 0..255, NaN is 0. CMYK is
    converted without a colour profile, and profiles of other images are not applied either.
    """
    library = pillow()
    image.load()
    turn = _TURNS.get(_orientation(image))
    if image.mode.startswith("I") or image.mode == "F":
        image = library.fromarray(_eight_bits(np.asarray(image)))
    elif image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = library.alpha_composite(library.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    if turn:
        image = image.transpose(library.Transpose[turn])
    image.info = {}  # else a copy saved later would tell where the photo was taken, or be turned again
    return image


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No warnings while any thread is in here: Pillow warns of odd metadata and of sizes that are checked anyway.

    `warnings.catch_warnings` by itself would leave its filters behind where threads enter and leave it crosswise.
    """
    with _QUIET.lock:
        if not _QUIET.inside:
            _QUIET.filters = warnings.catch_warnings()
            _QUIET.filters.__enter__()
            warnings.simplefilter("ignore")
        _QUIET.inside += 1
    try:
        yield
    finally:
        with _QUIET.lock:
            _QUIET.inside -= 1
            if not _QUIET.inside:
                _QUIET.filters.__exit__(None, None, None)


class _Quiet:
    """How many threads are in `quiet`, and the filters from before the first of them."""

    def __init__(self) -> None:
        self.lock, self.inside, self.filters = threading.Lock(), 0, warnings.catch_warnings()


_QUIET = _Quiet()


@functools.cache
def _formats() -> tuple[str, ...]:
    """The formats that this build of Pillow has."""
    return tuple(name for name in FORMATS if name in pillow().OPEN)


def _orientation(image: "Image") -> int:
    try:
        return image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # broken metadata are no reason to do without the pixels
        return 1


def _eight_bits(grey: np.ndarray) -> np.ndarray:
    """Grey (h, w) of more than 8 bits as uint8; see `to_rgb`."""
    if grey.dtype.kind == "f":
        return np.rint(np.nan_to_num(grey, nan=0, posinf=255, neginf=0).clip(0, 255)).astype(np.uint8)
    return ((grey.clip(0, 65535).astype(np.uint32) + 128) // 257).astype(np.uint8)


def _what_it_is(data: bytes) -> str:
    """What bytes are that no decoder takes."""
    start = data[:1000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        return "not an image: it is " + ("SVG; save it as PNG" if b"<svg" in start.lower() else "HTML")
    for beginning, name, width, height in _STARTS:
        if data.startswith(beginning):
            if width and height and 0 in (sum(data[width]), sum(data[height])) and len(data) >= height.stop:
                return NO_AREA
            return f"truncated or corrupt (it starts like {name})"
    return f"not an image of a kind that is read ({', '.join(FORMATS)})"
