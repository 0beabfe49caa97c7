"""Decisions of one run in the next: checked against its data, carried over once, and what they brought."""

import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from fake_runs import make_run

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store, read_decisions
from mislabel.errors import InputError
from mislabel.exchange.export import export
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.loading import load_dataset
from mislabel.run.about import describe, every_setting
from mislabel.run.decision_gain import EarlierRun, decision_metrics, different, gain_line, incomparable
from mislabel.run.defaults import effective
from mislabel.run.folder import RunFolder
from mislabel.run.prior_decisions import apply_decisions, take_over
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run

LABELS = ["cat", "dog"]


def frame(rows=40):
    """Texts of two words that tell the class, of which the first eight are labelled wrongly."""
    gold = np.arange(rows) % 2
    label = np.where(np.arange(rows) < 8, 1 - gold, gold)
    ids, texts = (
        [f"r{k}" for k in range(rows)],
        [f"{'apple0 boat1' if one else 'cloud2 common3'} t{k}" for k, one in enumerate(gold)],
    )
    return pd.DataFrame({"id": ids, "text": texts, "gold": np.take(LABELS, gold), "label": np.take(LABELS, label)})


def dataset(table, **more):
    return make_dataset(table["text"], table["label"], ids=table["id"], **more)


def decide(folder, decisions):
    with Store(folder.decisions) as store:
        store.decide(decisions)


DECISIONS = [
    Decision("r0", "suggestion", "cat", "dog"),
    Decision("r1", "label", "dog", "cat"),
    Decision("r20", "keep", "cat", "cat", probe=True),
    Decision("r2", "unsure", None, "dog"),
    Decision("r3", "none", None, "cat"),
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_encoder):
    """A run on texts without decisions; treat as read-only."""
    folder = RunFolder(tmp_path_factory.mktemp("known") / "before")
    data = dataset(frame())
    config = RunConfig(
        method="ce", options={"epochs": 1}, backbone=tiny_encoder, tune="head", device="cpu", precision="fp32"
    )
    folder.prepare(describe(config, data, {"text": "text", "label": "label"}), resume=False, overwrite=False)
    run(data, config, folder)
    return folder


@pytest.fixture
def before(finished, tmp_path):
    folder = RunFolder(tmp_path / "before")
    shutil.copytree(finished.path, folder.path)
    return folder


def test_what_is_decided_is_known(before):
    decide(before, DECISIONS)
    data = dataset(frame())
    found, told = apply_decisions(data, Run.open(before))
    assert found.decided is not None
    assert found.decided[[0, 1, 2, 3, 20]].tolist() == [0, 1, -2, -1, 0]
    assert (np.delete(found.decided, [0, 1, 3, 20]) == -2).all()
    lines = ['["r0", "cat"]', '["r1", "dog"]', '["r20", "cat"]', '["r3", null]']  # sorted; r2 is as if not looked at
    assert told == {
        "run": str(before.path),
        "rows": 4,
        "changed": 2,
        "none_of_these": 1,
        "held_out": 0,
        "fingerprint": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
    }
    assert json.loads(json.dumps(told)) == told


def test_what_holds_now_counts(before):
    decide(before, DECISIONS)
    with Store(before.decisions) as store:
        store.undo()
        store.decide([Decision("r0", "label", "dog", "dog")])
    found, told = apply_decisions(dataset(frame()), Run.open(before))
    assert told["rows"] == 1
    assert found.decided is not None
    assert found.decided[0] == 1


@pytest.mark.parametrize("decisions", [[], [Decision("r2", "unsure", None, "dog")]])
def test_a_run_without_decisions_is_refused(before, decisions):
    if decisions:
        decide(before, decisions)
    with pytest.raises(InputError, match="has no decisions to take as known: mislabel review .*before makes some"):
        apply_decisions(dataset(frame()), Run.open(before))
    assert before.decisions.exists() == bool(decisions)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no run folder"):
        apply_decisions(dataset(frame()), Run.open(RunFolder(tmp_path)))


