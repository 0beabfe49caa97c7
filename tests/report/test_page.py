"""The page as a reader of HTML sees it: what it says, in which order, and what it must never contain."""

import base64
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_runs import renew_digests

from mislabel.errors import InputError, RunError
from mislabel.report import render_report, write_report

CLASSES = ["cat", "cow", "dog"]
TRANSITION = [[0.6, 0.0, 0.4], [0.0, 0.9, 0.1], [0.25, 0.0, 0.75]]
METRICS = {
    "labels_related": True,
    "method": "ido",
    "noise_rate": {"basis": "labels", "at_least": 0.391, "true": 2 / 7},
    "seconds": {"train": 192.4, "total": 213.0},
    "test": {"rows": 500, "accuracy": 0.9123, "macro_f1": 0.9, "ece": 0.031},
    "detection": {"auroc": 0.934, "average_precision": 0.812},
    "suggestion": {"accuracy": 0.75, "accuracy_on_wrong": 1.0},
    "epochs": [
        {"stage": "warm", "epoch": 1, "loss": 1.5, "seconds": 2.0, "agreement": 0.5, "selected_epoch": 1},
        {"stage": "warm", "epoch": 2, "loss": 1.2, "seconds": 2.0, "agreement": 0.6, "selected_epoch": 1},
        {"stage": "robust", "epoch": 1, "loss": 0.9, "seconds": 3.0, "agreement": 0.7},
    ],
    "mixture": {
        "weight": [0.6, 0.4],
        "a": [1.2, 4.0],
        "b": [4.0, 1.2],
        "identified": True,
        "rates": [0.0, 0.25, 0.5, 0.75, 1.0],
        "counts": [2, 2, 1, 1, 2],
    },
    "notes": ["Texts cut: 3.", "Held out as test: 1 of 10 rows."],
}
NASTY = [
    "<script>alert('one')</script>",
    '"><img src=x onerror=alert(2)>',
    "a\0b \x1b[31m \x07",
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd",
    "emoji \U0001f600 </td></table></body>",
    "{{ 7 * 7 }} {% raw %} &amp; &lt; $\\frac{1}{2}$ http://example.com/x?y=1&z=2",
]


def inputs_of(table) -> dict:
    return {name: f"the text of {name}" for name in table["id"]}


def test_the_headline_tiles_and_notes(make_run, small_table, page):
    run = make_run(small_table, CLASSES, metrics=METRICS, inputs=inputs_of(small_table), transition=TRANSITION)
    shown = page(render_report(run))
    assert (
        "3 of 8 judged rows are more likely wrong than right. The other 2 of the 10 given were not judged."
        in shown.text
    )
    assert "At least 39.1% of the labels are wrong, as far as anything here can tell" in shown.text
    assert "mislabel review RUN --order random --budget 50" in shown.text
    assert "≥ 39%at least, as far as labels tell; by gold 28.6%" in shown.text
    assert "Test accuracy91.2%macro F1 90.0%, 500 rows" in shown.text
    assert "0.934" in shown.text
    assert "3 min 12 s" in shown.text
    for note in METRICS["notes"]:
        assert shown.text.count(note) == 1
    assert not shown.having("p", class_="banner")


def test_the_worst_rows_come_in_order_with_what_is_known_of_them(make_run, small_table, page):
    shuffled = small_table.sample(frac=1, random_state=3)
    run = make_run(shuffled, CLASSES, metrics=METRICS, inputs=inputs_of(small_table), transition=TRANSITION)
    rows = page(render_report(run, rows=5)).rows("worst")
    assert rows == [
        ["r0", "the text of r0", "cat → dog", "0.970", "0.50", "✓ dog"],
        ["r1", "the text of r1", "dog → cat", "0.900", "0.25", "✓ cat"],
        ["r2", "the text of r2", "cat → dog", "0.800", "0.00", "✗ cat"],
        ["r3", "the text of r3", "cow kept", "0.400", "0.75", "✓ cow"],
        ["r4", "the text of r4", "dog kept", "0.300", "0.50", "✓ dog"],
    ]


