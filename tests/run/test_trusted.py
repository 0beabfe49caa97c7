"""Trusted labels in a run: what it stores of them, that they are never scored, and what a review adds."""

import json
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from helpers import StopAfter
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store
from mislabel.errors import RunError
from mislabel.exchange.export import export
from mislabel.exchange.importing import import_decisions
from mislabel.modalities.loading import load_dataset
from mislabel.review.filters import Filter
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.train import train

ROWS = 120
COLUMNS = {"features": "x*", "label": "label", "gold": "gold", "id": "id"}
TRUSTED = {**COLUMNS, "trusted": "checked"}
CONFIG = {"method": "ce", "options": {"epochs": 2}, "batch_size": 16, "device": "cpu", "precision": "fp32"}


def table():
    """Three clouds; every fourth label is wrong. Rows 0 to 9 are checked; that of 3 and 7 is another than gold's."""
    random = np.random.default_rng(0)
    gold = np.arange(ROWS) % 3
    points = np.array([[0, 4], [4, 0], [-4, -4]])[gold] + random.normal(0, 1, (ROWS, 2))
    label = np.where(np.arange(ROWS) % 4 == 0, (gold + 1) % 3, gold)
    names = np.array(["ant", "bee", "cow"], dtype=object)
    checked = np.where(np.arange(ROWS) < 10, names[gold], None)
    checked[[3, 7]] = "dog", "dog"  # no given label says so
    frame = pd.DataFrame({"x0": points[:, 0], "x1": points[:, 1], "label": names[label], "gold": names[gold]})
    return frame.assign(checked=checked, id=[f"r{k}" for k in range(ROWS)])


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("trusted") / "t.csv"
    table().to_csv(path, index=False)
    return path


def make(source, folder, columns=TRUSTED, earlier=None, resume=False, **settings):
    data = load_dataset(source, **columns)
    config = RunConfig(**CONFIG | settings)
    return train(data, config, RunFolder(folder), columns=columns, earlier=earlier, resume=resume)


def stopped(source, folder, columns):
    """A run after one epoch of two."""
    data = load_dataset(source, **columns)
    with pytest.raises(KeyboardInterrupt):
        train(data, RunConfig(**CONFIG), RunFolder(folder), columns=columns, watch=lambda _: nullcontext(StopAfter(10)))


@pytest.fixture(scope="module")
def run(source, tmp_path_factory):
    """A run with ten trusted rows; treat as read-only."""
    folder = tmp_path_factory.mktemp("run") / "run"
    make(source, folder, trusted_drawn="random")
    return Run.open(folder)


def test_what_a_run_stores_of_them(run):
    assert run.columns["trusted"] == "checked"
    assert run.settings["trusted_drawn"] == "random"
    assert run.data["classes"] == ["ant", "bee", "cow", "dog"]
    assert run.metrics["trusted"] == {
        "rows": 10, "by_class": {"ant": 3, "bee": 2, "cow": 3, "dog": 2}, "drawn": "random",
    }  # fmt: skip
    audit = pd.read_parquet(run.folder.audit).set_index("id")
    known = audit.loc[[f"r{k}" for k in range(10)]]
    assert set(known["status"]) == {"decided"}
    assert known["suggested_label"].tolist() == table()["checked"].tolist()[:10]
    assert known["given_label"].tolist() == table()["label"].tolist()[:10]
    assert known["p_mislabeled"].tolist() == (table()["checked"] != table()["label"])[:10].astype(float).tolist()


def test_random_ones_tell_the_share_of_wrong_labels(run):
    """Of the ten, five have another label than the given one; too few for strata."""
    rate = run.noise_rate
    assert (rate.basis, rate.checked, rate.estimate) == ("random_checked", 10, 0.5)
    exact, left = binomtest(5, 10).proportion_ci(0.95, method="exact"), (1 - 10 / ROWS) ** 0.5
    assert (rate.low, rate.high) == pytest.approx((0.5 + left * (exact.low - 0.5), 0.5 + left * (exact.high - 0.5)))
    judged = pd.read_parquet(run.folder.audit).query("status == 'judged' and p_mislabeled > 0.5")
    assert run.metrics["likely_wrong"]["precision"] == pytest.approx(judged["p_mislabeled"].mean())


def test_chosen_ones_do_not(source, tmp_path):
    make(source, tmp_path / "run")
    assert Run.open(tmp_path / "run").noise_rate.basis == "labels"


def test_they_are_never_scored(run):
    audit = pd.read_parquet(run.folder.audit)
    judged = audit[audit["status"] == "judged"]
    assert len(judged) == ROWS - 10
    wrong = judged["given_label"] != judged["gold_label"]
    assert run.metrics["noise_rate"]["true"] == pytest.approx(wrong.mean())
    assert run.metrics["detection"]["auroc"] == pytest.approx(roc_auc_score(wrong, judged["p_mislabeled"]))
    assert run.metrics["suggestion"]["accuracy"] == (judged["suggested_label"] == judged["gold_label"]).mean()


