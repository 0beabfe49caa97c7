"""Excel files, written and read by openpyxl itself beside us."""

import datetime
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mislabel.errors import InputError
from mislabel.tables import columns, read_table, write_table
from mislabel.tables.formulas import is_formula
from mislabel.tables.sources import open_tolerant

openpyxl = pytest.importorskip("openpyxl")


def book(path, *sheets):
    """A workbook of (title, rows)."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, rows in sheets:
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


WHEN = datetime.datetime(2026, 3, 1, 12, 30)


def test_types(tmp_path):
    rows = [
        ["text", "n", "gap", "f", "flag", "when", "mixed", "all", None],
        ["a", 1, 1, 0.5, True, WHEN, 1, None],
        ["007", -2, None, 2, False, WHEN, "x", None],
        [],
        ["=1+1 as text", 3, 3, None, True, None, WHEN, None],
    ]
    path = book(tmp_path / "t.xlsx", ("data", rows))
    made = openpyxl.load_workbook(path)
    made["data"]["A5"].data_type = "s"
    made.save(path)
    frame = read_table(path)
    assert list(frame) == rows[0][:-1]
    assert columns(path) == list(frame)
    assert frame["text"].tolist() == ["a", "007", "=1+1 as text"]
    assert (frame["n"].dtype, frame["n"].tolist()) == (np.int64, [1, -2, 3])
    assert frame["gap"].tolist() == [1, pd.NA, 3]
    assert frame["f"].tolist()[:2] == [0.5, 2.0]
    assert frame["flag"].dtype == bool
    assert frame["when"].tolist()[:2] == [pd.Timestamp(WHEN)] * 2
    assert frame["mixed"].tolist() == [1, "x", WHEN]
    assert frame["all"].isna().all()
    assert "notes" not in frame.attrs
    texts = read_table(path, strings=["n", "mixed"])
    assert texts["n"].tolist() == ["1", "-2", "3"]
    assert texts["mixed"].tolist() == ["1", "x", str(WHEN)]


def test_sheets(tmp_path):
    path = book(tmp_path / "t.xlsx", ("first", [["a"], [1]]), ("other one", [["b"], [2]]))
    frame = read_table(path)
    assert frame.to_dict("list") == {"a": [1]}
    assert "the sheets 'first', 'other one', of which the first was read" in frame.attrs["notes"][0]
    assert "t.xlsx#other one" in frame.attrs["notes"][0]
    named = read_table(f"{path}#other one")
    assert named.to_dict("list") == {"b": [2]}
    assert "notes" not in named.attrs
    with pytest.raises(InputError, match=r"no sheet 'othr one' \(did you mean \"other one\"\?\); there are 'first'"):
        read_table(f"{path}#othr one")
    with pytest.raises(InputError, match="leave out #x"):
        write_table(frame, f"{tmp_path}/out.xlsx#x")


def test_values_of_formulas(tmp_path):
    path = book(tmp_path / "t.xlsx", ("data", [["a", "b"], [1, "=A2+1"], [2, 3]]))
    with pytest.raises(InputError, match="row 2: a formula has no value: open the file in a spreadsheet program"):
        read_table(path)
    lines = list(open_tolerant(path).lines())
    assert [(line.number, bool(line.problem)) for line in lines] == [(2, True), (3, False)]


def test_a_formula_with_its_value_is_that_value(tmp_path):
    """As a spreadsheet program writes it, in the words of the format."""
    import zipfile

    path = book(tmp_path / "t.xlsx", ("data", [["a", "b"], [1, 2]]))
    with zipfile.ZipFile(path) as archive:
        parts = {item.filename: archive.read(item) for item in archive.infolist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name].replace(b"<v>2</v>", b"<f>A2+1</f><v>2</v>")
    assert b"<f>" in parts[name]
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    assert read_table(path).to_dict("list") == {"a": [1], "b": [2]}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no header line"),
        ([["a", "a"], [1, 2]], "names 'a' more than once"),
        ([["a"], [1, 2]], "row 2: 2 cells where the header has 1"),
    ],
)
def test_broken_sheets(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        read_table(book(tmp_path / "t.xlsx", ("data", rows)))


def test_no_excel_file(tmp_path):
    (tmp_path / "t.xlsx").write_bytes(b"PK but nothing more")
    with pytest.raises(InputError, match="no Excel file that can be read .*protected by a password"):
        read_table(tmp_path / "t.xlsx")


def test_the_library_is_an_extra(tmp_path, monkeypatch):
    path = book(tmp_path / "t.xlsx", ("data", [["a"], [1]]))
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    for action in (lambda: read_table(path), lambda: write_table(pd.DataFrame({"a": [1]}), path)):
        with pytest.raises(InputError, match=r"pip install 'mislabel\[excel\]'"):
            action()


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXT, min_size=1, max_size=5))
@example(
    texts=["\r", "\r\n", "\0", "\ufffe", "_x000D_", "_x000d_", "=1", "'=1", "==", "=", "#N/A", " x ", "\n", "1", "\t"]
)
def test_any_text_comes_back(tmp_path, texts):
    path = tmp_path / "t.xlsx"
    write_table(pd.DataFrame({"text": texts, "n": range(len(texts))}), path)
    assert read_table(path, strings=["text"])["text"].tolist() == texts
    sheet = openpyxl.load_workbook(path).active
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert not any(cell.data_type == "f" or (isinstance(cell.value, str) and is_formula(cell.value)) for cell in cells)


def test_numbers_dates_and_gaps_are_written(tmp_path):
    frame = pd.DataFrame(
        {
            "id": [1, 2], "long": [10**15, 12345678901234567], "gap": pd.array([None, 5], "Int64"),
            "f": [0.25, np.nan], "flag": [True, False], "when": pd.to_datetime(["2026-03-01", None]),
            "kind": pd.Categorical(["=x", "y"]), "empty": ["", "z"],
        }
    )  # fmt: skip
    assert write_table(frame, tmp_path / "t.xlsx") == 1
    found = read_table(tmp_path / "t.xlsx")
    assert found["id"].tolist() == [1, 2]
    assert found["long"].tolist() == ["1000000000000000", "12345678901234567"]
    assert found["gap"].tolist() == [pd.NA, 5]
    assert found["f"].tolist()[0] == 0.25
    assert found["flag"].tolist() == [True, False]
    assert found["when"].tolist()[0] == pd.Timestamp("2026-03-01")
    assert found["kind"].tolist() == ["=x", "y"]
    assert found["empty"].isna().tolist() == [True, False]
    assert pd.read_excel(tmp_path / "t.xlsx")["kind"].tolist() == ["'=x", "y"]  # an independent reader


def test_what_a_sheet_cannot_hold(tmp_path):
    for frame, message in [
        (pd.DataFrame({"a": ["x" * 32_768]}), "a text of 32,768 characters"),
        (pd.DataFrame({"a": [np.inf]}), "an infinite number"),
        (pd.DataFrame({"a": [[1, 2]]}), "'a' holds lists"),
        (pd.DataFrame(np.zeros((1, 16_385))), "16,385 columns"),
    ]:
        with pytest.raises(InputError, match=message):
            write_table(frame, tmp_path / "t.xlsx")
    assert list(tmp_path.iterdir()) == []
