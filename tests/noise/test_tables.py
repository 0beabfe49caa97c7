"""Noise in a table: the new column, the rows that must stay, and the report."""

import json

import numpy as np
import pandas as pd
import pytest

from mislabel.errors import InputError
from mislabel.noise import corrupt_table, text_features
from mislabel.noise.corrupt import KINDS

TOPICS = {"ball": "goal team match player league", "bank": "money loan rate credit market", "film": "actor scene plot"}


def reviews(size=300, seed=0):
    draw = np.random.default_rng(seed)
    topics = draw.choice(list(TOPICS), size)
    texts = [" ".join(draw.choice(TOPICS[topic].split(), 6)) for topic in topics]
    part = np.where(np.arange(size) % 10 == 0, "test", np.where(np.arange(size) % 10 == 1, "dev", "train"))
    index = draw.permutation(size) + 1000
    return pd.DataFrame({"text": texts, "label": topics, "part": part}, index=index)


@pytest.mark.parametrize("kind", KINDS)
def test_column_and_report(kind):
    frame = reviews()
    before = frame.copy()
    noisy, report = corrupt_table(
        frame, label="label", text="text", kind=kind, rate=0.4, seed=1, split="part", exact=True
    )
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(noisy[list(frame.columns)], frame)
    assert list(noisy.columns) == ["text", "label", "part", "noisy_label"]
    changed = (noisy["label"] != noisy["noisy_label"]).to_numpy()
    test = (frame["part"] == "test").to_numpy()
    assert not changed[test].any()
    assert changed[(frame["part"] == "dev").to_numpy()].any()
    assert report["flipped"] == changed.sum() == round(0.4 * 270)
    assert (report["rows"], report["changeable"]) == (300, 270)
    assert report["realised_rate"] == changed.sum() / 270
    assert report["classes"] == ["ball", "bank", "film"]
    assert (report["kind"], report["rate"], report["seed"]) == (kind, 0.4, 1)
    assert report["convention"].startswith("ptd" if kind == "idn" else "transition")
    table = pd.crosstab(noisy["label"][~test], noisy["noisy_label"][~test], normalize="index")
    assert np.allclose(report["transition"], table.reindex(columns=report["classes"], fill_value=0).to_numpy())
    assert json.loads(json.dumps(report)) == report


def test_valid_rows_can_be_spared():
    noisy, report = corrupt_table(
        reviews(), label="label", kind="sym", rate=1.0, seed=1, split="part", noise_valid=False
    )
    changed = noisy["label"] != noisy["noisy_label"]
    assert changed.tolist() == (noisy["part"] == "train").tolist()
    assert report["changeable"] == 240


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([0, 1, 2] * 20),
        pd.Series([0, 1, 2] * 20, dtype="int8"),
        pd.Series([True, False, True] * 20),
        pd.Series([0.0, 1.0, 2.0] * 20),
        pd.Series(["a", "b", "c"] * 20),
        pd.Series(["a", "b", "c"] * 20, dtype=object),
        pd.Series(["a", "b", "c"] * 20, dtype="category"),
        pd.Series([5, 7, 9] * 20, dtype="category"),
        pd.Series([1, None, 2] * 20, dtype="Int64"),
        pd.Series(["a", None, "b"] * 20),
        pd.Series(["a", "", "b"] * 20),
        pd.Series([0, -1, 1] * 20),
        pd.Series([1.0, np.nan, 2.0] * 20),
        pd.Series([1, 2, 3] * 20, dtype="int64[pyarrow]"),
        pd.Series([4, 5, 6] * 20, index=[1, 1, 2] * 20),
    ],
    ids=lambda column: f"{column.dtype} {column.iloc[1]}",
)
def test_the_new_column_has_the_type_of_the_old_one(column):
    noisy, report = corrupt_table(pd.DataFrame({"y": column}), label="y", kind="asym", rate=1.0, seed=0)
    new = noisy["noisy_label"]
    assert new.dtype == column.dtype
    cycle = {
        value: report["classes"][(place + 1) % len(report["classes"])] for place, value in enumerate(report["classes"])
    }
    for old, value in zip(column, new, strict=True):
        if old in cycle:
            assert value == cycle[old]
        else:  # no label before, none after
            assert pd.isna(value) if pd.isna(old) else value == old


def test_seeds_and_column_name():
    frame = reviews()
    first, _ = corrupt_table(frame, label="label", text="text", kind="idn", rate=0.4, seed=5, column="spoiled")
    again, _ = corrupt_table(frame, label="label", text="text", kind="idn", rate=0.4, seed=5, column="spoiled")
    other, _ = corrupt_table(frame, label="label", text="text", kind="idn", rate=0.4, seed=6, column="spoiled")
    assert first["spoiled"].tolist() == again["spoiled"].tolist() != other["spoiled"].tolist()


