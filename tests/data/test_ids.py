"""Ids: made where there are none, refused where they do not name rows."""

import numpy as np
import pandas as pd
import pytest

from mislabel.data.ids import check_ids
from mislabel.errors import InputError


def test_made_and_said():
    ids, notes = check_ids(None, 3)
    assert ids.tolist() == [0, 1, 2]
    assert ids.dtype == np.int64
    assert "0, 1, 2" in notes[0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5, -3], [5, -3]),
        (np.array([5, 3], dtype=np.uint8), [5, 3]),
        (pd.array([5, 3], dtype="Int64"), [5, 3]),
        (pd.Series([5.0, 3.0]), [5, 3]),
        (["a", "A"], ["a", "A"]),
        (pd.Series(["b", "a"], index=[9, 9]), ["b", "a"]),
        (np.array(["x", "y"]), ["x", "y"]),
        (["a\0b", "a\0c"], ["a\0b", "a\0c"]),
        (["nan", "1"], ["nan", "1"]),
    ],
)
def test_accepted(values, expected):
    ids, notes = check_ids(values, 2)
    assert ids.tolist() == expected
    assert [type(item) for item in ids.tolist()] == [type(item) for item in expected]
    assert notes == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", "b", "a", "b", "a"], r"uid: 2 ids name more than one row: 'a', 'b'\. "),
        ([1, 2, 1, 3, 4], "1 ids name more than one row: 1"),
        (["a", 1, "b", "c", "d"], "text and whole numbers"),
        ([True, False, True, False, True], "true/false"),
        ([1.5, 2.0, 3.0, 4.0, 5.0], "decimal numbers"),
        (["a", None, "b", "", float("nan")], r"3 of 5 rows have no id \(row numbers 1, 3, 4"),
        (pd.array([1, None, 2, 3, 4], dtype="Int64"), "1 of 5 rows have no id"),
        ([b"a", b"b", b"c", b"d", b"e"], "of type bytes"),
        ([[1, 2]] * 5, "of type list"),
        ([2**64, 1, 2, 3, 4], "64 bits"),
        ([1, 2], "2 ids were given for 5 rows"),
        (np.zeros((5, 1)), "one value per row"),
        ("abcde", "a str was given"),
    ],
)
def test_refused(values, message):
    with pytest.raises(InputError, match=message):
        check_ids(values, 5, "uid")
