"""Sweeps: what fails turns red, what was killed goes on, what was done stays."""

import json
import signal
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import pandas as pd
import pytest
from bench.conftest import read_lines
from signalled import run_until

from mislabel.bench.results_log import Book
from mislabel.bench.runner import Remaining, run_bench
from mislabel.bench.suites import read_suite
from mislabel.errors import InputError, RunError
from mislabel.methods import METHODS
from mislabel.methods.ce import CE
from mislabel.run.folder import RunFolder
from mislabel.settings import Setting
from mislabel.training.progress import Quiet

pytestmark = pytest.mark.slow

FAST = "ce:epochs=1"
SOME = f"{FAST},gold:epochs=2"


class Told(Quiet):
    def __init__(self):
        self.lines = []

    def line(self, text):
        self.lines.append(text)


def bench(path, out, **how):
    progress = Told()
    found = run_bench(read_suite(str(path)), out, data_dir=path.parent, progress=progress, **how)
    return found, progress.lines


def stamps(out):
    return {path: path.stat().st_mtime_ns for path in sorted(out.glob("cells/*/metrics.json"))}


def test_every_cell_is_a_run_folder_and_a_line(blob_suite, tmp_path):
    out = tmp_path / "out"
    found, told = bench(blob_suite, out, methods=["ce", "gold"], seeds=2)
    assert not found.failed
    order = [(one["data"], one["seed"], one["method"]) for one in read_lines(out)]
    assert order == [
        (data, seed, method) for seed in (0, 1) for data in ("planted", "real") for method in ("ce", "gold")
    ]
    for one in read_lines(out):
        folder = RunFolder(out / one["run"])
        metrics, config = folder.read_metrics(), folder.read_config()
        assert one["accuracy"] == metrics["test"]["accuracy"] > 0.6
        assert one["seconds"] == pytest.approx(metrics["seconds"]["train"] + metrics["seconds"]["judge"], abs=0.02)
        assert config["settings"]["seed"] == one["seed"]
        assert config["settings"]["batch_size"] == 16 if one["data"] == "real" else True
        assert not list(folder.path.rglob("*.safetensors"))
        audit = pd.read_parquet(folder.audit)
        if one["method"] == "gold":
            assert one["auroc"] is None
            assert (audit["given_label"] == audit["gold_label"]).all()
        else:
            wrong = (audit["given_label"] != audit["gold_label"])[audit["status"] == "judged"]
            assert one["noise_true"] == pytest.approx(wrong.mean())
    assert told[0].startswith("1/8 planted ce seed 0: accuracy ")
    assert " left" in told[0]
    assert " left" not in told[-1]
    about = json.loads((out / "bench.json").read_text())
    assert about["suite"] == "blobs"
    assert {"processor", "cores", "memory_gb"} <= set(about["starts"][0]["machine"])
    assert {"torch", "mislabel"} <= set(about["starts"][0]["versions"])
    assert "<svg" in (out / "plot.svg").read_text()


def test_trusted_rows_teach_and_are_not_scored(blob_suite, tmp_path):
    """A method has them as trusted, cleanlab as given labels, gold has no use for them; named classes go through."""
    pytest.importorskip("cleanlab")
    text = blob_suite.read_text().replace('given = "given"', 'given = "given"\ntrusted = 40\nclasses = ["u", "v", "w"]')
    blob_suite.write_text(text)
    out = tmp_path / "out"
    found, _ = bench(blob_suite, out, methods=[FAST, "gold:epochs=1", "cleanlab"], seeds=1, data=["real"])
    assert not found.failed, found.failed
    table = pd.read_parquet(out / "data" / "real.0.parquet").set_index("id")
    others = table[(table["split"] == "train") & table["trusted_label"].isna()]
    wrong = (others["given_label"] != others["gold_label"]).mean()
    lines = {one["method"]: one for one in read_lines(out)}
    for name in (FAST, "cleanlab"):
        assert lines[name]["noise_true"] == pytest.approx(wrong)
        assert lines[name]["auroc"] > 0.5
    run, gold = RunFolder(out / lines[FAST]["run"]), RunFolder(out / lines["gold:epochs=1"]["run"])
    assert run.read_metrics()["trusted"]["rows"] == 40
    assert run.read_metrics()["trusted"]["drawn"] == "random"
    assert run.read_config()["data"]["classes"] == ["u", "v", "w"]
    audit = pd.read_parquet(run.audit).set_index("id")
    assert set(audit.index[audit["status"] == "decided"]) == set(table.index[table["trusted_label"].notna()])
    assert "trusted" not in gold.read_metrics()
    assert gold.read_metrics()["noise_rate"]["true"] == 0


