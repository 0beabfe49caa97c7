"""The rows of a run as a review sees them, and the sentences that say why one is listed."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import make_run

from mislabel.errors import InputError, RunError
from mislabel.review.why import reasons
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run
from mislabel.run.rows import Rows


def some_rows(ids, **columns):
    n = len(ids)
    return Rows(
        modality="text", ids=pa.array(ids), classes=["a", "b"],
        labels={"given_label": np.zeros(n, np.int32), "suggested_label": np.ones(n, np.int32)}
        | {name: np.asarray(values, np.int32) for name, values in columns.items() if name.endswith("label")},
        numbers={
            name: np.asarray(values, np.float32) for name, values in columns.items() if not name.endswith("label")
        },
        status=pa.array(["judged"] * n).dictionary_encode(), place=np.arange(n),
    )  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(
    st.one_of(
        st.lists(st.integers(-5, 5), unique=True, min_size=1),  # Python gives -1 and -2 the same hash
        st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, min_size=1),
        st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True, min_size=1),
    ),
    st.lists(st.one_of(st.integers(), st.text(), st.none(), st.booleans(), st.floats()), max_size=5),
)
def test_finds_ids_and_nothing_else(ids, others):
    asked = [*reversed(ids), *others]
    place = {(type(id), id): row for row, id in enumerate(ids)}
    expected = [place.get((type(id), id), -1) for id in asked]
    assert some_rows(ids).find(asked).tolist() == expected


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
    assert rows.place is not None
    assert frame["id"].iloc[rows.place].tolist() == table["id"].tolist()
    assert "wrong_events" in rows.numbers
    assert rows.label(-1) is None


def test_an_older_run_finds_places_in_its_inputs(tmp_path, frame):
    folder = make_run(tmp_path / "run", frame, captions=True)
    table = pd.read_parquet(folder.audit)
    table.drop(columns="row").to_parquet(folder.audit, index=False)
    rows = Run.open(folder).rows
    assert rows.place is not None
    assert rows.place.tolist() == table["row"].tolist()
    folder.inputs.unlink()
    assert Run.open(folder).rows.place is None


def test_evidence_in_words_is_not_shown(tmp_path, frame):
    folder = make_run(tmp_path / "run", frame)
    table = pd.read_parquet(folder.audit)
    table.assign(notes="many words", large=2**60 + 1, flag=True).to_parquet(folder.audit)
    numbers = Run.open(folder).rows.numbers
    assert not {"notes", "flag"} & set(numbers)
    assert set(numbers["large"]) == {np.float32(2**60)}


def test_gold_labels_are_not_read(tmp_path, frame):
    folder = make_run(tmp_path / "run", frame)
    table = pd.read_parquet(folder.audit)
    table.assign(gold_label="secret").to_parquet(folder.audit, index=False)
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
    with pytest.raises(RunError, match="lacks the columns status"):
        len(Run.open(folder).rows)
    table.assign(p_mislabeled="high").to_parquet(folder.audit)
    with pytest.raises(RunError, match="lacks the columns p_mislabeled"):
        len(Run.open(folder).rows)
    with pytest.raises(InputError, match="no run folder"):
        len(Run.open(RunFolder(tmp_path / "none")).rows)


def test_reasons_say_what_there_is_a_number_for():
    rows = some_rows(
        [1, 2], wrong_events=[11, np.nan], observations=[14, 14], mean_margin=[-0.62, 1.5], difficulty=[0.1, np.nan],
        neighbour_label=[1, -1], centroid_score=[0.4, np.nan], score=[np.nan, 3.25],
    )  # fmt: skip
    assert reasons(rows, 0) == [
        "In 11 of 14 passes of training the network predicted another class (wrong events).",
        "The given label's mean margin was -0.62: another class was more likely.",
        "Most of its nearest neighbours carry “b”.",
        "Over the epochs it was nearer to another class than to its own (centroid score +0.40).",
        "It was easy to learn as what it is suggested to be (difficulty 0.10).",
    ]
    assert reasons(rows, 1) == [
        "The given label's mean margin was +1.50: it was the likeliest.",
        "The score that orders this run is 3.25; higher is more suspicious.",
    ]
    assert reasons(some_rows([1]), 0) == []