def test_without_any_nothing_is_said_and_how_they_were_drawn_has_no_effect(source, tmp_path):
    plain, asked = (make(source, tmp_path / drawn, COLUMNS, trusted_drawn=drawn) for drawn in ("chosen", "random"))
    for trained in (plain, asked):
        assert "trusted" not in trained.audit.metrics
    np.testing.assert_array_equal(plain.audit.posterior, asked.audit.posterior)


@pytest.mark.slow
def test_resume_with_other_trusted_labels_is_refused(source, tmp_path):
    stopped(source, tmp_path / "run", TRUSTED)
    other = table()
    other.loc[20, "checked"] = "ant"
    other.to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(RunError, match=r"cannot be resumed: data\.fingerprint was"):
        make(tmp_path / "other.csv", tmp_path / "run", resume=True)
    with pytest.raises(RunError, match="cannot be resumed"):
        make(source, tmp_path / "run", COLUMNS, resume=True)
    make(source, tmp_path / "run", resume=True)


def test_a_run_of_a_version_that_knew_no_trusted_labels_is_resumed(source, tmp_path):
    stopped(source, tmp_path / "run", COLUMNS)
    folder = RunFolder(tmp_path / "run")
    config = folder.read_config()
    del config["settings"]["trusted_drawn"]
    del config["schema"]
    folder.write_config(config)
    make(source, tmp_path / "run", {**COLUMNS, "trusted": None}, resume=True)
    with pytest.raises(RunError, match=r"settings\.trusted_drawn was 'chosen' and is now 'random'"):
        make(source, tmp_path / "run", COLUMNS, resume=True, trusted_drawn="random")


def reviewed(source, folder, *decisions):
    make(source, folder, COLUMNS)
    with Store(RunFolder(folder).decisions) as store:
        store.decide(decisions)
    return Run.open(folder)


@pytest.mark.slow
def test_a_review_is_newer(source, tmp_path):
    """Of its four rows one has the same trusted label and two another, one of which fits no class; one has none."""
    given = table()["label"]
    earlier = reviewed(
        source, tmp_path / "before",
        Decision("r0", "label", "ant", given[0]), Decision("r1", "label", "cow", given[1]),
        Decision("r2", "none", None, given[2]), Decision("r50", "label", "ant", given[50]),
        Decision("r4", "unsure", None, given[4]),
    )  # fmt: skip
    trained = make(source, tmp_path / "after", earlier=earlier, trusted_drawn="random")
    metrics, notes = trained.audit.metrics, trained.audit.notes
    assert metrics["decisions"]["rows"] == 4
    assert metrics["decisions"]["none_of_these"] == 1
    assert metrics["decisions"]["changed"] == sum(
        label != given[row] for row, label in ((0, "ant"), (1, "cow"), (50, "ant"))
    )
    assert metrics["trusted"]["rows"] == 10  # one fits no class, one came in
    assert metrics["trusted"]["drawn"] == "chosen"
    assert any("count as chosen, not as random" in note for note in notes)
    assert any("differs from what a review decided, which is newer and holds: 2 of 120; rows 'r1', 'r2'" in note
               for note in notes)  # fmt: skip
    assert any("inputs, given or trusted labels, or split differ" in note for note in notes)
    audit = trained.audit.table.set_index("id")
    assert audit.loc[["r0", "r1", "r3", "r4", "r50"], "suggested_label"].tolist() == [
        "ant", "cow", "dog", "bee", "ant",
    ]  # fmt: skip
    assert audit.loc["r2", "status"] == "none_of_these"

    # and the corrected data: the review's word, the trusted labels, and no others
    told = export(RunFolder(tmp_path / "after"), tmp_path / "out.csv")
    out = pd.read_csv(tmp_path / "out.csv", index_col="id")
    assert told["person"] == 11
    assert out.loc[out["decided_by"] == "person"].index.tolist() == [f"r{k}" for k in range(10)] + ["r50"]
    assert out.loc[["r0", "r1", "r3", "r4", "r50"], "label"].tolist() == ["ant", "cow", "dog", "bee", "ant"]
    assert pd.isna(out.loc["r2", "label"])


@pytest.mark.slow
def test_decisions_alone_are_trusted_labels_too(source, tmp_path):
    earlier = reviewed(source, tmp_path / "before", Decision("r50", "label", "ant", table()["label"][50]))
    trained = make(source, tmp_path / "after", COLUMNS, earlier=earlier)
    assert trained.audit.metrics["trusted"] == {"rows": 1, "by_class": {"ant": 1}, "drawn": "chosen"}
    assert trained.audit.metrics["decisions"]["before"]["settings_that_differ"] == []
    trained = make(source, tmp_path / "random", COLUMNS, earlier=earlier, trusted_drawn="random")
    assert trained.audit.metrics["trusted"]["drawn"] == "random"
    assert trained.audit.metrics["decisions"]["before"]["settings_that_differ"] == []


