"""What is in a folder of class folders."""

import errno
import os
from pathlib import Path

import pytest

from mislabel.errors import InputError
from mislabel.modalities.image.files import locate, read_bytes
from mislabel.modalities.image.folders import ENDINGS, read_image_folder


def plant(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")
    return folder


class TestFolder:
    def test_class_folders(self, tmp_path):
        plant(tmp_path, "dog/b.png", "dog/a.JPG", "cat/deep/er/c.webp", "cat 2/ü.tif")
        frame = read_image_folder(tmp_path)
        assert list(frame.columns) == ["image", "label"]
        assert frame["image"].tolist() == ["cat 2/ü.tif", "cat/deep/er/c.webp", "dog/a.JPG", "dog/b.png"]
        assert frame["label"].tolist() == ["cat 2", "cat", "dog", "dog"]
        assert frame.attrs["notes"] == []
        assert frame.index.tolist() == [0, 1, 2, 3]

    def test_every_ending(self, tmp_path):
        plant(tmp_path, *(f"a/{place}{ending}" for place, ending in enumerate(ENDINGS)))
        assert len(read_image_folder(tmp_path)) == 10

    def test_splits(self, tmp_path):
        names = ["Train", "training", "VALID", "validation", "val", "dev", "test", "Testing"]
        plant(tmp_path, *(f"{name}/{label}/x/a.png" for name in names for label in ("cat", "dog")), "README.md")
        frame = read_image_folder(tmp_path)
        expected = dict(zip(names, ["train"] * 2 + ["valid"] * 4 + ["test"] * 2, strict=True))
        assert list(frame.columns) == ["image", "label", "split"]
        assert frame["split"].tolist() == [expected[path.split("/")[0]] for path in frame["image"]]
        assert set(frame["label"]) == {"cat", "dog"}
        assert frame["image"].tolist() == sorted(frame["image"])

    def test_a_class_may_be_called_test(self, tmp_path):
        frame = read_image_folder(plant(tmp_path, "test/a.png", "exam/a.png"))
        assert list(frame.columns) == ["image", "label"]
        assert frame["label"].tolist() == ["exam", "test"]

    def test_what_is_left_out_is_told(self, tmp_path):
        plant(tmp_path, "cat/a.png", "cat/notes.txt", "top.md", "cover.png", ".git/x.png", "cat/.hidden.png", ".x/y/z")
        (tmp_path / "cat" / "again").symlink_to(tmp_path)
        (tmp_path / "link").symlink_to(tmp_path / "cat")
        frame = read_image_folder(tmp_path)
        assert frame["image"].tolist() == ["cat/a.png"]
        assert frame.attrs["notes"] == [
            "Files that are no images by their ending, left out: 2; 'cat/notes.txt', 'top.md'.",
            "Images outside of any class folder, left out: 1; 'cover.png'.",
            "Folders that are links, not followed: 2; 'cat/again', 'link'.",
        ]

    def test_links_to_files_are_read(self, tmp_path):
        plant(tmp_path, "cat/a.png")
        (tmp_path / "cat" / "b.png").symlink_to(tmp_path / "cat" / "a.png")
        (tmp_path / "cat" / "c.png").symlink_to(tmp_path / "cat" / "c.png")  # checked with the images, not here
        assert len(read_image_folder(tmp_path)) == 3

    def test_a_name_that_is_no_utf8(self, tmp_path):
        (tmp_path / "a").mkdir()
        path = os.path.join(os.fsencode(tmp_path), b"a", b"\xff.png")
        try:
            Path(os.fsdecode(path)).write_bytes(b"x")
        except OSError:
            pytest.skip("this file system takes UTF-8 only")
        frame = read_image_folder(tmp_path)
        assert read_bytes(locate(frame["image"][0], tmp_path)) == b"x"

    def test_no_class_folder(self, tmp_path):
        plant(tmp_path, "b.png", "a.png")
        with pytest.raises(InputError, match=r"no class folders: 2 images lie directly in it.*like .*/CLASS/a\.png"):
            read_image_folder(tmp_path)

    def test_no_class_folder_below_the_splits(self, tmp_path):
        plant(tmp_path, "train/a.png", "test/b.png")
        with pytest.raises(InputError, match=r"no class folders.*test/b\.png.*/train/CLASS/b\.png"):
            read_image_folder(tmp_path)

    def test_no_image(self, tmp_path):
        (tmp_path / "cat").mkdir()
        with pytest.raises(InputError, match=r"holds no images; .*\.jpg, \.jpeg"):
            read_image_folder(tmp_path)

    def test_no_folder(self, tmp_path):
        with pytest.raises(InputError, match="does not exist"):
            read_image_folder(tmp_path / "no")
        with pytest.raises(InputError, match="is a file"):
            read_image_folder(plant(tmp_path, "a") / "a")

    def test_a_folder_that_cannot_be_listed(self, tmp_path, monkeypatch):
        plant(tmp_path, "cat/a.png", "dog/a.png")
        scandir = os.scandir

        def fail(path):
            if str(path).endswith("dog"):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", fail)
        with pytest.raises(InputError, match="dog cannot be listed: Permission denied"):
            read_image_folder(tmp_path)