def test_a_second_start_runs_only_what_is_missing(blob_suite, tmp_path):
    out = tmp_path / "out"
    bench(blob_suite, out, methods=[FAST], seeds=1)
    before = stamps(out)
    _, told = bench(blob_suite, out, methods=[FAST], seeds=2)
    assert told[0] == "2 of 4 cells are done already"
    assert len(told) == 3
    assert {path: stamps(out)[path] for path in before} == before
    assert len(read_lines(out)) == 4


def test_a_failing_cell_turns_red_the_others_go_on_and_it_is_tried_again(blob_suite, tmp_path, monkeypatch):
    class Broken(CE):
        def stages(self):
            raise ZeroDivisionError("first line\nsecond line")

    monkeypatch.setitem(METHODS, "broken", replace(METHODS["ce"], make=Broken))
    out = tmp_path / "out"
    methods = [FAST, "broken", "ce:epochs=0", "ce:epoks=3"]
    found, told = bench(blob_suite, out, methods=methods, seeds=1, data=["real"])
    errors = {one["method"]: one["error"] for one in found.failed}
    assert errors["broken"] == "ZeroDivisionError: first line"
    assert errors["ce:epochs=0"].startswith("InputError: epochs is 0")
    assert 'did you mean "epochs"' in errors["ce:epoks=3"]
    assert [one["status"] for one in read_lines(out)] == ["done", "failed", "failed", "failed"]
    assert "FAILED, ZeroDivisionError" in told[1]
    assert "in stages" in (out / "cells" / "real.0.broken" / "error.txt").read_text()
    assert "🟥 **failed**: ZeroDivisionError: first line" in (out / "table.md").read_text(encoding="utf-8")

    monkeypatch.setitem(METHODS, "broken", METHODS["ce"])
    found, _ = bench(blob_suite, out, methods=methods, seeds=1, data=["real"])
    assert {one["method"] for one in found.failed} == {"ce:epochs=0", "ce:epoks=3"}
    assert not (out / "cells" / "real.0.broken" / "error.txt").exists()
    assert len(read_lines(out)) == 7  # appended, and the last of a cell counts
    assert Book(out).lines()["real", 0, "broken"]["status"] == "done"


def test_the_true_rate_is_told_and_marked(blob_suite, tmp_path, monkeypatch):
    seen = []

    @dataclass(frozen=True)
    class Nosy(CE):
        rate: Annotated[float | None, Setting("Told by the bench.")] = None

        def stages(self):
            seen.append(self.rate)
            raise InputError("enough")

    monkeypatch.setitem(METHODS, "nosy", replace(METHODS["ce"], make=Nosy))
    found, _ = bench(blob_suite, tmp_path / "out", methods=["nosy:rate=oracle"], seeds=1, data=["real"])
    [own] = found.lines
    table = pd.read_parquet(tmp_path / "out" / "data" / "real.0.parquet")
    train = table[table["split"] == "train"]
    assert own["oracle"]
    assert seen == [(train["given_label"] != train["gold_label"]).mean()]
    assert "nosy:rate=oracle †" in (tmp_path / "out" / "table.md").read_text(encoding="utf-8")


def test_cleanlab_prunes_and_fits_again(blob_suite, tmp_path):
    filtering = pytest.importorskip("cleanlab.filter", reason="cleanlab (extra `bench`) is not installed")
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found, _ = bench(blob_suite, tmp_path / "out", methods=["cleanlab"], seeds=1, data=["real"])
    [own] = found.lines
    assert own["status"] == "done", own["error"]
    table = pd.read_parquet(tmp_path / "out" / "data" / "real.0.parquet")
    train, test = (table[table["split"] == part] for part in ("train", "test"))
    columns = ["x0", "x1"]
    scaler = StandardScaler().fit(train[columns].to_numpy(np.float32))
    own_rows = scaler.transform(train[columns].to_numpy(np.float32))
    chances = cross_val_predict(
        LogisticRegression(max_iter=1000), own_rows, train["given_label"], cv=5, method="predict_proba"
    )
    good = ~filtering.find_label_issues(train["given_label"].to_numpy(), chances)
    model = make_pipeline(StandardScaler().fit(train[columns].to_numpy(np.float32)), LogisticRegression(max_iter=1000))
    model[-1].fit(own_rows[good], train["given_label"][good])
    assert own["accuracy"] == pytest.approx(model.score(test[columns].to_numpy(np.float32), test["gold_label"]))
    assert own["noise_estimate"] == pytest.approx(1 - good.mean())
    assert own["auroc"] > 0.8


