"""The order of rows hangs on ids or contents alone, that of classes on their values."""

import os
import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mislabel.data.decided_labels import NONE_OF_THESE, with_decisions
from mislabel.data.order import class_positions, class_ranks, equal_rows, row_order
from mislabel.data.rows import FITS_NONE, UNDECIDED
from mislabel.data.sorted_classes import with_sorted_classes
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.features.features import check_features
from mislabel.modalities.text.texts import Texts

words = st.sampled_from(["", "a", "b", "ab", "é", "\0"])
rows_of_few_words = st.lists(st.tuples(words, st.integers(-1, 2)), min_size=1)


@given(rows_of_few_words, st.randoms())
def test_the_sequence_of_rows_is_the_same_in_every_order(rows, random):
    def sequence(listed):
        order = row_order(None, Texts(text for text, _ in listed), np.array([code for _, code in listed]))
        assert sorted(order.tolist()) == list(range(len(listed)))
        return [listed[place] for place in order]

    shuffled = list(rows)
    random.shuffle(shuffled)
    assert sequence(shuffled) == sequence(rows)


@given(st.one_of(st.sets(st.integers(-(2**63), 2**63 - 1), min_size=1), st.sets(st.text(min_size=1), min_size=1)))
def test_ids_are_sorted_as_python_sorts_them(ids):
    listed = list(ids)
    numbers = isinstance(listed[0], int)
    array = np.array(listed, dtype=np.int64 if numbers else object)
    order = row_order(array, Texts(["same"] * len(ids)), np.zeros(len(ids), dtype=np.int64))
    assert [listed[place] for place in order] == sorted(ids)


def test_numbers_are_ordered_as_numbers_and_text_by_code_points():
    nothing = Texts(["x"] * 3), np.zeros(3, dtype=np.int64)
    assert row_order(np.array([10, 9, -1]), *nothing).tolist() == [2, 1, 0]
    assert row_order(np.array(["10", "9", "é"], dtype=object), *nothing).tolist() == [0, 1, 2]
    assert row_order(np.array(["z", "é", "Z"], dtype=object), *nothing).tolist() == [2, 0, 1]


def test_a_row_is_known_by_its_content_whatever_else_is_there():
    """Taking a row away leaves the order of the others: no sum over rows, and no number of theirs, is part of it."""
    matrix, _ = check_features(np.random.default_rng(0).normal(size=(20, 3)), range(20), "X")
    codes = np.arange(20) % 3
    left = np.delete(np.arange(20), 7)
    whole = [place for place in row_order(None, matrix, codes) if place != 7]
    assert left[row_order(None, matrix.take(left), codes[left])].tolist() == whole


@given(rows_of_few_words)
def test_equal_rows_share_a_number_and_no_others_do(rows):
    group = equal_rows(Texts(text for text, _ in rows), np.array([code for _, code in rows]))
    for one, mine in zip(rows, group, strict=True):
        assert (group == mine).tolist() == [other == one for other in rows]


def test_the_order_is_the_same_in_every_process():
    line = (
        "from mislabel.modalities.dataset import make_dataset\n"
        "data = make_dataset(['a', 'b', 'c', 'd', 'a', 'e'], [0, 1, 0, 1, 1, 1])\n"
        "print(data.order.tolist(), data.named)"
    )
    said = {
        subprocess.run([sys.executable, "-c", line], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True,
                       text=True, check=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    here = make_dataset(["a", "b", "c", "d", "a", "e"], [0, 1, 0, 1, 1, 1])
    assert said == {f"{here.order.tolist()} False\n"}


def test_classes_are_ranked_by_type_and_value():
    assert class_ranks(["b", "a", "C"]).tolist() == [2, 1, 0]
    assert class_ranks([10, 9, -1]).tolist() == [2, 1, 0]
    assert class_ranks([True, False]).tolist() == [1, 0]
    assert class_ranks(["1", 2, True, 1]).tolist() == [0, 3, 1, 2]  # text, true/false, whole number
    assert class_positions(["b", "a"], ["a", "b"]).tolist() == [1, 0]
    assert class_positions([1, True], [True, 1]).tolist() == [1, 0]
    assert class_positions([1, True], [1, True]) is None


def test_sorted_classes_mean_the_same_rows():
    listed = ["small", "middle", "large"]
    labels = ["small", None, "large", "middle", "small", "large", "middle", "small"]
    gold = ["small", "huge", None, "middle", "large", "large", "tiny", "small"]
    plain = make_dataset(list("abcdefgh"), labels, gold=gold, classes=listed, missing="unlabeled")
    data = with_decisions(plain, {0: "large", 2: NONE_OF_THESE})
    found = with_sorted_classes(data)
    assert found.labels.classes == ["large", "middle", "small"]
    assert found.labels.decode(found.labels.codes).tolist() == labels
    assert found.decode_gold().tolist() == gold
    assert found.decided.tolist() == [0, UNDECIDED, FITS_NONE] + [UNDECIDED] * 5
    assert found.labels.decode(found.training_codes).tolist() == ["large", *labels[1:]]
    assert with_sorted_classes(found) is found
