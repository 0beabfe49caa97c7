"""Rows found by their ids: few of them by a scan, many by an index, and both as a dictionary would."""

import numpy as np
import pyarrow as pa
import pytest

from mislabel.run import rows as module
from mislabel.run.rows import Rows

WORDS = [f"row {k}" for k in range(300)]


def made(ids: list) -> Rows:
    status = pa.array(["judged"] * len(ids)).dictionary_encode()
    codes = np.zeros(len(ids), dtype=np.int32)
    return Rows("text", pa.array(ids), status, ["a"], {"given_label": codes}, {"p_mislabeled": codes + 0.5}, None)


@pytest.mark.parametrize("few", [0, 1000])
@pytest.mark.parametrize(
    ("ids", "asked"),
    [
        (WORDS, ["row 7", "no row", "row 299", "row 7", 7, None, "\ud800", "1"]),
        (list(range(5, 305)), [5, 304, 4, "5", True, 5.0, 2**70, None]),
    ],
)
def test_ids_are_found_as_in_a_dictionary_and_by_their_type(ids, asked, few, monkeypatch):
    monkeypatch.setattr(module, "FEW", few)
    rows, place = made(ids), {(type(id), id): row for row, id in enumerate(ids)}
    expected = [place.get((type(id), id), -1) for id in asked]
    assert rows.find(asked).tolist() == expected
    assert rows.find(asked).tolist() == expected  # what was found is remembered, what was not is not
    assert rows.find([]).tolist() == []


def test_a_row_that_was_looked_at_is_found_without_a_look_at_all_others(monkeypatch):
    rows = made(WORDS)
    assert rows.id(3) == "row 3"
    monkeypatch.setattr(Rows, "_scan", None)
    assert rows.find(["row 3"]).tolist() == [3]


def test_of_ids_that_are_there_twice_the_first_is_found():
    assert made(["a", "b", "a"]).find(["a"]).tolist() == [0]
