"""CSV and TSV: which cells become numbers, and which line is broken."""

import csv

import numpy as np
import pandas as pd
import pytest

from mislabel.errors import InputError
from mislabel.tables import delimited, read_table
from mislabel.tables.location import locate


def read(tmp_path, content: bytes | str, name: str = "t.csv", **settings) -> pd.DataFrame:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(tmp_path / name, **settings)


def test_byte_order_mark_and_windows_newlines(tmp_path):
    frame = read(tmp_path, b"\xef\xbb\xbftext,label\r\nhello,1\r\n\r\nbye,2\r\n")
    assert frame.to_dict("list") == {"text": ["hello", "bye"], "label": [1, 2]}
    assert frame["label"].dtype == np.int64


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "-2", "0"], [1, -2, 0]),
        (["1", "", "3"], [1, pd.NA, 3]),
        (["1.0", "2"], [1.0, 2.0]),
        (["0.5", "", "-inf"], [0.5, np.nan, -np.inf]),
        ([".5", "1e-3", "2."], [0.5, 0.001, 2.0]),
        (["True", "False"], [True, False]),
        (["True", ""], [True, pd.NA]),
        (["true", "False"], ["true", "False"]),
        (["007", "7"], ["007", "7"]),
        (["00.5", "0.5"], ["00.5", "0.5"]),
        (["+1", "2"], ["+1", "2"]),
        (["1", " 2"], ["1", " 2"]),
        (["NA", "null", "nan"], ["NA", "null", "nan"]),
        (["1", "NA"], ["1", "NA"]),
        (["9223372036854775807"], [2**63 - 1]),
        (["9223372036854775808", "1"], ["9223372036854775808", "1"]),
        (["12345678901234567890123", "1"], ["12345678901234567890123", "1"]),
        (["", ""], ["", ""]),
        (["a", ""], ["a", ""]),
        (["inf"], [np.inf]),
        (["1\n", "2"], ["1\n", "2"]),
    ],
)
def test_which_cells_become_numbers(tmp_path, cells, expected):
    content = "c,x\n" + "".join(f'"{cell}",x\n' for cell in cells)
    column = read(tmp_path, content)["c"]
    assert list(map(repr, column.tolist())) == list(map(repr, expected))  # value and type, also for NaN and NA


def test_named_columns_stay_text(tmp_path):
    assert read(tmp_path, "c\n1\n2\n", strings=["c", "absent"])["c"].tolist() == ["1", "2"]


def test_lossless_columns_keep_their_digits(tmp_path):
    assert read(tmp_path, "v\n1.1\n1.10\n", lossless=["v"])["v"].tolist() == ["1.1", "1.10"]
    assert read(tmp_path, "v\n1.1\n2.0\n", lossless=["v"])["v"].tolist() == [1.1, 2.0]
    assert read(tmp_path, "v\n1.1\n1.10\n")["v"].tolist() == [1.1, 1.1]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
@pytest.mark.parametrize(
    ("rows", "line", "says"),
    [
        (["a,b", "1,2", "1"], 3, "1 cells where the header has 2"),
        (["a,b", "1,2", "", "1,2,3"], 4, "3 cells where the header has 2"),
        (["a,b", '"x', 'y",2', "1,2,3"], 4, "3 cells"),
        (["a,b", "1,2", '"x', "y"], 3, "unexpected end of data"),
        (["a,b", '"x"y,2'], 2, "is broken"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_broken_line_is_named(tmp_path, name, rows, line, says, newline):
    content = newline.join(rows) + newline
    if name.endswith("tsv"):
        content = content.replace(",", "\t")
    with pytest.raises(InputError, match=rf"line {line}\b.*{says}"):
        read(tmp_path, content, name)


def test_header(tmp_path):
    with pytest.raises(InputError, match="'a' more than once"):
        read(tmp_path, "a,b,a\n1,2,3\n")
    with pytest.raises(InputError, match="no header"):
        read(tmp_path, "\n\n")
    assert list(read(tmp_path, ",a\n0,x\n").columns) == ["Unnamed: 0", "a"]


def test_only_a_header_is_a_table_without_rows(tmp_path):
    frame = read(tmp_path, "text,label\n")
    assert frame.shape == (0, 2)
    assert list(frame.columns) == ["text", "label"]


def test_blocks_are_joined_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 3)
    frame = read(tmp_path, "n,t\n" + "".join(f"{i},t{i}\n" for i in range(10)))
    assert frame["n"].tolist() == list(range(10))
    assert frame["t"].tolist() == [f"t{i}" for i in range(10)]


def test_a_long_cell_and_the_limit_of_the_csv_module(tmp_path):
    before = csv.field_size_limit()
    long = "x" * 1_000_000
    assert read(tmp_path, f"text,label\n{long},1\n")["text"][0] == long
    assert csv.field_size_limit() == before


def test_cells_as_they_stand(tmp_path):
    (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbfa,,c\r\n007,"x\r\ny",1.50\r\n,NA,-0\r\n')
    reading = delimited.Reading(locate(tmp_path / "t.csv"))
    header, columns = reading.header, reading.cells()
    assert header == ["a", "", "c"]
    assert [column.to_pylist() for column in columns] == [["007", ""], ["x\r\ny", "NA"], ["1.50", "-0"]]
