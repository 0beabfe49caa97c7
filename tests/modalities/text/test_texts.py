"""Texts: strings only, none lost, the empty ones marked."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.errors import InputError
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.loading import load_dataset
from mislabel.modalities.text import texts as module
from mislabel.modalities.text.texts import Texts, check_texts, is_blank, joined_columns
from mislabel.tables.characters import utf8_safe
from mislabel.tables.spool import mapped


def check(values):
    return check_texts(values, [f"r{place}" for place in range(len(values))], "body")


@pytest.mark.parametrize(
    "values",
    [
        ["a", "b"], ("a", "b"), np.array(["a", "b"]), np.array(["a", "b"], dtype=object),
        pd.Series(["a", "b"], index=[3, 3]),
        pd.Series(["a", "b"], dtype="string"), pd.Series(["a", "b"], dtype="category"), pd.Index(["a", "b"]),
        pa.array(["a", "b"]), pa.array(["a", "b"]).dictionary_encode(), [np.str_("a"), "b"],
    ],
)  # fmt: skip
def test_forms(values):
    texts, empty, notes = check(values)
    assert texts == ["a", "b"]
    assert {type(text) for text in texts} == {str}
    assert empty.tolist() == [False, False]
    assert notes == []


@pytest.mark.parametrize(
    ("bad", "kind"),
    [(None, "a missing value"), (float("nan"), "a missing value"), (pd.NA, "a missing value"), (1.5, "float"),
     (b"x", "bytes"), (["x"], "list"), (3, "int")],
)  # fmt: skip
def test_anything_else_is_named_with_its_row(bad, kind):
    with pytest.raises(InputError, match=rf"body: 2 of 4 rows hold no text but {kind}: rows 'r1', 'r3'"):
        check(["a", bad, "b", bad])


def test_null_in_a_pandas_column():
    with pytest.raises(InputError, match="1 of 2 rows hold no text but a missing value"):
        check(pd.Series(["a", None]))


def test_no_column():
    with pytest.raises(InputError, match="a str was given"):
        check("one text")


@pytest.mark.parametrize("text", ["", " ", "\t\r\n", "\u200b", "\ufeff \u2003", "\0", "\u3000"])
def test_blank(text):
    assert is_blank(text)
    texts, empty, notes = check(["a", text])
    assert texts == ["a", text]  # the row stays as it is
    assert empty.tolist() == [False, True]
    assert "1; rows 'r1'" in notes[0]


@pytest.mark.parametrize("text", ["a", ".", "\0a", "😀", "\u202eabc", "<script>", "\u0301"])
def test_not_blank(text):
    assert not is_blank(text)
    assert check([text])[0] == [text]


def test_lone_surrogates():
    texts, _, notes = check(["a\ud800", "b"])
    assert texts == ["a\ufffd", "b"]
    assert notes == ["Texts with broken characters (lone surrogates), now replaced by U+FFFD: 1."]
    assert utf8_safe("\ud83d\ude00") == "😀"
    assert utf8_safe("\udc00\ud800x") == "\ufffd\ufffdx"


@given(st.text(alphabet=st.one_of(st.characters(), st.characters(categories=["Cs"]))))
def test_every_text_can_be_encoded_and_good_ones_stay(text):
    safe = utf8_safe(text)
    safe.encode("utf-8")
    assert utf8_safe(safe) == safe
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert safe == text


TWO = pd.DataFrame({"title": ["a", None, " ", "d\ne"], "body": ["x", "y", "", "z"], "label": ["p", "q", "p", "q"]})


class TestSeveralColumns:
    def test_joined_with_a_line_break_and_without_blanks(self):
        assert joined_columns(TWO[["title", "body"]], range(4), "t") == ["a\nx", "y", "", "d\ne\nz"]
        assert joined_columns(TWO[["body", "title"]], range(4), "t") == ["x\na", "y", "", "z\nd\ne"]
        assert joined_columns(pa.Table.from_pandas(TWO[["title", "body"]]), range(4), "t")[0] == "a\nx"

    def test_from_a_table_by_names_between_commas(self):
        data = load_dataset(TWO, text="title, body", label="label")
        assert list(data.inputs) == ["a\nx", "y", "", "d\ne\nz"]
        assert data.status.tolist()[2] == "empty_input"
        assert list(make_dataset(TWO[["title", "body"]], TWO["label"]).inputs) == list(data.inputs)

    def test_a_column_that_is_called_so_comes_first(self):
        data = load_dataset(TWO.rename(columns={"body": "title,body"}).fillna("-"), text="title,body", label="label")
        assert list(data.inputs) == ["x", "y", "", "z"]

    def test_what_is_not_there_or_no_text_is_named(self):
        with pytest.raises(InputError, match='no text column "bodi" .did you mean "body"'):
            load_dataset(TWO, text="title,bodi", label="label")
        with pytest.raises(InputError, match=r'2 rows hold no text but int in the column "n": rows 0, 2.*joined as t'):
            load_dataset(TWO.assign(n=[1, "b", 2, None]), text="title,n", label="label")
        with pytest.raises(InputError, match='no text column "title,"'):
            load_dataset(TWO, text="title,", label="label")

    def test_cells_of_a_file_stay_text(self, tmp_path):
        (tmp_path / "d.csv").write_text("year,body,label\n0123,x,p\n1e5,NA,q\n", encoding="utf-8")
        data = load_dataset(tmp_path / "d.csv", text="year,body", label="label")
        assert list(data.inputs) == ["0123\nx", "1e5\nNA"]


class TestInArrow:
    """Texts that lie in a mapped file, or are read a block at a time, are the same texts."""

    @pytest.fixture
    def in_a_file(self, monkeypatch):
        for name, value in {"IN_MEMORY": 0, "AT_ONCE": 2, "BATCH": 3}.items():
            monkeypatch.setattr(module, name, value)

    def test_as_a_sequence(self, in_a_file):
        words = [f"w{number} é 😀" for number in range(11)]
        for form in (words, iter(words), pa.array(words), pa.chunked_array([words[:4], [], words[4:]])):
            texts = Texts(form)
            assert texts == words
            assert [*texts] == words
            assert [texts[-1], texts[3], *texts[2:4]] == [words[-1], words[3], *words[2:4]]
            assert [content.decode() for content in texts.contents()] == words
            assert texts._stored.num_chunks > 3
            with pytest.raises(IndexError):
                texts[11]
        assert Texts() == []
        assert Texts(["a"]) != ["b"]
        assert Texts(["a"]) != ["a", "a"]

    def test_taken_twice(self, in_a_file):
        texts = Texts((str(number) for number in range(11)), pair=True).take(np.array([7, 0, 7, 3]))
        again = texts.take(np.array([3, 0]))
        assert [*texts] == ["7", "0", "7", "3"]
        assert [*again] == again[:] == ["3", "7"]
        assert again.pair
        assert again._stored is texts._stored

    def test_the_checks_are_the_same(self, in_a_file):
        column = pa.chunked_array([["a", " "], ["b", ""]])
        texts, empty, notes = check(column)
        assert texts == ["a", " ", "b", ""]
        assert empty.tolist() == [False, True, False, True]
        assert check(column.to_pylist())[2] == notes
        assert check(pd.Series(column.to_pylist()))[2] == notes

    def test_what_is_mapped_already_is_not_written_again(self, in_a_file, monkeypatch):
        schema = pa.schema([("text", pa.string())])
        batch = pa.record_batch([pa.array(["some words of a text " * 50] * 20_000)], schema=schema)
        table = mapped([batch], schema)
        del batch
        monkeypatch.setattr(module, "mapped", None)
        before = pa.total_allocated_bytes()
        assert Texts(table["text"])[19_999] == "some words of a text " * 50
        assert pa.total_allocated_bytes() - before < 1_000_000  # of twenty

    def test_nothing_is_left_behind(self, in_a_file, monkeypatch, tmp_path):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        texts = Texts(["a", "b", "c", "d"])
        assert list(tmp_path.iterdir()) == []
        assert texts == ["a", "b", "c", "d"]


def test_text_in_arrow_that_is_not_utf8(tmp_path):
    plain = pa.array([b"ab", b"\xff\xfe"], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 2, plain.buffers())
    pq.write_table(pa.table({"text": broken, "label": ["x", "y"]}), tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r'column "text": text that is not UTF-8 .*write it as UTF-8'):
        load_dataset(tmp_path / "d.parquet", text="text", label="label")
    with pytest.raises(InputError, match="text that is not UTF-8"):
        make_dataset(broken, ["x", "y"])
