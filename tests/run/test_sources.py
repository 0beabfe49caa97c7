"""Runs on several labels a row: at the command line, in an estimator, resumed, told of, and exported."""

import json
import re
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from helpers import StopAfter

from mislabel import FeatureClassifier
from mislabel.audit import Audit
from mislabel.data.label_sources import Sources
from mislabel.data.rows import FITS_NONE, UNDECIDED
from mislabel.errors import InputError, RunError
from mislabel.exchange.export import export
from mislabel.exchange.importing import import_decisions
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.early import check_columns
from mislabel.modalities.loading import load_dataset
from mislabel.run.defaults import effective_for
from mislabel.run.evidence import votes_of
from mislabel.run.folder import RunFolder
from mislabel.run.opinions import opinion_sentences
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.source_facts import alpha, ask_next, copies, interval, source_table, vote_table
from mislabel.run.source_lines import source_lines
from mislabel.run.train import train

ROWS, NAMES = 240, np.array(["ant", "bee", "cow"], dtype=object)
COLUMNS = {"features": "x*", "sources": "by_*,swells", "gold": "gold", "id": "id"}
CONFIG = {"method": "panel", "options": {"epochs": 2}, "batch_size": 16, "device": "cpu", "precision": "fp32"}


def table():
    """Three clouds; three people, of whom the second abstains at times, and a rule that fires on half of the rows."""
    random = np.random.default_rng(0)
    gold = np.arange(ROWS) % 3
    points = np.array([[0, 4], [4, 0], [-4, -4]])[gold] + random.normal(0, 1, (ROWS, 2))
    frame = pd.DataFrame({"x0": points[:, 0], "x1": points[:, 1], "gold": NAMES[gold]})
    for name, share in (("anna", 0.2), ("ben", 0.3), ("cleo", 0.1)):
        wrong = random.random(ROWS) < share
        frame[f"by_{name}"] = NAMES[np.where(wrong, (gold + random.integers(1, 3, ROWS)) % 3, gold)]
    frame.loc[random.random(ROWS) < 0.3, "by_ben"] = None
    frame["swells"] = np.where(random.random(ROWS) < 0.5, NAMES[0], None)
    frame.loc[:4, ["by_anna", "by_ben", "by_cleo", "swells"]] = None
    return frame.assign(id=[f"r{k}" for k in range(ROWS)])


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("sources") / "t.csv"
    table().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def told(source, command):
    """What `mislabel audit` prints, and its run."""
    out = source.parent / "run"
    words = ["--features", "x*", "--sources", "by_*,swells", "--gold", "gold", "--id", "id", "--out", out, "--json"]
    done = command("audit", source, *words, "--option", "epochs=2", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), Run.open(out)


@pytest.mark.slow
def test_the_command_line_tells_what_each_source_is_worth(told):
    metrics, run = told
    assert metrics["sources"]["kinds"] == {"person": 3, "rule": 1}
    how = metrics["sources"]["consensus"]
    assert (how["majority"], how["least_covering"], how["none"]) == (235, 0, 5)
    lines = run.sources.set_index("source")
    frame = table()
    for name in ("by_anna", "by_ben", "by_cleo", "swells"):
        assert lines.loc[name, "rows"] == frame[name].notna().sum()
        right = (frame[name] == frame["gold"])[frame[name].notna()].mean()
        assert abs(lines.loc[name, "agreement"] - right) < 0.05
        assert lines.loc[name, "low"] < lines.loc[name, "agreement"] < lines.loc[name, "high"]
    assert (lines.loc["swells", "worst_said"], lines.loc["swells", "kind"]) == ("ant", "rule")
    assert any(
        re.match(r"swells speaks on \d+% of the rows, and by all that is known \d+%", note) for note in run.notes
    )


@pytest.mark.slow
def test_every_vote_has_its_probability_and_rows_without_votes_a_posterior(told):
    _, run = told
    audit, frame = run.result(), table().set_index("id")
    votes = audit.votes
    assert len(votes) == frame[["by_anna", "by_ben", "by_cleo", "swells"]].notna().sum().sum()
    assert votes["p_wrong"].is_monotonic_decreasing
    wrong = votes["label"].to_numpy() != frame.loc[votes["id"], "gold"].to_numpy()
    assert votes["p_wrong"][wrong].mean() > 0.8 > 0.2 > votes["p_wrong"][~wrong].mean()
    silent = audit.table.set_index("id").loc[[f"r{k}" for k in range(5)]]
    assert (silent["status"] == "unlabeled").all()
    assert (silent["suggested_label"] == frame.loc[silent.index, "gold"]).all()


