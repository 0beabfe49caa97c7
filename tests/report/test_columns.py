"""Rows of a table in the report and on the terminal: all columns, the most unusual first."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from report.conftest import Page
from review.tables import customers, table_run

from mislabel.audit import Audit
from mislabel.cli.summary import worst_table
from mislabel.report.page import render_report, write_report
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run
from mislabel.run.unusual_columns import Columns


@pytest.fixture
def run(tmp_path):
    path, frame = customers(tmp_path / "customers")
    return RunFolder(path), frame


def test_all_columns_stand_in_the_page_the_unusual_first_and_marked(run):
    folder, frame = run
    page = Page(render_report(folder, rows=60))
    [row] = [cells for cells in page.rows("worst") if cells[0] == "m0"]
    names = [name for name in frame.columns if f"{name} " in row[1]]
    assert names == list(frame.columns)
    assert row[1].index("age 61") < row[1].index("noise")
    assert row[1].index("colour blue") < row[1].index("noise")
    assert "visits ?" in row[1]
    assert len(page.having("li", class_="far")) >= 2
    [hostile] = [cells for cells in page.rows("worst") if cells[0] == "m2"]
    assert "colour <b>teal</b>" in hostile[1]  # as text
    assert page.having("b") != []


def test_many_columns_are_folded_but_all_there(tmp_path, run):
    _, frame = run
    for k in range(30):
        frame[f"extra{k}"] = frame["noise"] * (k + 1)
    path = table_run(tmp_path / "wide", frame, [k % 2 for k in range(60)], [k % 2 for k in range(60)], ["a", "b"])
    page = Page(render_report(RunFolder(path), rows=3))
    assert "16 more columns" in page.text
    assert all(f"extra{k} " in page.text for k in range(30))


def test_the_other_reports_have_the_same_order(run):
    folder, _ = run
    write_report(folder)
    said = json.loads(folder.report_json.read_text(encoding="utf-8"))
    [row] = [row for row in said["worst"] if row["id"] == "m0"]
    assert row["input"].startswith(("age 61, ", "colour blue, "))
    assert "noise " in row["input"]
    assert "age 61" in folder.report_md.read_text(encoding="utf-8")


def test_the_terminal_shows_all_columns_too(run):
    folder, frame = run
    audit = Audit(pd.read_parquet(folder.audit), np.empty((0, 0)), ["young", "old"], np.empty((0, 0)), {}, [])
    inputs = SimpleNamespace(modality="features", caption=lambda position: "a caption")
    dataset = SimpleNamespace(inputs=inputs, ids=audit.table["id"].to_numpy())
    table = worst_table(audit, dataset, 3, Columns(Run.open(folder)))
    shown = [str(cell) for cell in table.columns[1].cells]
    assert shown[0].startswith(("age 61, ", "colour blue, "))
    assert all(f"{name} " in shown[0] for name in frame.columns)
    assert [str(cell) for cell in worst_table(audit, dataset, 2).columns[1].cells] == ["a caption"] * 2
