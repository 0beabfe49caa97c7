"""Whole numbers with and without a point: one class, wherever the two meet."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.data.decided_labels import with_decisions
from mislabel.data.labels import encode_against, encode_labels
from mislabel.data.numerals import is_whole, label_text
from mislabel.errors import InputError
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.loading import load_dataset


def encode(values, **how):
    labels, notes = encode_labels(values, range(len(values)), **how)
    return labels.classes, labels.codes.tolist(), notes


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (3.0, "3"), ("3", "3"), ("3.0", "3"), ("3.", "3"), ("-3.00", "-3"), ("0.0", "0"), (np.float64(3), "3"),
     ("03.0", "03.0"), ("3.01", "3.01"), ("1.10", "1.10"), ("a.0", "a.0"), ("", ""), (True, "True"), ("1e3", "1e3")],
)  # fmt: skip
def test_label_text(value, text):
    assert label_text(value) == text
    assert is_whole(value) == (text.lstrip("-").isdigit() and text in {"3", "-3", "0"})


class TestOneColumn:
    def test_two_exports_of_one_file(self):
        classes, codes, notes = encode(["1", "2", "10", "1.0", "2.0", "10.00"])
        assert classes == ["1", "10", "2"]
        assert codes == [0, 2, 1, 0, 2, 1]
        assert len(notes) == 1
        assert "with and without a point, which is taken as the same: '1.0' is '1'" in notes[0]

    def test_numbers_that_meet_in_no_row(self):
        assert encode(["1.0", "2", "spam"])[:2] == (["1", "2", "spam"], [0, 1, 2])

    def test_one_way_alone_stays(self):
        assert encode(["1.0", "2.0"]) == (["1.0", "2.0"], [0, 1], [])
        assert encode(["1", "2"]) == (["1", "2"], [0, 1], [])
        assert encode(["01", "1.0"])[0] == ["01", "1.0"]  # a code with a leading zero is no number

    def test_versions(self):
        assert encode(["1.0", "1.1", "2"]) == (["1.0", "1.1", "2"], [0, 1, 2], [])
        with pytest.raises(InputError, match=r"'1' and '1\.0' read like one class, beside '1\.5'; write each class in"):
            encode(["1", "1.0", "1.5"])

    def test_a_categorical(self):
        levels = ["10", "2.0", "2", "10.0"]
        for ordered, classes in ((True, ["10", "2"]), (False, ["10", "2"])):
            values = pd.Categorical(["2", "2.0", "10", None, "10.0"], categories=levels, ordered=ordered)
            assert encode(values, missing="unlabeled")[:2] == (classes, [1, 1, 0, -1, 0])
        ordered = pd.Categorical(["2", "10.0"], categories=["2.0", "10.0", "2", "10"], ordered=True)
        assert encode(ordered)[:2] == (["2", "10"], [0, 1])

    def test_classes_that_are_listed(self):
        assert encode(["1.0", "2"], classes=["2", "1"])[:2] == (["2", "1"], [1, 0])
        assert encode([1.0, 2.0], classes=[2, 1])[:2] == ([2, 1], [1, 0])
        assert encode(["1", "1.0"], classes=["1", "1.0"])[:2] == (["1", "1.0"], [0, 1])  # so they are two

    @given(st.lists(st.integers(-50, 50).filter(lambda number: number not in (-1, -100)), min_size=1), st.randoms())
    def test_a_point_changes_nothing(self, numbers, random):
        texts = [f"{number}.0" if random.random() < 0.5 else str(number) for number in [*numbers, 7]] + ["7"]
        plain = [str(number) for number in [*numbers, 7]] + ["7"]
        assert encode(texts)[:2] == encode(plain)[:2]


class TestGold:
    @pytest.mark.parametrize(
        ("labels", "gold", "classes"),
        [
            ([1, 2, 3], ["1.0", "2", ""], [1, 2, 3]),
            (["1", "2", "3.0"], [1, 2.0, None], ["1", "2", "3"]),
            (["1", "2", "3"], ["1.0", "2.0", None], ["1", "2", "3"]),
            (["1.0", "2.0", "3.0"], ["1", "2", None], ["1.0", "2.0", "3.0"]),
            ([1.0, 2.0, 3.0], ["1", "2", None], [1.0, 2.0, 3.0]),
        ],
    )
    def test_both_columns_mean_the_same(self, labels, gold, classes):
        given_labels, _ = encode_labels(labels, range(3))
        codes, extended = encode_against(gold, given_labels, range(3))
        assert codes.tolist() == [0, 1, -1]
        assert extended.classes == classes
        assert [type(value) for value in extended.classes] == [type(value) for value in classes]

    def test_a_class_of_gold_alone_is_written_as_the_others(self):
        given_labels, _ = encode_labels(["1", "2"], range(2))
        codes, extended = encode_against([3.0, 1.0], given_labels, range(2))
        assert (codes.tolist(), extended.classes) == ([2, 0], ["1", "2", "3"])

    def test_words_are_still_refused(self):
        given_labels, _ = encode_labels([1, 2], range(2))
        with pytest.raises(InputError, match="such as 'unknown' and 1; write both columns in the same way"):
            encode_against(["1", "unknown"], given_labels, range(2))


@pytest.mark.parametrize(("labels", "decided"), [(["1", "2.0", "2"], "1.0"), ([1, 2, 2], "1.0"), ([1.0, 2.0, 2.0], 1)])
def test_decided_labels(labels, decided):
    dataset = with_decisions(make_dataset(["a", "b", "c"], labels), {2: decided})
    assert dataset.decided is not None
    assert dataset.decided[2] == 0


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_files(tmp_path, ending):
    """A file of whole numbers, one of floats and one of both give the same classes of rows."""
    from mislabel.tables import write_table

    found = {}
    for name, labels in {
        "whole": [1, 2, 3] * 4,
        "gap": [1.0, 2.0, 3.0] * 4,
        "both": ["1", "2", "3", "1.0"] * 3,
    }.items():
        frame = pd.DataFrame({"text": [f"t{place}" for place in range(12)], "label": labels})
        write_table(frame, tmp_path / f"{name}.{ending}")
        found[name] = load_dataset(tmp_path / f"{name}.{ending}", text="text", label="label").labels
    assert {name: len(labels.classes) for name, labels in found.items()} == dict.fromkeys(found, 3)
    assert found["whole"].codes.tolist() == found["gap"].codes.tolist()
    assert [label_text(value) for value in found["gap"].classes] == ["1", "2", "3"]