def test_rows_that_were_not_judged_are_not_listed(make_run, small_table, page):
    run = make_run(small_table, CLASSES, metrics=METRICS, inputs=inputs_of(small_table))
    listed = [row[0] for row in page(render_report(run)).rows("worst")]
    assert listed == [f"r{k}" for k in range(8)]


def test_without_content_only_ids_are_shown_and_the_page_says_so(make_run, small_table, page):
    run = make_run(small_table, CLASSES, metrics=METRICS)
    shown = page(render_report(run, rows=1))
    assert shown.rows("worst") == [["r0", "cat → dog", "0.970", "0.50", "✓ dog"]]
    assert "rows are named by id only" in shown.text
    assert "This file contains data" not in shown.text
    with_content = make_run(small_table, CLASSES, metrics=METRICS, inputs=inputs_of(small_table), name="other")
    assert "This file contains data" in page(render_report(with_content)).text


@pytest.mark.slow
@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_can_become_markup_and_all_of_it_is_shown(make_run, small_table, page, nasty):
    table = small_table.replace({"cat": nasty})
    table["id"] = [nasty, *small_table["id"][1:]]
    inputs = inputs_of(table) | {nasty: nasty * 40}
    metrics = METRICS | {"notes": [nasty]}
    config = {"command": nasty, "data": {"name": nasty, "classes": [nasty, "cow", "dog"]}, "settings": {nasty: nasty}}
    run = make_run(table, [nasty, "cow", "dog"], metrics=metrics, inputs=inputs, transition=TRANSITION, config=config)
    text = render_report(run)
    shown = page(text)
    assert shown.foreign_scripts == []
    assert not {tag for tag, _ in shown.elements} & {"img", "iframe", "object", "link"}
    assert all(key not in ("onerror", "onload", "src", "srcset") for _, attrs in shown.elements for key in attrs)
    # Elements, and their number, are those of a page with harmless words in the same places
    plain = make_run(
        small_table,
        CLASSES,
        metrics=METRICS | {"notes": ["plain"]},
        inputs=inputs_of(small_table) | {"r0": "plain " * 100},
        transition=TRANSITION,
        config={"command": "plain", "data": {"name": "x", "classes": CLASSES}, "settings": {"plain": "plain"}},
        name="plain",
    )
    tags = [tag for tag, _ in shown.elements if tag not in ("text", "g", "wbr")]
    assert tags == [tag for tag, _ in page(render_report(plain)).elements if tag not in ("text", "g", "wbr")]
    visible = nasty.replace("\0", "␀").replace("\x1b", "␛").replace("\x07", "␇")
    assert shown.text.count(" ".join(visible.split())) >= 10
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text)


def test_a_lone_surrogate_is_replaced(make_run, small_table):
    run = make_run(small_table, CLASSES, metrics=METRICS | {"notes": ["half \ud83d of one"]})
    text = write_report(run).read_text(encoding="utf-8")
    assert "half � of one" in text


def test_nothing_points_outside(make_run, small_table, page):
    run = make_run(small_table, CLASSES, metrics=METRICS, inputs=inputs_of(small_table), transition=TRANSITION)
    text = render_report(run)
    shown = page(text)
    assert "http" not in text.replace('<meta http-equiv="Content-Security-Policy"', "")
    assert "@import" not in text
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))
    for tag, attrs in shown.elements:
        for key in ("href", "xlink:href", "src"):
            assert attrs.get(key, "#").startswith("#"), (tag, attrs)
    names = {attrs["id"] for _, attrs in shown.elements if "id" in attrs}
    assert {attrs["href"][1:] for attrs in shown.having("a")} <= names
    policy = shown.having("meta", **{"http-equiv": "Content-Security-Policy"})
    [script] = shown.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy[0]["content"] == (
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )


