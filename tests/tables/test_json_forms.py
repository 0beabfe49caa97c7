"""JSON in the forms in which others write tables, as pandas and json read them."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mislabel.errors import InputError
from mislabel.tables import columns, read_table, write_table
from mislabel.tables.json_items import _CHUNK as CHUNK
from mislabel.tables.json_items import form_of, items
from mislabel.tables.sources import open_tolerant

FRAME = pd.DataFrame({"text": ["one", "two", "three"], "n": [1, 2, 3], "flag": [True, False, True]})


@pytest.mark.parametrize("orient", ["columns", "index", "split", "table", "records"])
@pytest.mark.parametrize("ending", ["json", "json.gz"])
@pytest.mark.parametrize("indent", [None, 2])
def test_what_pandas_writes(tmp_path, orient, ending, indent):
    path = tmp_path / f"t.{ending}"
    FRAME.to_json(path, orient=orient, indent=indent, **({"index": False} if orient == "table" else {}))
    pd.testing.assert_frame_equal(read_table(path), FRAME)
    assert columns(path) == list(FRAME)
    assert [line.cells for line in open_tolerant(path).lines()] == FRAME.to_dict("records")


@pytest.mark.parametrize("orient", ["columns", "index", "split"])
def test_names_of_rows_become_a_column(tmp_path, orient):
    named = FRAME.set_axis(["7", "5", "6"])
    named.to_json(tmp_path / "t.json", orient=orient)
    pd.testing.assert_frame_equal(
        read_table(tmp_path / "t.json"), FRAME.assign(index=["7", "5", "6"])[["index", *FRAME]]
    )


ROWS = FRAME.to_dict("records")


@pytest.mark.parametrize(
    "value",
    [
        {"data": ROWS}, {"version": "1.0", "data": ROWS}, {"anything": ROWS}, {"rows": ROWS, "info": {"a": [1]}},
        FRAME.to_dict("list"), {"x": ROWS[0], "y": ROWS[1] | {"more": 1}, "z": ROWS[2]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("indent", [None, 0, 4])
def test_rows_under_a_key_and_lists_by_column(tmp_path, value, indent):
    (tmp_path / "t.json").write_text(json.dumps(value, indent=indent))
    assert read_table(tmp_path / "t.json")[list(FRAME)].to_dict("records") == ROWS
    if "x" in value:
        assert read_table(tmp_path / "t.json")["index"].tolist() == ["x", "y", "z"]


def test_objects_over_several_lines_one_after_the_other(tmp_path):
    for between in ("\n", "", "\n\n"):
        (tmp_path / "t.json").write_text(between.join(json.dumps(row, indent=2) for row in ROWS))
        assert read_table(tmp_path / "t.json").to_dict("records") == ROWS
    (tmp_path / "t.json").write_text("\n".join(json.dumps(row, indent=2) for row in ROWS).replace('"two"', "two"))
    with pytest.raises(InputError, match=r"line 7: not JSON \(Expecting value"):
        read_table(tmp_path / "t.json")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, 2]}, "one list, 'a': it may be a table of one column, or one row"),
        ({"a": [1, 2], "b": [1]}, r"lists of different lengths \('a': 2, 'b': 1\)"),
        ({"train": ROWS, "test": ROWS}, r"several tables \(train, test\)"),
        ({"text": "x", "entities": ROWS}, "a list of objects, 'entities', and other keys"),
        ({"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 4}}, "either may be the columns"),
        ({"1": {"1": 1}, "2": {"1": 3}}, "either may be the columns"),
        ({"columns": ["a"], "data": [[1], [1, 2]]}, "row 1 of data has 2 cells for 1 columns"),
    ],
)
def test_what_may_be_several_things_is_told_with_another_way_to_write_it(tmp_path, value, message):
    (tmp_path / "t.json").write_text(json.dumps(value))
    with pytest.raises(InputError, match=message):
        read_table(tmp_path / "t.json")
    if "cells" not in message:
        with pytest.raises(InputError, match=r"orient='records', lines=True"):
            read_table(tmp_path / "t.json")


@pytest.mark.parametrize("value", [ROWS[0], {"text": "x", "spans": [1, 2]}, {"a": {"x": 1}, "b": {"y": 2}}, {"a": {}}])
def test_a_row_alone_stays_a_row(tmp_path, value):
    (tmp_path / "t.json").write_text(json.dumps(value))
    assert read_table(tmp_path / "t.json").to_dict("records") == [value]


def test_one_line_of_json_lines_is_a_row_whatever_is_in_it(tmp_path):
    for value in ({"data": ROWS}, {"a": [1, 2]}, {"a": {"0": 1}, "b": {"0": 2}}):
        (tmp_path / "t.jsonl").write_text(json.dumps(value) + "\n")
        assert read_table(tmp_path / "t.jsonl").to_dict("records") == [value]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a": 1},\n{"a": 2}', "line 2: the array does not end: the file may be cut off"),
        ('[{"a": 1}]\n{"a": 2}', "line 2: there is something behind its end"),
        ('[{"a": 1},\n]', "line 2: not JSON"),
        ('[{"a": 1},\n{"a": 2', "line 2: not JSON"),
        ('[{"a": 1}, , {"a": 2}]', "line 1: not JSON"),
        ('{"a": ' + "[" * 100_000, "line 1: not JSON"),
        ('{"a": ' + "1" * 5000 + "}", "line 1: not JSON that can be read"),
        ('{"a": 1}\n{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "line 2: not JSON that can be read"),
    ],
)
def test_broken_files(tmp_path, text, message):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_table(tmp_path / "t.json")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), min_size=1, max_size=5),
    indent=st.sampled_from([None, 1]), form=st.sampled_from(["array", "objects", "lines"]),
    pad=st.integers(CHUNK - 36, CHUNK + 24),
)  # fmt: skip
def test_values_are_cut_apart_as_json_reads_them(tmp_path, rows, indent, form, pad):
    """Wherever the chunks end that are read: `pad` moves that border over a string, a bracket, an escape."""
    rows = [{"pad": "\\" * (pad // 2)}, *rows]
    if form == "array":
        text = json.dumps(rows, indent=indent)
    else:
        text = "\n".join(json.dumps(row, indent=1 if form == "objects" else None) for row in rows)
    path = tmp_path / "t.json"
    path.write_text(text)
    with open(path, encoding="utf-8", newline="") as handle:
        assert form_of(handle) == form
    with open(path, encoding="utf-8", newline="") as handle:
        found = list(items(handle, form))
    assert [json.loads(item.text or "") for item in found] == rows
    lines = text.split("\n")
    for item in found[1:]:
        assert (item.text or "").strip().split("\n")[0] in "\n".join(lines[item.line - 1 : item.line + 1])


def test_columns_keep_their_kind_over_blocks(tmp_path, monkeypatch):
    from mislabel.tables import json_columns

    rows = [
        {"i": 1, "s": "a", "m": 1, "late": None, "big": 1, "l": [1, {"x": 2.0}], "f": 0.5},
        {"i": None, "s": None, "m": "x", "big": 2**70, "l": None, "f": 1e300},
        {"i": 3, "s": "b\ud800", "m": 2.5, "late": True, "big": 3, "f": None, "new": "\ud83d\ude00"},
    ] * 3
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    whole = read_table(tmp_path / "t.jsonl")
    for size in (1, 2, 4):
        monkeypatch.setattr(json_columns, "BLOCK", size)
        pd.testing.assert_frame_equal(read_table(tmp_path / "t.jsonl"), whole)
    assert str(whole["i"].dtype) == "Int64"
    assert whole["s"].tolist()[2] == "b\ufffd"
    assert whole["new"].tolist()[2] == "😀"
    assert whole["m"].tolist()[:3] == [1, "x", 2.5]
    assert whole["big"].tolist()[:2] == [1, 2**70]
    assert whole["l"].tolist()[:2] == [[1, {"x": 2.0}], None]
    assert str(whole["late"].dtype) == "boolean"


@pytest.mark.parametrize("ending", ["json", "jsonl", "ndjson"])
def test_no_word_that_json_does_not_have(tmp_path, ending):
    frame = pd.DataFrame({"f": [0.5, np.nan], "o": pd.Series([[1.0, float("nan")], None], dtype=object)})
    write_table(frame, tmp_path / f"t.{ending}")
    text = (tmp_path / f"t.{ending}").read_text()
    assert "NaN" not in text
    rows = json.loads(text) if ending == "json" else [json.loads(line) for line in text.splitlines()]
    assert rows == [{"f": 0.5, "o": [1.0, None]}, {"f": None, "o": None}]
    with pytest.raises(InputError, match="'o' holds an infinite number"):
        write_table(pd.DataFrame({"o": pd.Series([[float("-inf")]], dtype=object)}), tmp_path / f"t.{ending}")


def test_items_that_are_read_on_the_way_are_those_that_are_whole(tmp_path):
    rows = [{"text": 'a "b", [c] {d}\n' * (k % 7), "n": k / 3, "inner": {"k": [k]}} for k in range(5000)]
    path = tmp_path / "t.json"
    for indent in (None, 2):
        path.write_text(json.dumps(rows, indent=indent))
        with open(path, encoding="utf-8", newline="") as handle:
            cut = list(items(handle, "array", bounded=True))
        assert [json.loads(item.text or "") for item in cut] == rows
        on_the_way = [item for item in cut if item.row is not None]
        assert len(on_the_way) > 0.99 * len(rows) - path.stat().st_size / CHUNK
        assert all(item.row == rows[item.number - 1] for item in on_the_way)
        assert [item.line for item in cut] == [1 + 9 * k * bool(indent) for k in range(len(rows))]


@pytest.mark.parametrize("broken", ['{"a": 1} 2', '{"a": 1', "{'a': 1}", "[1]", "7", '{"a": ' + "1" * 5000 + "}", ""])
def test_an_item_that_is_not_sound_is_cut_and_spoils_no_other(tmp_path, broken):
    path = tmp_path / "t.json"
    path.write_text('[{"a": 0}, ' + broken + ', {"a": 2},\n{"a": 3}]')
    with open(path, encoding="utf-8", newline="") as handle:
        cut = list(items(handle, "array"))
    assert cut[0].row == {"a": 0}
    if broken == '{"a": 1':  # its bracket takes in what follows
        assert cut[1].row is None
        return
    assert [item.row for item in cut] == [{"a": 0}, None, {"a": 2}, None]  # the last has no comma behind it
    assert (cut[1].text or "").strip() == broken
    assert [item.line for item in cut] == [1, 1, 1, 1]
