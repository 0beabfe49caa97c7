"""The box that leads the report: counted by hand from ten rows, of which three are more likely wrong than right."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store
from mislabel.report import render_report
from mislabel.report.findings import Findings
from mislabel.report.workload import workload
from mislabel.run.reading import Run

CLASSES = ["cat", "cow", "dog"]
LABELS = {"noise_rate": {"basis": "labels", "at_least": 0.2}}


class Clock:
    """Stands for `datetime` in the store: each time that it is asked, 90 seconds have gone."""

    def __init__(self):
        self.time = datetime(2026, 11, 21, 15, tzinfo=UTC)

    def now(self, zone):
        self.time += timedelta(seconds=90)
        return self.time.astimezone(zone)


def decide(folder, *decisions: Decision) -> None:
    """Decide on a page, one after the other."""
    with Store(folder.decisions) as store:
        for each in decisions:
            store.decide([each])


def found(folder):
    box = workload(Findings(Run.open(folder)))
    assert box is not None
    return box


def test_the_box_leads_the_page(make_run, small_table, page):
    shown = page(render_report(make_run(small_table, CLASSES, metrics=LABELS)))
    assert "Look at 3 rows: about 1 minute mislabel review RUN" in " ".join(" ".join(shown.texts).split())
    assert "They are more likely wrong than right; about 10 seconds each, a guess." in shown.text
    assert "at most 3 labels right. The audit expects 3 of them to be wrong, but no row was checked" in shown.text
    assert "check 50 random rows (about 8 minutes): mislabel review RUN --order random --budget 50" in shown.text
    assert shown.text.index("Look at 3 rows") < shown.text.index("3 of 8 judged rows")
    ids = [attrs["id"] for attrs in shown.having("section")]
    assert ids.index("noise") < ids.index("worst")  # what is mixed up, before single rows


def test_many_rows_take_hours(make_run):
    n = 2000
    table = pd.DataFrame(
        {"id": range(n), "given_label": "cat", "suggested_label": "dog", "p_mislabeled": 0.75, "status": "judged"}
    )
    box = found(make_run(table, CLASSES))
    assert (box.rows, box.minutes, box.expected_wrong) == (2000, 333, 1500)
    assert box.title == "Look at 2,000 rows: about 5 h 33 min"


def test_decided_rows_are_marked_and_need_no_look(make_run, small_table, page):
    folder = make_run(small_table, CLASSES, metrics=LABELS)
    decide(folder, Decision("r0", "suggestion", "dog", "cat"), Decision("r1", "keep", "dog", "dog"))
    decide(folder, Decision("r5", "none", None, "cat"), Decision("r6", "unsure", None, "cat"))
    box = found(folder)
    assert (box.rows, box.decided, box.measured) == (1, 2, False)
    assert box.expected_wrong == pytest.approx(0.8)
    shown = page(render_report(folder))
    assert "It is more likely wrong than right and not decided yet" in shown.text
    assert "A person decided 2 of the 3 likely wrong: 1 wrong, 1 right." in shown.text
    marks = {row[0]: row[1].partition("decided: ")[2] for row in shown.rows("worst")}
    said = {"r0": "is dog", "r1": "label is right", "r5": "no class fits", "r6": "could not tell"}
    assert marks == dict.fromkeys(marks, "") | said
    assert len(shown.having("tr", class_="done")) == 4


def test_the_pace_of_the_review_counts(make_run, small_table, monkeypatch):
    monkeypatch.setattr("mislabel.decisions.store.datetime", Clock())
    folder = make_run(small_table, CLASSES, metrics=LABELS)
    decide(folder, *(Decision(f"r{k}", "keep", "x", "x") for k in range(1, 8)))
    box = found(folder)
    assert (box.rows, box.measured, box.seconds, box.minutes) == (1, True, 90, 2)
    assert "90 seconds each, the median of this review" in box.sentences[0]
    assert "(about 1 h 15 min)" in str(box.check)


def test_when_all_is_decided_what_is_left_is_to_export(make_run, small_table, page):
    folder = make_run(small_table, CLASSES, metrics=LABELS)
    decide(folder, *(Decision(f"r{k}", "keep", "x", "x") for k in range(3)))
    box = found(folder)
    assert (box.rows, box.minutes, box.command) == (0, 0, "mislabel export RUN -o corrected.csv")
    assert "All rows that are more likely wrong than right are decided" in page(render_report(folder)).text


def test_where_nothing_stands_out_there_is_nothing_to_type(make_run, small_table):
    box = found(make_run(small_table.assign(p_mislabeled=0.5), CLASSES, metrics=LABELS))
    assert (box.title, box.command) == ("No row stands out", None)
    assert box.check is not None


def test_random_checks_say_how_many_will_be_found(make_run):
    """Forty likely rows, of which the random checks confirm half: what is expected follows them, not the audit."""
    n = 400
    table = pd.DataFrame(
        {"id": range(n), "given_label": "cat", "suggested_label": "dog", "p_mislabeled": [0.99] * 40 + [0.05] * 360,
         "status": "judged"}
    )  # fmt: skip
    folder = make_run(table, CLASSES, metrics=LABELS)
    probes = [*range(1, 40, 4), *range(41, 400, 9)]
    for k in probes:
        kind, label = ("suggestion", "dog") if k < 20 else ("keep", "cat")
        decide(folder, Decision(k, kind, label, "cat", probe=True))
    box = found(folder)
    assert (box.rows, box.decided, box.checked) == (30, 10, 50)
    assert box.expected_wrong == pytest.approx(Findings(Run.open(folder)).p_mislabeled[:40:4].mean() * 30)
    assert box.expected_wrong < 25
    assert box.check is None
    assert "as 50 rows tell that were checked at random" in box.sentences[1]


def test_unrelated_labels_get_no_box(make_run, small_table, page):
    folder = make_run(small_table, CLASSES, metrics={"labels_related": False})
    assert workload(Findings(Run.open(folder))) is None
    assert not page(render_report(folder)).having("div", class_="todo")
    unjudged = make_run(small_table.assign(p_mislabeled=np.nan), CLASSES, name="none")
    assert workload(Findings(Run.open(unjudged))) is None


def test_decisions_that_cannot_be_read_are_none(make_run, small_table):
    folder = make_run(small_table, CLASSES, metrics=LABELS)
    folder.decisions.write_bytes(b"nothing of the kind" * 100)
    assert found(folder).rows == 3