def test_labels_that_look_random_get_a_banner_and_no_list(make_run, small_table, page):
    table = small_table.assign(status="labels_unrelated", p_mislabeled=np.nan)
    metrics = METRICS | {
        "labels_related": False,
        "noise_rate": {"basis": "none", "at_least": None},
        "agreement": {"observed": 0.187, "chance": 0.166, "z": 1.1},
    }
    shown = page(render_report(make_run(table, CLASSES, metrics=metrics, inputs=inputs_of(table))))
    assert len(shown.having("p", class_="banner")) == 1
    assert "The labels could not be told from random ones. While learning, predictions agreed with them on 18.7%" in (
        shown.text
    )
    assert "not assessed" in shown.text
    assert not {"worst", "noise", "gold"} & {attrs.get("id") for _, attrs in shown.elements}
    assert "the text of" not in shown.text
    assert "39%" not in shown.text
    assert "label wrong" not in shown.text  # the mixture names no group of wrong ones where nothing is known


def test_an_unrelated_run_shows_no_rows_even_if_the_table_has_them(make_run, small_table, page):
    run = make_run(small_table, CLASSES, metrics=METRICS | {"labels_related": False})
    shown = page(render_report(run))
    assert "worst" not in shown.tables
    assert "of the labels are wrong" not in shown.text


def test_no_judged_row_is_said_so(make_run, small_table, page):
    run = make_run(small_table.assign(status="unlabeled", p_mislabeled=np.nan), CLASSES, metrics={})
    shown = page(render_report(run))
    assert "No row was judged" in shown.text
    assert all("not assessed" in row[1] for row in shown.rows("classes"))


def test_a_run_that_says_almost_nothing(make_run, page):
    table = {
        "id": [1, 2, 3],
        "given_label": [0, 1, 1],
        "suggested_label": [0, 1, 0],
        "p_mislabeled": [0.1, np.nan, 0.75],
        "status": ["judged"] * 3,
    }
    shown = page(render_report(make_run(table, [0, 1], config={"data": {}, "settings": {}})))
    assert [row[0] for row in shown.rows("worst")] == ["3", "1"]
    assert "Judged rows without a probability, which are in no number here: 1." in shown.text
    assert "How many labels are wrong is not known." in shown.text


@pytest.mark.parametrize("classes", [[False, True], [0, 1], ["no", "yes"], [0.0, 2.0]])
def test_labels_of_any_type(make_run, page, classes):
    no, yes = classes
    table = pd.DataFrame(
        {
            "id": range(4),
            "given_label": [no, yes, no, yes],
            "suggested_label": [yes, yes, no, yes],
            "p_mislabeled": [0.9, 0.2, 0.1, 0.05],
            "status": "judged",
            "gold_label": [yes, yes, no, None],
        }
    )
    shown = page(render_report(make_run(table, classes, metrics={}, transition=[[0.5, 0.5], [0, 1]])))
    assert shown.rows("worst")[0][1:3] == [f"{no} → {yes}", "0.900"]
    assert shown.rows("worst")[0][-1] == f"✓ {yes}"
    assert {row[0] for row in shown.rows("classes")} == {str(no), str(yes)}


def test_a_class_that_only_gold_knows(make_run, small_table, page):
    table = small_table.assign(gold_label=["zebra", *small_table["gold_label"][1:]])
    shown = page(render_report(make_run(table, CLASSES, metrics=METRICS)))
    assert shown.rows("worst")[0][-1] == "✗ zebra"
    assert "zebra" not in {row[0] for row in shown.rows("classes")}


def test_long_texts_are_cut_and_can_be_opened(make_run, small_table, page):
    texts = inputs_of(small_table) | {"r0": "a" * 299 + "bc" + "d" * 5000, "r1": "e" * 300}
    shown = page(render_report(make_run(small_table, CLASSES, metrics=METRICS, inputs=texts), rows=2))
    first, second = (row[1] for row in shown.rows("worst"))
    assert first.startswith("a" * 299 + "…full text" + "a" * 299 + "bc" + "d" * 3699)
    assert "The first 4,000 characters; 1,301 more are left out here." in first
    assert second == "e" * 300


