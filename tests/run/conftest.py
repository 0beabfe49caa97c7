"""Images on disk, and runs on them, for the tests of this folder."""

from types import SimpleNamespace

import pytest
from PIL import Image


@pytest.fixture(scope="session")
def photos(tmp_path_factory, make_images):
    """The same images as a folder of class folders, a table of their paths, and a table with the files' bytes."""
    home = tmp_path_factory.mktemp("photos")
    pixels, frame = make_images(120)
    frame["id"] = frame["label"] + "/" + frame["id"] + ".png"
    for image, name in zip(pixels, frame["id"], strict=True):
        (home / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(home / "folder" / name)
    frame = frame.sort_values("id", ignore_index=True)  # as a folder is read
    frame["path"] = "folder/" + frame["id"]
    frame.to_csv(home / "table.csv", index=False)
    frame["file"] = [(home / path).read_bytes() for path in frame["path"]]
    frame.drop(columns="path").to_parquet(home / "bytes.parquet")
    return SimpleNamespace(folder=home / "folder", table=home / "table.csv", parquet=home / "bytes.parquet",
                           frame=frame.set_index("id"))  # fmt: skip


@pytest.fixture(scope="session")
def train_images(tmp_path_factory, mislabel):
    """Trains and gives the run folder."""

    def start(*words):
        folder = tmp_path_factory.mktemp("images") / "run"
        done = mislabel("train", *words, "--out", folder)
        assert done.exit_code == 0, done.stderr
        return SimpleNamespace(folder=folder, said=done.stderr)

    return start