def test_the_report_says_who_labelled_the_rows(told):
    page = told[1].folder.report.read_text(encoding="utf-8")
    assert "Who labelled the rows" in page
    assert "3 people and 1 rule" in page
    assert "Krippendorff’s alpha" in page
    assert "Whom to ask next" in page


def test_report_and_page_say_who_labelled_a_row(told):
    _, run = told
    rows, frame = run.rows, table().set_index("id")
    row = int(rows.find(["r9"])[0])
    said = frame.loc["r9", ["by_anna", "by_ben", "by_cleo", "swells"]].dropna()
    assert {(source, label) for source, label, _ in rows.votes.of(row)} == set(said.items())
    sentence = opinion_sentences(rows, row)[0]
    for source, label in said.items():
        assert f"{source} says “{label}” (wrong: " in sentence
    assert not rows.votes.of(int(rows.find(["r0"])[0]))
    assert " says “" in run.folder.report.read_text(encoding="utf-8")


def test_an_export_keeps_all_sources_and_adds_what_they_come_to(told, tmp_path):
    _, run = told
    export(run.folder, tmp_path / "out.csv", take_suggestions=0.5, unchecked=True)
    frame, out = table(), pd.read_csv(tmp_path / "out.csv")
    assert out.columns.tolist() == [*frame.columns, "label", "label_before", "decided_by", "suggested_label"]
    read, written = (each.astype(object).where(each.notna(), None) for each in (out[frame.columns], frame))
    pd.testing.assert_frame_equal(read, written)
    assert out["label_before"].isna().sum() == 5
    took = out["decided_by"] == "suggestion"
    assert took.any()
    assert (out["label"][took] == out["suggested_label"][took]).all()
    assert (out["suggested_label"] == frame["gold"]).mean() > (out["label_before"] == frame["gold"]).mean()
    # A label that is changed in the file is a decision.
    row = int(np.flatnonzero(out["decided_by"] == "kept")[10])
    out.loc[row, "label"] = "cow" if out.loc[row, "label"] != "cow" else "bee"
    out.drop(columns="suggested_label").to_csv(tmp_path / "back.csv", index=False)
    assert import_decisions(run.folder, tmp_path / "back.csv").imported >= 1


@pytest.mark.slow
def test_columns_of_sources_are_no_features(tmp_path):
    frame = table().drop(columns=["id", "gold"])
    frame.to_csv(tmp_path / "t.csv", index=False)
    columns = {"features": "*", "sources": "by_*,swells"}
    data = load_dataset(tmp_path / "t.csv", **columns)
    assert data.inputs.matrix.shape == (ROWS, 2)
    train(data, RunConfig(**CONFIG), RunFolder(tmp_path / "run"), columns=columns)
    export(RunFolder(tmp_path / "run"), tmp_path / "out.csv")  # rows without ids are known by their features
    assert pd.read_csv(tmp_path / "out.csv")["label_before"].isna().sum() == 5


@pytest.mark.slow
def test_a_long_table_and_an_estimator_say_the_same(source, tmp_path):
    frame = table()
    names = ["by_anna", "by_ben", "by_cleo", "swells"]
    votes = frame.melt("id", names, "source", "label").dropna()
    votes.to_csv(tmp_path / "votes.csv", index=False)
    given = {name: value for name, value in COLUMNS.items() if name != "sources"}
    long = load_dataset(source, **given, votes=tmp_path / "votes.csv")
    wide = load_dataset(source, **COLUMNS)
    assert long.fingerprint == wide.fingerprint
    audits = [train(data, RunConfig(**CONFIG)).audit for data in (long, wide)]
    np.testing.assert_array_equal(audits[0].posterior, audits[1].posterior)
    settings = {"options": {"epochs": 2}, "batch_size": 16, "device": "cpu", "precision": "fp32"}
    fitted = FeatureClassifier(**settings).fit(frame[["x0", "x1"]].to_numpy(), ids=frame["id"], sources=frame[names])
    assert fitted.classes_.tolist() == NAMES.tolist()
    fitted.save(tmp_path / "saved")
    loaded = FeatureClassifier.load(tmp_path / "saved").audit_
    pd.testing.assert_frame_equal(loaded.sources, fitted.audit_.sources)
    pd.testing.assert_frame_equal(loaded.votes, fitted.audit_.votes)
    with pytest.raises(InputError, match="one label per row"):
        FeatureClassifier().fit(frame[["x0", "x1"]].to_numpy())