def test_other_rows_are_refused(before):
    decide(before, DECISIONS)
    with pytest.raises(InputError, match="has no rows 'r0', 'r1', which were decided"):
        apply_decisions(dataset(frame().iloc[2:]), Run.open(before))
    # the same ids, another order of rows: as ids that are places would be after a row was added
    table = frame()
    table["id"] = np.roll(table["id"], 1)
    with pytest.raises(InputError, match=r"3 rows have another given label than then, 'r1', 'r20', 'r3'|have another"):
        apply_decisions(dataset(table), Run.open(before))


def test_another_given_label_is_refused_and_named(before):
    decide(before, [Decision(f"r{k}", "suggestion", "cat", "dog") for k in range(0, 8, 2)])
    table = frame()
    table.loc[[0, 2, 4], "label"] = "owl"
    wanted = "3 rows have another given label than then, 'r0', 'r2', 'r4'; the first was given 'dog' and now 'owl'"
    with pytest.raises(InputError, match=wanted):
        apply_decisions(dataset(table), Run.open(before))


def test_another_text_is_refused_and_named(before):
    decide(before, DECISIONS)
    table = frame()
    table.loc[[1, 20, 39], "text"] += " more"  # nobody decided the last one
    with pytest.raises(InputError, match="2 rows have another text than then, 'r1', 'r20'. Give the data of that run"):
        apply_decisions(dataset(table), Run.open(before))
    before.inputs.unlink()  # a run with --no-content
    assert apply_decisions(dataset(table), Run.open(before))[1]["rows"] == 4


@pytest.mark.parametrize("ids", [None, "id"])
def test_other_features_without_ids_are_refused_and_named(tmp_path, ids):
    """Rows of one class that changed places, as after sorting: the labels fit, the features do not."""
    table = pd.DataFrame(
        {"id": [10, 11, 12, 13], "age": [1, 2.5, 3, 4], "kind": ["x", "=y", "x", "=y"], "label": ["a", "a", "b", "b"]}
    )
    table.to_csv(tmp_path / "d.csv", index=False)
    before = make_run(
        tmp_path / "before", table, source=tmp_path / "d.csv", id=ids, modality="features", features="age,kind"
    )
    names = [10, 11, 12, 13] if ids else [0, 1, 2, 3]
    words = ["age 1, kind=x", "age 2.5, kind==y", "age 3, kind=x", "age 4, kind==y"]
    pd.DataFrame({"id": names, "input": words}).to_parquet(before.inputs, index=False)
    decide(before, [Decision(names[1], "label", "b", "a"), Decision(names[2], "keep", "b", "b")])

    def load(path):
        return load_dataset(path, features="age,kind", label="label", id=ids)

    assert apply_decisions(load(tmp_path / "d.csv"), Run.open(before))[1]["changed"] == 1
    export(before, tmp_path / "corrected.csv")
    assert "'=y" in (tmp_path / "corrected.csv").read_text()
    assert apply_decisions(load(tmp_path / "corrected.csv"), Run.open(before))[1]["changed"] == 0
    table[["age", "kind"]] = table[["age", "kind"]].iloc[[1, 0, 2, 3]].to_numpy()
    table.to_csv(tmp_path / "d.csv", index=False)
    if ids:  # these rows have a name of their own: features may have become better ones
        assert apply_decisions(load(tmp_path / "d.csv"), Run.open(before))[1]["changed"] == 1
        return
    with pytest.raises(InputError, match="1 rows have other features than then, 1. Give the data of that"):
        apply_decisions(load(tmp_path / "d.csv"), Run.open(before))


