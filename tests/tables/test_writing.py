"""Where a table can be written is known before the work, and what a format cannot hold is refused by every writer."""

import os
import sys

import numpy as np
import pandas as pd
import pytest

from mislabel.errors import InputError
from mislabel.tables import check_columns, check_output, columns, write_table
from mislabel.tables.format import WritableFormat
from mislabel.tables.registry import BY_ENDING, FORMATS, format_to_write, register


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no/such/folder/t.csv", "the folder .* does not exist; make it first"),
        ("t.ods", r'has "\.ods"; the name of a table must end in \.csv'),
        ("t", "has no ending"),
        ("t.arrow", "are read and not written"),
        ("folder.csv", "it is a folder"),
    ],
)
def test_an_output_is_refused_before_the_work(tmp_path, name, message):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=message):
        check_output(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]


def test_an_output_that_can_be_written_leaves_no_trace(tmp_path):
    (tmp_path / "old.csv").write_text("old")
    for name in ("old.csv", "new.jsonl", "new.xlsx", "new.parquet", "new.tsv.gz"):
        check_output(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"]
    assert (tmp_path / "old.csv").read_text() == "old"


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc")
def test_a_folder_that_takes_no_files(tmp_path):
    with pytest.raises(InputError, match=r"cannot write /proc/t\.csv: .*choose another folder"):
        check_output("/proc/t.csv")


def test_a_library_that_is_missing_is_told_before_the_work(tmp_path, monkeypatch):
    check_output(tmp_path / "t.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(InputError, match=r"t\.xlsx: \.xlsx files need the openpyxl library"):
        check_output(tmp_path / "t.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_the_registry_names_each_ending_once():
    endings = [ending for format in FORMATS for ending in format.endings]
    assert sorted(endings) == sorted(BY_ENDING)
    assert {ending for ending, format in BY_ENDING.items() if not isinstance(format, WritableFormat)} == {
        ".arrow",
        ".feather",
    }


def test_a_format_of_ones_own_is_known_by_its_endings_and_takes_none_that_is_known(tmp_path, monkeypatch):
    class Sealed(type(BY_ENDING[".csv"])):
        endings = (".sealed",)

    class Mixed(Sealed):
        endings = (".mixed", ".csv")

    monkeypatch.setattr("mislabel.tables.registry.BY_ENDING", dict(BY_ENDING))
    format = register(Sealed())
    assert format_to_write(tmp_path / "t.sealed")[0] is format
    with pytest.raises(InputError, match=r'has "\.mixed"; the name of a table must end in \.sealed, \.csv, '):
        check_output(tmp_path / "t.mixed")
    with pytest.raises(InputError, match=r"the ending \.csv is taken by the format Delimited"):
        register(Mixed())
    with pytest.raises(InputError, match=r"\.mixed"):  # none of its endings became known
        check_output(tmp_path / "t.mixed")


@pytest.mark.parametrize("ending", ["csv", "tsv", "xlsx", "jsonl"])
def test_bytes_become_no_text_that_nobody_reads_back(tmp_path, ending):
    frame = pd.DataFrame({"image": [b"\x89PNG", None]})
    with pytest.raises(InputError, match=rf"'image' holds bytes, which \.{ending} cannot: write \.parquet"):
        write_table(frame, tmp_path / f"t.{ending}")
    if ending != "jsonl":
        with pytest.raises(InputError, match="'v' holds lists"):
            write_table(pd.DataFrame({"v": [np.array([1.0, 2.0])]}), tmp_path / f"t.{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "jsonl", "json", "parquet", "xlsx"])
def test_names_of_columns_are_known_without_reading_all(tmp_path, ending):
    frame = pd.DataFrame({"text": ["a", "b"], "label": [1, 2]})
    path = tmp_path / f"t.{ending}"
    write_table(frame, path)
    assert columns(path) == ["text", "label"]
    assert columns(frame) == ["text", "label"]
    check_columns(path, {"text": ["text"], "label": []})
    with pytest.raises(InputError, match=r'no label column "lable" \(did you mean "label"\?\); .*: text, label'):
        check_columns(path, {"text": ["text"], "label": ["lable"]})
    with pytest.raises(InputError, match="does not exist; did you mean"):
        check_columns(tmp_path / f"tt.{ending}", {"text": "text"})


def test_a_broken_row_at_the_end_costs_nothing_at_first(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 1000 + "3\n")
    assert columns(tmp_path / "t.csv") == ["a", "b"]


def test_a_key_may_come_late_in_json(tmp_path):
    lines = ['{"a": 1}'] * 1500 + ['{"a": 2, "late": 3}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    assert columns(tmp_path / "t.jsonl") == ["a"]
    check_columns(tmp_path / "t.jsonl", {"label": "late"})


def test_the_hub_is_not_asked_for_names():
    assert columns("hf:somebody/something") == []
    check_columns("hf:somebody/something", {"label": "x"})
