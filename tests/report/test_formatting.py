"""Numbers and text in words, by hand, and what cleaning promises for any text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.report import formatting


@given(st.text(alphabet=st.characters(), max_size=50))
def test_any_text_becomes_text_that_html_can_hold(text):
    result = formatting.clean(text)
    result.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]", result)
    assert formatting.clean(result) == result
    if text.isprintable() and "\ufffe" not in text and "\uffff" not in text:
        assert result == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.391, "39%"), (0.039, "3.9%"), (0, "0%"), (1, "100%"), (0.9951, "99.5%"), (None, "–"), (float("nan"), "–")],
)
def test_percent(share, text):
    assert formatting.percent(share) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(0.362, 0.4249, "36–42%"), (0.001, 0.02, "0.1–2.0%"), (0.0, 0.25, "0–25%"), (None, 0.3, ""), (0.2, None, "")],
)
def test_interval(low, high, text):
    assert formatting.interval(low, high) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.24, "8.2 s"), (192.4, "3 min 12 s"), (59.96, "1 min 00 s"), (3599.6, "1 h 00 min"), (7500, "2 h 05 min"),
     (None, "–")],
)  # fmt: skip
def test_duration(seconds, text):
    assert formatting.duration(seconds) == text


def test_labels_and_cuts():
    assert formatting.label_text(False) == "False"
    assert formatting.label_text("  ") == "'  '"
    assert formatting.short("abcdef", 6) == "abcdef"
    assert formatting.short("abcdefg", 6) == "abcde…"
    assert formatting.chart_label("a\n b \u202ec", 9) == "a b c"
    assert formatting.rows(1) == "1 row"
    assert formatting.rows(5452) == "5,452 rows"
    assert formatting.count(True) == "–"


def test_paths_may_break_after_a_slash_and_stay_harmless():
    assert formatting.breakable("a/b<i>/c\0") == "a/<wbr>b&lt;i&gt;/<wbr>c␀"
    assert formatting.breakable("</b>") == "&lt;/<wbr>b&gt;"


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("take --decisions RUN and --out.", "take <code>--decisions RUN</code> and <code>--out</code>."),
        ("--tune full", "<code>--tune</code> full"),
        ("a--b -- <b> --method panel", "a--b -- &lt;b&gt; <code>--method</code> panel"),
        ("none", "none"),
    ],
)
def test_options_are_code_on_the_page(text, page):
    assert formatting.with_options(text) == page
