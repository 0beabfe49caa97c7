"""JSON lines: types stay, gaps stay gaps, and a broken line is named."""

import json

import numpy as np
import pandas as pd
import pytest

from mislabel.errors import InputError
from mislabel.tables import read_table
from mislabel.tables.json_format import Json, json_rows
from mislabel.tables.location import locate


def read(tmp_path, content: str | bytes) -> pd.DataFrame:
    (tmp_path / "t.jsonl").write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(tmp_path / "t.jsonl")


def test_types_stay(tmp_path):
    frame = read(
        tmp_path, '{"t": "1", "n": 1, "f": 1.0, "b": true}\r\n\r\n{"t": "2020-01-01", "n": 2, "f": 2, "b": false}'
    )
    assert frame["t"].tolist() == ["1", "2020-01-01"]  # neither a number nor a date
    assert frame["n"].dtype == np.int64
    assert frame["b"].dtype == bool
    assert frame["f"].tolist() == [1.0, 2]


def test_gaps(tmp_path):
    frame = read(tmp_path, '{"t": "a"}\n{"n": 3, "t": null}\n{"t": "c", "b": true}\n{"n": null, "f": NaN}')
    assert frame["n"].tolist() == [pd.NA, 3, pd.NA, pd.NA]
    assert frame["b"].tolist() == [pd.NA, pd.NA, True, pd.NA]
    assert frame["t"].isna().tolist() == [False, True, False, True]
    assert frame["f"].isna().all()
    assert len(frame) == 4


def test_huge_mixed_and_nested(tmp_path):
    frame = read(
        tmp_path, '{"h": 123456789012345678901234567890, "m": 1, "l": [1, 2]}\n{"h": 1, "m": "x", "l": {"a": 1}}'
    )
    assert frame["h"].tolist() == [123456789012345678901234567890, 1]
    assert frame["m"].tolist() == [1, "x"]
    assert frame["l"].tolist() == [[1, 2], {"a": 1}]


def test_byte_order_mark_and_separators_inside_text(tmp_path):
    frame = read(tmp_path, b'\xef\xbb\xbf{"t": "a\xe2\x80\xa8b"}\n')
    assert frame["t"].tolist() == ["a\u2028b"]


def test_lone_surrogates_are_replaced(tmp_path):
    assert read(tmp_path, r'{"t": "a\ud800"}')["t"].tolist() == ["a\ufffd"]


def test_an_array_of_objects(tmp_path):
    assert read(tmp_path, '[{"t": "a"},\n {"t": "b"}]')["t"].tolist() == ["a", "b"]
    with pytest.raises(InputError, match="line 2: not JSON"):
        read(tmp_path, '[{"t": "a"},\n {"t": ]')
    with pytest.raises(InputError, match="item 1: a int"):
        read(tmp_path, '[{"t": "a"}, 3]')


def test_broken_lines(tmp_path):
    with pytest.raises(InputError, match=r"line 3: not JSON .*character 7"):
        read(tmp_path, '{"t": 1}\n\n{"t": }\n')
    with pytest.raises(InputError, match="line 1: a int where an object"):
        read(tmp_path, "3\n")


def test_some_keys_and_whole_objects(tmp_path):
    rows = [{"b": 1, "a": {"x": 2.0}}, {"c": 3}, {"a": 4, "c": 5}]
    (tmp_path / "t.jsonl").write_text("\n\n".join(map(json.dumps, rows)))
    assert list(json_rows(locate(tmp_path / "t.jsonl"))) == rows
    frame = Json().read(locate(tmp_path / "t.jsonl"), only=["c", "missing"])
    assert frame.columns.tolist() == ["c"]
    assert frame["c"].tolist() == [pd.NA, 3, 5]
