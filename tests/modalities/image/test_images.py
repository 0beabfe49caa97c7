"""Images: all are looked at once at the door; later each can be opened, and those that are bad stay in their place."""

import hashlib
import io
import pickle
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mislabel.errors import InputError, RunError
from mislabel.modalities.image import sources as image_checks
from mislabel.modalities.image.images import Images, check_images

PIXELS = np.random.default_rng(0).integers(0, 256, size=(6, 5, 7, 3), dtype=np.uint8)
IDS = [f"r{place}" for place in range(6)]


def encoded(pixels, kind="PNG") -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, kind)
    return written.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Six files; those called good are images, in spite of their endings."""
    noise = np.random.default_rng(1).integers(0, 256, size=(64, 64, 3), dtype=np.uint8)
    files = {
        "good 0.png": encoded(PIXELS[0]), "cut.jpg": encoded(noise, "JPEG")[:2000],
        "gut/bild ü.JPG": encoded(PIXELS[2]),
        "page.jpg": b"<html>404</html>", "good 4": encoded(PIXELS[4], "BMP"), "empty.png": b"",
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


NAMES = ["good 0.png", "cut.jpg", "gut/bild ü.JPG", "page.jpg", "good 4", "empty.png"]
GOOD = [0, 2, 4]


def quarantined(folder):
    return check_images(NAMES, IDS, "photo", root=folder, on_bad="quarantine")


class TestGood:
    def test_files(self, folder):
        images, bad, notes = check_images([NAMES[k] for k in GOOD], IDS[:3], "photo", root=folder)
        assert len(images) == 3
        assert images.modality == "image"
        assert not bad.any()
        assert notes == []
        for place, k in enumerate(GOOD):
            image = images.open(place)
            assert image.mode == "RGB"
            np.testing.assert_array_equal(np.asarray(image), PIXELS[k])
            assert images.caption(place) == NAMES[k]

    def test_relative_to_the_working_directory(self, folder, monkeypatch):
        monkeypatch.chdir(folder / "gut")
        images, _, _ = check_images(["bild ü.JPG", "../good 0.png"], IDS[:2], "photo")
        monkeypatch.chdir("/")  # where it was checked counts, not where it is opened
        np.testing.assert_array_equal(np.asarray(images.open(1)), PIXELS[0])

    @pytest.mark.parametrize("form", ["bytes", "struct", "pillow", "arrays", "stack", "floats"])
    def test_in_memory(self, form):
        values = {
            "bytes": [encoded(pixels) for pixels in PIXELS],
            "struct": [{"bytes": encoded(pixels), "path": None} for pixels in PIXELS],
            "pillow": [Image.fromarray(pixels) for pixels in PIXELS],
            "arrays": list(PIXELS),
            "stack": PIXELS,
            "floats": PIXELS / 255,
        }[form]
        images, bad, _ = check_images(values, np.arange(6), "photo")
        assert bad.tolist() == [False] * 6
        for place, pixels in enumerate(PIXELS):
            np.testing.assert_array_equal(np.asarray(images.open(place)), pixels)
            assert images.caption(place) == "7x5 image"

    def test_grey_arrays(self):
        for stack in (PIXELS[..., 0], PIXELS[..., :1]):
            images, _, _ = check_images(stack, IDS, "photo")
            np.testing.assert_array_equal(np.asarray(images.open(3)), np.repeat(PIXELS[3, :, :, :1], 3, axis=2))

    def test_none(self):
        images, bad, notes = check_images([], [], "photo")
        assert (len(images), bad.tolist(), notes, list(images.contents())) == (0, [], [], [])

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.integers(0, 5), max_size=8), st.integers(1, 4))
    def test_threads_and_take_keep_the_order(self, places, threads):
        images, _, _ = check_images([encoded(pixels) for pixels in PIXELS], IDS, "photo", threads=threads)
        taken = images.take(np.array(places, dtype=np.int64))
        assert len(taken) == len(places)
        for new, old in enumerate(places):
            np.testing.assert_array_equal(np.asarray(taken.open(new)), PIXELS[old])
        every = list(images.contents())
        assert list(taken.contents()) == [every[place] for place in places]


class TestContents:
    def test_digests(self, folder):
        images, _, _ = quarantined(folder)
        expected = [hashlib.sha256((folder / name).read_bytes() or b"empty (0 bytes)").digest() for name in NAMES]
        assert list(images.contents()) == expected
        assert list(Images(images.sources, images.names).contents()) == expected  # without a pass before

    def test_arrays(self):
        images, _, _ = check_images(PIXELS, IDS, "photo")
        assert list(images.contents())[1] == hashlib.sha256(b"(5, 7, 3)" + PIXELS[1].tobytes()).digest()

    def test_nothing_is_read_twice(self, folder, monkeypatch):
        asked = []
        read = image_checks.read_bytes
        monkeypatch.setattr(image_checks, "read_bytes", lambda path: asked.append(path) or read(path))
        images, _, _ = quarantined(folder)
        assert len(list(images.contents())) == len(list(images.take(np.array([5, 0])).contents())) + 4
        assert sorted(asked) == sorted(str(folder / name) for name in NAMES)


class TestBad:
    def test_error_names_rows_and_reasons(self, folder):
        with pytest.raises(InputError) as caught:
            check_images([*NAMES, "../x.png", "no.png", "gut"], [*IDS, 6, 7, 8], "photo", root=folder)
        lines = str(caught.value).split("\n")
        assert lines[0] == "photo: 6 of 9 images cannot be read:"
        assert lines[1].startswith("  'r1': cut.jpg: truncated or corrupt (")
        assert lines[2:5] == [
            "  'r3': page.jpg: not an image: it is HTML",
            "  'r5': empty.png: empty (0 bytes)",
            f"  6: ../x.png: lies outside {folder}; give an absolute path if that is meant",
        ]
        assert lines[5:7] == ["  7: no.png: no such file", "  (and 1 more)"]
        assert "Repair these files, or" in lines[7]
        assert "--on-bad quarantine" in lines[7]
        assert lines[7].endswith(f"Relative paths were taken from {folder}")

    def test_where_relative_paths_start_is_said_only_of_those(self, folder):
        with pytest.raises(InputError) as caught:
            check_images([str(folder / "no.png"), "good 4"], IDS[:2], "photo", root=folder)
        assert str(caught.value).endswith("--on-bad quarantine")

    def test_bytes_have_no_name(self):
        with pytest.raises(InputError, match=r"1 of 2 images cannot be read:\n  'r1': not an image: it is HTML\nRep"):
            check_images([encoded(PIXELS[0]), b"<html>"], IDS[:2], "photo")

    def test_a_name_that_is_the_id_is_said_once(self, folder):
        with pytest.raises(InputError, match=r"\n  'page\.jpg': not an image: it is HTML\n"):
            check_images(["good 4", "page.jpg"], ["good 4", "page.jpg"], "photo", root=folder)

    def test_quarantine_keeps_order_and_ids(self, folder):
        images, bad, notes = quarantined(folder)
        assert bad.tolist() == images.bad.tolist() == [False, True, False, True, False, True]
        assert len(images) == 6
        assert sorted(images.reasons) == [1, 3, 5]
        assert images.reasons[3] == "not an image: it is HTML"
        assert len(notes) == 1
        assert notes[0].startswith(
            "Images that cannot be read, kept but neither trained on nor judged: 3 of 6; rows 'r1', 'r3', 'r5'. "
            "Reasons: 'r1': cut.jpg: truncated or corrupt ("
        )
        assert notes[0].endswith("; 'r3': page.jpg: not an image: it is HTML; 'r5': empty.png: empty (0 bytes).")
        for place in GOOD:
            np.testing.assert_array_equal(np.asarray(images.open(place)), PIXELS[place])
        for place in (1, 3, 5):
            np.testing.assert_array_equal(np.asarray(images.open(place)), np.full((32, 32, 3), 128))

    def test_many_bad_ones(self):
        _, bad, notes = check_images([encoded(PIXELS[0]), *[b"x"] * 9], range(10), "photo", on_bad="quarantine")
        assert bad.sum() == 9
        assert "9 of 10; rows 1, 2, 3, 4, 5 (and 4 more). Reasons: 1: not an image" in notes[0]
        assert notes[0].endswith("; (and 4 more).")

    def test_take_keeps_the_flags(self, folder):
        images, _, _ = quarantined(folder)
        taken = images.take(np.array([5, 4, 3, 3]))
        assert taken.bad.tolist() == [True, False, True, True]
        assert taken.reasons == {0: "empty (0 bytes)", 2: "not an image: it is HTML", 3: "not an image: it is HTML"}
        assert taken.names == ["empty.png", "good 4", "page.jpg", "page.jpg"]
        assert taken.sources[1] is images.sources[4]
        assert taken.take(np.array([1])).bad.tolist() == [False]

    def test_all_bad(self, folder):
        for on_bad in ("error", "quarantine"):
            with pytest.raises(InputError, match=r"1 of 1 images cannot be read:(?s:.*)At least one image"):
                check_images(["cut.jpg"], ["a"], "photo", root=folder, on_bad=on_bad)

    def test_links(self, folder):
        (folder / "loop.png").symlink_to(folder / "loop.png")
        (folder / "link.png").symlink_to(folder / "good 0.png")
        images, bad, _ = check_images(["loop.png", "link.png"], IDS[:2], "photo", root=folder, on_bad="quarantine")
        assert bad.tolist() == [True, False]
        assert images.reasons == {0: "a link that leads back to itself"}

    def test_bomb_by_its_header(self, folder):
        header = encoded(PIXELS[0])
        data = header[:16] + (20000).to_bytes(4, "big") * 2 + header[24:29]
        (folder / "bomb.png").write_bytes(data + zlib.crc32(data[12:]).to_bytes(4, "big") + header[33:])
        with pytest.raises(InputError, match=r"bomb\.png: larger than 67,108,864 pixels"):
            check_images([NAMES[0], "bomb.png"], IDS[:2], "photo", root=folder)

    def test_what_is_no_image_cannot_be_quarantined(self):
        with pytest.raises(InputError, match="1 of 2 rows hold no image but a missing value: rows 'r1'"):
            check_images([encoded(PIXELS[0]), None], IDS[:2], "photo", on_bad="quarantine")

    def test_options(self):
        with pytest.raises(InputError, match="on_bad is 'skip', needed one of error, quarantine"):
            check_images(PIXELS, IDS, "photo", on_bad="skip")
        with pytest.raises(InputError, match="threads is 0"):
            check_images(PIXELS, IDS, "photo", threads=0)

    def test_without_pillow(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "PIL", None)
        with pytest.raises(InputError, match=r'pip install "mislabel\[image\]"'):
            check_images(["a.png"], ["a"], "photo")


class TestLater:
    def test_a_file_that_has_gone(self, folder):
        images, _, _ = quarantined(folder)
        (folder / NAMES[2]).unlink()
        with pytest.raises(RunError, match=r"image gut/bild ü\.JPG could be read when .* but not now: no such file"):
            images.open(2)
        with pytest.raises(RunError, match="image number 0, counted from 0, .*empty"):
            Images([b""], [""]).open(0)

    def test_pickle(self, folder):
        images, _, _ = quarantined(folder)
        other = pickle.loads(pickle.dumps(images))
        assert other.bad.tolist() == images.bad.tolist()
        assert list(other.contents()) == list(images.contents())

    def test_odd_metadata_warn_in_no_thread(self):
        """Warnings are errors in these tests, so that any that leaks would end in a bad image or a RunError."""
        written = io.BytesIO()
        Image.new("RGB", (8, 8)).save(written, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x09\0rubbish")
        with pytest.warns(UserWarning, match="EXIF"):
            Image.open(written).getexif()
        before = list(warnings.filters)
        images, bad, _ = check_images([written.getvalue()] * 40, range(40), "photo", threads=4)
        assert not bad.any()
        with ThreadPoolExecutor(4) as pool:
            assert {image.size for image in pool.map(images.open, range(40))} == {(8, 8)}
        assert warnings.filters == before

    def test_caption(self, folder):
        images, _, _ = quarantined(folder)
        assert [images.caption(place) for place in range(6)] == NAMES
        assert Images([b"", b""], ["a\n\x1b[31mb.png", ""], reasons={1: "x"}).caption(0) == "a\ufffd\ufffd[31mb.png"
        assert Images([b"", b""], ["", ""], reasons={1: "x"}).caption(1) == "image that cannot be read"


class TestThumbnail:
    @staticmethod
    def shown(pixels, **options):
        return Image.open(io.BytesIO(Images([pixels], [""]).thumbnail(0, **options)))

    @pytest.mark.parametrize("shape", [(64, 64, 3), (1, 1, 3), (64, 3, 3)])
    def test_small_ones_stay_as_they_are(self, shape):
        pixels = np.random.default_rng(2).integers(0, 256, size=shape, dtype=np.uint8)
        thumbnail = self.shown(pixels)
        assert thumbnail.format == "PNG"
        np.testing.assert_array_equal(np.asarray(thumbnail), pixels)

    @pytest.mark.parametrize(
        ("height", "width", "side", "size"),
        [(400, 200, 128, (64, 128)), (200, 400, 50, (50, 25)), (65, 20, 128, (20, 65)), (3000, 1, 128, (1, 128))],
    )
    def test_large_ones_keep_their_aspect(self, height, width, side, size):
        thumbnail = self.shown(np.full((height, width, 3), (200, 100, 50), dtype=np.uint8), side=side)
        assert thumbnail.format == "JPEG"
        assert thumbnail.size == size
        assert np.abs(np.asarray(thumbnail).astype(int) - (200, 100, 50)).max() <= 3

    def test_bad(self, folder):
        images, _, _ = quarantined(folder)
        assert Image.open(io.BytesIO(images.thumbnail(1))).size == (32, 32)

    def test_no_metadata(self, tmp_path):
        exif = Image.Exif()
        exif[0x010E] = "where I live"
        Image.fromarray(PIXELS[0]).resize((200, 100)).save(tmp_path / "a.jpg", exif=exif)
        images, _, _ = check_images(["a.jpg"], [0], "photo", root=tmp_path)
        assert b"where I live" not in images.thumbnail(0)