def test_decisions_that_nothing_but_the_place_can_match_are_noted(tmp_path):
    table = pd.DataFrame({"text": ["one", "two", "three"], "label": ["a", "a", "b"]})
    before = make_run(tmp_path / "before", table, id=None, text="text")
    decide(before, [Decision(0, "label", "b", "a")])

    def notes():
        found, _ = apply_decisions(make_dataset(table["text"], table["label"]), Run.open(before))
        return [note for note in found.notes if "by their place alone" in note]

    assert len(notes()) == 1
    pd.DataFrame({"id": [0, 1, 2], "input": table["text"]}).to_parquet(before.inputs, index=False)
    assert notes() == []


def test_texts_of_rows_without_ids_are_compared_too(tmp_path):
    table = pd.DataFrame({"text": ["one", "two", "three"], "label": ["a", "a", "b"]})
    before = make_run(tmp_path / "before", table, id=None, text="text")
    pd.DataFrame({"id": [0, 1, 2], "input": table["text"]}).to_parquet(before.inputs, index=False)
    decide(before, [Decision(0, "label", "b", "a")])
    assert apply_decisions(make_dataset(table["text"], table["label"]), Run.open(before))[1]["changed"] == 1
    table = table.iloc[[1, 0, 2]]
    with pytest.raises(InputError, match="1 rows have another text than then, 0"):
        apply_decisions(make_dataset(table["text"], table["label"]), Run.open(before))


def test_a_corrected_csv_file_with_apostrophes_before_formulas_is_accepted(tmp_path):
    """Texts and labels alike; what only looks so is another text."""
    texts, labels = ["@bob hi", "=1+1", "plain", "+1 agree"], ["@spam", "ham", "@spam", "ham"]
    table = pd.DataFrame({"id": [1, 2, 3, 4], "text": texts, "label": labels})
    table.to_csv(tmp_path / "d.csv", index=False)
    before = make_run(tmp_path / "before", table, source=tmp_path / "d.csv", text="text")
    pd.DataFrame({"id": table["id"], "input": texts}).to_parquet(before.inputs, index=False)
    decide(
        before, [
            Decision(1, "keep", "@spam", "@spam"), Decision(2, "label", "@spam", "ham"),
            Decision(3, "label", "ham", "@spam"), Decision(4, "keep", "ham", "ham"),
        ],
    )  # fmt: skip
    assert export(before, tmp_path / "corrected.csv")["formulas"] == 7  # three texts, two labels, as many before
    corrected = pd.read_csv(tmp_path / "corrected.csv")
    assert corrected["text"].tolist() == ["'@bob hi", "'=1+1", "plain", "'+1 agree"]
    assert corrected["label"].tolist() == ["'@spam", "'@spam", "ham", "ham"]
    found, told = apply_decisions(dataset(corrected), Run.open(before))
    assert (told["rows"], told["changed"]) == (4, 0)
    assert found.decided is not None
    assert np.take(found.labels.classes, found.decided).tolist() == corrected["label"].tolist()
    corrected.loc[2, "text"] = "'plain"
    with pytest.raises(InputError, match="1 rows have another text than then, 3"):
        apply_decisions(dataset(corrected), Run.open(before))


@pytest.mark.parametrize("kind", ["label", "none"])
def test_ids_with_an_apostrophe_are_refused_with_the_formats_that_keep_them(tmp_path, kind):
    table = pd.DataFrame({"id": ["=1", "b", "c"], "text": list("xyz"), "label": ["a", "b", "a"]})
    table.to_csv(tmp_path / "d.csv", index=False)
    before = make_run(tmp_path / "before", table, source=tmp_path / "d.csv", text="text")
    decide(before, [Decision("=1", kind, "b" if kind == "label" else None, "a")])
    for ending in ("csv", "jsonl"):
        export(before, tmp_path / f"out.{ending}")
    with pytest.raises(InputError, match=r"1 decided ids have an apostrophe in front.*\"'=1\". Export to \.jsonl"):
        apply_decisions(dataset(pd.read_csv(tmp_path / "out.csv"), missing="unlabeled"), Run.open(before))
    corrected = pd.read_json(tmp_path / "out.jsonl", lines=True)
    assert apply_decisions(dataset(corrected, missing="unlabeled"), Run.open(before))[1]["rows"] == 1


