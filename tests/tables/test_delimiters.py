"""Files of spreadsheets of other countries: what stands between the cells is found, and told."""

import pandas as pd
import pytest

from mislabel.errors import InputError
from mislabel.tables import columns, read_table
from mislabel.tables.sources import open_tolerant


def write(path, content: str | bytes):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(("delimiter", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_other_delimiters_are_read_and_told(tmp_path, delimiter, word, newline, start):
    rows = [["text", "label"], ["well, no", "a"], ["yes", "b"], [f'"x{delimiter}y"', "a"]]
    path = write(tmp_path / "t.csv", start + newline.join(map(delimiter.join, rows)) + newline)
    frame = read_table(path)
    assert frame.to_dict("list") == {"text": ["well, no", "yes", f"x{delimiter}y"], "label": ["a", "b", "a"]}
    assert frame.attrs["notes"] == [f"{path} has {word} between its cells, not commas"]
    assert columns(path) == ["text", "label"]
    tolerant = open_tolerant(path)
    assert [list(line.cells.values()) for line in tolerant.lines()] == frame.to_numpy().tolist()
    assert tolerant.notes == frame.attrs["notes"]


def test_commas_in_a_tsv_file(tmp_path):
    frame = read_table(write(tmp_path / "t.tsv", "a,b\n1,x\n2,y\n"))
    assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
    assert "has commas between its cells, not tabs" in frame.attrs["notes"][0]


@pytest.mark.parametrize(
    ("first", "delimiter"), [("sep=,", ","), ("sep=;", ";"), ('"sep=;"', ";"), ("SEP=\t", "\t"), ("sep=:", ":")]
)
def test_a_first_line_that_names_the_delimiter_is_no_row(tmp_path, first, delimiter):
    text = "\r\n".join([first, delimiter.join("ab"), delimiter.join(["1", '"x\r\ny"']), "1"])
    path = write(tmp_path / "t.csv", "\ufeff" + text)
    with pytest.raises(InputError, match="line 5: 1 cells where the header has 2"):
        read_table(path)
    write(path, "\ufeff" + text[:-3])
    frame = read_table(path)
    assert frame.to_dict("list") == {"a": [1], "b": ["x\r\ny"]}
    assert f"the first line, {first}, says" in frame.attrs["notes"][0]
    assert [line.number for line in open_tolerant(path).lines()] == [3]


@pytest.mark.parametrize(
    "text",
    [
        "text\nhello; you\nbye; now\n",  # one column of texts
        "what; why\nhello\nbye\n",  # whose name has a semicolon
        "text,label\na;b,x\nc;d,y\n",
        "a,b\n1,2,3\n1,2\n1;2,3\n",
    ],
)
def test_a_file_of_commas_stays_one(tmp_path, text):
    path = write(tmp_path / "t.csv", text)
    header = text.split("\n")[0].split(",")
    assert columns(path) == header
    if "1,2,3" in text:
        with pytest.raises(InputError, match="line 2: 3 cells where the header has 2"):
            read_table(path)
    else:
        assert "notes" not in read_table(path).attrs


def test_a_header_in_quotes(tmp_path):
    path = write(tmp_path / "t.csv", '"the text";"label"\n"one, two";"x"\n')
    assert read_table(path).to_dict("list") == {"the text": ["one, two"], "label": ["x"]}


def test_decimal_commas_are_numbers_where_semicolons_stand_between(tmp_path):
    text = "size;n;version;mixed;label\n1,5;1;1,10;1,5;a\n-0,25;2;1,1;1.5;b\n;3;2,0;x;a\n2;4;3;;b\n"
    path = write(tmp_path / "t.csv", text)
    frame = read_table(path, strings=["version"], lossless=["label"])
    assert frame["size"].tolist()[:2] == [1.5, -0.25]
    assert frame["size"].isna().tolist() == [False, False, True, False]
    assert frame["n"].tolist() == [1, 2, 3, 4]
    assert frame["version"].tolist() == ["1,10", "1,1", "2,0", "3"]
    assert frame["mixed"].tolist() == ["1,5", "1.5", "x", ""]
    assert frame.attrs["notes"][1:] == [f"{path} has decimal commas in the column 'size', which was read as numbers"]
    assert read_table(path, lossless=["size"])["size"].tolist() == ["1,5", "-0,25", "", "2"]  # a name keeps its digits
    quoted = write(tmp_path / "q.csv", 'size,label\n"1,5",a\n"2,5",b\n')
    assert read_table(quoted)["size"].tolist() == ["1,5", "2,5"]  # with commas between cells this may be anything


def test_the_delimiter_is_found_by_names_that_are_expected(tmp_path):
    path = write(tmp_path / "t.csv", "id;text, long;label\na1;one;x\n")
    assert open_tolerant(path, {"id", "label"}).names == ["id", "text, long", "label"]
    assert list(read_table(path)) == ["id", "text, long", "label"]


def test_compressed_too(tmp_path):
    frame = pd.DataFrame({"a": ["x", "y"], "b": ["1,5", "2"]})
    frame.to_csv(tmp_path / "t.csv.gz", sep=";", index=False)
    assert read_table(tmp_path / "t.csv.gz").to_dict("list") == {"a": ["x", "y"], "b": [1.5, 2.0]}
