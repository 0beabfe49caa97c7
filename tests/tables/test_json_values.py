"""JSON that no table can hold is refused with its line, in every form of a file, by both kinds of reader."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.errors import InputError
from mislabel.tables import read_table
from mislabel.tables.json_values import DEEPEST, is_too_deep, read_value
from mislabel.tables.sources import open_tolerant

GOOD = '{"text": "x", "label": "a"}'
VALUES = {
    "deep lists": ("[" * 200 + "]" * 200, "nested"),
    "deep objects": ('{"a":' * 200 + "1" + "}" * 200, "nested"),
    "deeper than any stack": ("[" * 100_000 + "]" * 100_000, "nested"),
    "deep and open": ("[" * 100_000, "nested"),
    "digits": ("9" * 5000, "4300 digits"),
    "minus digits": ("-" + "9" * 5000, "4300 digits"),
    "twice inside": ('{"a": 1, "a": 2}', "'a' is there twice"),
    "one key": ('{"\\ud800": 1, "\\udfff": 2}', "twice"),
    "no value": ("nul", "not JSON"),
}
REFUSED = {name: (f'{{"text": "x", "label": {value}}}', said) for name, (value, said) in VALUES.items()} | {
    "twice": ('{"text": "x", "text": "y", "label": "a"}', "'text' is there twice"),
    "a mark inside": ("\ufeff" + GOOD, "not JSON"),
    "no object": ("[" * 300 + "]" * 300, "nested"),
}
FORMS = {
    "lines": (".jsonl", lambda rows: "\n".join(rows)),
    "array": (".json", lambda rows: "[\n" + ",\n".join(rows) + "\n]"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", REFUSED)
def test_a_row_that_no_table_can_hold(name, form, tmp_path):
    row, words = REFUSED[name]
    ending, joined = FORMS[form]
    path = tmp_path / f"rows{ending}"
    path.write_text(joined([GOOD, row, GOOD]), encoding="utf-8")
    with pytest.raises(InputError, match="line [234]") as caught:  # one that does not end runs on
        read_table(path)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500
    problems = [line.problem for line in open_tolerant(path).lines() if line.problem]
    assert any("not JSON" in problem for problem in problems)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 4000, "1e" + "9" * 5000, "0.0000001"])
def test_odd_numbers_are_read(number, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"text": "x", "number": {number}}}\n{{"text": "y", "number": 1}}\n')
    value = read_table(path)["number"][0]
    assert value == pytest.approx(json.loads(number), nan_ok=True)


def test_a_mark_at_the_begin_of_a_file_is_none_of_its_text(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert list(read_table(path).columns) == ["text", "label"]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN)
def test_any_other_value_is_what_the_standard_library_reads(value):
    text = json.dumps(value)
    assert read_value(text) == json.loads(text)


@given(st.integers(0, 2 * DEEPEST), st.text('[]{}"\\ ', max_size=20))
def test_depth_is_counted_outside_of_strings(depth, text):
    value = json.dumps(text)
    for _ in range(depth):
        value = f"[{value}]"
    assert is_too_deep(value) == (depth > DEEPEST)
