"""Originals: the file that a run read comes from below one folder, and nothing else comes from anywhere."""

import hashlib
import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL", reason="the extra `image` is not installed")

from PIL import Image

from mislabel.modalities.image import originals
from mislabel.modalities.image.decode import Unreadable
from mislabel.modalities.image.originals import read_original


def encoded(kind="PNG", size=(40, 30), seed=0, **how):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer := BytesIO(), kind, **how)
    return buffer.getvalue()


def sha256(data):
    return hashlib.sha256(data).digest()


@pytest.fixture
def home(tmp_path):
    """A folder `in` with an image in it, another one beside it, and what they hold."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    inner, outer = encoded(seed=1), encoded(seed=2)
    (tmp_path / "in" / "deep" / "a.png").write_bytes(inner)
    (tmp_path / "out.png").write_bytes(outer)
    return tmp_path, inner, outer


def pixels_of(data):
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def test_the_file_comes_with_the_same_pixels_and_without_what_else_it_held(home):
    folder, inner, _ = home
    for path in ("deep/a.png", str(folder / "in" / "deep" / "a.png"), "deep\\a.png", "./deep/../deep/a.png"):
        given = read_original(folder / "in", path, sha256(inner))
        assert np.array_equal(pixels_of(given), pixels_of(inner))
    told = Image.Exif()
    told[0x0112], told[0x010E] = 6, "where it was taken"  # it lies on its side
    data = encoded("JPEG", (32, 16), exif=told)
    (folder / "in" / "b.jpg").write_bytes(data + b"and more behind it")
    given = read_original(folder / "in", "b.jpg", sha256(data + b"and more behind it"))
    assert Image.open(BytesIO(given)).size == (16, 32)
    assert b"where it was taken" not in given
    assert b"and more behind it" not in given


@pytest.mark.parametrize("path", ["../out.png", "deep/../../out.png", "{out}", "deep/../../in/../out.png"])
def test_no_path_leads_out_of_the_folder(home, path):
    folder, _, outer = home
    with pytest.raises(Unreadable, match="outside"):
        read_original(folder / "in", path.format(out=folder / "out.png"), sha256(outer))


def test_links_lead_on_below_the_folder_and_not_out_of_it(home):
    folder, inner, outer = home
    root = folder / "in"
    (root / "inside.png").symlink_to("deep/a.png")
    (root / "also").symlink_to("deep", target_is_directory=True)
    (root / "outside.png").symlink_to(folder / "out.png")
    (root / "above").symlink_to(folder, target_is_directory=True)
    (root / "loop.png").symlink_to("loop.png")
    assert read_original(root, "inside.png", sha256(inner)) == read_original(root, "also/a.png", sha256(inner))
    for path in ("outside.png", "above/out.png", "above/in/../out.png"):
        with pytest.raises(Unreadable, match="outside"):
            read_original(root, path, sha256(outer))
    with pytest.raises(Unreadable):
        read_original(root, "loop.png", sha256(outer))
    (folder / "named").symlink_to(root, target_is_directory=True)  # the folder itself may lie behind a link
    assert pixels_of(read_original(folder / "named", "deep/a.png", sha256(inner))).shape == (30, 40, 3)


def test_what_is_put_into_its_place_after_the_look_is_not_followed(home, monkeypatch):
    folder, inner, outer = home
    root, resolve = folder / "in", os.path.realpath

    def swapped_behind(path):
        real = resolve(path)
        if real.endswith("a.png") and not os.path.islink(root / "deep"):
            (root / "deep" / "a.png").unlink()
            (root / "deep").rmdir()
            (root / "deep").symlink_to(folder, target_is_directory=True)
            (folder / "a.png").write_bytes(outer)
        return real

    monkeypatch.setattr(originals.os.path, "realpath", swapped_behind)
    for digest in (sha256(inner), sha256(outer)):
        with pytest.raises(Unreadable):
            read_original(root, "deep/a.png", digest)


def test_another_file_of_that_name_is_refused(home):
    folder, inner, outer = home
    (folder / "in" / "deep" / "a.png").write_bytes(outer)
    with pytest.raises(Unreadable, match="changed or replaced"):
        read_original(folder / "in", "deep/a.png", sha256(inner))


@pytest.mark.parametrize("data", [b"SECRET=1234", b"<svg xmlns='x'/>", b"\x89PNG\r\n\x1a\n and no more", b""])
def test_what_is_no_image_never_leaves_even_with_its_digest(home, data):
    folder, _, _ = home
    (folder / "in" / "note.png").write_bytes(data)
    with pytest.raises(Unreadable):
        read_original(folder / "in", "note.png", sha256(data))


@pytest.mark.parametrize("path", ["", "gone.png", "deep", ".", "deep/a.png/x", "a\0b", "http://x/a.png", "x" * 5000])
def test_what_is_no_file_is_said_so(home, path):
    with pytest.raises(Unreadable):
        read_original(home[0] / "in", path, bytes(32))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_pipes_and_devices_are_not_opened(home):
    root = home[0] / "in"
    os.mkfifo(root / "pipe.png")  # opened to be read, it would wait for ever
    with pytest.raises(Unreadable, match="not a regular file"):
        read_original(root, "pipe.png", bytes(32))
    with pytest.raises(Unreadable, match="not a regular file"):
        read_original(Path(os.path.sep), "/dev/null", sha256(b""))


def test_large_images_are_sent_smaller_and_larger_ones_not_at_all(home, monkeypatch):
    folder, inner, _ = home
    monkeypatch.setattr(originals, "MOST_PIXELS", 300)
    assert Image.open(BytesIO(read_original(folder / "in", "deep/a.png", sha256(inner)))).size == (20, 15)
    bomb = BytesIO()
    Image.new("1", (9000, 9000)).save(bomb, "PNG")
    (folder / "in" / "bomb.png").write_bytes(bomb.getvalue())
    with pytest.raises(Unreadable, match="larger than"):
        read_original(folder / "in", "bomb.png", sha256(bomb.getvalue()))
    monkeypatch.setattr(originals, "LARGEST_BYTES", 100)
    with pytest.raises(Unreadable, match="larger than"):
        read_original(folder / "in", "deep/a.png", sha256(inner))
