"""Tables of a suite: rows drawn, errors planted or taken, one set of column names."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from bench.conftest import blobs

from mislabel.bench.builtin import builtin_frame
from mislabel.bench.data import columns_of, described, make_table
from mislabel.bench.one_label import one_label
from mislabel.bench.suites import Source
from mislabel.data.label_sources import Sources
from mislabel.errors import InputError


def table_of(tmp_path, frame, seed=0, name="t", **how):
    home = tmp_path / "home"
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    path, about = make_table(Source(name, files=("t.parquet",), **how), seed, tmp_path, home)
    return pd.read_parquet(path), about


def test_real_errors_and_rows_where_nothing_was_said(tmp_path):
    frame = blobs()
    frame.loc[[3, 4], "given"] = -1  # both train
    frame["given"] = frame["given"].astype("float64").mask(frame.index == 5)
    frame.loc[0, "given"] = np.nan  # a test row needs none
    table, about = table_of(tmp_path, frame, modality="features", column="x*", given="given")
    assert list(table) == ["x0", "x1", "id", "gold_label", "given_label", "split"]
    kept = [k for k in range(240) if k not in (3, 4, 5)]
    assert sorted(table["id"]) == sorted(f"row-{k}" for k in kept)
    at = table.set_index("id")
    for k in kept:
        row, source = at.loc[f"row-{k}"], frame.loc[k]
        assert row["gold_label"] == source["label"]
        assert row["given_label"] == (source["given"] if source["split"] == "train" else source["label"])
        assert (row["x0"], row["x1"]) == (source["x0"], source["x1"])
    train = table[table["split"] == "train"]
    assert about["noise"] == pytest.approx((train["given_label"] != train["gold_label"]).mean())
    assert (about["rows"], about["test_rows"], about["classes"]) == (156, 81, 3)


def test_several_sources_and_the_one_label_that_they_come_to(tmp_path):
    frame = blobs()
    given = frame["given"].to_numpy()
    votes = np.column_stack([given, np.where(np.arange(240) % 2, given, -1), frame["label"]])
    votes[5] = -1  # a row of which nobody says anything does not train
    frame["votes"] = votes.tolist()
    how = {"modality": "features", "column": "x*", "sources": "votes"}
    table, about = table_of(tmp_path, frame, **how)
    said, train = table[["vote_0", "vote_1", "vote_2"]], table["split"] == "train"
    assert said[~train].isna().all(axis=None)
    assert "row-5" not in set(table["id"])
    places = [int(id.removeprefix("row-")) for id in table["id"][train]]
    np.testing.assert_array_equal(said[train].fillna(-1).to_numpy(dtype=int), votes[places])
    majority, _ = table_of(tmp_path, frame, name="m", aggregate="majority", **how)
    modes = [pd.Series(row[row >= 0]).mode() for row in votes[places]]
    clear = np.array([len(mode) == 1 for mode in modes])
    assert clear.any()
    np.testing.assert_array_equal(majority["given_label"][train][clear], [mode[0] for mode in modes if len(mode) == 1])
    assert about["noise"] == pytest.approx((table["given_label"] != table["gold_label"])[train].mean())
    named, _ = table_of(tmp_path, frame, name="n", classes=("a", "b", "c"), **how)
    assert set(named["vote_0"].dropna()) == {"a", "b", "c"}
    columns = columns_of(Source("t", files=("t",), **how))
    assert columns["sources"] == "vote_*"
    assert "label" not in columns


@pytest.mark.filterwarnings("ignore")  # crowd-kit's own
def test_dawid_skene_is_crowd_kits():
    pytest.importorskip("crowdkit", reason="crowd-kit is not installed")
    random = np.random.default_rng(0)
    true = random.integers(0, 3, 200)
    votes = np.column_stack([np.where(random.random(200) < share, 0, true) for share in (0.1, 0.1, 0.9)])
    votes[:, 0][::5] = -1
    found = one_label(Sources(list("abc"), votes, ["person"] * 3), "dawid_skene")
    assert (found == true).mean() > 0.85  # the third is right on two rows of five


def test_planted_errors_follow_the_seed_and_spare_the_test(tmp_path):
    noise = {"kind": "sym", "rate": 0.4}
    tables = [table_of(tmp_path, blobs(), seed, modality="features", column="x*", noise=noise) for seed in (0, 1)]
    for table, about in tables:
        wrong = table["given_label"] != table["gold_label"]
        assert not wrong[table["split"] == "test"].any()
        assert about["noise"] == wrong[table["split"] == "train"].mean()
        assert 0.25 < about["noise"] < 0.55
    assert (tables[0][0]["given_label"] != tables[1][0]["given_label"]).any()
    assert not list((tmp_path / "home").glob("*plain*"))


def test_rows_are_drawn_with_the_seed(tmp_path):
    how = {"modality": "features", "column": "x*", "given": "given", "train_rows": 50, "test_rows": 20}
    tables = [table_of(tmp_path, blobs(), seed, **how)[0] for seed in (0, 1)]
    for table in tables:
        assert table["split"].value_counts().to_dict() == {"train": 50, "test": 20}
        assert table["id"].is_unique
    assert set(tables[0]["id"]) != set(tables[1]["id"])


def test_trusted_labels_are_drawn_from_training_rows_with_the_seed(tmp_path):
    """So many, each with its gold label; the rest of the table is as without them."""
    for given in ({"given": "given"}, {"noise": {"kind": "sym", "rate": 0.4}}):
        how = {"modality": "features", "column": "x*", "train_rows": 100, **given}
        plain, _ = table_of(tmp_path, blobs(), name="plain", **how)
        tables = [table_of(tmp_path, blobs(), seed, trusted=30, **how)[0] for seed in (0, 1)]
        pd.testing.assert_frame_equal(tables[0].drop(columns="trusted_label"), plain)
        chosen = [set(table.loc[table["trusted_label"].notna(), "id"]) for table in tables]
        assert chosen[0] != chosen[1]
        for table in tables:
            known = table[table["trusted_label"].notna()]
            assert len(known) == 30
            assert set(known["split"]) == {"train"}
            assert (known["trusted_label"] == known["gold_label"]).all()
            assert 0 < (known["given_label"] != known["gold_label"]).sum() < 30
        (tmp_path / "home").rename(tmp_path / f"home {next(iter(given))}")
    with pytest.raises(InputError, match="data t: trusted asks for 100 rows, and 100 train"):
        table_of(tmp_path, blobs(), trusted=100, **how)


def test_codes_get_the_names_of_their_classes(tmp_path):
    frame, names = blobs(), ("low", "mid", "high")
    frame.loc[3, "given"] = -1
    how = {"modality": "features", "column": "x*", "given": "given", "trusted": 5}
    plain, about = table_of(tmp_path, frame, name="plain", **how)
    table, told = table_of(tmp_path, frame, classes=names, **how)
    assert told == about
    for column in ("gold_label", "given_label"):
        assert table[column].tolist() == [names[code] for code in plain[column]]
    known = plain["trusted_label"].notna()
    assert table.loc[known, "trusted_label"].tolist() == [names[code] for code in plain.loc[known, "trusted_label"]]
    assert table.loc[~known, "trusted_label"].isna().all()
    with pytest.raises(InputError, match=r"classes names 2 codes, 0 to 1, and the labels hold 2: list a name"):
        table_of(tmp_path, frame, name="few", classes=("low", "mid"), **how)
    frame["label"] = np.array(names)[frame["label"]]
    with pytest.raises(InputError, match="the labels hold '.*leave classes out where labels are names"):
        table_of(tmp_path, frame, name="words", classes=names, **how)


def test_texts_without_words_do_not_train(tmp_path):
    frame = pd.DataFrame(
        {
            "text": ["a b", " ", "c", "", "d"],
            "label": list("xxyyx"),
            "given": list("xyyyx"),
            "split": ["train"] * 4 + ["test"],
        }
    )
    table, _ = table_of(tmp_path, frame, modality="text", column="text", given="given")
    assert table["id"].tolist() == ["row-0", "row-2", "row-4"]
    assert list(table) == ["text", "id", "gold_label", "given_label", "split"]


def test_several_files_are_one_table(tmp_path):
    frame = blobs()
    frame[frame["split"] == "train"].to_parquet(tmp_path / "a.parquet")
    frame[frame["split"] == "test"].drop(columns="given").to_parquet(tmp_path / "b.parquet")
    source = Source("t", files=("a.parquet", "b.parquet"), modality="features", column="x*", given="given")
    path, about = make_table(source, 0, tmp_path, tmp_path / "home")
    assert (about["rows"], about["test_rows"]) == (159, 81)
    table = pd.read_parquet(path)
    assert table["given_label"].dtype == table["gold_label"].dtype


def test_a_table_is_made_once(tmp_path):
    table_of(tmp_path, blobs(), modality="features", column="x*", given="given")
    about = tmp_path / "home" / "t.0.json"
    about.write_text(json.dumps({"noise": 7}))
    assert table_of(tmp_path, blobs(), modality="features", column="x*", given="given")[1] == {"noise": 7}


def test_data_that_are_not_there(tmp_path):
    source = Source("t", files=("t.parquet",), modality="features", column="x*", given="given")
    with pytest.raises(InputError, match=r"t\.parquet not found"):
        make_table(source, 0, tmp_path, tmp_path / "home")
    with pytest.raises(InputError, match="--data-dir DIR, a folder with t.parquet"):
        make_table(source, 0, None, tmp_path / "home")
    blobs().to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="no column 'wrong'; choose one of x0"):
        make_table(replace(source, given="wrong"), 0, tmp_path, tmp_path / "home")


def test_the_hub_s_columns_get_the_suite_s_names(tmp_path, monkeypatch):
    asked = []

    def read(name):
        asked.append(name)
        return pd.DataFrame({"sentence": ["a", "b"], "label_text": ["x", "y"], "label": [0, 1]})

    monkeypatch.setattr("mislabel.bench.data.read_hub", read)
    hub = {"name": "someone/set", "text": "sentence", "label": "label_text"}
    source = Source("t", hub=hub, modality="text", column="text", noise={"kind": "sym", "rate": 0.0})
    table = pd.read_parquet(make_table(source, 0, None, tmp_path / "home")[0])
    assert asked == ["hf:someone/set:train", "hf:someone/set:test"]
    assert table["gold_label"].tolist() == ["x", "y"] * 2
    assert table["split"].tolist() == ["train"] * 2 + ["test"] * 2


def test_what_comes_with_the_package(tmp_path):
    digits, about = make_table(
        Source("digits", "digits", modality="features", column="pixel_*", noise={"kind": "idn", "rate": 0.4}),
        0, None, tmp_path,
    )  # fmt: skip
    assert len(pd.read_parquet(digits).filter(like="pixel_").columns) == 64
    assert about["noise"] == pytest.approx(0.4, abs=0.06)
    messages, about = make_table(
        Source("messages", "messages", modality="text", column="text", label="gold", given="label"), 0, None, tmp_path
    )
    assert about["classes"] == 6
    assert 0.3 < about["noise"] < 0.4
    assert pd.read_parquet(messages)["split"].value_counts().to_dict() == {"train": 660, "test": 240}


def test_what_classes_mean_lies_below_the_data_folder(tmp_path):
    source = Source(
        "t", files=("t.parquet",), describe="describe/t.toml", modality="features", column="x*", given="given"
    )
    with pytest.raises(InputError, match=r"data t: describe/t\.toml not found in the folder of --data-dir"):
        described(source, tmp_path)
    with pytest.raises(InputError, match=r"data t: describe/t\.toml is a file below --data-dir"):
        described(source, None)
    (tmp_path / "describe").mkdir()
    (tmp_path / "describe" / "t.toml").write_text('0 = "low"\n1 = ["high", "tall"]\n')
    assert described(source, tmp_path) == {"0": ["low"], "1": ["high", "tall"]}
    assert described(replace(source, describe=None), None) is None


@pytest.mark.parametrize(
    ("name", "rows", "features", "classes"), [("iris", 150, 4, 3), ("wine", 178, 13, 3), ("breast_cancer", 569, 30, 2)]
)
def test_data_that_come_with_scikit_learn(name, rows, features, classes):
    frame = builtin_frame(name)
    assert len(frame) == rows
    assert sum(column.startswith("x_") for column in frame) == features
    assert frame["label"].nunique() == classes
    assert 0.15 < (frame["split"] == "test").mean() < 0.35
    assert set(frame["split"]) == {"train", "test"}
