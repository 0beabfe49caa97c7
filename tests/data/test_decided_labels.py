"""Decided labels in a data set: which rows train, on what, and what is refused."""

import numpy as np
import pytest

from mislabel.data.decided_labels import NONE_OF_THESE, code_finder, with_decisions
from mislabel.data.rows import FITS_NONE, STATUSES, UNDECIDED
from mislabel.data.training_rows import trainable_rows
from mislabel.errors import InputError
from mislabel.modalities.dataset import make_dataset


def data(**more):
    """Eight rows: three cats, two dogs, an owl (the only one), one without a label, one empty; and one held out."""
    chosen = {
        "ids": list("abcdefghi"),
        "split": ["train"] * 8 + ["test"],
        "missing": "unlabeled",
    }
    texts = ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "", "t8"]
    labels = ["cat", "cat", "cat", "dog", "dog", "owl", None, "cat", "owl"]
    return make_dataset(texts, labels, **(chosen | more))


BEFORE = ["judged"] * 5 + ["class_too_small", "unlabeled", "empty_input", "held_out"]


def test_without_decisions():
    plain = data()
    assert plain.status.tolist() == BEFORE
    assert plain.decided is None
    np.testing.assert_array_equal(plain.training_codes, plain.labels.codes)
    asked = with_decisions(plain, {})
    assert asked.status.tolist() == BEFORE
    assert asked.notes == plain.notes
    np.testing.assert_array_equal(asked.training_codes, plain.labels.codes)


def test_decided_rows_train_on_what_was_decided():
    plain = data()
    found = with_decisions(plain, {"a": "dog", "d": "dog", "g": "cat", "e": NONE_OF_THESE})
    assert found.status.tolist() == [
        "decided", "judged", "judged", "decided", "none_of_these", "class_too_small", "decided", "empty_input",
        "held_out",
    ]  # fmt: skip
    # cat 0, dog 1, owl 2
    assert found.training_codes.tolist() == [1, 0, 0, 1, 1, 2, 0, 0, 2]
    assert found.labels.codes.tolist() == [0, 0, 0, 1, 1, 2, -1, 0, 2]
    none, open_ = FITS_NONE, UNDECIDED
    assert found.decided is not None
    assert found.decided.tolist() == [1, open_, open_, 1, none, open_, 0, open_, open_]
    assert sorted(trainable_rows(found).tolist()) == [0, 1, 2, 3, 5, 6]
    assert found.fingerprint == plain.fingerprint
    assert set(found.status) <= set(STATUSES)
    told = found.notes[len(plain.notes) :]
    assert told == [
        "Rows whose label a person decided, taken as known (2 differ from the given label): 3 of 9.",
        "Rows that fit no class, as a person decided, not trained on: 1 of 9.",
    ]


def test_held_out_and_empty_rows_stay_what_they_are():
    found = with_decisions(data(), {"h": "dog", "i": "cat", "b": "cat"})
    assert found.status.tolist() == ["judged", "decided", *BEFORE[2:]]
    assert found.training_codes.tolist() == data().labels.codes.tolist()
    assert found.notes[-2:] == [
        "Decided rows that are held out and stay so: 1 of 9.",
        "Decided rows without an input that can be read, not trained on: 1 of 9.",
    ]


@pytest.mark.parametrize(
    ("decided", "wanted"),
    [
        ({"a": "owl"}, {"f": "judged"}),  # the only owl has company now
        ({"d": "cat"}, {"e": "class_too_small"}),  # one dog is left
        ({"d": NONE_OF_THESE}, {"e": "class_too_small"}),
        ({"f": "owl"}, {"f": "decided"}),  # whatever its class's size
        ({"f": "cat"}, {"f": "decided"}),  # the class of owls is empty now
    ],
)
def test_class_sizes_are_counted_anew(decided, wanted):
    status = dict(zip("abcdefghi", with_decisions(data(), decided).status, strict=True))
    assert {id: status[id] for id in wanted} == wanted


def test_a_class_may_come_from_decisions_alone():
    """Its only given row is held out."""
    plain = make_dataset(["t0", "t1", "t2", "t3", "t4"], [0, 0, 0, 0, 1], split=["train"] * 4 + ["test"])
    found = with_decisions(plain, {1: 1, 2: 1})
    assert sorted(trainable_rows(found).tolist()) == [0, 1, 2, 3]
    assert found.status.tolist() == ["judged", "decided", "decided", "judged", "held_out"]


def test_other_rows_and_other_labels_are_refused():
    with pytest.raises(InputError, match=r"data has no rows 'x0', 'x1', 'x2', 'x3', 'x4' \(and 2 more\)"):
        with_decisions(data(), {f"x{k}": "cat" for k in range(7)})
    with pytest.raises(InputError, match=r"rows 'a' are no classes, such as 'bird'; there are 'cat', 'dog', 'owl'"):
        with_decisions(data(), {"a": "bird", "b": "dog"})
    with pytest.raises(InputError, match="has no rows 1"):
        with_decisions(data(), {1: "cat"})  # ids are letters


@pytest.mark.parametrize(
    ("classes", "label", "code"),
    [
        (["1", "2"], 2, 1),  # a table and the next
        ([1, 2], "2", 1),
        ([1, 2], 2.0, 1),
        ([1.0, 2.0], 2, 1),
        ([False, True], "True", 1),
        ([1, "1"], "1", 1),  # by type first
        ([1, "1"], 1, 0),
        ([1, "1"], 1.0, None),  # either
        ([0, 1], True, None),  # as text it is another word
        (["a"], "b", None),
    ],
)
def test_labels_are_found_by_value_then_by_text(classes, label, code):
    assert code_finder(classes)(label) == code