def test_a_hurried_annotator_is_wrong_in_the_same_way_about_the_same_text():
    frame = pd.DataFrame({"text": [f"the {word} of it" for word in ("cat", "dog", "sun", "car", "sea")] * 40, "y": 0})
    frame["y"] = pd.Categorical([0] * 200, categories=range(8))
    noisy, _ = corrupt_table(frame, label="y", text="text", kind="idn", rate=0.6, seed=0, temperature=10)
    wrong = noisy[noisy["noisy_label"] != 0].groupby("text")["noisy_label"]
    assert wrong.agg(lambda labels: labels.value_counts(normalize=True).max()).mean() > 0.7


def test_report_of_raw_idn():
    _, report = corrupt_table(
        reviews(60), label="label", text="text", kind="idn", rate=0.4, seed=0, compat="raw", center=False
    )
    assert report["convention"] == "ptd, raw features, uncentred"
    assert (report["compat"], report["center"], report["temperature"]) == ("raw", False, 3.0)


def animals(size=240, seed=0):
    """Seven classes, of three coarse ones, one of which has a single class."""
    draw = np.random.default_rng(seed)
    coarse = {"cat": "pet", "dog": "pet", "cow": "farm", "pig": "farm", "hen": "farm", "sheep": "farm", "wolf": "wild"}
    names = draw.choice(list(coarse), size)
    return pd.DataFrame({"y": names, "over": [coarse[name] for name in names]})


class TestFlips:
    def test_superclass_column(self):
        frame = animals()
        noisy, report = corrupt_table(
            frame, label="y", kind="asym", rate=1.0, seed=0, flips="superclass", superclass="over"
        )
        goes = {"cat": "dog", "dog": "cat", "cow": "hen", "hen": "pig", "pig": "sheep", "sheep": "cow", "wolf": "wolf"}
        assert noisy["noisy_label"].tolist() == [goes[name] for name in frame["y"]]
        assert dict(zip(report["classes"], report["flip_map"], strict=True)) == goes
        assert report["staying_classes"] == ["wolf"]
        assert (report["flips"], report["superclass"]) == ("superclass", "over")
        assert report["convention"] == "transition, superclass"
        assert json.loads(json.dumps(report)) == report

    def test_rows_without_a_coarse_label_are_passed_over(self):
        frame = animals()
        settings = {"label": "y", "kind": "asym", "rate": 0.5, "seed": 0, "flips": "superclass", "superclass": "over"}
        whole, _ = corrupt_table(frame, **settings)
        frame.loc[::5, "over"] = None
        assert corrupt_table(frame, **settings)[0]["noisy_label"].tolist() == whole["noisy_label"].tolist()

    def test_a_class_has_one_superclass(self):
        frame = animals()
        settings = {"label": "y", "kind": "asym", "rate": 0.5, "seed": 0, "flips": "superclass", "superclass": "over"}
        place = frame.index[frame["y"] == "hen"][0]
        frame.loc[place, "over"] = "wild"
        with pytest.raises(InputError, match="class 'hen' have 2 different values in the superclass column \"over\""):
            corrupt_table(frame, **settings)
        frame.loc[frame["y"] == "hen", "over"] = None
        with pytest.raises(InputError, match="class 'hen' have 0 different values"):
            corrupt_table(frame, **settings)
        with pytest.raises(InputError, match=r'no superclass column "ovre".*did you mean "over"'):
            corrupt_table(frame, **(settings | {"superclass": "ovre"}))
        with pytest.raises(InputError, match='add flips="superclass"'):
            corrupt_table(animals(), **(settings | {"flips": "next"}))

    def test_nothing_is_flipped_to_a_class_without_rows(self):
        frame = pd.DataFrame({"y": pd.Categorical(list("abab"), categories=list("abc")), "over": 7})
        noisy, report = corrupt_table(
            frame, label="y", kind="asym", rate=1.0, seed=0, flips="superclass", superclass="over"
        )
        assert noisy["noisy_label"].tolist() == list("baba")
        assert report["staying_classes"] == ["c"]

    def test_named_and_own_maps(self):
        frame = pd.DataFrame({"y": np.arange(11).repeat(3)})
        _, report = corrupt_table(frame, label="y", kind="asym", rate=0.5, seed=0, flips="block5")
        assert (report["flips"], report["staying_classes"]) == ("block5", [10])
        assert report["convention"] == "transition, block5"
        own = np.array([1, 0, *range(2, 11)])
        noisy, report = corrupt_table(frame, label="y", kind="asym", rate=1.0, seed=0, flips=own)
        assert (report["flips"], report["flip_map"]) == ("custom", own.tolist())
        assert noisy["noisy_label"].tolist() == own.repeat(3).tolist()
        _, report = corrupt_table(frame, label="y", kind="asym", rate=0.5, seed=0)
        assert (report["flips"], report["convention"], report["compat"]) == ("next", "transition", None)
        _, report = corrupt_table(frame, label="y", kind="sym", rate=0.5, seed=0)
        assert (report["flips"], report["features"]) == (None, None)
        assert "staying_classes" not in report

    def test_cifar100_needs_no_column_but_the_right_order(self):
        frame = pd.DataFrame({"y": np.arange(100)})
        settings = {"label": "y", "kind": "asym", "rate": 1.0, "seed": 0, "flips": "superclass"}
        noisy, report = corrupt_table(frame, **settings)
        assert noisy["noisy_label"][4] == 30  # beaver to dolphin
        assert report["superclass"] == "CIFAR-100"
        with pytest.raises(InputError, match="0, 1, 10, 11, ... as they are numbers written as text"):
            corrupt_table(frame.astype(str), **settings)


