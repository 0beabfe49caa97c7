"""What `mislabel export` and `mislabel import-decisions` say of what they did beside writing and reading."""

import json

import numpy as np
import pandas as pd
import pytest
from fake_runs import decide, make_run

from mislabel.decisions.events import Decision
from mislabel.run.folder import RunFolder
from mislabel.tables import write_table

ALONE = "rows were matched by their place alone"


@pytest.fixture
def tweets(tmp_path):
    frame = pd.DataFrame({"id": range(1, 8), "text": ["@bob", "=1", *"abcde"], "label": list("xyxyxyx")})
    frame.to_csv(tmp_path / "d.csv", index=False)
    return make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", text="text")


def test_apostrophes_are_told_with_the_formats_that_need_none(mislabel, tweets, tmp_path):
    done = mislabel("export", tweets.path, "-o", tmp_path / "out.csv")
    assert "2 cells got an apostrophe in front, so that no spreadsheet runs them as formulas" in done.stdout
    assert ".jsonl and .parquet keep them as they are" in done.stdout
    assert (done.exit_code, done.stderr) == (0, "")
    assert "got an apostrophe" not in mislabel("export", tweets.path, "-o", tmp_path / "out.jsonl").stdout
    assert json.loads(mislabel("export", tweets.path, "-o", tmp_path / "out.csv", "--json").stdout)["formulas"] == 2


def test_decisions_that_a_file_overrules_are_named_at_most_five_of_them(mislabel, tweets, tmp_path):
    (tmp_path / "f.csv").write_text("id,label\n" + "".join(f"{id},y\n" for id in range(1, 8)))
    said = "took the place of another decision"
    assert said not in mislabel("import-decisions", tweets.path, tmp_path / "f.csv").stdout
    decide(tweets, *(Decision(id, "none", None, "x") for id in range(1, 7)))
    done = mislabel("import-decisions", tweets.path, tmp_path / "f.csv")
    assert f"6 of them {said}, as of an older file: rows 1, 2, 3, 4, 5 (and 1 more); one undo (U on" in done.stdout
    decide(tweets, Decision(2, "none", None, "y"))
    told = json.loads(mislabel("import-decisions", tweets.path, tmp_path / "f.csv", "--json").stdout)
    assert (told["imported"], told["replaced"], told["replaced_ids"]) == (1, 1, [2])


@pytest.mark.slow
def test_a_real_run_on_features_without_ids_knows_its_rows_again(mislabel, tmp_path):
    random = np.random.default_rng(0)
    label = np.where(random.random(60) < 0.5, "a", "b")
    frame = pd.DataFrame(
        {
            "f_1": [f"{value:.2f}" for value in random.normal(size=60) + 3 * (label == "a")],  # 0.10 is a number here
            "f_2": random.normal(size=60).astype(np.float32),
            "kind": random.choice(["=x", "y", "z, w"], 60),
            "label": np.where(np.arange(60) % 20 == 7, "", label),
            "split": np.where(np.arange(60) < 50, "train", "test"),
        }
    )
    for ending in ("csv", "jsonl", "parquet"):
        table = frame if ending == "csv" else frame.assign(f_1=frame["f_1"].astype(float))
        source, run = tmp_path / f"d.{ending}", tmp_path / f"run {ending}"
        write_table(table, source)
        done = mislabel(
            "audit", source, "--features", "f_*,kind", "--label", "label", "--split", "split", "--missing", "drop",
            "--out", run,
        )  # fmt: skip
        assert done.exit_code == 0, done.stderr
        done = mislabel("export", run, "-o", tmp_path / f"out.{ending}")
        assert (done.exit_code, done.stderr) == (0, "")
        told = json.loads(mislabel("import-decisions", run, tmp_path / f"out.{ending}", "--json").stdout)
        assert (told["read"], told["skipped"], told["by_place_alone"]) == (60, 60, False)
        order = np.arange(60)
        first, second = np.flatnonzero(table["label"] == "a")[:2]
        order[[first, second]] = order[[second, first]]
        write_table(table.iloc[order], source)
        done = mislabel("export", run, "-o", tmp_path / f"out.{ending}")
        assert f"2 rows have other features than the run read in their place: {first}, {second}." in done.stderr
        assert done.exit_code == 2


