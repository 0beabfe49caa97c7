"""The section on evidence: what it says for each thing that a run may know of its opinions."""

import json
from itertools import count
from math import exp, log

import numpy as np
import pandas as pd
import pytest
from fake_runs import write_fake_run

from mislabel.report import render_report
from mislabel.report.evidence import evidence_section
from mislabel.report.findings import Findings
from mislabel.run.folder import RunFolder
from mislabel.run.opinions import KIND_OF
from mislabel.run.reading import Run

CLASSES = ["cat", "cow", "dog"]
OPINIONS = {"transition": 1.0, "plain": -0.25}
ALONE = {"part": "taught", "opinions": OPINIONS, "left_out": None, "pool_left_out": None, "strength": None, "held": 0}
TRUSTED = {"rows": 12, "by_class": {"cat": 6, "dog": 6}, "drawn": "random"}


@pytest.fixture
def content(make_run, small_table):
    """A function from the parts `evidence` and `trusted` of metrics.json to the content of the section."""
    numbers = count()

    def make(evidence, trusted=None):
        metrics = {"evidence": evidence, **({} if trusted is None else {"trusted": trusted})}
        table = small_table.assign(
            transition_label=["dog", "cat", "dog", "cow", "dog", "cat", "cat", "dog", None, None],
            plain_label=["cat"] * 8 + [None] * 2,
        )
        folder = make_run(table, CLASSES, metrics=metrics, name=f"run {next(numbers)}")
        return evidence_section(Findings(Run.open(folder)))

    return make


def test_a_run_without_evidence_has_no_section(make_run, small_table, page):
    run = make_run(small_table, CLASSES)
    assert evidence_section(Findings(Run.open(run))) == {}
    shown = page(render_report(run))
    assert "evidence" not in shown.tables
    assert not shown.having("a", href="#evidence")


def test_what_each_opinion_counts_and_how_often_it_agrees(content):
    """Of 8 judged rows; gold is known of 7."""
    first, second = content(ALONE)["opinions"]
    assert (first.title, first.weight) == (KIND_OF["transition"].title, 1.0)
    assert (first.doubts, first.agrees, first.right) == (4 / 8, 7 / 8, 6 / 7)
    assert (second.title, second.weight) == (KIND_OF["plain"].title, -0.25)
    assert (second.doubts, second.agrees, second.right) == (4 / 8, 3 / 8, 4 / 7)


def test_without_trusted_rows_a_rule_decides(content):
    said = content(ALONE)["sentences"]
    assert "No row has a trusted label, so a fixed rule decides what counts." in said[0]
    assert said[-1] == "What all of it comes to is the probability in this report, and what the network was taught."


@pytest.mark.parametrize(
    ("after", "before", "words"),
    [
        (
            0.6,
            0.4,
            "got a probability of 60% for their right class (geometric mean), up from 40% without any trusted row.",
        ),
        (0.4, 0.4, "and 40% without any trusted row: they have not made the evidence better."),
    ],
)
def test_what_left_out_rows_say(content, after, before, words):
    said = content(ALONE | {"left_out": log(after), "pool_left_out": log(before), "strength": 3.0}, TRUSTED)[
        "sentences"
    ]
    assert said[0] == "12 rows with a trusted label, drawn at random, decided which kinds of evidence count."
    assert words in said[1]
    assert "what the given label and the row itself are worth" in said[2]


def test_too_few_trusted_rows_to_leave_any_out(content):
    said = content(ALONE | {"part": "unused"}, TRUSTED | {"rows": 1, "drawn": "chosen"})["sentences"]
    assert said[0] == "1 row with a trusted label decided which kinds of evidence count."
    assert "ten are needed" in said[1]
    assert "the method's alone" in said[2]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            {"revised": {"opinions": OPINIONS, "trusted": 12}},
            "12 rows with a trusted label, which it had not been taught",
        ),
        ({"revised": {"opinions": OPINIONS, "trusted": 0}}, "with the given label it took the place of the rest"),
        ({}, "with the given label it took the place of the rest"),
    ],
)
def test_what_a_second_round_went_by(content, more, words):
    said = content(ALONE | {"revised_after": 2} | more, TRUSTED)["sentences"][-1]
    assert said.startswith("What all of it comes to is what the network was taught for 2 epochs.")
    assert words in said


def test_what_is_to_be_doubted(content):
    assert content(ALONE)["doubts"] == []
    doubted = ALONE | {"held": 1.0, "kept": 0.44, "weak": ["cow"], "meanings": "names", "agreeing": [3, 0, 2]}
    kept, weak, untrusted = content(doubted, TRUSTED)["doubts"]
    assert "keep only 44% of its rows" in kept
    assert "Too few rows fit the names of “cow”" in weak
    (firm,) = content(ALONE | {"held": 20.0, "kept": 0.95})["doubts"]
    assert "explains hardly any of the labels" in firm
    assert untrusted == "No trusted row shows “cow”: of these the judge knows only what the opinions say."


def test_classes_that_fit_what_they_mean_least_come_first(content):
    """Given: four cats, two cows, two dogs among the judged."""
    got = content(ALONE | {"agreeing": [3, 0, 2], "weak": ["cow"], "meanings": "descriptions"})
    assert [(line.name, line.rows, line.agreeing, line.weak) for line in got["meanings"]] == [
        ("cow", 2, 0, True), ("cat", 4, 3, False), ("dog", 2, 2, False),
    ]  # fmt: skip
    assert got["described"]
    assert content(ALONE)["meanings"] == []


