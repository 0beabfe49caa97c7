"""The tables by class and by pair of classes, against pandas and by hand."""

import numpy as np
import pandas as pd
import pytest

from mislabel.report import render_report
from mislabel.report.classes import class_rows, confusions, most_confused
from mislabel.report.findings import Findings
from mislabel.run.reading import Run

CLASSES = ["ant", "cat", "cow", "dog"]  # no row has the first


@pytest.fixture
def findings(make_run, small_table):
    return Findings(Run.open(make_run(small_table, CLASSES, transition=np.eye(4) * 0.7 + 0.075)))


def test_class_rows_against_pandas(findings, small_table):
    judged = small_table[small_table["status"] == "judged"]
    rows = {row.name: row for row in class_rows(findings)}
    assert set(rows) == set(CLASSES)
    for name, part in judged.groupby("given_label"):
        row = rows[name]
        assert row.judged == len(part)
        assert row.unjudged == (small_table["given_label"] == name).sum() - len(part)
        assert row.noise == pytest.approx(part["p_mislabeled"].mean())
        assert row.suggested == (judged["suggested_label"] == name).sum()
        assert row.difficulty == pytest.approx(part["difficulty"].mean())
        known = part[part["gold_label"].notna()]
        assert row.true_noise == pytest.approx((known["given_label"] != known["gold_label"]).mean())
        assert row.suggestion_accuracy == pytest.approx((known["suggested_label"] == known["gold_label"]).mean())


def test_class_rows_by_hand(findings):
    rows = class_rows(findings)
    # wrong mass: cat 0.97 + 0.8 + 0.2 + 0.1 = 2.07, dog 0.9 + 0.3, cow 0.4 + 0.05
    assert [row.name for row in rows] == ["cat", "dog", "cow", "ant"]
    assert rows[0].noise == pytest.approx(2.07 / 4)
    assert rows[0].true_noise == 0.25
    assert rows[0].suggestion_accuracy == 0.75
    ant = rows[-1]
    assert (ant.judged, ant.unjudged, ant.suggested) == (0, 0, 0)
    assert (ant.noise, ant.difficulty, ant.true_noise, ant.suggestion_accuracy) == (None,) * 4


def test_the_page_shows_these_numbers(make_run, small_table, page):
    rows = page(render_report(make_run(small_table, CLASSES))).rows("classes")
    assert rows == [
        ["cat", "4", "2", "51.7%", "3", "0.19", "25.0%", "75.0%"],
        ["dog", "2 + 1 not judged", "1", "60.0%", "3", "0.38", "50.0%", "100.0%"],
        ["cow", "2 + 1 not judged", "0", "22.5%", "2", "0.88", "0.0%", "100.0%"],
        ["ant", "not assessed: no row has this label"],
    ]


def test_confusions_by_hand(findings):
    first, second = confusions(findings)
    assert (first.true, first.given, first.rows, first.confirmed) == ("dog", "cat", 2, 0.5)
    assert (second.true, second.given, second.rows, second.confirmed) == ("cat", "dog", 1, 1.0)
    assert first.share == pytest.approx(0.075)
    assert len(confusions(findings, 1)) == 1


def test_where_there_is_room_all_classes_are_shown_in_their_order(findings):
    assert most_confused(findings, 4).tolist() == [0, 1, 2, 3]
    assert most_confused(findings, 9).tolist() == [0, 1, 2, 3]


def test_where_there_is_none_the_classes_of_the_most_frequent_confusions_are(findings):
    assert most_confused(findings, 2).tolist() == [3, 1]  # two rows look like dog and are labelled cat
    assert most_confused(findings, 3).tolist() == [3, 1, 2]  # no other pair; of the others, cow is given most often


def test_pairs_stand_side_by_side_and_each_class_once(make_run):
    pairs = [("a", "d")] * 4 + [("c", "f")] * 3 + [("d", "e")] * 2 + [("f", "a")] + [("b", "b")] * 9
    suggested, given = zip(*pairs, strict=True)
    table = pd.DataFrame({"id": range(len(pairs)), "given_label": given, "suggested_label": suggested})
    table = table.assign(p_mislabeled=0.5, status="judged").sample(frac=1, random_state=0)
    findings = Findings(Run.open(make_run(table, list("abcdef"))))
    assert "".join(findings.classes[code] for code in most_confused(findings, 5)) == "adcfe"
    assert [(line.true, line.given, line.rows) for line in confusions(findings, 2)] == [("a", "d", 4), ("c", "f", 3)]


def test_labels_that_differ_after_a_nul_stay_apart(make_run, small_table):
    table = small_table.replace({"cat": "a\0b", "dog": "a\0c"})
    rows = {row.name: row.judged for row in class_rows(Findings(Run.open(make_run(table, ["a\0b", "a\0c", "cow"]))))}
    assert rows == {"a␀b": 4, "a␀c": 2, "cow": 2}
