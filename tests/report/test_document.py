"""report.json and report.md: the numbers of the page, and nothing of the data that becomes markup."""

import json

import numpy as np
import pytest
from markdown_it import MarkdownIt

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store
from mislabel.report import write_report
from mislabel.report.document import Document
from mislabel.report.markdown import quoted

CLASSES = ["cat", "cow", "dog"]
METRICS = {"method": "ido", "noise_rate": {"basis": "labels", "at_least": 0.391}}
TRANSITION = [[0.6, 0.0, 0.4], [0.0, 0.9, 0.1], [0.25, 0.0, 0.75]]
HARM = [
    "a | b \\| c", "`code` ``more``", "<script>alert(1)</script>", "[x](http://example.com) ![y](z)", "@somebody #1",
    "</code>\n\n# heading\n- list", "**bold** _it_ ~~no~~ $x$", "&lt;b&gt; &#60;", "www.example.com http://example.com",
    "", "  ", "a\u202eb\0\x1b[31m",
]  # fmt: skip


def written(run, rows=50):
    write_report(run, rows=rows)
    return json.loads(run.report_json.read_bytes()), run.report_md.read_text(encoding="utf-8")


def test_what_machines_read(make_run, small_table):
    inputs = {id: f"the text of {id}" for id in small_table["id"]} | {"r1": "x" * 9000}
    run = make_run(small_table, CLASSES, metrics=METRICS, inputs=inputs, transition=TRANSITION)
    with Store(run.decisions) as store:
        store.decide([Decision("r1", "label", "cow", "dog")])
    known, _ = written(run, rows=4)
    assert known["schema"] == 1
    assert (known["data"], known["method"], known["rows"], known["judged"]) == ("toy.csv", "ido", 10, 8)
    assert known["headline"][0] == "3 of 8 judged rows are more likely wrong than right."
    assert known["noise_rate"] == {
        "basis": "labels", "at_least": 0.391, "estimate": None, "low": None, "high": None, "checked": 0,
    }  # fmt: skip
    assert known["to_do"] == {
        "rows": 2, "decided": 1, "minutes": 1, "seconds_each": 10.0, "measured": False, "checked": 0,
        "expected_wrong": pytest.approx(1.77), "command": "mislabel review RUN",
    }  # fmt: skip
    assert known["mix_ups"] == [
        {"true_label": "dog", "given_label": "cat", "rows": 2}, {"true_label": "cat", "given_label": "dog", "rows": 1},
    ]  # fmt: skip
    assert [row["id"] for row in known["worst"]] == ["r0", "r1", "r2", "r3"]
    assert known["worst"][1] == {
        "id": "r1", "given_label": "dog", "suggested_label": "cat", "p_mislabeled": 0.9, "difficulty": 0.25,
        "decision": "label", "decided_label": "cow", "input": "x" * 4000,
    }  # fmt: skip
    assert Document.model_validate(known).to_do is not None  # read back by its own schema


@pytest.mark.parametrize("classes", [[False, True], [0, 1], [0.0, 2.5]])
def test_labels_and_ids_keep_their_types(make_run, small_table, classes):
    table = small_table.head(2).assign(id=[10, 11], given_label=classes, suggested_label=classes[::-1])
    known, _ = written(make_run(table.drop(columns="gold_label"), classes))
    rows = [(row["id"], row["given_label"], row["suggested_label"]) for row in known["worst"]]
    assert json.dumps(rows) == json.dumps([(10, *classes), (11, *classes[::-1])])


def test_no_content_is_in_none_of_them(make_run, small_table):
    run = make_run(small_table, CLASSES, metrics=METRICS)
    known, text = written(run)
    assert {row["input"] for row in known["worst"]} == {None}
    assert "| Row | Given | Suggested |" in text


def test_what_a_pull_request_shows(make_run, small_table):
    inputs = {id: f"the text of {id}" for id in small_table["id"]}
    _, text = written(make_run(small_table, CLASSES, metrics=METRICS, inputs=inputs, transition=TRANSITION))
    assert text.startswith(
        "# Labels of <code>toy.csv</code>\n\n**3 of 8 judged rows are more likely wrong than right.**"
    )
    assert "> **Look at 3 rows: about 1 minute.** They are" in text
    assert "> `mislabel review RUN`" in text
    assert "| <code>dog</code> | <code>cat</code> | 2 | 25% |" in text
    assert "| <code>r0</code> | <code>the text of r0</code> | <code>cat</code> | <code>dog</code> | 0.97 |  |" in text


def test_a_run_that_judged_nothing(make_run, small_table):
    table = small_table.assign(status="unlabeled", p_mislabeled=np.nan)
    known, text = written(make_run(table, CLASSES, metrics={}))
    assert (known["to_do"], known["worst"], known["mix_ups"]) == (None, [], [])
    assert "No row was judged" in known["headline"][0]
    assert "No row was judged" in text


def shown(text):
    """What a reader of Markdown sees: kinds of elements, and the words in code."""
    tokens = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(text)
    flat = [child for token in tokens for child in [token, *(token.children or [])]]
    kinds = [token.type for token in flat if token.type not in ("text", "softbreak", "text_special")]
    return kinds, [token.content for token in flat if token.type == "html_inline"]


@pytest.mark.parametrize("harm", HARM)
def test_nothing_of_the_data_becomes_markup(make_run, small_table, harm):
    def of(word, name):
        table = small_table.replace({"cat": word})
        inputs = {id: word for id in small_table["id"]}
        classes = [word, "cow", "dog"]
        data = {"name": word, "classes": classes}
        run = make_run(table, classes, inputs=inputs, transition=TRANSITION, config={"data": data}, name=name)
        return shown(written(run)[1])

    assert of(harm, "harm") == of("plain", "plain")


@pytest.mark.parametrize("harm", HARM)
def test_what_was_quoted_is_read_back(harm):
    tokens = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parseInline(quoted(harm))
    words = "".join(token.content for token in tokens[0].children or [] if token.type.startswith("text"))
    assert [token.type for token in tokens] == ["inline"]
    if harm.isprintable() and harm.strip():
        assert words == harm