@pytest.mark.parametrize("fate", ["kept", "emptied", "left out"])
def test_a_corrected_file_is_accepted(before, fate):
    """Its labels are those decided; the row that fits no class is as it was, without a label, or not there."""
    decide(before, DECISIONS)
    table = frame()
    table.loc[[0, 1], "label"] = ["cat", "dog"]
    if fate == "emptied":
        table.loc[3, "label"] = None
    table = table.drop(index=3) if fate == "left out" else table
    found, told = apply_decisions(dataset(table, missing="unlabeled"), Run.open(before))
    assert told["changed"] == 0
    assert told["rows"] == (3 if fate == "left out" else 4)
    assert found.training_codes[:2].tolist() == [0, 1]
    assert ("none_of_these" in found.status) == (fate != "left out")


def test_classes_of_another_type_are_the_same_classes(before):
    """Whole numbers in one file, text in the next."""
    decide(before, [Decision("r0", "label", 1, 0), Decision("r1", "keep", 0, 0)])
    table = frame().assign(label=["0", "0", *["1", "0"] * 19])
    found, told = apply_decisions(dataset(table), Run.open(before))
    assert told["changed"] == 1
    assert found.training_codes[:2].tolist() == [1, 0]


def test_decisions_are_carried_over_once_with_their_times(before, tmp_path):
    decide(before, DECISIONS)
    with Store(before.decisions) as store:
        store.undo()
        store.decide(DECISIONS[:2], source="import")
        then = store.history()
    after = RunFolder(tmp_path / "after")
    after.path.mkdir()
    for _ in range(2):  # as when a run is continued
        take_over(before, after, dataset(frame()))
    with Store(after.decisions) as store:
        now = store.history()
        assert [(e.time, e.decision, e.undoes) for e in now] == [(e.time, e.decision, e.undoes) for e in then]
        assert {event.source for event in now} == {"before"}
        assert read_decisions(after.decisions) == read_decisions(before.decisions)
        store.decide([Decision("r5", "keep", "cat", "cat")])  # its own review goes on
    take_over(before, after, dataset(frame()))
    assert len(read_decisions(after.decisions)) == 3
    # and from there to a third run, under the name of the first
    third = RunFolder(tmp_path / "third")
    third.path.mkdir()
    take_over(after, third, dataset(frame()))
    with Store(third.decisions) as store:
        assert [event.source for event in store.history()] == ["before"] * len(then) + ["after"]


def test_decisions_are_carried_over_as_the_data_write_the_labels(tmp_path):
    before, after = RunFolder(tmp_path / "before"), RunFolder(tmp_path / "after")
    for folder in (before, after):
        folder.path.mkdir()
    decide(before, [Decision(1, "label", "@spam", "ham"), Decision(2, "keep", "=gone", "=gone"), Decision(3, "none")])
    take_over(before, after, make_dataset(["a", "b"], ["'@spam", "ham"], modality="text"))
    assert list(read_decisions(after.decisions).values()) == [
        Decision(1, "label", "'@spam", "ham"), Decision(2, "keep", "=gone", "=gone"), Decision(3, "none"),
    ]  # fmt: skip


SCORED = {"rows": 90, "accuracy": 0.5, "macro_f1": 0.4}


@pytest.mark.parametrize(
    ("before_scores", "now", "why"),
    [
        (SCORED, SCORED, None),
        (SCORED, {}, "No rows are held out"),
        (SCORED, {"rows": 90, "agreement_with_given": 1.0}, "have no true labels"),
        ({}, SCORED, "runs/a was scored on no held-out rows"),
        ({"rows": 90, "agreement_with_given": 1.0}, SCORED, "runs/a was scored on no held-out rows"),
        (SCORED, {**SCORED, "rows": 80}, "runs/a was scored on 90 held-out rows and this run on 80"),
    ],
)
def test_when_a_gain_can_be_told(before_scores, now, why):
    found = incomparable("runs/a", before_scores, now)
    assert found is None if why is None else why in (found or "")
    assert why is None or "nothing to measure the gain of the decisions on" in (found or "")