def test_compat_is_followed_and_reported():
    frame = reviews(999).drop(columns="part")
    _, report = corrupt_table(frame, label="label", kind="asym", rate=0.4, seed=0, compat="ido")
    assert (report["flipped"], report["exact"], report["compat"]) == (399, True, "ido")
    assert report["convention"] == "transition, next, exactly int(r N) rows, as ido"
    _, report = corrupt_table(frame, label="label", kind="str", rate=0.4, seed=0, compat="ido")
    assert sum(row[own] < 1 for own, row in enumerate(report["transition"])) == 1  # half of three classes
    assert report["convention"] == "structured, replace_incl_own, exactly int(r N) rows, as ido"


def test_matrix_in_the_order_of_the_classes():
    matrix = [[0, 0, 1], [0, 1, 0], [1, 0, 0]]  # ball and film are swapped
    noisy, report = corrupt_table(reviews(), label="label", kind="matrix", seed=0, transition=np.array(matrix))
    swap = {"ball": "film", "bank": "bank", "film": "ball"}
    assert noisy["noisy_label"].tolist() == [swap[name] for name in noisy["label"]]
    assert (report["rate"], report["asked_transition"], report["transition"]) == (None, matrix, matrix)
    assert json.loads(json.dumps(report)) == report


def test_refused():
    frame = reviews(20)
    with pytest.raises(InputError, match='"noisy_label" already'):
        corrupt_table(frame.assign(noisy_label=0), label="label", kind="sym", rate=0.1, seed=0)
    with pytest.raises(InputError, match="kind idn looks at the inputs.*--text, --image and --features"):
        corrupt_table(frame, label="label", kind="idn", rate=0.1, seed=0)
    with pytest.raises(InputError, match=r'no label column "lable".*did you mean "label"'):
        corrupt_table(frame, label="lable", kind="sym", rate=0.1, seed=0)
    with pytest.raises(InputError, match='no split column "fold"'):
        corrupt_table(frame, label="label", kind="sym", rate=0.1, seed=0, split="fold")
    with pytest.raises(InputError, match="did you mean"):
        corrupt_table(frame, label="label", kind="symm", rate=0.1, seed=0)
    with pytest.raises(InputError, match="rate is 4"):
        corrupt_table(frame, label="label", kind="sym", rate=4, seed=0)
    with pytest.raises(InputError, match="no rows"):
        corrupt_table(frame.iloc[:0], label="label", kind="sym", rate=0.1, seed=0)
    for seed in (-1, 0.5, None):
        with pytest.raises(InputError, match="seed is"):
            corrupt_table(frame, label="label", kind="sym", rate=0.1, seed=seed)


class TestTextFeatures:
    def test_similar_texts_are_near(self):
        frame = reviews()
        features = text_features(frame["text"].tolist(), dim=8)
        assert features.shape == (300, 8)
        assert np.allclose(np.linalg.norm(features, axis=1), 1)
        likeness = features @ features.T
        same = frame["label"].to_numpy()[:, None] == frame["label"].to_numpy()
        assert likeness[same].mean() > 0.5
        assert abs(likeness[~same].mean()) < 0.1

    def test_same_seed_same_numbers(self):
        texts = reviews()["text"].tolist()
        assert np.array_equal(text_features(texts, seed=3), text_features(texts, seed=3))

    @pytest.mark.parametrize("texts", [["a"], ["", " "], ["same"] * 5, ["?!", "..."], ["a", ""], ["x y", "y z", "z"]])
    def test_few_or_plain_texts(self, texts):
        features = text_features(texts)
        assert len(features) == len(texts)
        assert 1 <= features.shape[1] <= 64
        assert np.isfinite(features).all()
        noisy, _ = corrupt_table(
            pd.DataFrame({"t": texts, "y": pd.Categorical(["a"] * len(texts), categories=["a", "b"])}),
            label="y", text="t", kind="idn", rate=1.0, seed=0,
        )  # fmt: skip
        assert (noisy["noisy_label"] == "b").all()

    def test_large_vocabularies_are_cut(self, monkeypatch):
        monkeypatch.setattr("mislabel.modalities.text.noise_features._VOCABULARY", 10)
        assert text_features([f"word{place} common" for place in range(50)]).shape == (50, 10)
