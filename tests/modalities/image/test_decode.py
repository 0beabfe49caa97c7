"""One image: every format and mode becomes the RGB that the pixels say, and every broken one says what is wrong."""

import io
import struct
import sys
import threading
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from mislabel.errors import InputError
from mislabel.modalities.image.decode import LARGEST_PIXELS, Unreadable, decode, quiet

COLOURS = np.random.default_rng(0).integers(0, 256, size=(5, 7, 3), dtype=np.uint8)
GREY = COLOURS[:, :, 0]
RED = (255, 0, 0)


def encoded(image, kind="PNG", **options) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def decoded(data) -> np.ndarray:
    image = decode(data)
    assert image.mode == "RGB"
    assert image.info == {}
    return np.asarray(image)


def png(width, height, body=b"") -> bytes:
    """A PNG file of 8-bit grey, written by hand."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", body), (b"IEND", b"")]
    parts = [struct.pack(">I", len(c)) + kind + c + struct.pack(">I", zlib.crc32(kind + c)) for kind, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def repeated(grey) -> np.ndarray:
    return np.repeat(np.asarray(grey, dtype=np.uint8)[..., None], 3, axis=-1)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_colours_of_lossless_formats(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(decoded(encoded(Image.fromarray(COLOURS), kind, **options)), COLOURS)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_grey_of_lossless_formats(kind):
    np.testing.assert_array_equal(decoded(encoded(Image.fromarray(GREY), kind)), repeated(GREY))


def test_jpeg():
    flat = np.full((16, 24, 3), (200, 100, 50), dtype=np.uint8)
    shown = decoded(encoded(Image.fromarray(flat), "JPEG", quality=95))
    assert np.abs(shown.astype(int) - flat).max() <= 2


@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))),
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
)
def test_png_gives_back_what_was_drawn(grey, colours):
    np.testing.assert_array_equal(decoded(encoded(Image.fromarray(grey))), repeated(grey))
    np.testing.assert_array_equal(decoded(encoded(Image.fromarray(colours))), colours)


def test_one_pixel():
    np.testing.assert_array_equal(decoded(encoded(Image.new("RGB", (1, 1), RED))), [[RED]])


class TestModes:
    def test_black_and_white(self):
        bits = GREY > 128
        np.testing.assert_array_equal(decoded(encoded(Image.fromarray(bits))), repeated(bits * 255))

    def test_cmyk(self):
        inks = np.zeros((1, 3, 4), dtype=np.uint8)
        inks[0, 1] = (255, 0, 0, 0)  # only cyan
        inks[0, 2] = (0, 0, 0, 255)  # only black
        shown = decoded(encoded(Image.fromarray(inks, "CMYK"), "TIFF"))
        np.testing.assert_array_equal(shown, [[(255, 255, 255), (0, 255, 255), (0, 0, 0)]])
        red = np.zeros((16, 16, 4), dtype=np.uint8) + np.array([0, 255, 255, 0], dtype=np.uint8)
        assert np.abs(decoded(encoded(Image.fromarray(red, "CMYK"), "JPEG")).astype(int) - RED).max() <= 3

    @pytest.mark.parametrize("kind", ["PNG", "GIF"])
    def test_palette_with_a_transparent_colour(self, kind):
        image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), "P")
        image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        np.testing.assert_array_equal(decoded(encoded(image, kind)), [[RED, (0, 255, 0), (0, 0, 255)]])
        shown = decoded(encoded(image, kind, transparency=1))
        np.testing.assert_array_equal(shown, [[RED, (255, 255, 255), (0, 0, 255)]])

    def test_palette_with_a_transparency_per_colour(self):
        image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), "P")
        image.putpalette([255, 0, 0, 0, 0, 0])
        shown = decoded(encoded(image, transparency=bytes([0, 255])))
        np.testing.assert_array_equal(shown, [[(255, 255, 255), (0, 0, 0)]])

    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_transparent_shows_white(self, kind):
        alpha = np.array([[0, 51, 255]], dtype=np.uint8)
        over = lambda colour: np.rint((colour * (alpha / 255.0)) + 255 * (1 - alpha / 255.0))
        grey = np.stack([np.full_like(alpha, 100), alpha], axis=-1)
        shown = decoded(encoded(Image.fromarray(grey, "LA"), kind))
        assert np.abs(shown - repeated(over(100)).astype(int)).max() <= 1
        colours = np.stack([np.full_like(alpha, value) for value in (200, 100, 0)] + [alpha], axis=-1)
        shown = decoded(encoded(Image.fromarray(colours, "RGBA"), kind))
        assert np.abs(shown - np.stack([over(value) for value in (200, 100, 0)], axis=-1)).max() <= 1

    def test_a_transparent_colour_of_an_rgb_image(self):
        image = Image.new("RGB", (2, 1), RED)
        image.putpixel((1, 0), (1, 2, 3))
        np.testing.assert_array_equal(decoded(encoded(image, transparency=RED)), [[(255, 255, 255), (1, 2, 3)]])

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
    def test_grey_of_16_bits(self, kind):
        grey = np.array([[0, 257, 128, 129, 257 * 77, 65535]], dtype=np.uint16)
        shown = decoded(encoded(Image.fromarray(grey), kind))
        np.testing.assert_array_equal(shown, repeated([[0, 1, 0, 1, 77, 255]]))

    def test_grey_of_32_bits(self):
        grey = np.array([[-5, 0, 257 * 3, 65535, 2**30]], dtype=np.int32)
        np.testing.assert_array_equal(decoded(encoded(Image.fromarray(grey), "TIFF")), repeated([[0, 0, 3, 255, 255]]))

    def test_floats(self):
        grey = np.array([[-5, 0.4, 100.6, 255, 1e9, np.nan, np.inf, -np.inf]], dtype=np.float32)
        shown = decoded(encoded(Image.fromarray(grey), "TIFF"))
        np.testing.assert_array_equal(shown, repeated([[0, 0, 101, 255, 255, 0, 255, 0]]))

    @pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
    def test_the_first_frame_of_an_animation(self, kind):
        frames = [Image.new("RGB", (6, 4), colour) for colour in (RED, (0, 0, 255), (0, 255, 0))]
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert Image.open(io.BytesIO(data)).n_frames == 3
        np.testing.assert_array_equal(decoded(data), np.full((4, 6, 3), RED))


# How a viewer must show what is stored, from the table of the Exif standard.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: np.rot90(a, 2),
    4: lambda a: a[::-1],
    5: lambda a: np.rot90(a[:, ::-1], 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a[:, ::-1], -1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(COLOURS), kind, exif=exif, **options)
    np.testing.assert_array_equal(decoded(data), UPRIGHT[orientation](COLOURS))


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_of_a_jpeg_and_of_16_bits(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    corner = np.zeros((24, 40, 3), dtype=np.uint8)
    corner[:8, :8] = RED
    shown = decoded(encoded(Image.fromarray(corner), "JPEG", exif=exif, subsampling=0)).astype(int)
    assert np.abs(shown - UPRIGHT[orientation](corner)).max() <= 4
    grey = GREY.astype(np.uint16) * 257
    shown = decoded(encoded(Image.fromarray(grey), exif=exif))
    np.testing.assert_array_equal(shown, repeated(UPRIGHT[orientation](GREY)))


@pytest.mark.parametrize("exif", [b"Exif\0\0II*\0\xff\xff\xff\xffrubbish", b"Exif\0\0nothing but rubbish"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_broken_metadata_do_not_matter(kind, exif):
    assert decoded(encoded(Image.new("RGB", (8, 8), RED), kind, exif=exif)).shape == (8, 8, 3)


def test_an_orientation_that_does_not_exist():
    exif = Image.Exif()
    exif[0x0112] = 9
    np.testing.assert_array_equal(decoded(encoded(Image.fromarray(COLOURS), exif=exif)), COLOURS)


class TestBroken:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
    @pytest.mark.parametrize("share", [0.9, 0.5])
    def test_truncated(self, kind, share):
        noise = np.random.default_rng(1).integers(0, 256, size=(64, 64, 3), dtype=np.uint8)
        data = encoded(Image.fromarray(noise), kind)
        with pytest.raises(Unreadable, match=r"truncated or corrupt"):
            decode(data[: int(len(data) * share)])

    def test_corrupt(self):
        data = bytearray(encoded(Image.fromarray(COLOURS)))
        data[50:60] = bytes(10)
        with pytest.raises(Unreadable, match="truncated or corrupt"):
            decode(bytes(data))

    @pytest.mark.parametrize(
        ("start", "name"), [(b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff\xe0", "JPEG"), (b"GIF89a", "GIF"),
                            (b"II*\0", "TIFF"), (b"RIFF\4\0\0\0WEBP", "WebP")],
    )  # fmt: skip
    def test_nothing_but_a_start(self, start, name):
        with pytest.raises(Unreadable, match=rf"^truncated or corrupt.*{name}"):
            decode(start)
        with pytest.raises(Unreadable, match=r"^truncated or corrupt"):
            decode(start + b"\x07\x81" * 50)

    @pytest.mark.parametrize(
        ("data", "said"),
        [(b"\n <!DOCTYPE html><p>404</p>", "not an image: it is HTML"), (b"\xef\xbb\xbf<html>", "it is HTML"),
         (b"<?xml version='1.0'?><svg/>", "it is SVG; save it as PNG"), (b"some text", "not an image of a kind"),
         (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a kind"),
         (b"", "not an image of a kind"), (bytes(100), "not an image of a kind")],
    )  # fmt: skip
    def test_something_else(self, data, said):
        with pytest.raises(Unreadable, match=said):
            decode(data)

    @pytest.mark.parametrize(
        "data",
        [png(0, 5), png(5, 0), b"GIF89a" + struct.pack("<HH", 0, 4) + bytes(20),
         b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 0, 3, 1, 24) + bytes(60)],
    )  # fmt: skip
    def test_no_area(self, data):
        with pytest.raises(Unreadable, match="its width or height is zero"):
            decode(data)

    # Pillow refuses the first size itself, warns of the second, and is silent on the third.
    @pytest.mark.parametrize("size", [(20000, 20000), (10000, 9000), (8192, 8193), (1, LARGEST_PIXELS + 1)])
    def test_bomb(self, size, recwarn):
        data = png(*size, zlib.compress(bytes(1000)))
        assert len(data) < 200
        with pytest.raises(Unreadable, match=r"^larger than 67,108,864 pixels"):
            decode(data)
        assert not recwarn

    def test_the_largest_size_is_decoded(self):
        with pytest.raises(Unreadable, match="truncated"):  # the header passes, so its pixels are looked for
            decode(png(LARGEST_PIXELS, 1, b"x"))

    def test_text_that_unpacks_to_very_much(self):
        from PIL.PngImagePlugin import PngInfo

        text = PngInfo()
        text.add_text("note", "x" * 10_000_000, zip=True)
        with pytest.raises(Unreadable, match="truncated or corrupt"):
            decode(encoded(Image.new("L", (2, 2)), pnginfo=text))


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InputError, match=r'pip install "mislabel\[image\]"'):
        decode(b"")


def test_quiet_leaves_the_filters_as_they_were():
    """Threads that enter and leave it crosswise, where catch_warnings alone would leave its own behind."""
    before = list(warnings.filters)
    inside, leave = threading.Event(), threading.Event()

    def other():
        with quiet():
            inside.set()
            leave.wait(120)
            warnings.warn("not shown", stacklevel=1)

    thread = threading.Thread(target=other)
    with quiet():
        thread.start()
        assert inside.wait(120)
    leave.set()
    thread.join()
    assert warnings.filters == before
    with pytest.raises(UserWarning, match="shown"):
        warnings.warn("shown", stacklevel=1)
