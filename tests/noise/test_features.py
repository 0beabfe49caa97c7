"""Instance-dependent noise in a table whose rows are images or features: the caller's matrix, and pixel_features."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from mislabel.errors import InputError
from mislabel.modalities import modality
from mislabel.noise import corrupt_table, pixel_features


def table(copies=400, classes=4):
    """Six kinds of rows, which are the same in train and valid; all are of class "a"."""
    kinds = np.tile(np.arange(6), 2 * copies)
    part = np.repeat(["train", "valid"], 6 * copies)
    label = pd.Categorical(["a"] * len(kinds), categories=list("abcdefgh"[:classes]))
    features = np.random.default_rng(3).standard_normal((6, 10))[kinds]
    return pd.DataFrame({"y": label, "part": part, "which": kinds}), features


def spoil(frame, matrix, **settings):
    settings = {"kind": "idn", "rate": 1.0, "seed": 1, "label": "y", "inputs_features": matrix} | settings
    return corrupt_table(frame, **settings)


class TestOneLawForAllSplits:
    def test_the_same_content_gets_the_same_distribution(self):
        frame, features = table()
        noisy, report = spoil(frame, features, split="part", temperature=1)
        shares = []
        for _, rows in noisy.groupby("which"):
            counts = pd.crosstab(rows["part"], rows["noisy_label"].astype(str))
            counts = counts.loc[:, counts.sum() > 20].to_numpy()
            assert counts.shape[1] >= 2  # structured, yet random
            assert chi2_contingency(counts).pvalue > 1e-4
            shares.append(rows["noisy_label"].astype(str).value_counts(normalize=True).get("b", 0.0))
        assert max(shares) - min(shares) > 0.3  # and another one for another content
        assert report["features"] == "features"

    def test_raw_features_give_one_wrong_label_for_both(self):
        frame, features = table(40)
        noisy, _ = spoil(frame, 1e6 * features, split="part", compat="dygen")
        wrong = noisy[noisy["noisy_label"] != "a"]
        assert set(wrong["part"]) == {"train", "valid"}
        assert (wrong["noisy_label"].astype(str).groupby(wrong["which"]).nunique() == 1).all()


class TestMatrixOfTheCaller:
    def test_report(self):
        frame, features = table(5)
        _, report = spoil(frame, features, rate=0.4, compat="ido", features_name="image pixels")
        assert report["features"] == "image pixels"
        assert report["compat"] == "ido"
        assert report["center"] is False  # what was in effect
        assert report["convention"] == "ptd, raw features, uncentred, as ido"
        assert json.loads(json.dumps(report)) == report

    def test_it_stands_in_for_the_texts(self):
        frame, features = table(20)
        frame["text"] = [f"word{place}" for place in range(len(frame))]
        first, report = spoil(frame, features, text="text", features_name="embeddings")
        assert report["features"] == "embeddings"
        assert first["noisy_label"].tolist() == spoil(frame, features)[0]["noisy_label"].tolist()
        _, report = spoil(frame, None, text="text")
        assert report["features"] == "text tf-idf"

    def test_columns_of_any_modality_are_looked_at(self):
        frame, features = table(20)
        named = pd.concat([frame, pd.DataFrame(features).add_prefix("x")], axis=1)
        noisy, report = spoil(named, None, features="x*")
        assert report["features"] == modality("features").words.noise_features
        looked = modality("features").check(features, range(len(frame)), "x").values
        expected = spoil(frame, modality("features").noise_features(looked, 1))[0]
        assert noisy["noisy_label"].tolist() == expected["noisy_label"].tolist()
        with pytest.raises(InputError, match="kind idn looks at the inputs"):
            spoil(named, None, features="x*", text="which")

    def test_rows_stay_aligned(self):
        """Test rows and rows without a label between the others change nothing, whatever their features hold."""
        frame, features = table(30)
        frame = frame[["y"]].assign(part="train")
        plain, _ = spoil(frame, features, split="part")
        places = np.arange(0, len(frame), 7)
        extra = frame.iloc[places].assign(part="test")
        extra.loc[extra.index[::2], ["y", "part"]] = [None, "train"]
        order = np.argsort(np.concatenate([np.arange(len(frame)), places - 0.5]))
        longer = pd.concat([frame, extra]).iloc[order]
        wider = np.concatenate([features, np.full((len(extra), 10), np.nan)])[order]
        noisy, report = spoil(longer, wider, split="part")
        assert noisy["noisy_label"].iloc[order < len(frame)].tolist() == plain["noisy_label"].tolist()
        assert noisy["noisy_label"].iloc[order >= len(frame)].isin(["a", None]).all()
        assert report["changeable"] == len(frame)

    def test_refused(self):
        frame, features = table(2)
        with pytest.raises(InputError, match=r"inputs_features has shape \(23, 10\).*each of the 24 rows"):
            spoil(frame, features[1:])
        with pytest.raises(InputError, match=r"shape \(24,\)"):
            spoil(frame, features[:, 0])
        with pytest.raises(InputError, match="type <U1"):
            spoil(frame, np.full((24, 2), "a"))
        features[5, 0] = np.inf
        with pytest.raises(InputError, match="not finite in 1 rows, the first of which is row 5"):
            spoil(frame, features)
        with pytest.raises(InputError, match="kind idn looks at the inputs.*one of --text, --image and --features"):
            spoil(frame, None)

    def test_other_kinds_look_at_nothing(self):
        frame, features = table(2)
        _, report = spoil(frame, features, kind="sym")
        assert report["features"] is None


class TestPixelFeatures:
    def test_means_of_cells(self):
        """A 4 x 4 image on a grid of 2 x 2: each number is the mean of four pixels, in (row, column, colour) order."""
        image = (np.arange(48).reshape(4, 4, 3) * 4).astype(np.uint8)
        found = pixel_features([image], side=2)
        means = image.reshape(2, 2, 2, 2, 3).mean(axis=(1, 3)).reshape(-1)
        assert found.dtype == np.float32
        assert found.shape == (1, 12)
        assert np.abs(found[0] * 255 - means).max() <= 0.5

    def test_shapes_and_range(self):
        draw = np.random.default_rng(0)
        images = (draw.integers(0, 256, size, dtype=np.uint8) for size in [(32, 32, 3), (5, 90, 3), (1, 1, 3)])
        found = pixel_features(images)
        assert found.shape == (3, 768)
        assert found.min() >= 0
        assert found.max() <= 1
        assert len(set(found[2])) <= 3
        assert pixel_features([], side=3).shape == (0, 27)
        assert (pixel_features([np.full((9, 7, 3), 255, np.uint8)]) == 1).all()

    def test_they_plant_noise(self):
        frame, _ = table(5)
        images = np.random.default_rng(0).integers(0, 256, (len(frame), 8, 8, 3), dtype=np.uint8)
        noisy, _ = spoil(frame, pixel_features(images, side=4), features_name="image pixels")
        assert (noisy["noisy_label"] != "a").all()

    def test_refused(self, monkeypatch):
        good = np.zeros((4, 4, 3), np.uint8)
        for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), good[:0]):
            with pytest.raises(InputError, match=r"image 1 has shape .*turn it into RGB, \(h, w, 3\) uint8"):
                pixel_features([good, wrong])
        for side in (0, 1.5, True):
            with pytest.raises(InputError, match="side is"):
                pixel_features([good], side=side)
        monkeypatch.setitem(sys.modules, "PIL", None)
        with pytest.raises(InputError, match=r'pip install "mislabel\[image\]"'):
            pixel_features([good])
