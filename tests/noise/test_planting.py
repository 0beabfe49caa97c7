"""`mislabel corrupt` on every kind of input: what it writes is what the library gives for the same numbers."""

import json

import numpy as np
import pandas as pd
import pytest

from mislabel.noise import corrupt_table, pixel_features

ROWS = 240


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of class folders with noise for pictures, and a table of the same with two columns of features."""
    image = pytest.importorskip("PIL.Image", reason="Pillow (extra `image`) is not installed")
    home, random, rows = tmp_path_factory.mktemp("home"), np.random.default_rng(0), []
    for place in range(ROWS):
        label, part = "abc"[place % 3], "train" if place % 4 else "test"
        pixels = random.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        path = home / "pictures" / part / label / f"{place:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(pixels).save(path)
        rows.append({"image": f"pictures/{part}/{label}/{place:03d}.png", "label": label, "split": part})
    frame = pd.DataFrame(rows).sort_values("image", ignore_index=True)
    frame["x"], frame["y"] = random.normal(size=(2, ROWS))
    frame.to_csv(home / "table.csv", index=False)
    np.save(home / "vectors.npy", frame[["x", "y"]].to_numpy())
    np.savetxt(home / "matrix.csv", [[0.5, 0.5, 0], [0, 1, 0], [0.2, 0.2, 0.6]], delimiter=",")
    return home


def planted(mislabel, home, source, *words):
    done = mislabel("corrupt", source, *words, "--seed", 3, "-o", home / "out.csv", "--json")
    assert done.exit_code == 0, done.output
    frame = pd.read_csv(home / "out.csv")
    said = json.loads((home / "out.csv.noise.json").read_text(encoding="utf-8"))
    assert said["realised_rate"] == pytest.approx((frame["noisy_label"] != frame["label"]).sum() / said["changeable"])
    return frame, said


def test_images_as_folder_and_as_table(mislabel, home):
    image = pytest.importorskip("PIL.Image")
    words = ("--kind", "idn", "--rate", 0.4)
    by_folder, said = planted(mislabel, home, home / "pictures", *words)
    by_table, _ = planted(
        mislabel, home, home / "table.csv", *words, "--image", "image", "--label", "label", "--split", "split"
    )
    assert said["features"] == "image pixels"
    assert said["changeable"] == 180  # the test folder keeps its labels
    table = pd.read_csv(home / "table.csv")
    looks = pixel_features(np.asarray(image.open(home / path)) for path in table["image"])
    wanted, _ = corrupt_table(table, label="label", kind="idn", rate=0.4, seed=3, split="split", inputs_features=looks)
    np.testing.assert_array_equal(by_table["noisy_label"], wanted["noisy_label"])
    np.testing.assert_array_equal(by_folder["noisy_label"], wanted["noisy_label"])
    assert by_folder["image"].map(lambda path: path.startswith(str(home))).all()  # a table elsewhere still finds them


def test_features_by_column_and_by_file(mislabel, home):
    words = ("--kind", "idn", "--rate", 0.3, "--label", "label", "--temperature", 5)
    columns, said = planted(mislabel, home, home / "table.csv", *words, "--features", "x,y")
    vectors, _ = planted(mislabel, home, home / "table.csv", *words, "--features", home / "vectors.npy")
    np.testing.assert_array_equal(columns["noisy_label"], vectors["noisy_label"])
    table = pd.read_csv(home / "table.csv")
    looks = table[["x", "y"]].to_numpy(dtype=np.float32)
    wanted, _ = corrupt_table(table, label="label", kind="idn", rate=0.3, seed=3, inputs_features=looks, temperature=5)
    np.testing.assert_array_equal(columns["noisy_label"], wanted["noisy_label"])
    assert (said["features"], said["temperature"]) == ("features", 5)


def test_matrix_and_published_meanings(mislabel, home):
    base = ("--label", "label")
    frame, said = planted(
        mislabel, home, home / "table.csv", *base, "--kind", "matrix", "--transition", home / "matrix.csv"
    )
    assert set(frame.loc[frame["label"] == "b", "noisy_label"]) == {"b"}
    assert not (frame.loc[frame["label"] == "a", "noisy_label"] == "c").any()
    assert said["asked_transition"][2] == [0.2, 0.2, 0.6]
    _, said = planted(
        mislabel, home, home / "table.csv", *base, "--kind", "sym", "--rate", 0.25, "--compat", "dividemix"
    )
    assert "exactly int(r N)" in said["convention"]
    frame, _ = planted(mislabel, home, home / "table.csv", *base, "--kind", "asym", "--rate", 1, "--flips", "block5")
    assert (frame["noisy_label"] == frame["label"].map({"a": "b", "b": "c", "c": "a"})).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--kind", "idn", "--rate", 0.2, "--label", "label"), "name them with one of --text, --image and --features"),
        (("--kind", "sym", "--rate", 0.2), "which column holds the true labels?"),
        (("--kind", "sym", "--rate", 0.2, "--label", "labl"), 'did you mean "label"'),
        (("--kind", "matrix", "--label", "label", "--transition", "nowhere.csv"), "cannot be read as a matrix"),
    ],
)
def test_refused(mislabel, home, words, message):
    done = mislabel("corrupt", home / "table.csv", *words, "-o", home / "refused.csv")
    assert done.exit_code == 2
    assert message in done.output
    assert not (home / "refused.csv").exists()
