"""Texts: strings only, none lost, the empty ones marked."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.errors import InputError
from mislabel.modalities.text.texts import check_texts, is_blank
from mislabel.tables.characters import utf8_safe


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