def test_vectors_that_begin_alike_are_told_apart(mislabel, tmp_path):
    """Bags of words: the first numbers are nearly always 0."""
    random = np.random.default_rng(0)
    vectors = np.concatenate([np.zeros((40, 12)), random.poisson(1.0, (40, 20))], axis=1).astype(np.float32)
    vectors[np.arange(40) % 2 == 0, 20] += 5
    frame = pd.DataFrame({"vec": list(vectors), "label": np.where(np.arange(40) % 2, "odd", "even")})
    frame.to_parquet(tmp_path / "d.parquet", index=False)
    line = ["audit", tmp_path / "d.parquet", "--features", "vec", "--label", "label"]
    assert mislabel(*line, "--out", tmp_path / "run").exit_code == 0
    decide(RunFolder(tmp_path / "run"), Decision(5, "keep", "odd", "odd"))
    frame.iloc[np.roll(np.arange(40), 2)].to_parquet(tmp_path / "d.parquet", index=False)  # the labels are as before
    done = mislabel("export", tmp_path / "run", "-o", tmp_path / "out.parquet")
    assert (done.exit_code, "40 rows have other features than the run read" in done.stderr) == (2, True)
    done = mislabel(*line, "--decisions", tmp_path / "run", "--out", tmp_path / "next")
    assert (done.exit_code, "1 rows have other features than then, 5" in done.stderr) == (2, True)


@pytest.mark.slow
def test_what_was_held_out_stays_held_out_when_labels_are_corrected(mislabel, tmp_path):
    random = np.random.default_rng(1)
    gold = np.arange(80) % 2
    frame = pd.DataFrame(random.normal(size=(80, 3)) + 3 * gold[:, None], columns=pd.Index(["f1", "f2", "f3"]))
    frame = frame.assign(id=range(100, 180), gold=gold, label=np.where(random.random(80) < 0.2, 1 - gold, gold))
    frame.to_csv(tmp_path / "d.csv", index=False)
    line = ["--features", "f*", "--label", "label", "--gold", "gold", "--id", "id", "--holdout", "0.25"]
    assert mislabel("audit", tmp_path / "d.csv", *line, "--out", tmp_path / "a").exit_code == 0
    rows = pd.read_parquet(tmp_path / "a" / "audit.parquet").set_index("id")
    wrong = rows[(rows.status == "judged") & (rows.given_label != rows.gold_label)]
    decide(
        RunFolder(tmp_path / "a"),
        *(Decision(int(id), "label", int(row.gold_label), int(row.given_label)) for id, row in wrong.iterrows()),
    )
    assert mislabel("export", tmp_path / "a", "-o", tmp_path / "corrected.csv").exit_code == 0
    again = ["--decisions", tmp_path / "a", "--seed", "1", "--json"]
    done = mislabel("audit", tmp_path / "corrected.csv", *line, *again, "--out", tmp_path / "b")
    after = pd.read_parquet(tmp_path / "b" / "audit.parquet").set_index("id")
    assert set(after.index[after.status == "held_out"]) == set(rows.index[rows.status == "held_out"])
    assert set(after.index[after.status == "decided"]) == set(wrong.index)
    told = json.loads(done.stdout)
    before = json.loads((tmp_path / "a" / "metrics.json").read_text())
    assert told["decisions"]["gain"]["accuracy"] == told["test"]["accuracy"] - before["test"]["accuracy"]


def test_rows_that_nothing_but_their_place_names_are_told_of(mislabel, tmp_path):
    frame = pd.DataFrame({"text": list("abcd"), "label": list("xyxy")})
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "unnamed", frame, source=tmp_path / "d.csv", text="text", id=None)
    for kept in (False, True):
        if kept:
            pd.DataFrame({"id": frame.index, "input": frame["text"]}).to_parquet(run.inputs, index=False)
        done = mislabel("export", run.path, "-o", tmp_path / "out.csv")
        assert (done.exit_code, done.stderr.count("\n")) == (0, int(not kept))
        assert (ALONE in done.stderr) != kept
        told = json.loads(mislabel("export", run.path, "-o", tmp_path / "out.csv", "--json").stdout)
        assert told.get("by_place_alone", False) != kept
        assert (ALONE in mislabel("import-decisions", run.path, tmp_path / "out.csv").stderr) != kept
        told = json.loads(mislabel("import-decisions", run.path, tmp_path / "out.csv", "--json").stdout)
        assert told["by_place_alone"] != kept
