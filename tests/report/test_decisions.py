"""The section on decisions: numbers counted by hand, what it says without random rows, names that would harm a page."""

import numpy as np
import pandas as pd
import pytest

from mislabel.decisions.events import Decision
from mislabel.decisions.limits import hypergeometric_limits
from mislabel.decisions.store import Store
from mislabel.report.decisions import wrong_pairs
from mislabel.report.page import render_report

CLASSES = ["cat", "dog", "cow"]
GAIN = {
    "run": "runs/first <1>", "rows": 40, "changed": 12, "none_of_these": 1, "held_out": 0, "notes": [],
    "before": {"method": "ido", "test": {"rows": 100, "accuracy": 0.8, "macro_f1": 0.75}, "settings_that_differ": []},
    "gain": {"accuracy": 0.025, "macro_f1": -0.01},
}  # fmt: skip


def decide(folder, *decisions: Decision) -> None:
    with Store(folder.decisions) as store:
        for one in decisions:
            store.decide([one])


def said(page) -> str:
    """All text of a page, with a space between its parts."""
    return " ".join(" ".join(page.texts).split())


@pytest.fixture
def long_table() -> pd.DataFrame:
    """Forty judged rows, all given cat and suggested dog, worst first."""
    return pd.DataFrame(
        {
            "id": [f"r{k}" for k in range(40)],
            "given_label": "cat",
            "suggested_label": "dog",
            "p_mislabeled": np.linspace(0.99, 0.05, 40),
            "difficulty": 0.5,
            "status": "judged",
        }
    )


def test_without_decisions_there_is_no_section(make_run, small_table, page):
    folder = make_run(small_table, CLASSES)
    before = render_report(folder)
    assert "What a person decided" not in before
    with Store(folder.decisions) as store:  # a review in which nothing was decided
        store.remember("probe_seed", 1)
        assert render_report(folder) == before
        done = store.decide([Decision("r0", "keep", "cat", "cat")])
        store.undo(done[0].action)
    assert render_report(folder) == before
    assert page(before).having("section", id="decided") == []


def test_counts_and_pairs(make_run, small_table, page):
    folder = make_run(small_table, CLASSES, metrics={"noise_rate": {"basis": "labels", "at_least": 0.2}})
    decide(
        folder,
        Decision("r0", "suggestion", "dog", "cat"),
        Decision("r1", "keep", "dog", "dog"),
        Decision("r2", "label", "cow", "cat"),
        Decision("r3", "unsure", None, "cow"),
        Decision("r5", "suggestion", "dog", "cat"),
        Decision("r6", "none", None, "cat"),
        Decision("r8", "label", "cow", "dog"),  # not judged: decided all the same
    )
    found = page(render_report(folder))
    assert "The given label is right: 1; the suggested label is right: 2; another label is right: 2" in found.text
    assert "no class fits: 1; could not tell: 1." in found.text
    assert "Rows decided 7 Called wrong 5 71% of those" in said(found)
    assert found.rows("decided") == [
        ["cat", "dog", "2", "50%", "2"],
        ["cat", "cow", "1", "25%", "0"],
        ["cat", "none of the classes", "1", "25%", "0"],
        ["dog", "cow", "1", "50%", "0"],
    ]
    assert [attrs["href"] for attrs in found.having("a")].count("#decided") == 1


def test_rows_that_had_no_label_were_not_wrong(make_run, small_table, page):
    folder = make_run(small_table, CLASSES)
    decide(folder, Decision("r0", "label", "cat", None), Decision("r1", "label", "cat", "dog"))
    decide(folder, Decision("r2", "keep", "cow", "cow"), Decision("r3", "none", None, None))
    assert "Called wrong 1 50% of the 2 that had a label" in said(page(render_report(folder)))


def test_the_estimate_says_of_which_rows_it_is(make_run, long_table, page):
    """Known rows of an earlier review are decided, and no rows of which anything is estimated."""
    long_table.loc[:9, "status"] = "decided"
    folder = make_run(long_table, CLASSES)
    decide(folder, *(Decision(f"r{k}", "suggestion", "dog", "cat", probe=k >= 10) for k in range(40)))
    found = said(page(render_report(folder)))
    assert "Called wrong 40 100% of those" in found
    assert "Wrong among the 30 judged rows 100% all decided" in found


def test_without_random_rows_it_says_how_to_get_them(make_run, long_table, page):
    folder = make_run(long_table, CLASSES)
    decide(folder, *(Decision(f"r{k}", "suggestion", "dog", "cat") for k in range(12)))
    found = page(render_report(folder))
    assert "The first 12 rows are all decided." in found.text
    assert "mislabel review --probe 0.1" in found.text
    assert "Wrong labels in all" not in said(found)


