"""What is put before formulas on the way out comes off on the way in: texts, labels and ids stay the same."""

import csv
import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mislabel.noise import corrupt_table
from mislabel.tables import columns, read_table, write_table
from mislabel.tables.formulas import is_formula, neutralised, protected, restored

CELL = st.text(alphabet="'=+-@ \t\u200ba1", max_size=6) | st.text(st.characters(codec="utf-8"), max_size=6)


@settings(max_examples=300)
@given(text=CELL)
@example(text="'=x")
@example(text="''=x")
@example(text="'")
@example(text="'-1")
def test_every_text_has_a_cell_of_its_own_that_nothing_runs(text):
    cell = protected(text)
    assert restored(cell) == text
    assert not is_formula(cell)
    assert cell in (text, "'" + text)


@settings(max_examples=300)
@given(cell=CELL)
def test_a_cell_of_a_users_own_is_written_again_as_it_stands_unless_it_could_run(cell):
    assert protected(restored(cell)) == neutralised(cell)
    assert neutralised(neutralised(cell)) == neutralised(cell)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(CELL, CELL.filter(str.strip)), min_size=2, max_size=6, unique_by=lambda row: row[1]),
    name=CELL.filter(lambda name: name.strip() and name != "text"), ending=st.sampled_from(["csv", "tsv", "csv.gz"]),
)  # fmt: skip
@example(rows=[("", "1"), ("", "11")], name="\r0", ending="csv")
@example(rows=[("", "1"), ("", "11")], name="0\r", ending="tsv")
def test_texts_ids_and_names_of_columns_come_back(tmp_path, rows, name, ending):
    frame = pd.DataFrame({"text": [row[0] for row in rows], name: [row[1] for row in rows]})
    changed = write_table(frame, tmp_path / f"t.{ending}")
    again = read_table(tmp_path / f"t.{ending}", strings=["text", name])
    assert again.to_dict("list") == frame.to_dict("list")
    assert columns(tmp_path / f"t.{ending}") == ["text", name]
    assert changed == sum(protected(cell) != cell for row in [*rows, ("text", name)] for cell in row)


LABEL = st.sampled_from(["=a", "'=a", "@b", "plain", "-c-", "+d", "''+d"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.lists(LABEL, min_size=6, max_size=12), ending=st.sampled_from(["csv", "tsv", "jsonl", "parquet"]))
def test_a_corrupted_table_is_read_with_the_same_texts_labels_and_ids(tmp_path, labels, ending):
    frame = pd.DataFrame({"id": [f"={k}" for k in range(len(labels))], "text": labels[::-1], "label": labels})
    if len(set(labels)) < 2:
        return
    noisy, _ = corrupt_table(frame, label="label", kind="sym", rate=0.3, seed=0)
    write_table(noisy, tmp_path / f"t.{ending}")
    again = read_table(tmp_path / f"t.{ending}", strings=["text"], lossless=["id", "label", "noisy_label"])
    for name in ("id", "text", "label", "noisy_label"):
        assert again[name].astype(object).tolist() == noisy[name].astype(object).tolist()


def test_a_users_own_apostrophe_is_what_a_spreadsheet_makes_of_it(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n'=x,'a'\n'hello,b\n''@y,'-1\n")
    frame = read_table(tmp_path / "t.csv")
    assert frame["text"].tolist() == ["=x", "'hello", "'@y"]
    assert frame["label"].tolist() == ["'a'", "b", "'-1"]


def test_formats_that_keep_cells_get_no_apostrophe(tmp_path):
    frame = pd.DataFrame({"=n": ["=x", "'=x"]})
    for ending in ("jsonl", "parquet"):
        assert write_table(frame, tmp_path / f"t.{ending}") == 0
        pd.testing.assert_frame_equal(read_table(tmp_path / f"t.{ending}"), frame)
    assert json.loads((tmp_path / "t.jsonl").read_text().splitlines()[0]) == {"=n": "=x"}


@pytest.mark.parametrize("kind", ["object", "category", "str"])
def test_columns_of_every_kind_are_written_safely(tmp_path, kind):
    frame = pd.DataFrame({"c": pd.Series(["=cmd()", None, "x", "=cmd()"], dtype=kind), "f": [-1.5, 0.0, 1.0, -2.0]})
    assert write_table(frame, tmp_path / "t.csv") == 2
    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as handle:
        assert list(csv.reader(handle))[1:] == [["'=cmd()", "-1.5"], ["", "0.0"], ["x", "1.0"], ["'=cmd()", "-2.0"]]
