"""A stray quotation mark that swallows rows is told from a legal cell of several lines."""

import csv
import io
import re

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mislabel.errors import InputError
from mislabel.tables import read_table
from mislabel.tables.sources import open_tolerant

LABELS = ("billing", "delivery", "login")


def unquoted(path, rows, opening=(), closing=(), delimiter="\t"):
    """A file of (text, label) as a program writes it that knows no quoting; some texts begin or end with a mark."""
    lines = [f"text{delimiter}label"]
    for number, (text, label) in enumerate(rows):
        text = '"' * (number in opening) + text + '"' * (number in closing)
        lines.append(f"{text}{delimiter}{label}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def plain_rows(count):
    return [(f"message number {number}", LABELS[number % 3]) for number in range(count)]


@pytest.mark.parametrize("ending", ["tsv", "csv"])
@pytest.mark.parametrize(
    ("opening", "closing", "said"),
    [
        ({4, 34}, {22, 52}, "lines 6 to 24, 36 to 54:"),
        ({4}, {5}, "lines 6 to 7:"),
        ({0}, {59}, "lines 2 to 61:"),  # every row of the file
        ({57}, {58}, "lines 59 to 60:"),
    ],
)
def test_swallowed_rows_are_named(tmp_path, ending, opening, closing, said):
    delimiter = "\t" if ending == "tsv" else ","
    path = unquoted(tmp_path / f"t.{ending}", plain_rows(60), opening, closing, delimiter)
    with pytest.raises(InputError, match=rf"{said} a quotation mark opens a cell .*QUOTE_ALL"):
        read_table(path)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_tolerant_reader_refuses_those_lines_alone(tmp_path, newline):
    path = unquoted(tmp_path / "t.tsv", plain_rows(60), {4}, {22})
    path.write_bytes(path.read_bytes().replace(b"\n", newline.encode()))
    lines = list(open_tolerant(path).lines())
    refused = [line for line in lines if line.problem]
    assert [line.number for line in refused] == [6]
    assert "lines 6 to 24" in refused[0].problem
    assert [line.number for line in lines] == [*range(2, 7), *range(25, 62)]


def test_a_mark_that_never_closes_is_a_broken_row(tmp_path):
    path = unquoted(tmp_path / "t.tsv", plain_rows(30), {10})
    with pytest.raises(InputError, match="the row that starts on line 12 is broken"):
        read_table(path)


def test_names_of_rows_betray_swallowed_ones_where_no_value_repeats(tmp_path):
    rows = [f"m{number:03},text {number}" for number in range(40)]
    rows[10] = rows[10].replace(",", ',"')
    rows[20] += '"'
    (tmp_path / "t.csv").write_text("\n".join(["id,text", *rows]) + "\n")
    with pytest.raises(InputError, match="lines 12 to 22:"):
        read_table(tmp_path / "t.csv")


QUOTING = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
WORDS = st.sampled_from(
    ["well", "no, thanks", "a\tb", 'he said "hi"', "see:\n1, 2\n3, 4", "\r\nbye", ",", "\n", '"', "x"]
)
TEXTS = st.lists(WORDS, max_size=6, unique=True).map(" ".join)


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(TEXTS, st.sampled_from(LABELS), TEXTS), min_size=1, max_size=12),
    quoting=QUOTING, ending=st.sampled_from(["csv", "tsv"]),
    columns=st.sampled_from([("a", "b"), ("b", "a"), ("a", "b", "c")]),
)  # fmt: skip
@example(rows=[("fine, x\nreally", "billing", "")] * 3, quoting=csv.QUOTE_MINIMAL, ending="csv", columns=("a", "b"))
def test_what_a_quoting_writer_wrote_is_never_refused(tmp_path, rows, quoting, ending, columns):
    """No text ends a line with a label, or lines with the same: only such a text may be taken for swallowed rows."""
    frame = pd.DataFrame(rows, columns=pd.Index(["a", "b", "c"]))[list(columns)]
    delimiter = "," if ending == "csv" else "\t"
    path = tmp_path / f"t.{ending}"
    frame.to_csv(path, index=False, sep=delimiter, quoting=quoting, lineterminator="\n")
    assert read_table(path, strings=columns).to_dict("list") == frame.to_dict("list")
    with open(path, "w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, delimiter=delimiter, quoting=quoting).writerows([columns, *frame.to_numpy().tolist()])
    assert read_table(path, strings=columns).to_dict("list") == frame.to_dict("list")
    assert not any(line.problem for line in open_tolerant(path).lines())


CELLS = st.text(alphabet='ab,\n"', max_size=6)


def cut_without_quoting(path) -> list[list[str]]:
    return [line.split(",") for line in path.read_text().split("\n")]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), quoting=QUOTING)
def test_what_is_refused_could_be_rows_of_their_own(tmp_path, rows, quoting):
    """A few letters, else marks, commas and new lines: refused is only what reads well without quoting too."""
    path = tmp_path / "t.csv"
    with open(path, "w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, quoting=quoting, lineterminator="\n").writerows([["h", "i"], *rows])
    refused = [line for line in open_tolerant(path).lines() if line.problem]
    if not refused:
        assert [tuple(row) for row in read_table(path, strings=["h", "i"]).to_numpy().tolist()] == rows
        return
    with pytest.raises(InputError, match="a quotation mark opens"):
        read_table(path)
    cut = cut_without_quoting(path)
    for line in refused:
        first, last = map(int, re.findall("[0-9]+", str(line.problem))[:2])
        inside = cut[first - 1 : last]
        assert 2 * sum(len(cells) == 2 for cells in inside) >= len(inside)


def test_where_all_cells_are_quoted_a_text_may_look_like_anything(tmp_path):
    frame = pd.DataFrame({"text": ["fine, billing\nreally", "plain", "more"], "label": ["login", "billing", "billing"]})
    frame.to_csv(tmp_path / "all.csv", index=False, quoting=csv.QUOTE_ALL)
    assert read_table(tmp_path / "all.csv")["text"].tolist() == frame["text"].tolist()
    text = "text,label\n" + '"fine,billing\nreally",login\nplain,billing\n'
    (tmp_path / "few.csv").write_text(text)
    with pytest.raises(InputError, match="lines 2 to 3: "):
        read_table(tmp_path / "few.csv")


def test_one_column_of_texts_has_nothing_to_compare(tmp_path):
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["text"], ["one\ntwo\nthree"], ["four"]])
    (tmp_path / "t.csv").write_text(buffer.getvalue())
    assert read_table(tmp_path / "t.csv")["text"].tolist() == ["one\ntwo\nthree", "four"]