def test_an_export_takes_them_as_right_and_importing_it_adds_nothing(run, tmp_path, source):
    told = export(run.folder, tmp_path / "out.csv")
    before, after = table().set_index("id"), pd.read_csv(tmp_path / "out.csv", index_col="id")
    known = before["checked"].notna()
    assert told["person"] == known.sum() == 10
    assert told["changed"] == (before["checked"] != before["label"])[known].sum()
    assert after["label"].tolist() == before["checked"].where(known, before["label"]).tolist()
    assert after["label_before"].tolist() == before["label"].tolist()
    assert after["decided_by"].tolist() == np.where(known, "person", "kept").tolist()
    assert after["checked"].dropna().tolist() == before["checked"].dropna().tolist()

    imported = import_decisions(run.folder, tmp_path / "out.csv")
    assert (imported.imported, imported.unchanged, imported.refused) == (0, 10, [])
    assert not run.folder.decisions.exists()


def test_cleanlab_s_columns_know_them(run, tmp_path):
    export(run.folder, tmp_path / "issues.csv", kind="cleanlab")
    issues = pd.read_csv(tmp_path / "issues.csv", index_col="id").iloc[:10]
    wrong = (table()["checked"] != table()["label"])[:10]
    assert issues["is_label_issue"].tolist() == wrong.tolist()
    assert issues["label_quality"].tolist() == (1 - wrong).tolist()
    assert issues["predicted_label"].tolist() == table()["checked"].tolist()[:10]


def test_suggestions_never_win_over_them(run, tmp_path):
    export(run.folder, tmp_path / "out.csv", take_suggestions=0.0, unchecked=True)
    out = pd.read_csv(tmp_path / "out.csv", index_col="id")
    assert out["label"].tolist()[:10] == table()["checked"].tolist()[:10]
    assert set(out["decided_by"][:10]) == {"person"}


def test_a_review_does_not_ask_for_them(run):
    assert Filter().status == "judged"
    assert run.rows.n_judged == ROWS - 10


def test_the_commands_take_and_tell_them(source, tmp_path, mislabel):
    words = [part for what, name in TRUSTED.items() for part in (f"--{what}", name)]
    words += ["--method", "ce", "--option", "epochs=2", "--trusted-drawn", "random", "--out", tmp_path / "run"]
    done = mislabel("audit", source, *words)
    assert done.exit_code == 0, done.stderr
    assert "rows with a trusted or decided label: 10, drawn at random (ant 3, bee 2, cow 3, dog 2)" in " ".join(
        done.stdout.split()
    )
    assert "Rows with a trusted label, which they learn" in done.stderr
    assert json.loads((tmp_path / "run" / "config.json").read_text())["data"]["columns"]["trusted"] == "checked"
    assert "a person checked or decided it" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    done = mislabel("predict", tmp_path / "run", source, "--id", "id", "-o", tmp_path / "predicted.csv")
    assert done.exit_code == 0, done.stderr
    assert "p_dog" in pd.read_csv(tmp_path / "predicted.csv")
    words[words.index("checked")], words[-1] = "gold", tmp_path / "other"
    done = mislabel("audit", source, *words)
    assert done.exit_code == 2
    assert "gold labels only score, trusted labels teach" in " ".join(done.stderr.split())


def test_corrupt_leaves_the_column_alone(source, tmp_path, mislabel):
    done = mislabel("corrupt", source, "--label", "gold", "--kind", "sym", "--rate", "0.5", "-o", tmp_path / "out.csv")
    assert done.exit_code == 0, done.stderr
    out = pd.read_csv(tmp_path / "out.csv")
    pd.testing.assert_series_equal(out["checked"], pd.read_csv(source)["checked"])
    assert (out["noisy_label"] != out["gold"]).any()


@pytest.mark.slow
@pytest.mark.parametrize(("other", "basis"), [(False, "random_checked"), (True, "labels")])
def test_a_review_of_nothing_but_random_rows_is_a_random_sample(source, tmp_path, other, basis):
    make(source, tmp_path / "first", COLUMNS)
    first, frame = Run.open(tmp_path / "first"), table()
    rows = np.random.default_rng(0).permutation(ROWS)[:12].tolist()
    with Store(first.folder.decisions) as store:
        for row in rows:
            given, gold = frame["label"][row], frame["gold"][row]
            probe = not (other and row == rows[0])
            store.decide([Decision(f"r{row}", "keep" if given == gold else "label", gold, given, probe=probe)])
    make(source, tmp_path / "second", COLUMNS, earlier=first)
    rate = Run.open(tmp_path / "second").noise_rate
    assert rate.basis == basis
    if not other:
        assert rate.checked == 12
        assert rate.estimate == pytest.approx((frame["label"] != frame["gold"])[rows].mean())