def test_the_gain_by_hand():
    """On corrected data with as many test rows."""
    told = {"run": "runs/a", "rows": 3, "changed": 2, "none_of_these": 0, "held_out": 1, "fingerprint": "0"}
    data = dataset(frame())
    config = effective(RunConfig(method="ce", seed=1), "text", 40)
    old = every_setting(effective(RunConfig(method="ce", seed=0), "text", 40))
    now = {"rows": 90, "accuracy": 0.75, "macro_f1": 0.375, "ece": 0.1}
    found = decision_metrics(EarlierRun(told, old, "another", SCORED, []), config, data, now)
    assert found["gain"] == pytest.approx({"accuracy": 0.25, "macro_f1": -0.025})
    assert found["before"] == {"method": "ce", "test": SCORED, "settings_that_differ": ["seed"]}
    assert [note.startswith("The data are not those of runs/a") for note in found["notes"]] == [True]
    assert {
        name: found[name] for name in ("run", "rows", "changed", "none_of_these", "held_out")
    }.items() <= told.items()
    assert decision_metrics(EarlierRun(told, old, data.fingerprint, SCORED, []), config, data, now)["notes"] == []


def test_there_is_no_gain_between_different_test_rows():
    told = {"run": "runs/a", "rows": 3, "changed": 2, "none_of_these": 0, "held_out": 1, "fingerprint": "0"}
    config = effective(RunConfig(method="ce"), "text", 40)
    old = every_setting(config)
    data = dataset(frame(), holdout=0.25, seed=3)
    then = data.ids[data.split == "test"].tolist()
    assert (
        decision_metrics(EarlierRun(told, old, "another", SCORED, then[::-1]), config, data, SCORED)["gain"]["accuracy"]
        == 0
    )
    other = sorted(set(data.ids.tolist()) - set(then))[:2]
    found = decision_metrics(EarlierRun(told, old, data.fingerprint, SCORED, [*then[2:], *other]), config, data, SCORED)
    assert found["gain"] is None
    assert (
        f"Of the {len(then)} rows that are held out, {len(then) - 2} were held out in runs/a too" in found["notes"][0]
    )


def test_settings_that_differ():
    old = {"method": "ce", "seed": 0, "device": "cpu", "options": {"epochs": 5, "stop": "last"}}
    assert different(old, {**old, "device": "cuda"}) == []
    assert different(old, {**old, "seed": 1, "new": 2}) == ["seed", "new"]
    assert different(old, {**old, "options": {"epochs": 6, "stop": "last"}}) == ["options.epochs"]
    assert different(old, {**old, "method": "ido", "options": {}}) == ["method"]


def test_the_gain_in_a_line():
    told = {"run": "runs/a", "rows": 200, "changed": 124, "none_of_these": 0, "held_out": 0, "notes": []}
    test = {"rows": 90, "accuracy": 0.843, "macro_f1": 0.8}
    before = {"method": "ido", "test": test, "settings_that_differ": []}
    wanted = "decisions: 200 rows of runs/a (124 changed); test accuracy 0.843 -> 0.871 (+2.8 points)"
    assert gain_line({**told, "before": before, "gain": {"accuracy": 0.028, "macro_f1": 0.01}}) == wanted
    before = {"method": "ce", "test": {}, "settings_that_differ": ["method", "seed"]}
    assert gain_line({**told, "none_of_these": 3, "before": before, "gain": None}) == (
        "decisions: 200 rows of runs/a (124 changed, 3 of no class); not only the decisions differ, but also method "
        "(then ce), seed"
    )
