"""A run as everything after it reads it, and what is said where a file of it is damaged."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fake_runs import decide, make_run, renew_digests, review_run, write_fake_run

from mislabel.decisions.events import Decision
from mislabel.errors import InputError, RunError
from mislabel.posterior.noise_rate import NoiseRate
from mislabel.report import render_report
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run


@pytest.fixture
def frame():
    return pd.DataFrame({"id": ["p", "q", "r", "s"], "label": ["x", "y", "x", "y"], "text": list("abcd")})


def test_reads_the_audit_as_it_stands(tmp_path, frame):
    folder = make_run(tmp_path / "run", frame, suggested={"q": "x"}, p={"q": 0.9, "r": 0.4}, status={"s": "held_out"})
    rows, table = Run.open(folder).rows, pd.read_parquet(folder.audit)
    assert [rows.id(row) for row in range(4)] == table["id"].tolist()
    assert [rows.label(code) for code in rows.labels["suggested_label"]] == table["suggested_label"].tolist()
    assert rows.numbers["p_mislabeled"].tolist()[:3] == pytest.approx([0.9, 0.4, 0.1])
    assert rows.judged.tolist() == (table["status"] == "judged").tolist()
    assert rows.position is not None
    assert frame["id"].iloc[rows.position].tolist() == table["id"].tolist()
    assert "wrong_events" in rows.numbers
    assert rows.label(-1) is None


def test_an_older_run_finds_places_in_its_inputs(tmp_path, frame):
    folder = make_run(tmp_path / "run", frame, captions=True)
    table = pd.read_parquet(folder.audit)
    table.drop(columns="row").to_parquet(folder.audit, index=False)
    renew_digests(folder)
    rows = Run.open(folder).rows
    assert rows.position is not None
    assert rows.position.tolist() == table["row"].tolist()
    folder.inputs.unlink()
    assert Run.open(folder).rows.position is None


def test_evidence_in_words_is_not_shown(tmp_path, frame):
    folder = make_run(tmp_path / "run", frame)
    table = pd.read_parquet(folder.audit)
    table.assign(notes="many words", large=2**60 + 1, flag=True).to_parquet(folder.audit)
    renew_digests(folder)
    numbers = Run.open(folder).rows.numbers
    assert not {"notes", "flag"} & set(numbers)
    assert set(numbers["large"]) == {np.float32(2**60)}


def test_gold_labels_are_not_read(tmp_path, frame):
    folder = make_run(tmp_path / "run", frame)
    table = pd.read_parquet(folder.audit)
    table.assign(gold_label="secret").to_parquet(folder.audit, index=False)
    renew_digests(folder)
    rows = Run.open(folder).rows
    assert "gold_label" not in {*rows.labels, *rows.numbers}
    assert "secret" not in rows.classes


@pytest.mark.parametrize("labels", [[1, 2, 1, 2], [True, False, True, False], [1.0, 2.0, 1.0, 2.0]])
def test_labels_keep_their_type(tmp_path, frame, labels):
    rows = Run.open(make_run(tmp_path / "run", frame.assign(label=labels))).rows
    assert {type(value) for value in rows.classes} == {type(labels[0])}
    codes = dict(zip([rows.id(row) for row in range(4)], rows.labels["given_label"], strict=True))
    assert [rows.label(codes[id]) for id in frame["id"]] == labels


def test_says_what_is_wrong_with_an_audit(tmp_path, frame):
    folder = make_run(tmp_path / "run", frame)
    table = pd.read_parquet(folder.audit)
    table.drop(columns="status").to_parquet(folder.audit)
    renew_digests(folder)
    with pytest.raises(RunError, match="lacks the columns status"):
        len(Run.open(folder).rows)
    table.assign(p_mislabeled="high").to_parquet(folder.audit)
    renew_digests(folder)
    with pytest.raises(RunError, match="lacks the columns p_mislabeled"):
        len(Run.open(folder).rows)
    with pytest.raises(InputError, match="no run folder"):
        len(Run.open(RunFolder(tmp_path / "none")).rows)


@pytest.fixture
def whole(tmp_path):
    """A run with every file that is read without its model, and with a decision."""
    given, suggested = [0, 1, 0, 1, 2, 0], [1, 1, 0, 0, 2, 0]
    status = ["judged"] * 5 + ["held_out"]
    folder = review_run(tmp_path / "run", list("abcdef"), given, suggested, ["x", "y", "z"], status=status)
    pd.DataFrame(np.full((3, 3), 0.1) + 0.7 * np.eye(3), columns=list("xyz")).to_parquet(folder.transition)
    renew_digests(folder)
    decide(folder, Decision("m0", "suggestion", "y", "x"))
    return folder


def test_says_what_is_in_the_folder(whole):
    run, table = Run.open(whole), pd.read_parquet(whole.audit)
    assert (run.name, run.method, run.modality, run.n_classes) == ("run", "ido", "text", 3)
    assert run.noise_rate == NoiseRate("labels", 0.19)
    assert (run.test, run.notes, run.columns, run.mixture) == ({}, [], {}, None)
    assert run.held_out() == ["m5"]
    assert run.inputs_by_id(["m3", "m1", "other"]) == {"m1": "b", "m3": "d"}
    assert run.transition is not None
    np.testing.assert_allclose(np.diag(run.transition), 0.8)
    np.testing.assert_array_equal(run.exact["p_mislabeled"], table["p_mislabeled"])
    assert run.rows.numbers["p_mislabeled"].dtype == np.float32
    assert {id: made.kind for id, made in run.decisions().items()} == {"m0": "suggestion"}
    rates, counts = run.wrong_event_rates
    assert dict(zip(rates, counts, strict=True)) == Counter(np.round(table["wrong_events"] / 9, 6))
    result = run.result()
    pd.testing.assert_frame_equal(result.table, table)
    np.testing.assert_array_equal(result.posterior, np.load(whole.posterior))
    assert (result.classes, result.metrics) == (["x", "y", "z"], run.metrics)


def test_columns_are_read_once_and_when_they_are_asked_for(whole):
    run = Run.open(whole)
    whole.audit.rename(whole.path / "moved")
    with pytest.raises(RunError, match=r"audit\.parquet cannot be read .*make the run again"):
        len(run.rows)
    (whole.path / "moved").rename(whole.audit)
    numbers = run.rows.numbers
    whole.audit.unlink()  # a run that is made again has another file
    assert numbers["mean_margin"].shape == (6,)
    assert numbers["mean_margin"] is numbers["mean_margin"]
    with pytest.raises(KeyError):
        numbers["given_label"]
    assert "given_label" not in numbers


def test_gold_labels_are_told_apart_from_what_a_review_sees(whole):
    table = pd.read_parquet(whole.audit)
    table.assign(gold_label=["y", "w", None, "x", "z", "x"]).to_parquet(whole.audit, index=False)
    renew_digests(whole)
    run = Run.open(whole)
    assert run.gold is not None
    codes, classes = run.gold
    assert [None if code < 0 else classes[code] for code in codes] == ["y", "w", None, "x", "z", "x"]
    assert (run.rows.classes, classes) == (["x", "y", "z"], ["x", "y", "z", "w"])


def read_rows(folder):
    rows = Run.open(folder).rows
    return [rows.numbers[name] for name in rows.numbers]


READERS = {
    "config.json": [Run.open],
    "metrics.json": [Run.open],
    "audit.parquet": [read_rows, render_report, lambda folder: Run.open(folder).result()],
    "posterior.npy": [
        lambda folder: Run.open(folder).result(),
        lambda folder: Run.open(folder).matrix(folder.posterior),
    ],
    "embeddings.npy": [lambda folder: Run.open(folder).matrix(folder.embeddings)],
    "inputs.parquet": [render_report, lambda folder: Run.open(folder).inputs_by_id(["m0"])],
    "transition.parquet": [render_report, lambda folder: Run.open(folder).result()],
    "decisions.sqlite": [lambda folder: Run.open(folder).decisions()],
}


@pytest.mark.parametrize("name", list(READERS))
@pytest.mark.parametrize("damage", ["cut", "noise", "empty"])
def test_damage_is_told_with_the_name_of_the_file(whole, name, damage):
    for read in READERS[name]:
        read(whole)
    path = whole.path / name
    content = path.read_bytes()
    noise = np.random.default_rng(0).bytes(len(content))
    path.write_bytes({"cut": content[: len(content) // 2], "noise": noise, "empty": b""}[damage])
    if (name, damage) == ("decisions.sqlite", "empty"):  # as of a review that was killed at once
        assert Run.open(whole).decisions() == {}
        return
    for read in READERS[name]:
        with pytest.raises(RunError, match=f"{re.escape(str(path))} .*(again|move it away|recover)"):
            read(whole)


def test_the_audit_says_its_schema_and_another_one_is_refused(tmp_path):
    frame = pd.DataFrame(
        {"id": ["a"], "given_label": ["x"], "suggested_label": ["y"], "p_mislabeled": [0.9], "status": ["judged"]}
    )
    folder = write_fake_run(tmp_path / "run", frame, ["x", "y"])
    table = pq.read_table(folder.audit)
    assert table.schema.metadata[b"mislabel.schema"] == b"1"
    pd.testing.assert_frame_equal(pd.read_parquet(folder.audit), frame)

    def rewritten(version):
        kept = {key: value for key, value in table.schema.metadata.items() if key != b"mislabel.schema"}
        pq.write_table(table.replace_schema_metadata(kept | version), folder.audit)
        renew_digests(folder)
        return Run.open(folder)

    assert rewritten({}).rows.ids.to_pylist() == ["a"]  # as runs before there was one
    with pytest.raises(InputError, match=r"audit\.parquet has schema 2, this version reads 1"):
        _ = rewritten({b"mislabel.schema": b"2"}).rows