def test_every_setting_is_shown(make_run, small_table, page):
    config = {
        "settings": {"method": "ido", "options": {"warm_epochs": 4, "scope": "class"}, "learning_rate": 5e-05,
                     "accumulate": 1, "on": True, "nothing": None},
        "versions": {"python": "3.11.9"}, "threads": 8, "command": "mislabel train toy.csv", "notes": ["from config"],
    }  # fmt: skip
    shown = page(render_report(make_run(small_table, CLASSES, metrics=METRICS, config=config)))
    pairs = dict(re.findall(r"<dt>(.*?)</dt><dd><bdi dir=\"auto\">(.*?)</bdi>", shown.source))
    assert pairs.items() >= {
        "options.warm_epochs": "4", "options.scope": "class", "learning_rate": "5e-05", "accumulate": "1", "on": "True",
        "nothing": "not set", "python": "3.11.9", "threads": "8",
    }.items()  # fmt: skip
    assert "mislabel train toy.csv" in shown.text
    assert "from config" in shown.text
    assert shown.rows("made") == [
        ["judged", "8", "trained on and judged"],
        ["empty_input", "1", "nothing to read, not judged"],
        ["held_out", "1", "kept for validation or test, not judged"],
    ]


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(make_run, small_table):
    run = make_run(small_table, CLASSES, metrics=METRICS, inputs=inputs_of(small_table), transition=TRANSITION)
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    assert run.report.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in run.path.iterdir() if path.name.startswith(".")] == []
    code = (
        "import sys; from mislabel.report import render_report; from mislabel.run.folder import RunFolder\n"
        "text = render_report(RunFolder(sys.argv[1]))\n"
        "assert not {'torch', 'transformers', 'matplotlib.pyplot'} & set(sys.modules)\n"
        "sys.stdout.buffer.write(text.encode())"
    )
    source = str(Path(__file__).resolve().parents[2] / "src")
    elsewhere = subprocess.run(
        [sys.executable, "-c", code, str(run.path)], capture_output=True, check=True, env={"PYTHONPATH": source}
    )
    assert elsewhere.stdout == first


def test_unfinished_and_broken_runs_are_refused(make_run, small_table):
    run = make_run(small_table, CLASSES, metrics=METRICS)
    with pytest.raises(InputError, match="rows is -1"):
        write_report(run, rows=-1)
    run.audit.write_bytes(b"not a table")
    with pytest.raises(RunError, match=r"audit\.parquet is not what this run wrote"):
        write_report(run)
    renew_digests(run)
    with pytest.raises(RunError, match=r"audit\.parquet cannot be read"):
        write_report(run)
    pd.DataFrame({"id": [1]}).to_parquet(run.audit)
    renew_digests(run)
    with pytest.raises(RunError, match="lacks the columns given_label"):
        write_report(run)
    run.metrics.unlink()
    with pytest.raises(InputError, match="is not finished"):
        write_report(run)
    assert not run.report.exists()


def test_many_rows_and_many_classes_stay_small(make_run, page):
    random = np.random.default_rng(0)
    n, classes = 50_000, [f"class number {k} with a long name" for k in range(150)]
    given, true = random.integers(0, 150, n), random.integers(0, 150, n)
    table = pd.DataFrame(
        {
            "id": np.arange(n),
            "given_label": np.array(classes)[given],
            "suggested_label": np.array(classes)[true],
            "p_mislabeled": random.random(n),
            "difficulty": random.random(n),
            "status": "judged",
            "wrong_events": random.integers(0, 1000, n),
            "observations": 1000,
            "gold_label": np.array(classes)[true],
        }
    )
    inputs = dict(zip(table["id"].tolist(), ["word " * 100] * n, strict=True))
    transition = random.dirichlet(np.ones(150), 150)
    text = render_report(make_run(table, classes, metrics=METRICS, inputs=inputs, transition=transition))
    assert len(text.encode()) < 1_500_000
    shown = page(text)
    assert "Shown are 30 of 150 classes: those of the most frequent confusions, the most frequent at the top." in (
        shown.text
    )
    matrix = text[text.index('<figure class="card map') : text.index("</figure>")]
    assert matrix.count("fill: var(--accent)") <= 30 * 30
    assert matrix.count("<text") == 2 * 30 + 2
    assert len(shown.rows("classes")) + len(shown.rows("classes", 1)) == 150
    assert len(shown.rows("worst")) == 50
