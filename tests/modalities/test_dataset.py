"""A Dataset: what becomes of each kind of row, and what is said about it."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel.data import conflicts
from mislabel.data.dataset import Names
from mislabel.data.rows import STATUSES
from mislabel.errors import InputError
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.loading import load_dataset

FRAME = pd.DataFrame(
    {
        "uid": ["a", "b", "c", "d", "e", "f"],
        "text": ["good", "bad", "fine", "poor", "great", "awful"],
        "label": ["pos", "neg", "pos", "neg", "pos", "neg"],
        "gold": ["pos", "neg", "neg", None, "pos", "neg"],
        "part": ["train", "train", "training", "Train", "dev", "TEST"],
    },
    index=[5, 5, 0, 3, 1, 2],
)


def says(dataset, *words):
    """The one note that holds all the words."""
    found = [note for note in dataset.notes if all(word in note for word in words)]
    assert len(found) == 1, dataset.notes
    return found[0]


class TestLoad:
    def test_everything(self):
        dataset = load_dataset(FRAME, text="text", label="label", gold="gold", id="uid", split="part")
        assert dataset.ids.tolist() == list("abcdef")
        assert dataset.inputs == FRAME["text"].tolist()
        assert dataset.labels.classes == ["neg", "pos"]
        assert dataset.labels.codes.tolist() == [1, 0, 1, 0, 1, 0]
        assert dataset.gold is not None
        assert dataset.gold.tolist() == [1, 0, 0, -1, 1, 0]
        assert dataset.decode_gold().tolist() == ["pos", "neg", "neg", None, "pos", "neg"]
        assert dataset.split.tolist() == ["train"] * 4 + ["valid", "test"]
        assert dataset.status.tolist() == ["judged"] * 4 + ["held_out"] * 2
        assert dataset.rows("train").tolist() == [0, 1, 2, 3]
        assert dataset.rows("test").tolist() == [5]
        assert len(dataset) == 6
        assert dataset.name == "data"
        assert dataset.notes == []
        with pytest.raises(InputError, match="needed one of train, valid, test"):
            dataset.rows("dev")

    @pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
    def test_a_file_gives_the_same_dataset(self, tmp_path, ending):
        from mislabel.tables import write_table

        write_table(FRAME, tmp_path / f"reviews.{ending}")
        columns = {"text": "text", "label": "label", "gold": "gold", "id": "uid", "split": "part"}
        from_file = load_dataset(tmp_path / f"reviews.{ending}", **columns)
        in_memory = load_dataset(FRAME, **columns)
        assert from_file.fingerprint == in_memory.fingerprint
        assert from_file.gold.tolist() == in_memory.gold.tolist()
        assert from_file.name == f"reviews.{ending}"

    def test_numbers_in_a_csv_file(self, tmp_path):
        (tmp_path / "t.csv").write_text("text,label,id\n5,1,10\n4,0,11\nNA,,12\n")
        dataset = load_dataset(tmp_path / "t.csv", text="text", label="label", id="id", missing="unlabeled")
        assert dataset.inputs == ["5", "4", "NA"]  # text stays text
        assert dataset.labels.classes == [0, 1]  # and never 0.0
        assert type(dataset.labels.classes[0]) is int
        assert dataset.labels.codes.tolist() == [1, 0, -1]
        assert dataset.ids.tolist() == [10, 11, 12]

    def test_version_like_labels_and_ids_keep_their_digits(self, tmp_path):
        (tmp_path / "t.csv").write_text("text,label,id\na,1.1,2.10\nb,1.10,2.1\n")
        dataset = load_dataset(tmp_path / "t.csv", text="text", label="label", id="id")
        assert dataset.labels.classes == ["1.1", "1.10"]
        assert dataset.ids.tolist() == ["2.10", "2.1"]

    def test_columns_that_are_not_there(self):
        with pytest.raises(InputError, match=r'no text column "texts".*did you mean "text"'):
            load_dataset(FRAME, text="texts", label="label")
        with pytest.raises(InputError, match='no gold column "truth"'):
            load_dataset(FRAME, text="text", label="label", gold="truth")
        with pytest.raises(InputError, match="which column holds the labels"):
            load_dataset(FRAME, text="text")

    def test_messages_name_columns_and_ids(self):
        frame = FRAME.assign(label=["pos", None, "pos", "neg", "pos", "neg"])
        with pytest.raises(InputError, match=r"label: 1 of 6 rows have no label .*rows 'b'"):
            load_dataset(frame, text="text", label="label", id="uid")
        with pytest.raises(InputError, match="part: 6 rows hold 'pos', 'neg' instead"):
            load_dataset(FRAME.assign(part=FRAME["label"]), text="text", label="label", split="part")
        with pytest.raises(InputError, match="label: 2 ids name more than one row"):
            load_dataset(FRAME, text="text", label="label", id="label")

    def test_without_labels(self):
        dataset = load_dataset(FRAME, text="text", need_labels=False)
        assert dataset.labels.codes.tolist() == [-1] * 6
        assert dataset.labels.classes == []
        assert dataset.status.tolist() == ["unlabeled"] * 6


class TestRows:
    def test_no_rows(self):
        with pytest.raises(InputError, match="data has no rows"):
            make_dataset([], [])
        with pytest.raises(InputError, match="no rows"):
            load_dataset(FRAME.iloc[:0], text="text", label="label")

    def test_one_row(self):
        dataset = make_dataset(["a"], [1])
        assert dataset.status.tolist() == ["class_too_small"]
        says(dataset, "the same label, 1")

    def test_lengths(self):
        with pytest.raises(InputError, match="3 texts but 2 labels were given"):
            make_dataset(["a", "b", "c"], [0, 1])
        with pytest.raises(InputError, match="2 ids were given for 1 rows"):
            make_dataset(["a"], [0], ids=[1, 2])
        with pytest.raises(InputError, match="2 values were given for 1 rows"):
            make_dataset(["a"], [0], split=["train", "train"])
        with pytest.raises(InputError, match="gold: 2 labels were given for 1 rows"):
            make_dataset(["a"], [0], gold=[1, 2])

    def test_labels_are_needed(self):
        with pytest.raises(InputError, match="no labels were given"):
            make_dataset(["a"])
        with pytest.raises(InputError, match="none of the 2 rows has a label"):
            make_dataset(["a", "b"], [None, ""], missing="unlabeled")

    def test_numbered_rows_are_said(self):
        says(make_dataset(["a", "b"], [0, 1]), "No ids were given")

    def test_rows_are_joined_by_place_where_no_index_speaks_against_it(self):
        texts = pd.Series(["x", "y", "z", "w"], index=[3, 2, 1, 0])
        for labels in (pd.Series(list("xyzw"), index=[3, 2, 1, 0]), list("xyzw"), np.array(list("xyzw"))):
            dataset = make_dataset(texts, labels)
            assert dataset.labels.decode(dataset.labels.codes).tolist() == dataset.inputs
        with pytest.raises(InputError, match=r"labels\.loc\[texts\.index\]"):
            make_dataset(texts, pd.Series(list("wzyx"), index=[0, 1, 2, 3]))


class TestStatus:
    def test_every_kind(self):
        dataset = make_dataset(
            ["a", "b", " ", "c", "d", "e", " ", "", "f"],
            [0, 0, 0, None, 1, 2, None, 2, 2],
            split=["train"] * 8 + ["test"],
            missing="unlabeled",
        )
        assert dataset.status.tolist() == [
            "judged", "judged", "empty_input", "unlabeled", "class_too_small", "class_too_small", "empty_input",
            "empty_input", "held_out",
        ]  # fmt: skip
        assert set(dataset.status) <= set(STATUSES)
        says(dataset, "a single training row", "2; 1, 2")
        says(dataset, "empty text", "3; rows 2, 6, 7")

    def test_classes_without_a_row(self):
        dataset = make_dataset(["a", "b"], pd.Categorical(["x", "x"], categories=["x", "y"]))
        assert dataset.labels.classes == ["x", "y"]
        says(dataset, "no training row", "'y'")
        says(dataset, "the same label, 'x'")

    def test_warnings_about_labels_are_notes(self):
        says(make_dataset(["a", "b", "c", "d"], ["x", "X", "x", "X"]), "look alike")


class TestMissing:
    texts, labels = ["a", "b", "c", "d", "e"], [0, None, 1, -1, 1]

    def test_error(self):
        with pytest.raises(InputError, match=r"2 of 5 rows have no label .*rows 1, 3"):
            make_dataset(self.texts, self.labels)

    def test_unlabeled(self):
        dataset = make_dataset(self.texts, self.labels, missing="unlabeled")
        assert dataset.labels.codes.tolist() == [0, -1, 1, -1, 1]
        assert dataset.status.tolist() == ["class_too_small", "unlabeled", "judged", "unlabeled", "judged"]
        says(dataset, "kept out of the loss", "2 of 5; rows 1, 3")

    def test_drop(self):
        dataset = make_dataset(self.texts, self.labels, ids=list("vwxyz"), gold=[0, 0, 1, 1, 0], missing="drop")
        assert dataset.ids.tolist() == ["v", "x", "z"]
        assert dataset.inputs == ["a", "c", "e"]
        assert dataset.labels.codes.tolist() == [0, 1, 1]
        assert dataset.gold.tolist() == [0, 1, 0]
        assert len(dataset.split) == len(dataset.status) == 3
        says(dataset, "now dropped", "2 of 5; rows 'w', 'y'")

    @pytest.mark.parametrize("one", [1, 1.0])
    def test_minus_one_beside_nothing_but_one_is_a_class(self, one):
        """As "no label" it would leave nothing to tell apart; whoever says that labels are missing means it so."""
        dataset = make_dataset(list("abcd"), [one, -one, -one, one], gold=[one, one, -one, None])
        assert dataset.labels.classes == [-1, 1]
        assert dataset.labels.codes.tolist() == [1, 0, 0, 1]
        assert dataset.gold.tolist() == [1, 1, 0, -1]
        says(dataset, "-1 is taken as a class")
        for policy in ("drop", "unlabeled"):
            assert make_dataset(list("abcd"), [one, -one, -one, one], missing=policy).labels.classes == [1]
        with pytest.raises(InputError, match="rows have no label"):
            make_dataset(list("abcd"), [one, -one, None, one])

    def test_unknown_policy(self):
        with pytest.raises(InputError, match="needed one of error, drop, unlabeled"):
            make_dataset(["a"], [1], missing="ignore")

    def test_a_test_row_with_gold_needs_no_given_label(self):
        split = ["train", "train", "train", "test", "valid"]
        dataset = make_dataset(self.texts, [0, 0, 1, None, None], gold=[None, None, None, 1, 0], split=split)
        assert dataset.labels.codes.tolist() == [0, 0, 1, -1, -1]
        assert dataset.gold.tolist() == [-1, -1, -1, 1, 0]
        with pytest.raises(InputError, match=r"1 of 5 .*rows 3"):
            make_dataset(self.texts, [0, 0, 1, None, None], gold=[None, None, None, None, 0], split=split)
        with pytest.raises(InputError, match="2 of 5"):
            make_dataset(self.texts, [0, 0, 1, None, None], split=split)
        dropped = make_dataset(
            self.texts, [0, 0, None, None, None], gold=[None, None, 1, None, 0], split=split, missing="drop"
        )
        assert dropped.ids.tolist() == [0, 1, 4]  # gold does not excuse a training row

    def test_no_matter_where_no_labels_are_needed(self):
        dataset = make_dataset(["a", "b"], [1, None], need_labels=False)
        assert dataset.labels.codes.tolist() == [0, -1]


class TestGold:
    def test_gold_adds_no_class(self):
        """What only gold knows must not reach training, not even as a number of classes."""
        without = make_dataset(["a", "b"], ["x", "y"])
        dataset = make_dataset(["a", "b"], ["x", "y"], gold=["q", "y"])
        assert dataset.labels.classes == without.labels.classes == ["x", "y"]
        assert dataset.gold.tolist() == [2, 1]
        assert dataset.gold_classes == ["x", "y", "q"]
        assert dataset.decode_gold().tolist() == ["q", "y"]
        assert dataset.fingerprint == without.fingerprint
        assert dataset.status.tolist() == without.status.tolist()
        says(dataset, "never a given label", "'q'")

    def test_none(self):
        dataset = make_dataset(["a", "b"], ["x", "y"])
        assert dataset.gold is None
        assert dataset.decode_gold() is None


class TestSplit:
    def test_all_rows_train_without_one(self):
        assert set(make_dataset(["a", "b"], [0, 1]).split) == {"train"}

    def test_no_training_row(self):
        with pytest.raises(InputError, match="no row is marked train"):
            make_dataset(["a", "b"], [0, 1], split=["test", "test"])

    def test_holdout(self):
        texts = [f"text {place}" for place in range(100)]
        labels = [0] * 60 + [1] * 40
        dataset = make_dataset(texts, labels, holdout=0.2, seed=1)
        test = dataset.rows("test")
        assert np.bincount(dataset.labels.codes[test]).tolist() == [12, 8]
        assert set(dataset.status[test]) == {"held_out"}
        says(dataset, "20 of 100 rows", "share 0.2", "seed 1")
        again = make_dataset(texts, labels, holdout=0.2, seed=1)
        other = make_dataset(texts, labels, holdout=0.2, seed=2)
        assert np.array_equal(again.split, dataset.split)
        assert again.fingerprint == dataset.fingerprint
        assert not np.array_equal(other.split, dataset.split)
        assert other.fingerprint != dataset.fingerprint

    def test_rows_without_text_or_label_are_not_held_out(self):
        dataset = make_dataset(["a"] * 8 + [""] * 8, [0, 0, 0, 0, 1, 1, 1, None] * 2, holdout=0.5, missing="unlabeled")
        assert not (dataset.status[dataset.rows("test")] != "held_out").any()
        assert set(dataset.rows("test")) <= set(range(7))

    @pytest.mark.parametrize("holdout", [1.0, -0.1, True, float("nan"), "0.2"])
    def test_holdout_out_of_range(self, holdout):
        with pytest.raises(InputError, match="holdout is"):
            make_dataset(["a"], [0], holdout=holdout)

    def test_contradictions(self):
        with pytest.raises(InputError, match="holdout and a split column"):
            make_dataset(["a"], [0], holdout=0.1, split=["train"])
        for seed in (-1, 1.5, True):
            with pytest.raises(InputError, match="seed is"):
                make_dataset(["a"], [0], seed=seed)


class TestConflicts:
    def test_groups(self):
        dataset = make_dataset(
            ["b", "a", "b", "c", "a", "b", "", "", "a", "c"],
            [0, 0, 1, 1, 0, 0, 0, 1, 0, 0],
            split=["train"] * 9 + ["test"],
        )
        groups = conflicts(dataset)
        assert [group.tolist() for group in groups] == [[0, 2, 5]]  # not "", not "c" whose twin is held out
        assert set(dataset.status[[0, 2, 5]]) == {"judged"}
        says(dataset, "more than one label: 1 (in 3 training rows)", "rows 0, 2, 5")

    def test_none(self):
        for texts in (["a", "b"], ["a", "a"]):
            dataset = make_dataset(texts, [1, 1])
            assert conflicts(dataset) == []
            assert not any("more than one label" in note for note in dataset.notes)

    def test_an_unlabeled_twin_is_no_conflict(self):
        assert conflicts(make_dataset(["a", "a"], [1, None], missing="unlabeled")) == []

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 1, 2])), min_size=1, max_size=20))
    def test_against_a_loop(self, rows):
        texts, labels = [text for text, _ in rows], [label for _, label in rows]
        expected = []
        for text in dict.fromkeys(texts):
            places = [place for place, other in enumerate(texts) if other == text]
            if len({labels[place] for place in places}) > 1:
                expected.append(places)
        assert [group.tolist() for group in conflicts(make_dataset(texts, labels))] == expected


ORIGINAL = {"inputs": ["a", "bc", "d"], "labels": ["x", "y", "x"], "ids": ["1", "2", "3"]}


class TestFingerprint:
    def test_is_sha256(self):
        fingerprint = make_dataset(**ORIGINAL).fingerprint
        assert len(fingerprint) == 2 * hashlib.sha256().digest_size
        int(fingerprint, 16)
        assert fingerprint == make_dataset(**ORIGINAL, names=Names(data="another"), seed=5).fingerprint

    @pytest.mark.parametrize(
        "change",
        [
            {"inputs": ["ab", "c", "d"]},
            {"inputs": ["a", "bc", "e"]},
            {"labels": ["y", "x", "y"]},
            {"labels": ["x", "z", "x"]},
            {"labels": ["x", "x", "x"]},
            {"labels": pd.Categorical(["x", "y", "x"], categories=["x", "y", "z"])},
            {"ids": ["1", "2", "4"]},
            {"ids": [1, 2, 3]},
            {"split": ["train", "train", "test"]},
        ],
    )
    def test_sees_every_change(self, change):
        assert make_dataset(**ORIGINAL).fingerprint != make_dataset(**(ORIGINAL | change)).fingerprint

    def test_types_of_classes_count(self):
        texts = ["a", "b"]
        prints = {make_dataset(texts, labels).fingerprint for labels in ([0, 1], ["0", "1"], [0.0, 1.0], [False, True])}
        assert len(prints) == 4

    def test_broken_characters(self):
        assert make_dataset(["\ud800"], ["\ud800"], ids=["\ud800"]).fingerprint


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=3), st.sampled_from(["x", "y", None])), min_size=1, max_size=12),
    st.randoms(),
)
def test_a_permutation_of_rows_permutes_the_dataset(rows, random):
    if all(label is None for _, label in rows):
        rows = [*rows, ("t", "x")]
    order = list(range(len(rows)))
    random.shuffle(order)

    def build(places):
        return make_dataset(
            [rows[p][0] for p in places], [rows[p][1] for p in places], ids=places, missing="unlabeled", holdout=0.3
        )

    straight, shuffled = build(list(range(len(rows)))), build(order)
    assert shuffled.labels.classes == straight.labels.classes
    for field in ("ids", "split", "status"):
        assert getattr(shuffled, field).tolist() == getattr(straight, field)[order].tolist()
    assert shuffled.labels.codes.tolist() == straight.labels.codes[order].tolist()


@given(st.lists(st.sampled_from(["a", "b", "", " "]), min_size=2, max_size=8))
def test_two_copies_of_a_row_get_the_same_status(texts):
    dataset = make_dataset(texts * 2, [0] * (2 * len(texts)))
    assert dataset.status[: len(texts)].tolist() == dataset.status[len(texts) :].tolist()
