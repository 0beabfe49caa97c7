"""A run, a review, a run with what was decided: by the command line, on the messages that come with the project."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import StopAfter

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store, read_decisions
from mislabel.errors import InputError, RunError
from mislabel.integrity import add_digests
from mislabel.modalities.loading import load_dataset
from mislabel.run.about import describe
from mislabel.run.folder import RunFolder
from mislabel.run.prior_decisions import apply_decisions
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run

pytestmark = pytest.mark.slow

MESSAGES = Path(__file__).resolve().parents[2] / "examples" / "messages" / "messages.csv"
COLUMNS = ["--text", "text", "--label", "label", "--id", "id", "--split", "split"]
COLUMNS += ["--gold", "gold", "--precision", "fp32", "--max-length", "32", "--method", "ce", "--option", "epochs=3"]
REVIEWED = 100


def review(folder, count=REVIEWED):
    """The true label of the worst rows, as a person would name it."""
    worst = pd.read_parquet(folder / "audit.parquet").query("status == 'judged'").head(count)
    decisions = []
    for row in worst.to_dict("records"):
        kinds = {row["given_label"]: "keep", row["suggested_label"]: "suggestion"}
        kind = kinds.get(row["gold_label"], "label")
        decisions.append(Decision(row["id"], kind, row["gold_label"], row["given_label"]))
    with Store(folder / "decisions.sqlite") as store:
        store.decide(decisions)
    return decisions


@pytest.fixture(scope="module")
def both(tmp_path_factory, mislabel):
    """The folder with the runs `before` and `after`, what was decided between them, and what the second one said."""
    home = tmp_path_factory.mktemp("decisions")
    done = mislabel("audit", MESSAGES, *COLUMNS, "--out", home / "before")
    assert done.exit_code == 0, done.stderr
    decisions = review(home / "before")
    done = mislabel("audit", MESSAGES, *COLUMNS, "--decisions", home / "before", "--out", home / "after")
    assert done.exit_code == 0, done.stderr
    return home, decisions, done


@pytest.mark.slow
def test_decided_rows_are_known_and_the_gain_is_told(both):
    home, decisions, done = both
    before, after = (json.loads((home / name / "metrics.json").read_text()) for name in ("before", "after"))
    told, changed = after["decisions"], sum(one.label != one.given for one in decisions)
    assert 60 < changed <= REVIEWED
    assert (told["rows"], told["changed"], told["none_of_these"], told["held_out"]) == (REVIEWED, changed, 0, 0)
    assert told["before"] == {
        "method": "ce",
        "test": {name: before["test"][name] for name in ("rows", "accuracy", "macro_f1")},
        "settings_that_differ": [],
    }
    for name in ("accuracy", "macro_f1"):
        assert told["gain"][name] == pytest.approx(after["test"][name] - before["test"][name])
    assert told["gain"]["accuracy"] > 0  # a hundred of the worst labels made right
    was, now = before["test"]["accuracy"], after["test"]["accuracy"]
    words = f"({changed} changed); test accuracy {was:.3f} -> {now:.3f} ({100 * (now - was):+.1f} points)"
    assert words in " ".join(done.stdout.split())
    assert f"({changed} differ from the given label): {REVIEWED} of 900" in done.stderr

    table = pd.read_parquet(home / "after" / "audit.parquet")
    posterior = np.load(home / "after" / "posterior.npy")
    known = table.set_index("id").loc[[one.id for one in decisions]]
    assert set(known["status"]) == {"decided"}
    assert known["suggested_label"].tolist() == [one.label for one in decisions]
    assert known["given_label"].tolist() == [one.given for one in decisions]
    assert set(posterior[known["row"]].max(1)) == {1.0}
    assert table["row"].sort_values().tolist() == list(range(900))
    assert pd.read_csv(MESSAGES)["id"].iloc[table["row"]].tolist() == table["id"].tolist()
    assert (home / "after" / "report.html").is_file()


def test_decisions_go_along(both):
    home, decisions, _ = both
    assert read_decisions(home / "after" / "decisions.sqlite") == {one.id: one for one in decisions}


def test_resuming_the_finished_run_adds_nothing(both, mislabel):
    home, decisions, _ = both
    line = ["audit", MESSAGES, *COLUMNS, "--decisions", home / "before", "--out", home / "after"]
    done = mislabel(*line, "--resume", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["decisions"]["rows"] == REVIEWED
    with Store(home / "after" / "decisions.sqlite") as store:
        assert len(store.history()) == len(decisions)


def test_runs_with_decisions_by_a_person_are_not_overwritten(both, mislabel):
    home, *_ = both
    for name in ("before", "after"):
        files = {path: path.stat().st_mtime_ns for path in (home / name).rglob("*.parquet")}
        done = mislabel("audit", MESSAGES, *COLUMNS, "--out", home / name, "--overwrite")
        assert done.exit_code == 2
        assert (
            f"{name} holds {REVIEWED} decisions by a person and is not overwritten: mislabel export them" in done.stderr
        )
        assert files == {path: path.stat().st_mtime_ns for path in (home / name).rglob("*.parquet")}


def test_the_same_run_cannot_be_both(both, mislabel):
    home, *_ = both
    done = mislabel("audit", MESSAGES, *COLUMNS, "--decisions", home / "before", "--out", home / "x" / ".." / "before")
    assert done.exit_code == 2
    assert "--decisions and --out are the same run" in done.stderr


def test_undone_decisions_protect_nothing_and_broken_ones_all(tmp_path):
    folder = RunFolder(tmp_path)
    config = {"settings": {}, "data": {}}
    folder.prepare(config, resume=False, overwrite=False)
    with Store(folder.decisions) as store:
        store.decide([Decision("a", "keep", 1, 1), Decision("b", "unsure", None, 1)])
        with pytest.raises(InputError, match="holds 2 decisions"):
            folder.prepare(config, resume=False, overwrite=True)
        store.undo()
    folder.prepare(config, resume=False, overwrite=True)
    assert not folder.decisions.exists()
    folder.decisions.write_bytes(b"no database, but somebody's")
    with pytest.raises(InputError, match="may hold decisions by a person"):
        folder.prepare(config, resume=False, overwrite=True)
    assert folder.decisions.exists()


def test_a_run_that_is_open_in_a_review_is_not_overwritten(tmp_path):
    folder, before = RunFolder(tmp_path / "run"), tmp_path / "before.sqlite"
    folder.prepare({"settings": {}, "data": {}}, resume=False, overwrite=False)
    with Store(folder.decisions) as store, Store(before) as earlier:
        with pytest.raises(InputError, match="run is open in a review and is not overwritten: end that review"):
            folder.prepare({"settings": {}, "data": {}}, resume=False, overwrite=True)
        store.decide([Decision("a", "keep", 1, 1)])  # what it holds is as it was
        store.undo()
        earlier.decide([Decision("a", "keep", 1, 1)])
        store.take_over(earlier.history(), "before")
    with pytest.raises(InputError, match="holds 1 decisions .* All were taken over from an earlier run"):
        folder.prepare({"settings": {}, "data": {}}, resume=False, overwrite=True)
    folder.decisions.unlink()
    folder.prepare({"settings": {}, "data": {}}, resume=False, overwrite=True)


def test_a_run_folder_that_was_there_becomes_its_owners(tmp_path):
    tmp_path.chmod(0o755)
    RunFolder(tmp_path).prepare({"settings": {}, "data": {}}, resume=False, overwrite=False)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("broken", [b"", b'{"rows": 1', b"\xff\xfe", b"[1]"])
def test_broken_metrics_are_said_to_be(tmp_path, broken):
    folder = RunFolder(tmp_path)
    folder.prepare({"settings": {}, "data": {}}, resume=False, overwrite=False)
    folder.metrics.write_bytes(broken)
    with pytest.raises(RunError, match=r"metrics\.json cannot be read .*make the run again"):
        folder.read_metrics()


@pytest.fixture
def continued(toy_file, tiny_encoder, tmp_path):
    """Runs that stop in the middle of the toy, with decisions of its first run, and go on."""
    source = {"text": "text", "label": "label", "id": "id"}
    config = RunConfig(
        method="ido", options={"warm_epochs": 2, "robust_epochs": 2}, backbone=tiny_encoder, batch_size=8, device="cpu",
        precision="fp32", learning_rate=2e-3,
    )  # fmt: skip
    before = RunFolder(tmp_path / "before")
    data = load_dataset(toy_file, **source)
    before.prepare(describe(config, data, source), resume=False, overwrite=False)
    run(data, config, before)
    frame = pd.read_csv(toy_file)
    with Store(before.decisions) as store:
        store.decide([Decision(r["id"], "label", r["gold"], r["label"]) for r in frame.head(30).to_dict("records")])

    def start(name, resume=False, **more):
        found, told = apply_decisions(data, Run.open(before))
        folder = RunFolder(tmp_path / name)
        folder.prepare(describe(config, found, source, told), resume=resume, overwrite=False)
        run(found, config, folder, resume=resume, decisions=told, **more)
        return folder

    return start, before


@pytest.mark.slow
def test_a_whole_encoder_stopped_and_continued(continued):
    """And, since nothing is held out, without a gain."""
    start, _ = continued
    whole = start("whole")
    with pytest.raises(KeyboardInterrupt):
        start("broken", interrupted=StopAfter(30))  # of 48 steps
    broken = start("broken", resume=True)
    for name in ("audit.parquet", "posterior.npy", "embeddings.npy", "model/model.safetensors"):
        assert (whole.path / name).read_bytes() == (broken.path / name).read_bytes(), name
    told = json.loads(whole.metrics.read_text())["decisions"]
    assert (told["rows"], told["gain"], told["before"]["settings_that_differ"]) == (30, None, [])
    (note,) = told["notes"]
    assert note.startswith("No rows are held out, so there is nothing to measure the gain of the decisions on")
    assert note in json.loads(whole.metrics.read_text())["notes"]


@pytest.mark.slow
def test_resume_with_other_decisions_is_refused(continued):
    start, before = continued
    with pytest.raises(KeyboardInterrupt):
        start("broken", interrupted=StopAfter(30))
    with Store(before.decisions) as store:
        store.decide([Decision("row-000", "none", None, "apple")])
    with pytest.raises(RunError, match=r"cannot be resumed: data.decisions was \{'rows': 30, .* is now \{'rows': 30, "):
        start("broken", resume=True)


def test_a_run_of_before_decisions_is_resumed(continued, toy_file):
    """Its config.json does not know the word."""
    _, before = continued
    config = json.loads(before.config.read_text())
    assert config["data"].pop("decisions") is None
    before.config.write_text(json.dumps(config))
    add_digests(before.path, before.config)
    data = load_dataset(toy_file, text="text", label="label", id="id")
    columns = {"text": "text", "label": "label", "id": "id"}
    before.prepare(describe(RunConfig(**config["settings"]), data, columns), resume=True, overwrite=False)
