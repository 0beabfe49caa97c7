"""Columns of images: every kind of cell finds its way, and what is no image is named with its rows."""

import hashlib
import io
from collections import UserDict
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from mislabel.errors import InputError
from mislabel.modalities.image.sources import inspect, inspect_all, read_cells

PIXELS = np.random.default_rng(0).integers(0, 256, size=(3, 5, 6, 3), dtype=np.uint8)
ROOT = Path("/data")


def png(pixels) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


BYTES = [png(pixels) for pixels in PIXELS]


def read(values, root=ROOT):
    return read_cells(values, [f"r{place}" for place in range(len(values))], "photo", root)


PATHS = ["a.png", "b c.png", "/x/ü.png"]


@pytest.mark.parametrize(
    "values",
    [PATHS, tuple(PATHS), np.array(PATHS), np.array(PATHS, dtype=object), pd.Series(PATHS, index=[3, 3, 3]),
     pd.Series(PATHS, dtype="category"), pd.Index(PATHS), pa.array(PATHS), pa.chunked_array([PATHS[:1], PATHS[1:]]),
     list(map(Path, PATHS)), list(map(PurePosixPath, PATHS)), [np.str_(path) for path in PATHS],
     [{"bytes": None, "path": path} for path in PATHS], [UserDict(path=path) for path in PATHS]],
)  # fmt: skip
def test_paths(values):
    cells = read(values)
    assert cells.sources == ["/data/a.png", "/data/b c.png", "/x/ü.png"]
    assert cells.names == PATHS
    assert cells.reasons == {}


@pytest.mark.parametrize(
    "values",
    [BYTES, list(map(bytearray, BYTES)), list(map(memoryview, BYTES)), pd.Series(BYTES), pa.array(BYTES),
     [{"bytes": data, "path": None} for data in BYTES], pa.array([{"bytes": data, "path": None} for data in BYTES]),
     pd.Series([{"bytes": data} for data in BYTES])],
)  # fmt: skip
def test_bytes(values):
    cells = read(values)
    assert cells.sources == BYTES
    assert {type(source) for source in cells.sources} == {bytes}
    assert cells.names == ["", "", ""]


def test_bytes_come_before_the_path():
    cells = read([{"bytes": BYTES[0], "path": "gone.png"}])
    assert cells.sources == BYTES[:1]
    assert cells.names == ["gone.png"]


@pytest.mark.parametrize("values", [PIXELS, list(PIXELS), pd.Series(list(PIXELS)), list(map(Image.fromarray, PIXELS))])
def test_pixels(values):
    cells = read(values)
    np.testing.assert_array_equal(np.stack(cells.sources), PIXELS)
    assert cells.names == ["", "", ""]


def test_pillow_images():
    exif = Image.Exif()
    exif[0x0112] = 6
    written = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(written, "PNG", exif=exif)
    clear = Image.new("RGBA", (2, 2), (0, 0, 0, 0))
    cells = read([Image.open(written), clear, Image.fromarray(PIXELS[0, :, :, 0])])
    np.testing.assert_array_equal(cells.sources[0], np.rot90(PIXELS[0], -1))
    np.testing.assert_array_equal(cells.sources[1], np.full((2, 2, 3), 255))
    np.testing.assert_array_equal(cells.sources[2], np.repeat(PIXELS[0, :, :, :1], 3, axis=2))
    clear_palette = Image.new("PA", (1, 1), (0, 0))
    np.testing.assert_array_equal(read([clear_palette]).sources[0], [[(255, 255, 255)]])
    assert clear.mode == "RGBA"  # the user's own image stays as it is


def test_bad_before_any_file_is_opened():
    cut = Image.open(io.BytesIO(BYTES[0][:80]))
    values = ["", "../x.png", "https://x.org/a.png", cut, Image.new("L", (0, 3)), np.zeros((0, 4), np.uint8), "a.png"]
    cells = read(values)
    assert list(cells.reasons) == [0, 1, 2, 3, 4, 5]
    expected = ["path is empty", "lies outside /data; give an abs", "web address", "truncated", "is zero", "is zero"]
    for part, reason in zip(expected, cells.reasons.values(), strict=True):
        assert part in reason
    assert len(cells.sources) == 7


@pytest.mark.parametrize(
    ("bad", "kind"),
    [(None, "a missing value"), (float("nan"), "a missing value"), (pd.NA, "a missing value"), (1.5, "float"),
     (["x"], "list"), (3, "int"), ({"bytes": None, "path": None}, "a dict without bytes and path"), ({}, "a dict")],
)  # fmt: skip
def test_anything_else_is_named_with_its_row(bad, kind):
    with pytest.raises(
        InputError, match=rf"photo: 2 of 4 rows hold no image but {kind}.*: rows 'r1', 'r3'\. Every row"
    ):
        read(["a.png", bad, BYTES[0], bad])


def test_wrong_forms():
    with pytest.raises(InputError, match="looks like features or flattened images"):
        read(np.zeros((3, 784)))
    with pytest.raises(InputError, match="1 rows hold an array of shape"):
        read([np.zeros(784)])
    with pytest.raises(InputError, match="3 of 3 rows hold no image but float"):
        read(np.array([1.0, 2.0, 3.0]))
    with pytest.raises(InputError, match="a str was given"):
        read("a.png")
    with pytest.raises(InputError, match="3 images were given for 1 ids"):
        read_cells(PIXELS, ["one"], "photo", None)


def test_look(tmp_path):
    path = tmp_path / "a.jpg"  # by its content a PNG
    path.write_bytes(BYTES[0])
    sha = lambda data: hashlib.sha256(data).digest()
    assert inspect(str(path)) == inspect(path) == inspect(BYTES[0]) == (sha(BYTES[0]), "")
    assert inspect(b"<html>") == (sha(b"<html>"), "not an image: it is HTML")
    assert inspect(b"") == (sha(b"empty (0 bytes)"), "empty (0 bytes)")
    assert inspect(tmp_path / "no.png") == (sha(b"no such file"), "no such file")
    assert inspect("never opened", "known") == (sha(b"known"), "known")
    assert inspect(PIXELS[0]) == (sha(b"(5, 6, 3)" + PIXELS[0].tobytes()), "")
    assert len({inspect(np.zeros(shape, np.uint8))[0] for shape in [(2, 3), (3, 2), (6, 1), (2, 1, 3)]}) == 4


@pytest.mark.parametrize("threads", [1, 3])
def test_inspect_all_keeps_the_order(threads):
    sources = [BYTES[place % 3] for place in range(2500)]
    assert inspect_all(sources, {1500: "x"}, threads) == [
        inspect(source, "x" if place == 1500 else None) for place, source in enumerate(sources)
    ]