@pytest.mark.slow
def test_a_run_goes_on_with_the_same_votes_alone(source, tmp_path):
    data, folder = load_dataset(source, **COLUMNS), RunFolder(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        train(data, RunConfig(**CONFIG), folder, columns=COLUMNS, watch=lambda _: nullcontext(StopAfter(20)))
    other = table()
    other.loc[9, "by_cleo"] = None
    with pytest.raises(RunError, match=r"data\.fingerprint"):
        train(load_dataset(other, **COLUMNS), RunConfig(**CONFIG), folder, columns=COLUMNS, resume=True)
    train(load_dataset(source, **COLUMNS), RunConfig(**CONFIG), folder, columns=COLUMNS, resume=True)
    whole = RunFolder(tmp_path / "whole")
    train(load_dataset(source, **COLUMNS), RunConfig(**CONFIG), whole, columns=COLUMNS)
    for name in ("posterior", "sources", "votes"):
        assert getattr(folder, name).read_bytes() == getattr(whole, name).read_bytes()


def test_what_the_command_line_is_told_of_columns(source, tmp_path):
    roles = {**COLUMNS, "label": None, "votes": None}
    check_columns(source, roles)
    with pytest.raises(InputError, match="no column is called 'rule_"):
        check_columns(source, {**roles, "sources": "rule_*"})
    pd.DataFrame({"id": ["r1"], "who": ["anna"], "label": ["ant"]}).to_csv(tmp_path / "v.csv", index=False)
    with pytest.raises(InputError, match='"source"'):
        check_columns(source, {**roles, "votes": tmp_path / "v.csv"})
    with pytest.raises(InputError, match="which column holds the labels"):
        load_dataset(source, features="x*")


def test_labels_beside_sources_are_one_more_source_unless_made_from_them():
    frame = table().iloc[5:]
    given = {"sources": frame[["by_anna", "swells"]], "modality": "features"}
    points, rows = frame[["x0", "x1"]].to_numpy(), np.arange(len(frame))
    beside = make_dataset(points, frame["by_cleo"].tolist(), **given)
    assert votes_of(beside, rows).codes.shape == (len(frame), 3)
    made = make_dataset(points, frame["by_anna"].tolist(), **given)
    assert votes_of(made, rows).codes.shape == (len(frame), 2)
    assert votes_of(make_dataset(points, sources=given["sources"], modality="features"), rows).codes.shape[1] == 2
    assert votes_of(make_dataset(points, frame["by_anna"].tolist(), modality="features"), rows) is None


# By hand: four rows, two classes.
POSTERIOR = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])
VOTES = np.array([[0, 1], [0, -1], [1, -1], [-1, -1]], dtype=np.int16)
TWO = Sources(["anna", "ben"], VOTES, ["person", "person"])


def test_tables_by_hand():
    lines = source_table(TWO, POSTERIOR, ["no", "yes"]).to_dict("records")
    assert lines[0]["rows"] == 3
    assert lines[0]["coverage"] == 0.75
    assert lines[0]["agreement"] == pytest.approx((0.9 + 0.2 + 0.4) / 3)
    # Called no what is yes: .1 + .8; called yes what is no: .6.
    assert [(cell["true"], cell["said"], round(cell["rows"], 6)) for cell in lines[0]["confusion"]] == [
        ("no", "no", 1.1),
        ("yes", "no", 0.9),
        ("no", "yes", 0.6),
    ]
    assert (lines[0]["worst_said"], lines[0]["worst_true"]) == ("no", "yes")
    assert lines[0]["worst_rows"] == pytest.approx(0.9)
    votes = vote_table(TWO, POSTERIOR, np.array(list("abcd"), dtype=object), ["no", "yes"])
    assert votes.values.tolist() == [
        ["a", "ben", "yes", pytest.approx(0.9)],
        ["b", "anna", "no", pytest.approx(0.8)],
        ["c", "anna", "yes", pytest.approx(0.6)],
        ["a", "anna", "no", pytest.approx(0.1)],
    ]
    # Of row d least is known, and anna, right half of the time, beats ben, right once in ten; b and c only ben lacks.
    asked = ask_next(TWO, POSTERIOR, np.array(list("abcd"), dtype=object))
    assert [(each["id"], each["source"]) for each in asked] == [("d", "anna"), ("c", "ben"), ("b", "ben")]
    low, high = interval(1.5, 0)
    assert np.isnan([low, high]).all()
    # Wilson's interval of 8 of 10, from its formula.
    z = 1.959963984540054
    middle, half = (0.8 + z * z / 20) / (1 + z * z / 10), z * np.sqrt(0.016 + z * z / 400) / (1 + z * z / 10)
    assert interval(8.0, 10) == pytest.approx((middle - half, middle + half))


