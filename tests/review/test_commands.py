"""`mislabel export` and `mislabel import-decisions` as a person types them; `review` is in test_server.py."""

import csv
import json

import pandas as pd
import pytest
from fake_runs import decide, make_run

from mislabel.decisions.events import Decision
from mislabel.decisions.store import read_decisions


@pytest.fixture
def run(tmp_path):
    frame = pd.DataFrame({"id": [7, 8, 9, 10], "words": ["=1+1", "b", "c", "d"], "label": ["x", "y", "x", "y"]})
    frame.to_csv(tmp_path / "data.csv", index=False)
    folder = make_run(tmp_path / "run", frame, source=tmp_path / "data.csv", text="words", suggested={7: "y", 9: "y"})
    decide(folder, Decision(7, "suggestion", "y", "x"), Decision(8, "keep", "y", "y"))
    return folder


def test_out_and_back(run, tmp_path, mislabel):
    done = mislabel("export", run.path, "-o", tmp_path / "out.csv")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "2 decided by a person, 0 by a suggestion, 2 kept; 1 labels changed" in done.stdout
    with (tmp_path / "out.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    assert lines == [
        ["id", "words", "label", "label_before", "decided_by"],
        ["7", "'=1+1", "y", "x", "person"],
        ["8", "b", "y", "y", "person"],
        ["9", "c", "x", "x", "kept"],
        ["10", "d", "y", "y", "kept"],
    ]
    lines[3][2], lines[4][2] = "y", "nonsense"
    with (tmp_path / "back.csv").open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    done = mislabel("import-decisions", run.path, tmp_path / "back.csv")
    assert done.exit_code == 2, "a refused line must be noticed"
    assert "1 decisions taken" in done.stdout
    assert "line 5, id 10" in done.stderr
    assert read_decisions(run.decisions)[9] == Decision(9, "suggestion", "y", "x")
    told = json.loads(mislabel("import-decisions", run.path, tmp_path / "out.csv", "--json").stdout)
    assert (told["read"], told["imported"], told["unchanged"], told["refused"]) == (4, 0, 2, [])


def test_says_where_data_are_that_have_moved(run, tmp_path, mislabel):
    (tmp_path / "data.csv").rename(tmp_path / "moved.csv")
    done = mislabel("export", run.path, "-o", tmp_path / "out.jsonl")
    assert done.exit_code == 2
    assert "--data" in done.stderr
    told = json.loads(
        mislabel("export", run.path, "-o", tmp_path / "out.jsonl", "--data", tmp_path / "moved.csv", "--json").stdout
    )
    assert (told["rows"], told["person"], told["changed"]) == (4, 2, 1)


def test_says_what_it_can_write(run, tmp_path, mislabel):
    done = mislabel("export", run.path, "-o", tmp_path / "out.csv", "--as", "excel")
    assert done.exit_code == 2
    assert "table" in done.stderr
    assert "cleanlab" in done.stderr
    assert mislabel("export", run.path, "-o", tmp_path / "out.ods").exit_code == 2
    assert mislabel("import-decisions", run.path, tmp_path / "none.csv").exit_code == 2
