"""Means, the gap, marks of what failed or is missing: by hand."""

import json
import math
import statistics

import numpy as np
import pandas as pd
import pytest
from bench.conftest import line

from mislabel.bench.aggregation import frame_of, per_data, per_method
from mislabel.bench.tables import CSV, TABLE, by_data, cell, markdown, summary, write_tables


def some_lines():
    values = {  # data, method: accuracy by seed
        ("a", "ce"): (0.60, 0.70),
        ("a", "gold"): (0.80, 0.90),
        ("a", "ido"): (0.75, 0.85),
        ("b", "ce"): (0.50, 0.50),
        ("b", "gold"): (0.505, 0.505),  # no gap worth the name
        ("b", "ido"): (0.55, 0.57),
    }
    return [
        line(data, seed, method, accuracy=value, seconds=2.0 if method == "ido" else 0.5, auroc=0.9, peak_memory_mb=100)
        for (data, method), both in values.items()
        for seed, value in enumerate(both)
    ]


def row_of(table, **where):
    [row] = table[np.logical_and.reduce([table[name] == value for name, value in where.items()])].to_dict("records")
    return row


def test_mean_sd_gap_and_cost_by_hand():
    table = per_data(frame_of(some_lines(), []))
    ido = row_of(table, data="a", method="ido")
    assert ido["accuracy"] == pytest.approx(0.80)
    assert ido["accuracy_sd"] == pytest.approx(math.sqrt(2 * 0.05**2))  # n - 1
    assert ido["gap_closed"] == pytest.approx(0.75)  # 0.15 of 0.2, both times
    assert ido["times_plain"] == 4
    assert (ido["seeds"], ido["done"], ido["failed"]) == (2, 2, 0)
    assert row_of(table, data="a", method="ce")["gap_closed"] == pytest.approx(0)
    assert row_of(table, data="a", method="gold")["gap_closed"] == pytest.approx(1)
    assert math.isnan(row_of(table, data="b", method="ido")["gap_closed"])


def test_the_gap_is_that_of_the_same_seed():
    lines = [line("a", seed, "ce", accuracy=0.2 + 0.3 * seed) for seed in (0, 1)]
    lines += [line("a", seed, "gold", accuracy=0.6 + 0.3 * seed) for seed in (0, 1)]
    lines += [line("a", 1, "ido", accuracy=0.6)]
    assert row_of(per_data(frame_of(lines, [])), method="ido")["gap_closed"] == pytest.approx(0.25)


def test_the_summary_averages_over_data_and_puts_the_best_first_and_gold_last():
    whole = per_method(per_data(frame_of(some_lines(), [])))
    assert whole["method"].tolist() == ["ido", "ce", "gold"]
    assert row_of(whole, method="ido")["accuracy"] == pytest.approx((0.80 + 0.56) / 2)
    assert row_of(whole, method="ido")["gap_closed"] == pytest.approx(0.75)  # of the data set that has one


def test_a_method_that_lacks_a_data_set_has_no_mean():
    lines = [one for one in some_lines() if (one["data"], one["method"]) != ("b", "ido")]
    lines += [line("b", 0, "ido", "failed", error="InputError: too few | rows", accuracy=None, seconds=None)]
    asked = [("b", 1, "ido"), ("a", 0, "elr"), ("b", 0, "elr"), ("b", 0, "co_teaching:noise_rate=oracle")]
    table = per_data(frame_of(lines, asked))
    assert table.loc[table["oracle"], "method"].tolist() == ["co_teaching:noise_rate=oracle"]
    whole = per_method(table)
    assert math.isnan(row_of(whole, method="ido")["accuracy"])
    rows = {one.split("|")[1].strip(): one for one in summary(whole).splitlines()[2:]}
    assert "🟥 2 of 4" in rows["ido"]
    assert "🟥 **failed**: InputError: too few / rows" in rows["ido"]
    assert "not run" in rows["elr"]
    shown = {one.split("|")[1].strip(): one for one in by_data(table, whole, "accuracy").splitlines()[2:]}
    assert "80.0 ± 7.1" in shown["ido"]
    assert "🟥 **failed**" in shown["ido"]
    assert shown["elr"].count("not run") == 2


def test_the_seeds_that_are_there_are_counted():
    lines = [line(seed=seed, accuracy=value) for seed, value in enumerate((0.5, 0.7))]
    failed = line(seed=2, status="failed", error="RunError: no", accuracy=None)
    two = per_data(frame_of(lines, [("d", 2, "ce")])).iloc[0]
    assert cell(two, "accuracy") == "60.0 ± 14.1 (2 of 3 seeds)"
    assert cell(per_data(frame_of([*lines, failed], [])).iloc[0], "accuracy") == (
        "60.0 ± 14.1 (2 of 3 seeds, 🟥 1 failed)"
    )


def test_who_was_told_the_rate_is_marked():
    text = markdown(per_data(frame_of([line(method="t:rate=oracle", oracle=True), line()], [])))
    assert "| t:rate=oracle † |" in text
    assert "† was told the true noise rate" in text
    assert "†" not in markdown(per_data(frame_of([line()], [])))


def test_a_generative_model_has_its_own_row():
    second = {"accuracy": 0.9, "macro_f1": 0.8, "ece": 0.1}
    table = per_data(
        frame_of([line(method="dygen", auroc=0.7, generative=second), line(method="ce", accuracy=0.4)], [])
    )
    own = row_of(table, method="dygen (generative)")
    assert (own["accuracy"], own["macro_f1"], own["ece"]) == (0.9, 0.8, 0.1)
    assert math.isnan(own["auroc"])
    assert row_of(table, method="dygen")["accuracy"] == 0.5


def test_the_csv_is_what_the_lines_say(tmp_path):
    random = np.random.default_rng(0)
    lines = [
        line(data, seed, method, accuracy=random.random(), ece=random.random(), seconds=random.random() + 1)
        for data in "ab" for seed in range(3) for method in ("ce", "gold", "ido")
    ]  # fmt: skip
    write_tables(json.loads(json.dumps(lines)), [], tmp_path)
    table = pd.read_csv(tmp_path / CSV)
    assert len(table) == 6
    for row in table.to_dict("records"):
        own = [one for one in lines if (one["data"], one["method"]) == (row["data"], row["method"])]
        for name in ("accuracy", "ece", "seconds"):
            values = [one[name] for one in own]
            assert row[name] == pytest.approx(statistics.mean(values))
            assert row[f"{name}_sd"] == pytest.approx(statistics.stdev(values))
    assert (tmp_path / TABLE).read_text(encoding="utf-8").startswith("| method | cells | accuracy % |")