def test_lines_of_runs_with_and_without_confusions():
    table = source_table(TWO, POSTERIOR, ["no", "yes"])
    anna, ben = source_lines(table)
    assert [anna.name, ben.name] == ["anna", "ben"]  # 1.5 and .9 wrong labels
    assert [(each.true, each.said) for each in anna.mistakes] == [("yes", "no"), ("no", "yes")]
    older, _ = source_lines(table.drop(columns="confusion"))
    assert older.mistakes == anna.mistakes[:1]
    silent = Sources(["nobody"], np.full((4, 1), -1), ["person"])
    [line] = source_lines(source_table(silent, POSTERIOR, ["no", "yes"]))
    assert (line.agreement, line.low, line.mistakes, line.expected_wrong) == (None, None, [], 0.0)


def test_agreement_with_checked_rows_is_measured():
    """Rows a and c are known to be no, of b nobody knows, and d fits no class: anna says no, no, yes, ben yes on a."""
    checked = np.array([0, UNDECIDED, 0, FITS_NONE])
    anna, ben = source_table(TWO, POSTERIOR, ["no", "yes"], checked).to_dict("records")
    assert (anna["checked"], anna["checked_right"]) == (2, 0.5)
    assert (anna["checked_low"], anna["checked_high"]) == interval(1, 2)
    assert (ben["checked"], ben["checked_right"]) == (1, 0.0)
    loud = Sources(["loud"], np.ones((4, 1), dtype=np.int16), ["person"])
    [line] = source_lines(source_table(loud, POSTERIOR, ["no", "yes"], checked))
    assert (line.checked, line.checked_right) == (3, 0.0)
    [line] = source_lines(source_table(loud, POSTERIOR, ["no", "yes"]))
    assert (line.checked, line.checked_right, line.checked_low) == (0, None, None)
    older = source_table(loud, POSTERIOR, ["no", "yes"], checked).drop(columns=["checked", "checked_right"])
    [line] = source_lines(older.drop(columns=["checked_low", "checked_high"]))
    assert (line.checked, line.checked_right, line.checked_low) == (0, None, None)


def test_alpha_by_hand():
    # Krippendorff's own example of two coders and ten units: alpha = .095.
    one, other = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    both = Sources(["a", "b"], np.column_stack([one, other]), ["person", "person"])
    assert alpha(both, 2) == pytest.approx(0.095, abs=5e-4)
    assert alpha(TWO.rows(np.array([3])), 2) is None


def test_who_copies_is_found_and_who_is_only_as_good_is_not():
    random = np.random.default_rng(0)
    true = random.integers(0, 3, 400)
    posterior = np.eye(3)[true] * 0.94 + 0.02
    err = [np.where(random.random(400) < 0.3, random.integers(0, 3, 400), true) for _ in range(2)]
    copy = np.where(random.random(400) < 0.03, random.integers(0, 3, 400), err[0])
    fires = random.random(400) < 0.2
    nearly = fires ^ (random.random(400) < 0.005)
    rules = [np.where(each, 1, -1) for each in (fires, nearly, random.random(400) < 0.2)]
    votes = np.column_stack([*err, copy, *rules])
    kinds = ["person"] * 3 + ["rule"] * 3
    assert copies(Sources(list("abcdef"), votes, kinds), posterior) == [(0, 2), (3, 4)]


def test_an_audit_without_sources_has_no_such_tables():
    assert Audit.__dataclass_fields__["sources"].default is None


def test_a_whole_network_is_taught_what_all_sources_come_to():
    texts = [f"text {row % 7}" for row in range(12)]
    votes = np.arange(24).reshape(12, 2) % 3
    one = make_dataset(texts, votes[:, 0].tolist())
    several = make_dataset(texts, sources=votes)
    config = RunConfig(method="panel")
    assert effective_for(config, one).options == {"revise_after": 2}
    assert effective_for(config, several).options == {}
