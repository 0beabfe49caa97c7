"""A column of trusted labels: which rows learn it, which classes it makes, what is told and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel.data.decided_labels import NONE_OF_THESE, with_decisions
from mislabel.data.rows import UNDECIDED
from mislabel.data.training_rows import trainable_rows
from mislabel.errors import InputError
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.early import check_columns
from mislabel.modalities.loading import load_dataset

LABELS = ["cat", "cat", "cat", "dog", "dog", "owl", None, "cat", "owl"]


def data(trusted=None, labels=LABELS, **more):
    """Nine rows: three cats, two dogs, an owl (the only one), one without a label, one empty; and one held out.

    `trusted` maps ids to labels.
    """
    ids = list("abcdefghi")
    chosen = {"ids": ids, "split": ["train"] * 8 + ["test"], "missing": "unlabeled"}
    texts = ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "", "t8"]
    column = None if trusted is None else [trusted.get(id) for id in ids]
    return make_dataset(texts, labels, trusted=column, **(chosen | more))


def test_trusted_labels_are_known_as_decisions_are():
    """The same labels come in by either way, and make the same data set but for words and fingerprint."""
    known = {"a": "dog", "d": "dog", "g": "cat"}
    plain, trusted = data(), data(known)
    decided = with_decisions(plain, known)
    for name in ("status", "decided", "training_codes", "split", "ids"):
        np.testing.assert_array_equal(getattr(trusted, name), getattr(decided, name), err_msg=name)
    assert trusted.labels.classes == plain.labels.classes
    assert trusted.labels.codes.tolist() == plain.labels.codes.tolist()
    assert trusted.status.tolist() == [
        "decided", "judged", "judged", "decided", "judged", "class_too_small", "decided", "empty_input", "held_out",
    ]  # fmt: skip
    assert trusted.training_codes.tolist() == [1, 0, 0, 1, 1, 2, 0, 0, 2]
    assert "Rows with a trusted label, which they learn (2 differ from the given label): 3 of 9." in trusted.notes


def test_held_out_and_empty_rows_learn_nothing():
    found = data({"h": "dog", "i": "cat", "b": "cat"})
    assert found.status.tolist() == ["judged", "decided", *data().status[2:]]
    assert found.training_codes.tolist() == data().training_codes.tolist()
    assert {
        "Trusted labels of rows that are held out, which teach nothing: 1 of 9.",
        "Rows with a trusted label, but without an input that can be read, not trained on: 1 of 9.",
    } <= set(found.notes)


def test_one_is_enough_and_none_is_refused():
    found = data({"b": "dog"})
    assert (found.status == "decided").sum() == 1
    with pytest.raises(InputError, match="trusted: none of the 9 rows has a trusted label; one is enough"):
        data({})
    with pytest.raises(InputError, match="none of the 9 rows has a trusted label"):
        make_dataset(list("abcdefghi"), [0, 1, 2] * 3, trusted=[-1] * 9)


def test_a_class_may_come_from_trusted_labels_alone():
    """Sorted among the others; gold labels never make one, and refer to the classes that there are then."""
    found = data({"a": "bee", "c": "bee"}, gold=["bee", "cat", "elk", *[None] * 6])
    assert found.labels.classes == ["bee", "cat", "dog", "owl"]
    assert found.labels.decode(found.labels.codes).tolist() == LABELS
    assert found.training_codes.tolist() == [0, 1, 0, 2, 2, 3, -1, 1, 3]
    assert found.gold_classes == ["bee", "cat", "dog", "owl", "elk"]
    assert found.decode_gold() is not None
    assert found.decode_gold().tolist()[:3] == ["bee", "cat", "elk"]
    assert "trusted: classes that no given label shows: 1; 'bee'." in found.notes
    assert not any("no training row" in note for note in found.notes)


def test_a_class_of_held_out_rows_alone_is_none():
    found = data({"i": "bee", "a": "dog"})
    assert found.labels.classes == ["cat", "dog", "owl"]
    assert found.decided is not None
    assert found.decided[8] == UNDECIDED


def test_an_order_of_classes_stays():
    column = pd.Categorical(["low", "high", "low", "high"], categories=["low", "mid", "high"], ordered=True)
    found = make_dataset(list("abcd"), column, trusted=[None, "top", "low", None])
    assert found.labels.classes == ["low", "mid", "high", "top"]
    assert found.training_codes.tolist() == [0, 3, 0, 2]
    with pytest.raises(InputError, match=r"trusted: 'top' is not among classes=\['low', 'high'\] \(rows 1\); add to"):
        make_dataset(list("abcd"), list(column), trusted=[None, "top", "low", None], classes=["low", "high"])


def test_classes_that_look_alike_are_told():
    found = data({"a": "Cat"})
    assert any("look alike" in note and "'Cat'" in note for note in found.notes)
    assert not any("look alike" in note for note in data({"a": "bee"}).notes)


@pytest.mark.parametrize("missing", ["error", "drop", "unlabeled"])
def test_a_row_without_a_given_label_trains_on_a_trusted_one(missing):
    """It is not missing, whatever is said of those."""
    found = data({"g": "dog"}, missing=missing)
    row = found.ids.tolist().index("g")
    assert found.status[row] == "decided"
    assert row in trainable_rows(found)
    assert found.labels.codes[row] == -1
    assert not any("Rows without a label" in note for note in found.notes)
    # of a held-out row it teaches nothing, so that is missing
    labels = [*LABELS[:6], "cat", "cat", None]
    if missing == "error":
        with pytest.raises(InputError, match=r"1 of 9 rows have no label .*: rows 'i'"):
            data({"i": "owl"}, labels, missing=missing)
    else:
        assert any("Rows without a label" in note for note in data({"i": "owl"}, labels, missing=missing).notes)


def test_numbers_and_signs_for_no_label_are_as_in_given_labels():
    """Codes with -1, floats with gaps, and text of numbers are one class each."""
    texts, codes = list("abcd"), [0, 1, 0, 1]
    wanted = [0, 0, 0, 1]
    for column in ([-1, 0, -1, 1], [np.nan, 0.0, np.nan, 1.0], ["", "0", None, "1"], pd.array([None, 0, None, 1])):
        found = make_dataset(texts, codes, trusted=column)
        assert found.labels.classes == [0, 1]
        assert found.training_codes.tolist() == wanted, column
        assert found.status.tolist() == ["judged", "decided", "judged", "decided"]
    with pytest.raises(InputError, match="write both columns in the same way"):
        make_dataset(texts, codes, trusted=[None, "zero", None, None])
    with pytest.raises(InputError, match="trusted: 3 labels were given for 4 rows"):
        make_dataset(texts, codes, trusted=[None, 0, 1])


def test_where_all_rows_are_trusted_that_is_told():
    found = make_dataset(list("abcd"), [0, 1, 0, 1], trusted=[0, 1, 1, 0])
    assert "trusted says a trusted label for every training row, so no given label is left to judge." in found.notes
    found = make_dataset(list("abcd"), [0, 1, 0, 1], trusted=[0, 1, 1, None])
    assert not any("every training row" in note for note in found.notes)


def test_trusted_gold_and_given_labels_are_three_columns(tmp_path):
    frame = pd.DataFrame({"text": list("abcd"), "label": [0, 1, 0, 1], "gold": [0, 1, 1, 1]})
    for trusted, words in (("gold", "--trusted gold and --gold gold"), ("label", "--trusted label and --label label")):
        with pytest.raises(InputError, match=f"{words} are one and the same: "):
            load_dataset(frame, text="text", label="label", gold="gold", trusted=trusted)
    frame.to_csv(tmp_path / "t.csv", index=False)
    columns = {"text": "text", "label": "label", "gold": "gold", "trusted": "gold"}
    with pytest.raises(InputError, match="gold labels only score, trusted labels teach"):
        check_columns(tmp_path / "t.csv", columns)
    with pytest.raises(InputError, match='there is no trusted column "trsted"'):
        check_columns(tmp_path / "t.csv", {**columns, "trusted": "trsted"})
    labels = [0, 1, 0, 1]
    with pytest.raises(InputError, match="trusted and labels are one and the same"):
        make_dataset(list("abcd"), labels, trusted=labels)


def test_the_index_of_a_column_is_looked_at():
    labels, trusted = pd.Series([0, 1, 0, 1], list("wxyz")), pd.Series([None, None, 1, 0], list("zyxw"))
    with pytest.raises(InputError, match="labels and trusted have the same index in two orders"):
        make_dataset(list("abcd"), labels, trusted=trusted)


def test_a_glob_of_features_leaves_the_column_out(tmp_path):
    frame = pd.DataFrame({"x0": [1.0, 2, 3, 4], "x1": [0.5, 1, 0, 1], "label": [0, 1, 0, 1], "checked": [-1, 1, 1, -1]})
    found = load_dataset(frame, features="*", label="label", trusted="checked")
    assert found.inputs.matrix.shape == (4, 2)  # pyright: ignore[reportAttributeAccessIssue]


def test_decisions_are_newer_and_hold():
    trusted = data({"a": "dog", "b": "dog", "d": "dog", "e": "dog"})
    found = with_decisions(trusted, {"a": "cat", "b": "dog", "c": "owl", "d": NONE_OF_THESE})
    assert found.status.tolist()[:5] == ["decided", "decided", "decided", "none_of_these", "decided"]
    assert found.training_codes.tolist()[:5] == [0, 1, 2, 1, 1]
    assert found.notes[-1] == (
        "Rows whose trusted label differs from what a review decided, which is newer and holds: 2 of 9; rows 'a', 'd'."
    )
    same = with_decisions(trusted, {"b": "dog"})
    assert not any("differs from what a review decided" in note for note in same.notes)


def test_the_fingerprint_knows_trusted_labels_and_nothing_where_there_are_none():
    plain = data()
    prints = [data(known).fingerprint for known in ({"a": "dog"}, {"a": "cat"}, {"b": "dog"}, {"a": "dog", "b": "dog"})]
    assert len({plain.fingerprint, *prints}) == 5
    assert data({"i": "cat"}).fingerprint == plain.fingerprint  # it teaches nothing
    assert data({"a": "dog"}, gold=["dog"] * 9).fingerprint == prints[0]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_what_is_learnt_is_the_trusted_label_where_there_is_one_else_the_given(drawn):
    """Whatever is given and trusted, in the user's own values."""
    n = drawn.draw(st.integers(2, 12))
    words = st.sampled_from(["b", "d", "f"])
    labels = drawn.draw(st.lists(words, min_size=n, max_size=n))
    trusted = drawn.draw(st.lists(st.one_of(st.none(), st.sampled_from(list("abcdef"))), min_size=n, max_size=n))
    parts = drawn.draw(st.lists(st.sampled_from(["train", "test"]), min_size=n, max_size=n))
    parts[0], trusted[1] = "train", "c"
    found = make_dataset([f"t{k}" for k in range(n)], labels, trusted=trusted, split=parts)
    teaches = [part == "train" and label is not None for part, label in zip(parts, trusted, strict=True)]
    wanted = [own if yes else label for own, label, yes in zip(trusted, labels, teaches, strict=True)]
    assert found.labels.decode(found.training_codes).tolist() == wanted
    assert found.labels.decode(found.labels.codes).tolist() == labels
    assert (found.status == "decided").tolist() == teaches
    shown = {label for label, yes in zip(trusted, teaches, strict=True) if yes}
    assert found.labels.classes == sorted({*labels, *shown})
