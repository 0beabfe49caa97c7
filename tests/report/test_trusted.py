"""The section on rows that were checked before training: counts by hand, and what it says of all rows."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from mislabel.report import render_report, write_report


def checked(rows=40, no_class=0):
    """Rows whose label was checked, the most doubtful first, three of the first four wrong; then ten judged ones."""
    wrong = np.zeros(rows, dtype=bool)
    wrong[[0, 1, 3, 20]] = True
    extra = 10 + no_class
    p = np.linspace(0.98, 0.02, rows)
    shuffled = np.random.default_rng(0).permutation(rows)
    return pd.DataFrame(
        {
            "id": [f"r{k}" for k in range(rows + extra)],
            "given_label": ["cat"] * (rows + extra),
            "suggested_label": [*np.where(wrong, "dog", "cat")[shuffled], *["cat"] * extra],
            "p_mislabeled": [*[np.nan] * rows, *np.linspace(0.9, 0.1, 10), *[np.nan] * no_class],
            "difficulty": np.nan,
            "status": ["decided"] * rows + ["judged"] * 10 + ["none_of_these"] * no_class,
            "p_left_out": [*p[shuffled], *[np.nan] * extra],
        }
    )


def run_of(make_run, table, drawn="random"):
    metrics = {"trusted": {"rows": 40, "by_class": {"cat": 36, "dog": 4}, "drawn": drawn}}
    return make_run(table, ["cat", "dog"], metrics=metrics)


def shown(make_run, page, table, drawn="random"):
    return page(render_report(run_of(make_run, table, drawn)))


def test_precision_by_depth_is_counted_in_the_order_of_what_was_said_without_the_row(make_run, page):
    found = shown(make_run, page, checked())
    assert "Somebody had checked 40 labels before training, and 4 of them are wrong." in found.text
    assert "drawn at random, so this holds for all rows" in found.text
    rows = found.rows("trusted")
    # A tenth are four rows, fewer than are counted; a fifth are eight, three of them wrong.
    assert [row[:4] for row in rows] == [
        ["20%", "8", "3", "38%"],
        ["30%", "12", "3", "25%"],
        ["50%", "20", "3", "15%"],
        ["all of them", "40", "4", "10%"],
    ]
    limits = binomtest(3, 8).proportion_ci(0.95, method="wilson")
    assert rows[0][4] == f"{limits.low:.0%} to {limits.high:.0%}"
    assert "#trusted" in [each.get("href") for each in found.having("a")]


def test_rows_that_were_chosen_tell_nothing_of_all_rows(make_run, page):
    text = shown(make_run, page, checked(no_class=2), drawn="chosen").text
    assert "chosen and not drawn at random, so this tells of rows like them" in text
    assert "Checked rows that fit no class, 2 of them, are not among them." in text
    assert "holds for all rows" not in text


@pytest.mark.parametrize("table", [checked(24).iloc[5:], checked().drop(columns="p_left_out")], ids=["few", "none"])
def test_too_few_rows_or_none_that_were_left_out_have_no_section(make_run, page, table):
    assert "Check against trusted rows" not in shown(make_run, page, table).text


@pytest.mark.parametrize("drawn", ["random", "chosen"])
def test_machines_and_pull_requests_get_the_same_check(make_run, drawn):
    table = checked(no_class=1)
    run = run_of(make_run, table, drawn)
    write_report(run)
    found = json.loads(run.report_json.read_bytes())["trusted_check"]
    depths = found.pop("depths")
    left_out = table["p_left_out"].dropna()
    wrong = (table["suggested_label"] != table["given_label"])[left_out.index]
    bins = np.minimum(left_out * 10, 9).astype(int)
    gaps = (left_out.groupby(bins).mean() - wrong.groupby(bins).mean()).abs()
    assert found == {
        "rows": 40, "wrong": 4, "drawn_at_random": drawn == "random", "no_class": 1,
        "calibration_error": pytest.approx((gaps * left_out.groupby(bins).size() / 40).sum()),
    }  # fmt: skip
    assert [(each["share"], each["rows"], each["wrong"]) for each in depths] == [
        (0.2, 8, 3), (0.3, 12, 3), (0.5, 20, 3), (1.0, 40, 4),
    ]  # fmt: skip
    limits = binomtest(3, 8).proportion_ci(0.95, method="wilson")
    assert (depths[0]["low"], depths[0]["high"]) == pytest.approx((limits.low, limits.high))
    text = run.report_md.read_text(encoding="utf-8")
    assert f"| 20% | 8 | 3 | 38% | {limits.low:.0%} to {limits.high:.0%} |" in text
    assert ("so this holds for all rows" in text) == (drawn == "random")


def test_without_a_check_machines_read_null(make_run):
    run = run_of(make_run, checked().drop(columns="p_left_out"))
    write_report(run)
    assert json.loads(run.report_json.read_bytes())["trusted_check"] is None
    assert "trusted rows" not in run.report_md.read_text(encoding="utf-8")