@pytest.mark.parametrize(
    "evidence",
    [
        {}, {"opinions": 3}, {"opinions": {}}, {"opinions": {"unheard_of": 1}},
        {"opinions": {"plain": "x"}, "held": "y"},
        ALONE | {"agreeing": [1], "weak": "cow", "left_out": "?", "part": ["taught"]},
    ],
)  # fmt: skip
def test_whatever_a_received_run_says_is_borne(content, evidence):
    got = content(evidence, {"rows": "many", "by_class": [1]})
    assert got == {} or got["meanings"] == []


def test_names_of_many_classes_are_cut(tmp_path):
    names = [f"class {k}" for k in range(20)]
    table = pd.DataFrame({"id": range(20), "given_label": names, "suggested_label": names, "p_mislabeled": 0.1})
    metrics = {"evidence": ALONE, "trusted": TRUSTED | {"by_class": {"class 0": 12}}}
    folder = write_fake_run(
        tmp_path / "run", table.assign(status="judged", transition_label=names), names, metrics=metrics
    )
    (said,) = evidence_section(Findings(Run.open(folder)))["doubts"]
    assert "“class 1”, “class 2”" in said
    assert "“class 8” and 11 more classes" in said


@pytest.mark.slow
def test_a_real_run_shows_what_its_files_hold(evidence_run, page):
    audit = pd.read_parquet(evidence_run / "audit.parquet")
    evidence = json.loads((evidence_run / "metrics.json").read_text(encoding="utf-8"))["evidence"]
    judged = audit[audit["status"] == "judged"]
    shown = page(render_report(RunFolder(evidence_run), rows=5))
    lines = {line[0].split(" what ")[0].split(" the labels")[0]: line[1:] for line in shown.rows("evidence")}
    assert set(evidence["opinions"]) == {"transition", "plain", "neighbours"} <= set(KIND_OF)
    for name, weight in evidence["opinions"].items():
        said = judged[f"{name}_label"]
        shares = [(said != judged["given_label"]).mean()]
        shares += [(said == judged[column]).mean() for column in ("suggested_label", "gold_label")]
        assert lines[KIND_OF[name].title] == [f"{weight:.2f}", *(f"{share:.0%}" for share in shares)]
    assert shown.having("a", href="#evidence")
    assert f"got a probability of {exp(evidence['left_out']):.1%} for" in shown.text  # over ninety per cent
    assert "30 rows with a trusted label decided which kinds of evidence count." in shown.text


def test_why_a_row_is_listed(evidence_run, page):
    """Three kinds of evidence behind a line that says how many agree; the probabilities are the audit's."""
    audit = pd.read_parquet(evidence_run / "audit.parquet")
    worst = audit[audit["status"] == "judged"].iloc[0]
    labels = worst[["transition_label", "plain_label", "neighbours_label"]]
    cell = page(render_report(RunFolder(evidence_run), rows=1)).rows("worst")[0][1]
    agree = (labels == worst["suggested_label"]).sum()
    assert f"{agree} of 3 kinds of evidence say “{worst['suggested_label']}”" in cell
    assert f"it is most likely “{worst['transition_label']}”" in cell
    share = worst["transition_p_given"]
    assert f"gets {share:.0%}." in cell if 0.01 <= share <= 0.99 else "gets less than 1%." in cell


def test_a_single_opinion_is_told_without_a_click(make_run, small_table, page):
    table = small_table.assign(transition_label=small_table["suggested_label"], transition_p_given=np.float64(0.03))
    shown = page(render_report(make_run(table, CLASSES, metrics={"evidence": ALONE}), rows=1))
    cell = shown.rows("worst")[0][1]
    assert cell == (
        "cat → dog By rows like it, and by which classes are mistaken for which, it is most likely “dog”; its given "
        "label gets 3%."
    )
    assert not shown.having("details", class_="why")


def test_suggestions_are_on_the_page(tmp_path, page):
    given, names = np.arange(200) % 2, np.array(["DESC", "<ENTY>"])
    table = pd.DataFrame({"id": range(200), "given_label": names[given], "suggested_label": names[given]})
    folder = write_fake_run(tmp_path / "run", table.assign(p_mislabeled=0.1, status="judged"), names.tolist())
    text = render_report(folder)
    shown = page(text)
    assert "Worth trying" in shown.text
    assert "mislabel review RUN --order trust" in shown.text
    assert "with <code>--decisions RUN</code> and another <code>--out</code>." in text
    assert "such as “DESC”" in shown.text
    assert "<ENTY>" not in text


def test_meanings_and_doubts_on_the_page(tmp_path, page):
    """Twenty classes of two rows; those that fit worst stand first, and beyond twelve behind a click."""
    names = [f"<b>{k:02}</b>" for k in range(20)]
    given = np.repeat(names, 2)
    table = pd.DataFrame({"id": range(40), "given_label": given, "suggested_label": given, "p_mislabeled": 0.1})
    evidence = ALONE | {"agreeing": [k % 3 for k in range(20)], "weak": [names[5]], "meanings": "descriptions"}
    folder = write_fake_run(tmp_path / "run", table.assign(status="judged"), names, metrics={"evidence": evidence})
    shown = page(render_report(folder))
    first, more = shown.rows("evidence", 1), shown.rows("evidence", 2)
    assert (len(first), len(more)) == (12, 8)
    assert first[0] == [f"{names[5]} too few", "2", "100%"]
    assert [line[2] for line in first[1:]] == ["0%"] * 7 + ["50%"] * 4
    assert [line[2] for line in more] == ["50%"] * 3 + ["100%"] * 5
    assert "Too few rows fit the descriptions of “<b>05</b>”" in shown.text
    assert "<b>05" not in render_report(folder)
