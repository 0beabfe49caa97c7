"""Copies and near copies, against texts written for it."""

import numpy as np
import pandas as pd
import pytest

from mislabel.report import render_report
from mislabel.report.copies import copies_section
from mislabel.report.findings import Findings
from mislabel.run.reading import Run

TEXTS = ["a cat", "A  cat\u200b", "a cat", "the dog", "the dog", "a cow", "a cow!", "<b>x</b>", "<B>x</B>", "", ""]
GIVEN = ["cat", "dog", "cat", "dog", "dog", "cow", "cat", "cow", "<i>y", "cat", "dog"]


@pytest.fixture
def copies(make_run):
    """Rows shuffled against the order of their inputs; the last two were not judged."""
    table = pd.DataFrame({"id": range(11), "given_label": GIVEN, "suggested_label": "cat", "row": range(11)})
    table["p_mislabeled"] = [0.5, 0.6, 0.4, 0.2, 0.3, 0.1, 0.1, 0.9, 0.8, np.nan, np.nan]
    table["status"] = ["judged"] * 9 + ["empty_input"] * 2
    classes = ["cat", "cow", "dog", "<i>y"]
    shuffled = table.sort_values("p_mislabeled", ascending=False)
    return make_run(shuffled, classes, inputs=dict(enumerate(TEXTS)), modality="text")


def test_groups_by_hand(copies):
    found = copies_section(Findings(Run.open(copies)))
    # a cat three times, the dog twice, <b>x</b> twice; "a cow!" is no copy, and nothing at all is none.
    assert (found["groups"], found["rows"], found["near"]) == (3, 7, 2)
    assert (found["contradictions"], found["rows_in_them"]) == (2, 5)
    first, second = found["shown"]  # the group with the worst row first, and so inside of it
    assert (first.ids, first.labels, first.equal) == (["7", "8"], [("cow", 1), ("<i>y", 1)], False)
    assert (second.ids, second.labels, second.more) == (["1", "0", "2"], [("cat", 2), ("dog", 1)], 0)


def test_the_page_shows_them_as_text(copies, page):
    text = render_report(copies)
    rows = page(text).rows("copies")
    assert rows[0] == ["7, 8", "<b>x</b>", "cow 1, <i>y 1", "nearly equal"]
    assert "<b>x" not in text
    assert "7 judged rows are copies of one another, in 3 groups; in 2 of these, texts differ" in page(text).text


def test_without_content_or_copies_there_is_no_section(make_run, small_table, page):
    inputs = {id: f"text {id}" for id in small_table["id"]}
    for name, kept in (("none", None), ("different", inputs), ("too few", dict.fromkeys(["r0", "r1"], "x"))):
        folder = make_run(small_table.assign(row=range(10)), ["cat", "cow", "dog"], inputs=kept, name=name)
        assert copies_section(Findings(Run.open(folder))) == {}
        assert page(render_report(folder)).having("section", id="copies") == []
