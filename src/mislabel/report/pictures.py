"""Small images inside the page: only bytes that are a PNG or JPEG are put there, unchanged."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

SHOWN, LARGEST = 96, 128  # pixels of the page: what small pictures are enlarged to, and what larger ones must fit into
# Far beyond what a run stores. A few bytes may declare a size that no browser has the memory for.
MOST_BYTES, MOST_PIXELS = 1 << 18, 1 << 20
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
SIZES_IN_JPEG = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of a frame, which begins with its size
NO_LENGTH = frozenset([0x01, *range(0xD0, 0xD8)])
SCAN, END = 0xDA, 0xD9


@dataclass(frozen=True)
class Picture:
    """A picture for an `img` element.

    Attributes
    ----------
    uri : str
        A data: URI that holds all of it.
    width, height : int
        At which it is shown.
    enlarged : bool
        Whether each of its pixels is shown as a square of several.
    """

    uri: str
    width: int
    height: int
    enlarged: bool


def picture(content: Any) -> Picture | None:
    """The picture that these bytes are; None for anything but a PNG or JPEG of a plausible size."""
    if not isinstance(content, bytes) or len(content) > MOST_BYTES:
        return None
    kind, size = ("png", _png_size(content)) if content.startswith(PNG) else ("jpeg", _jpeg_size(content))
    if size is None or not 0 < size[0] * size[1] <= MOST_PIXELS:
        return None
    width, height, enlarged = shown_size(*size)
    return Picture(f"data:image/{kind};base64,{b64encode(content).decode('ascii')}", width, height, enlarged)


def shown_size(width: int, height: int) -> tuple[int, int, bool]:
    """Width and height on the page, and whether pixels become squares: where the picture grows by a whole number."""
    longest = max(width, height)
    times = SHOWN // longest
    scale = times if times > 1 else max(SHOWN, min(longest, LARGEST)) / longest
    return max(1, round(width * scale)), max(1, round(height * scale)), times > 1


def _png_size(content: bytes) -> tuple[int, int] | None:
    if content[8:16] != b"\0\0\0\x0dIHDR" or len(content) < 33:
        return None
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height out of the first frame, the segments before it passed over by their lengths."""
    if not content.startswith(JPEG):
        return None
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in SIZES_IN_JPEG:
            return int.from_bytes(content[at + 7 : at + 9], "big"), int.from_bytes(content[at + 5 : at + 7], "big")
        if marker in (SCAN, END):
            return None
        # 0xFF once more is padding
        at += 1 if marker == 0xFF else 2 if marker in NO_LENGTH else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None
