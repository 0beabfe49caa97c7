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
        assert len(read_image_folder(tmp_path)) == len(ENDINGS) == 11

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
        assert frame.attrs["notes"] == ["The folder 'test' is taken as a class, like those beside it."]

    def test_what_is_left_out_is_told(self, tmp_path):
        plant(tmp_path, "cat/a.png", "cat/notes.txt", "top.md", "cover.png", ".git/x.png", "cat/.hidden.png", ".x/y/z")
        (tmp_path / "cat" / "again").symlink_to(tmp_path)
        (tmp_path / "link").symlink_to(tmp_path / "cat")
        frame = read_image_folder(tmp_path)
        assert frame["image"].tolist() == ["cat/a.png"]
        assert frame.attrs["notes"] == [
            "Files that are no images by their ending, left out: 2; 'cat/notes.txt', 'top.md'.",
            "Images outside of any class folder, left out: 1; 'cover.png'.",
            "Folders that are hidden or of other programs, passed over: 2; '.git', '.x'.",
            "Folders that are links, not followed: 2; 'cat/again', 'link'.",
        ]

    @pytest.mark.parametrize(
        ("more", "notes"),
        [
            (["__MACOSX/train/._a.png"], ["hidden or of other programs, passed over: 1; '__MACOSX'"]),
            (["__MACOSX/train/a.png"], ["hidden or of other programs, passed over: 1; '__MACOSX'"]),
            ([".ipynb_checkpoints/a.png"], ["hidden or of other programs, passed over: 1; '.ipynb_checkpoints'"]),
            (["train/cat/.ipynb_checkpoints/a.png"], ["passed over: 1; 'train/cat/.ipynb_checkpoints'"]),
            (
                ["annotations/a.txt"],
                ["no images by their ending", "Folders without images, passed over: 1; 'annotations'"],
            ),
            (["train/bird/a.txt"], ["no images by their ending", "without images, passed over: 1; 'train/bird'"]),
            (["a/b/c/d.txt"], ["no images by their ending", "Folders without images, passed over: 1; 'a'"]),
        ],
    )
    def test_what_lies_beside_the_splits_is_passed_over(self, tmp_path, more, notes):
        plant(tmp_path, "train/cat/a.png", "train/dog/a.png", "test/cat/a.png", *more)
        frame = read_image_folder(tmp_path)
        assert frame["label"].tolist() == ["cat", "cat", "dog"]
        assert frame["split"].tolist() == ["test", "train", "train"]
        assert len(frame.attrs["notes"]) == len(notes)
        for note, words in zip(frame.attrs["notes"], notes, strict=True):
            assert words in note

    @pytest.mark.parametrize("other", ["unlabeled/x.png", "unlabeled/cat/x.png", "cat/x.png", "extra/deep/er/x.png"])
    def test_splits_beside_other_folders_with_images_are_refused(self, tmp_path, other):
        plant(tmp_path, "train/cat/a.png", "train/dog/a.png", "test/b.png", other)
        name = other.split("/")[0]
        with pytest.raises(InputError, match=rf"split the data \('test', 'train'\).*other folders .*\('{name}'\)"):
            read_image_folder(tmp_path)
        (tmp_path / name).rename(tmp_path / f".{name}")  # as the message says
        assert read_image_folder(tmp_path)["label"].tolist() == ["cat", "dog"]

    def test_two_splits_without_classes_beside_another_folder_are_refused(self, tmp_path):
        with pytest.raises(InputError, match=r"split the data \('test', 'train'\).*\('cat'\)"):
            read_image_folder(plant(tmp_path, "train/a.png", "test/a.png", "cat/a.png"))

    def test_loose_images_in_a_split_are_told(self, tmp_path):
        frame = read_image_folder(plant(tmp_path, "train/cat/a.png", "train/dog/a.png", "train/c.png", "test/b.png"))
        assert frame["image"].tolist() == ["train/cat/a.png", "train/dog/a.png"]
        assert frame.attrs["notes"] == [
            "The folder 'test' has no class folders, so that its images have no label; left out: 1; 'test/b.png'.",
            "Images outside of any class folder, left out: 1; 'train/c.png'.",
        ]

    @pytest.mark.parametrize("above", ["data", "a/b"])
    def test_one_folder_that_holds_everything_is_read(self, tmp_path, above):
        frame = read_image_folder(plant(tmp_path, f"{above}/cat/a.png", f"{above}/dog/x/a.png"))
        assert frame["image"].tolist() == [f"{above}/cat/a.png", f"{above}/dog/x/a.png"]
        assert frame["label"].tolist() == ["cat", "dog"]
        assert frame.attrs["notes"] == [f"All images lie in {above}, whose folders are read."]
        frame = read_image_folder(plant(tmp_path / "split", f"{above}/train/cat/a.png", f"{above}/val/cat/a.png"))
        assert frame["label"].tolist() == ["cat", "cat"]
        assert frame["split"].tolist() == ["train", "valid"]

    def test_one_class_with_folders_of_its_own_stays_one(self, tmp_path):
        frame = read_image_folder(plant(tmp_path, "cat/a.png", "cat/x/b.png", "cat/y/c.png"))
        assert set(frame["label"]) == {"cat"}
        frame = read_image_folder(plant(tmp_path / "deep", "cat/deep/er/a.png"))
        assert set(frame["label"]) == {"cat"}

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
