"""Soft labels as a source: the forms in which they come, what they are refused for, and what they come to."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from mislabel import InputError
from mislabel.data.consensus import agree
from mislabel.data.label_sources import Sources, kinds_of
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.loading import load_dataset

CLASSES = ["cat", "dog", "emu"]
SHARES = np.array([[0.7, 0.3, 0], [0, 0.5, 0.5], [0.1, 0.1, 0.8], [0, 0, 0], [1, 0, 0], [0.2, 0.8, 0]])
SOFT = [{name: share for name, share in zip(CLASSES, row, strict=True) if share} or None for row in SHARES]
TEXTS = [f"text {row}" for row in range(6)]


def made(**given):
    return make_dataset(TEXTS, ids=list("uvwxyz"), **given)


def struct():
    return pa.array([{name: (soft or {}).get(name) for name in CLASSES} for soft in SOFT])


@pytest.mark.parametrize(
    "form",
    [
        {"sources": pd.DataFrame({"soft": SOFT})},
        {"sources": {"soft": SOFT}},
        {"sources": {"soft": struct()}},
        {"sources": {"soft": [json.dumps(soft) if soft else "" for soft in SOFT]}},  # as a CSV file holds them
        {"sources": {"soft": [soft and {name: round(20 * share) for name, share in soft.items()} for soft in SOFT]}},
        {"sources": {"soft": [row.tolist() if row.any() else None for row in SHARES]}, "classes": CLASSES},
        {"sources": np.where(SHARES.any(1, keepdims=True), SHARES, np.nan), "classes": CLASSES},
        {"sources": {"soft": SHARES[:, ::-1]}, "classes": CLASSES[::-1]},
        {"sources": {"soft": SHARES}, "labels": [*CLASSES, *CLASSES]},  # sorted, as predict_proba has them
    ],
)
def test_every_form_says_the_same(form):
    data = made(**form)
    order = [data.labels.classes.index(name) for name in CLASSES]
    np.testing.assert_allclose(data.sources.soft(0, 3)[:, order], SHARES, atol=1e-6)
    said = [None if code < 0 else data.labels.classes[code] for code in data.sources.votes[:, 0]]
    assert [said[row] for row in (0, 2, 3, 4, 5)] == ["cat", "emu", None, "cat", "dog"]
    assert said[1] in ("dog", "emu")
    assert data.sources.kinds == ["person"]
    assert any("Sources with soft labels: " in note for note in data.notes)
    if "labels" not in form:  # alone, what is likeliest is the given label
        np.testing.assert_array_equal(data.labels.codes, data.sources.votes[:, 0])


def test_lists_of_labels_as_text_are_votes():
    votes = [[0, 1], [1, 1], [2, -1], [0, 0], [1, 0], [2, 2]]
    said = made(sources={"votes": [json.dumps(row) for row in votes]}).sources
    np.testing.assert_array_equal(said.votes, votes)
    assert not said.shares
    bracketed = made(sources={"one": ["[a]", "[b]", "[a]", "[b]", "[a]", "[b]"], "two": ["[a]"] * 6})
    assert bracketed.labels.classes == ["[a]", "[b]"]


def test_shares_are_heard_in_parts_by_the_consensus():
    hard = ["dog", "dog", "dog", "emu", "dog", None]
    data = made(sources={"soft": SOFT, "anna": hard, "ben": ["cat", "emu", None, "emu", "cat", "cat"]})
    # u: cat 1.7; v: dog and emu 1.5, a tie; w: dog 1.1; x: emu 2; y: cat 2; z: cat 1.2
    names = [data.labels.classes[code] for code in data.labels.codes]
    assert [names[row] for row in (0, 2, 3, 4, 5)] == ["cat", "dog", "emu", "cat", "cat"]
    assert data.sources.consensus["ties"] == 1


@settings(max_examples=20, deadline=None)
@drawn(seed=st.integers(0, 1000), order=st.permutations(range(3)))
def test_shares_of_one_class_are_labels(seed, order):
    random = np.random.default_rng(seed)
    votes = random.integers(-1, 3, (30, 3))
    soft = np.vstack([np.eye(3), np.zeros(3)])[votes[:, 1]].astype(np.float32)
    hard = Sources(list("abc"), votes, ["person"] * 3)
    other = Sources(list("abc"), votes, ["person"] * 3, {"b": soft}).take(np.array(order))
    every = np.ones(30, dtype=bool)
    np.testing.assert_array_equal(agree(other, every)[0], agree(hard, every)[0])
    np.testing.assert_array_equal(other.rows(np.arange(5)).shares["b"], soft[:5])


def test_classes_that_others_add_or_move():
    first = made(sources={"soft": SOFT, "anna": ["ape", "dog", None, None, None, None]})
    assert first.labels.classes == ["ape", *CLASSES]
    np.testing.assert_allclose(first.sources.soft(0, 4)[:, 1:], SHARES, atol=1e-6)
    trusted = made(sources={"soft": SOFT}, trusted=["bee", *[None] * 5])
    np.testing.assert_allclose(trusted.sources.soft(0, 4)[:, [1, 2, 3]][:, [0, 1, 2]].sum(1), SHARES.sum(1), atol=1e-6)
    order = [trusted.labels.classes.index(name) for name in CLASSES]
    np.testing.assert_allclose(trusted.sources.soft(0, 4)[:, order], SHARES, atol=1e-6)


def test_whole_numbers_as_keys_of_json_are_the_classes():
    soft = [json.dumps({"0": 0.25, "1": 0.75}), None, None, None, None, None]
    data = made(labels=[0, 1, 0, 1, 0, 1], sources={"soft": soft})
    assert data.labels.classes == [0, 1]
    np.testing.assert_allclose(data.sources.soft(0, 2)[0], [0.25, 0.75])


def test_shares_are_part_of_the_data():
    other = [{**(soft or {})} or None for soft in SOFT]
    other[0] = {"cat": 0.8, "dog": 0.2}
    prints = [made(sources={"soft": soft}).fingerprint for soft in (SOFT, other, SOFT)]
    assert prints[0] == prints[2] != prints[1]


def test_who_gives_soft_labels_is_no_rule():
    votes = np.array([[0], [0], [-1]])
    assert kinds_of(["a"], votes, None) == ["rule"]
    assert kinds_of(["a"], votes, None, soft=["a"]) == ["person"]
    with pytest.raises(InputError, match="several classes"):
        kinds_of(["a"], votes, "a=rule", soft=["a"])
    twice = Sources(["a", "b"], np.tile(votes, 2), ["person"] * 2, {"a": np.array([[1], [0.5], [0]])})
    assert twice.repeated() == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sources": {"soft": [*SOFT[:5], {"cat": 0.7, "dog": 0.7}]}}, "rows 'z' sum to 1.4"),
        ({"sources": {"soft": [*SOFT[:5], {"cat": -0.5, "dog": 1.5}]}}, "'z'.*below 0"),
        ({"sources": {"soft": [*SOFT[:5], {"cat": float("nan"), "dog": 1.0}]}}, "'z'.*no numbers"),
        ({"sources": {"soft": [*SOFT[:5], {"cat": "much"}]}}, "'z'.*no numbers"),
        ({"sources": {"soft": [*SOFT[:5], "cat"]}}, "'z' hold such as 'cat'"),
        ({"sources": {"soft": [*SOFT[:5], [0.5, 0.5, 0.0]]}}, "'z' hold such as .*mapping"),
        ({"sources": {"soft": SHARES}}, "lists of 3 shares, and nothing says of which classes.*mapping"),
        ({"sources": {"soft": SHARES}, "classes": ["cat", "dog"]}, "lists of 3 shares, and there are 2 classes"),
        ({"sources": {"soft": SOFT}, "classes": ["cat", "dog"]}, "'emu' is not among classes"),
    ],
)
def test_what_is_no_soft_label_is_refused(given, words):
    with pytest.raises(InputError, match=words):
        made(**given)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_files_hold_them(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    frame = pd.DataFrame({"text": TEXTS, "id": list("uvwxyz"), "soft": SOFT})
    if ending == "csv":
        frame.assign(soft=[json.dumps(soft) if soft else None for soft in SOFT]).to_csv(path, index=False)
    elif ending == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        pq.write_table(pa.table({"text": TEXTS, "id": list("uvwxyz"), "soft": struct()}), path)
    data = load_dataset(path, text="text", sources="soft", id="id")
    np.testing.assert_allclose(data.sources.soft(0, 3), SHARES, atol=1e-6)