def test_another_suite_another_setting_and_a_folder_in_use(blob_suite, tmp_path):
    out = tmp_path / "out"
    bench(blob_suite, out, methods=[FAST], seeds=1, data=["real"])
    suite = read_suite(str(blob_suite))
    with pytest.raises(InputError, match="other settings of this suite"):
        run_bench(suite.with_run(batch_size=8), out, data_dir=tmp_path)
    with pytest.raises(InputError, match=r"another suite \(blobs\)"):
        run_bench(read_suite("quick"), out)
    with RunFolder(out).locked(), pytest.raises(RunError, match="in use by process"):
        run_bench(suite, out, data_dir=tmp_path)


def test_a_line_cut_off_by_a_kill_is_run_again(blob_suite, tmp_path):
    out = tmp_path / "out"
    bench(blob_suite, out, methods=[FAST], seeds=1)
    text = (out / "results.jsonl").read_text()
    (out / "results.jsonl").write_text(text[: len(text) - 40])
    bench(blob_suite, out, methods=[FAST], seeds=1)
    rows = (out / "results.jsonl").read_text().splitlines()
    assert len(rows) == 3  # whole, cut off, and the last again
    assert json.loads(rows[2]) == json.loads(text.splitlines()[1])  # from its folder: it was done
    assert len(Book(out).lines()) == 2


def killed(blob_suite, out, environment, number, done=2):
    """A bench as a process of its own, ended by a signal when a run is whole and the lines of some before it stand."""
    words = ["bench", blob_suite, "--data-dir", blob_suite.parent, "--out", out, "--methods", SOME, "--seeds", "3"]
    process = run_until(words, environment, number, "metrics.json", times=done + 1)
    return process.returncode, process.stderr


def without_time(out):
    table = pd.read_csv(out / "table.csv")
    return table[[name for name in table if not any(word in name for word in ("seconds", "times", "memory"))]]


def test_killed_and_started_again_it_ends_as_if_nothing_had_been(blob_suite, tmp_path, environment):
    out, whole = tmp_path / "out", tmp_path / "whole"
    code, _ = killed(blob_suite, out, environment, signal.SIGKILL)
    assert code == -signal.SIGKILL
    before = stamps(out)
    known = list(Book(out).lines())
    assert 2 <= len(known) < 12
    _, told = bench(blob_suite, out, methods=SOME.split(","), seeds=3)
    assert "cells are done already" in told[0]
    after = stamps(out)
    for data, seed, method in known:
        path = out / "cells" / f"{data}.{seed}.{method.replace(':', '.')}" / "metrics.json"
        assert after[path] == before[path]
    bench(blob_suite, whole, methods=SOME.split(","), seeds=3)
    pd.testing.assert_frame_equal(without_time(out), without_time(whole))


def test_ctrl_c_says_how_to_go_on(blob_suite, tmp_path, environment):
    code, said = killed(blob_suite, tmp_path / "out", environment, signal.SIGINT, done=1)
    assert code == 130, said
    assert "every finished cell is safe; go on with: mislabel bench " in said


def test_time_left_by_what_each_method_took():
    clock = Remaining(["a", "b", "a", "b"], jobs=1)
    assert clock.after({"method": "a", "seconds_wall": 10}) == "; about 30 s left"  # b is guessed as a
    assert clock.after({"method": "b", "seconds_wall": 200}) == "; about 4 min left"  # 210 s
    assert clock.after({"method": "a", "seconds_wall": 30}) == "; about 3 min left"
    assert clock.after({"method": "b", "seconds_wall": 1}) == ""


def test_descriptions_go_into_every_cell_of_their_data(blob_suite, tmp_path):
    (tmp_path / "points.toml").write_text('0 = "up"\n1 = "right"\n2 = ["down", "left"]\n')
    blob_suite.write_text(blob_suite.read_text() + 'describe = "points.toml"\n')
    found, _ = bench(blob_suite, tmp_path / "out", methods=["ce:epochs=1"], seeds=1)
    assert not found.failed
    kept = {
        one["data"]: RunFolder(tmp_path / "out" / one["run"]).read_config()["settings"]["describe"]
        for one in found.lines
    }
    assert kept == {"planted": None, "real": {"0": ["up"], "1": ["right"], "2": ["down", "left"]}}
    (tmp_path / "points.toml").unlink()
    found, _ = bench(blob_suite, tmp_path / "other", methods=["ce:epochs=1"], seeds=1)
    assert ["points.toml not found" in one["error"] for one in found.failed] == [True]
