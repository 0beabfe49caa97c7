"""What becomes an image of the page, and at which size: against Pillow, and bytes that only look like images."""

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from mislabel.modalities.image.images import Images
from mislabel.report.pictures import MOST_BYTES, picture, shown_size

PAGE = b"<html><script>alert(1)</script></html>"


def encoded(width: int, height: int, kind: str, mode: str = "RGB", **options) -> bytes:
    pixels = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


def size_in_file(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as image:
        return image.size


@pytest.mark.parametrize("size", [(128, 96), (100, 128), (128, 3), (97, 128), (128, 128)])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("PNG", {"mode": "L"}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"mode": "L", "comment": b"\xff\xc0\x00\x11\x08\x00\x01\x00\x01", "icc_profile": b"\xff\xc2" * 99}),
        ("JPEG", {"exif": b"Exif\0\0" + b"\xff\xc0\x00" * 300}),
    ],
)
def test_the_bytes_and_the_size_of_a_picture(kind, options, size):
    content = encoded(*size, kind, **options)
    shown = picture(content)
    head, data = shown.uri.split(",")
    assert head == f"data:image/{kind.lower()};base64"
    assert b64decode(data, validate=True) == content
    assert (shown.width, shown.height) == size == size_in_file(content)
    assert not shown.enlarged


def test_padding_before_a_marker_is_passed_over():
    content = encoded(120, 110, "JPEG")
    padded = content[:2] + b"\xff\xff" + content[2:]
    assert size_in_file(padded) == (120, 110)
    assert (picture(padded).width, picture(padded).height) == (120, 110)


def test_tables_before_the_frame_are_not_taken_for_it():
    content = encoded(120, 110, "JPEG")
    tables = b"".join(b"\xff" + marker + b"\x00\x0b" + bytes(9) for marker in (b"\xc4", b"\xc8", b"\xcc"))
    shown = picture(content[:2] + tables + content[2:])
    assert (shown.width, shown.height) == (120, 110)


def test_thumbnails_of_a_run_become_pictures():
    sides = [(28, 28), (32, 32), (64, 64), (65, 40), (300, 200), (1000, 3)]
    pixels = [np.full((height, width, 3), 77, dtype=np.uint8) for width, height in sides]
    images = Images(pixels, [""] * len(pixels))
    shown = [picture(images.thumbnail(place)) for place in range(len(pixels))]
    assert [(one.width, one.height) for one in shown] == [(84, 84), (96, 96), (96, 96), (96, 59), (128, 85), (128, 1)]
    assert [one.enlarged for one in shown] == [True, True, False, False, False, False]


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((1, 1), (96, 96, True)),
        ((8, 8), (96, 96, True)),
        ((28, 20), (84, 60, True)),
        ((32, 32), (96, 96, True)),
        ((40, 40), (80, 80, True)),
        ((48, 24), (96, 48, True)),
        ((49, 49), (96, 96, False)),
        ((64, 32), (96, 48, False)),
        ((96, 1), (96, 1, False)),
        ((128, 64), (128, 64, False)),
        ((512, 256), (128, 64, False)),
        ((1000, 1), (128, 1, False)),
    ],
)
def test_small_pictures_grow_and_large_ones_shrink(size, shown):
    assert shown_size(*size) == shown


@pytest.mark.parametrize(
    "content",
    [
        None,
        float("nan"),
        "text",
        "\x89PNG\r\n\x1a\n",
        b"",
        PAGE,
        b"GIF89a\x01\x00\x01\x00" + bytes(30),
        b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(30),
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n" + PAGE * 3,
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + bytes(40),  # no width, no height
        b"\x89PNG\r\n\x1a\n<script>" + b"\0\0\0\x10" * 2 + PAGE,  # where a size should be, there is one
        b"\x89PNG\n\n\x1a\n\0\0\0\x0dIHDR" + b"\0\0\0\x10" * 2 + bytes(40),  # line ends that were changed
        b"\xff\xd8\xff",
        b"\xff\xd8\xff" + PAGE * 3,
        b"\xff\xd8\xff\xe0\x00\x00" + PAGE * 3,  # a segment that says it is shorter than its own length
        b"\xff\xd8\xff\xe0\xff\xff" + PAGE * 3,  # and one that ends beyond the file
        b"\xff\xd8\xff\xda" + bytes(40),
        b"\xff\xd8" + b"\xff" * 1000,
    ],
)
def test_anything_else_is_no_picture(content):
    assert picture(content) is None


def test_a_picture_no_browser_could_hold_is_none():
    honest = encoded(20, 10, "PNG")
    assert picture(honest) is not None
    huge = honest[:16] + (100_000).to_bytes(4, "big") * 2 + honest[24:]
    assert picture(huge) is None
    assert picture(honest + bytes(MOST_BYTES)) is None
