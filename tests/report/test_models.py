"""The models side by side, and what DyGen adds to the lists of rows and scores."""

import pytest

from mislabel.report import render_report

CLASSES = ["cat", "cow", "dog"]
BEFORE = {"rows": 500, "accuracy": 0.816, "macro_f1": 0.757, "ece": 0.3081}
AFTER = {"rows": 500, "accuracy": 0.858, "macro_f1": 0.7866, "ece": 0.28906}
SHIPPED = {"rows": 500, "accuracy": 0.84, "macro_f1": 0.7655, "ece": 0.2831}


def models_table(page, make_run, table, test) -> list[list[str]]:
    shown = page(render_report(make_run(table, CLASSES, metrics={"method": "dygen", "test": test})))
    return shown.rows("models") if "models" in shown.tables else []


def test_three_models_in_the_order_in_which_they_came_about(make_run, small_table, page):
    rows = models_table(page, make_run, small_table, SHIPPED | {"classifier": BEFORE, "generative": AFTER})
    assert [row[0].split(")")[0] for row in rows] == [
        "classifier (before",
        "generative model (after",
        "distilled model (shipped",
    ]
    assert [row[1:] for row in rows] == [
        ["500", "81.6%", "75.7%", "0.308"],
        ["500", "85.8%", "78.7%", "0.289"],
        ["500", "84.0%", "76.5%", "0.283"],
    ]


def test_without_gold_only_the_agreement_is_told(make_run, small_table, page):
    agreement = {"rows": 40, "agreement_with_given": 0.71}
    test = agreement | {"classifier": agreement | {"agreement_with_given": 0.5}, "generative": agreement}
    assert [row[1:] for row in models_table(page, make_run, small_table, test)] == [
        ["40", "50.0%"],
        ["40", "71.0%"],
        ["40", "71.0%"],
    ]


@pytest.mark.parametrize(("test", "lines"), [(SHIPPED, 0), ({}, 0), (SHIPPED | {"generative": AFTER}, 2)])
def test_models_that_are_not_there_are_left_out(make_run, small_table, page, test, lines):
    assert len(models_table(page, make_run, small_table, test)) == lines


def test_what_neighbours_say_stands_beside_the_labels(make_run, small_table, page):
    table = small_table.assign(neighbour_label=["dog", "cow", "cat", None, *small_table["given_label"][4:]])
    rows = page(render_report(make_run(table, CLASSES, metrics={"method": "dygen"}), rows=5)).rows("worst")
    assert [row[1] for row in rows] == [
        "cat → dog its neighbours agree",
        "dog → cat its neighbours say cow",
        "cat → dog its neighbours say cat",
        "cow kept",
        "dog kept its neighbours agree",
    ]


def test_the_centroid_score_stands_beside_the_detection(make_run, small_table, page):
    found = {"auroc": 0.958, "average_precision": 0.938, "centroid_auroc": 0.9456}
    metrics = {"method": "dygen", "detection": found, "noise_rate": {"basis": "labels", "at_least": 0.3}}
    shown = page(render_report(make_run(small_table, CLASSES, metrics=metrics)))
    assert "0.9580.5 is chance, 1 is perfect; centroid score 0.946" in shown.text
    scores = dict(shown.rows("gold", 1))
    assert scores["Detection: AUROC"] == "0.958"
    assert scores["AUROC of the centroid score, which marks rows"] == "0.946"
    assert "generative model that reads the true label" in shown.text
    metrics["detection"] = {"auroc": 0.958}
    plain = page(render_report(make_run(small_table, CLASSES, metrics=metrics | {"method": "ido"}, name="plain"))).text
    assert "centroid" not in plain
    assert "DyGen" not in plain