def test_random_rows_give_the_number_of_wrong_labels(make_run, long_table, page):
    folder = make_run(long_table, CLASSES)
    listed = [Decision(f"r{k}", "suggestion", "dog", "cat") for k in range(10)]
    drawn = [Decision(f"r{k}", "keep", "cat", "cat", probe=True) for k in (20, 25, 30, 35)]
    drawn.append(Decision("r15", "suggestion", "dog", "cat", probe=True))
    decide(folder, *listed, *drawn)
    found = page(render_report(folder))
    # Ten are wrong for sure, and a fifth of the other thirty: 16 of 40.
    low, high = (10 + int(part[0]) for part in hypergeometric_limits(*(np.array([n]) for n in (30, 5, 1))))
    assert "Wrong labels in all 40% from random rows; 95% interval" in said(found)
    assert f"{low} to {high} rows" in found.text
    assert "the 5 rows that chance chose" in found.text
    assert "Precision of the list by its depth" in [attrs.get("aria-label") for attrs in found.having("svg")]


def test_everything_decided(make_run, long_table, page):
    folder = make_run(long_table, CLASSES)
    decide(folder, *(Decision(f"r{k}", "keep" if k % 2 else "suggestion", None, "cat") for k in range(0, 40, 2)))
    decide(folder, *(Decision(f"r{k}", "keep", "cat", "cat") for k in range(1, 40, 2)))
    found = page(render_report(folder))
    assert "Wrong labels in all 50% all decided" in said(found)
    assert "mislabel review --probe" not in found.text


def test_one_row(make_run, long_table, page):
    folder = make_run(long_table[:1], CLASSES)
    decide(folder, Decision("r0", "keep", "cat", "cat"))
    found = page(render_report(folder))
    assert "No label was called wrong." in found.text
    assert "Wrong labels in all 0% all decided" in said(found)


def test_names_cannot_harm_the_page(make_run, long_table, page):
    bad = '<script>alert("x")</script>'
    table = long_table.assign(given_label=bad)
    folder = make_run(table, [bad, "dog"])
    decide(folder, Decision("r0", "label", "<b>dog", bad), Decision("r1", "label", "\x00\u202e", bad))
    text = render_report(folder)
    assert page(text).foreign_scripts == []
    assert text.count("<script") == 1
    assert "<b>dog" not in text
    assert [row[:2] for row in page(text).rows("decided")] == [[bad, "<b>dog"], [bad, "␀\u202e"]]
    text.encode("utf-8")


def test_the_gain_of_a_run_that_took_decisions(make_run, small_table, page):
    found = page(render_report(make_run(small_table, CLASSES, metrics={"decisions": GAIN})))
    assert (
        "This run took 40 rows that a person decided in the review of runs/first <1> as known; 12 of them" in found.text
    )
    assert found.rows("decided") == [
        ["Test accuracy", "80.0%", "82.5%", "+2.5 points"],
        ["Test macro F1", "75.0%", "74.0%", "-1.0 points"],
    ]
    differing = GAIN | {"gain": None, "before": {"method": "ce", "settings_that_differ": ["method", "seed"]}}
    found = page(render_report(make_run(small_table, CLASSES, metrics={"decisions": differing}, name="other")))
    assert "Not only the decisions differ from that run, but also: method, seed." in found.text
    assert "decided" not in found.tables
    assert page(render_report(make_run(small_table, CLASSES, metrics={"decisions": {"run": "x"}}, name="least")))


def test_a_file_that_holds_no_decisions_does_not_stop_the_report(make_run, small_table, page):
    folder = make_run(small_table, CLASSES)
    folder.decisions.write_bytes(b"nothing of the kind" * 100)
    assert "cannot be read" in page(render_report(folder)).text


def test_pairs_are_those_that_hold(tmp_path):
    with Store(tmp_path / "decisions.sqlite") as store:
        store.decide(
            [Decision("a", "suggestion", 1, 0), Decision("b", "suggestion", 1, 0), Decision("c", "keep", 0, 0)]
        )
        store.decide([Decision("b", "label", 2, 0)])
        found = wrong_pairs(list(store.current().values()))
    assert [(pair.given, pair.decided, pair.rows, pair.suggested) for pair in found] == [
        ("0", "1", 1, 1),
        ("0", "2", 1, 0),
    ]
    assert [pair.share for pair in found] == [1 / 3, 1 / 3]
