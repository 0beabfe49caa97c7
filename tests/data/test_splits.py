"""Splits: names in any usual form, and a stratified draw that hangs on ids."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.data.splits import parse_split, stratified_holdout
from mislabel.errors import InputError


def test_names():
    given_names = ["train", "Training", " TRAIN ", "valid", "validation", "Val", "dev", "Test"]
    assert parse_split(given_names, range(8)).tolist() == ["train"] * 3 + ["valid"] * 4 + ["test"]
    assert parse_split(pd.Categorical(["dev", "test"]), range(2)).tolist() == ["valid", "test"]


def test_other_names():
    with pytest.raises(InputError, match=r"part: 3 rows hold 'seed', 'extra' instead .*rows 1, 2, 3\)\. Filter"):
        parse_split(["train", "seed", "extra", "seed"], range(4), "part")
    with pytest.raises(InputError, match="2 rows hold nothing instead"):
        parse_split(["train", None, ""], range(3))
    with pytest.raises(InputError, match="1 values were given for 2 rows"):
        parse_split(["train"], range(2))


def draw(codes, share, seed=0, ids=None, eligible=None):
    codes = np.array(codes)
    ids = np.arange(len(codes)) if ids is None else ids
    return stratified_holdout(codes, codes >= 0 if eligible is None else eligible, np.argsort(ids), share, seed)


def test_shares_by_class():
    codes = np.repeat([0, 1, 2], [100, 50, 10])
    chosen = draw(codes, 0.2)
    assert np.bincount(codes[chosen]).tolist() == [20, 10, 2]


def test_largest_remainder():
    """Three classes of 7 at a third: 7 rows in all, 2.33 per class, so one class gives 3."""
    codes = np.repeat([0, 1, 2], 7)
    counts = np.bincount(codes[draw(codes, 1 / 3)])
    assert sorted(counts.tolist()) == [2, 2, 3]


def test_two_rows_of_a_class_stay():
    codes = np.repeat([0, 1, 2, 3], [1, 2, 3, 40])
    chosen = draw(codes, 0.9)
    assert np.bincount(codes[~chosen], minlength=4)[:3].tolist() == [1, 2, 2]


def test_rows_that_are_not_eligible_stay():
    codes = np.array([0] * 10 + [-1] * 10)
    assert not draw(codes, 0.5)[10:].any()
    assert not draw(np.full(4, -1), 0.5).any()


def test_seeds():
    codes = np.repeat([0, 1], 50)
    assert np.array_equal(draw(codes, 0.2, seed=3), draw(codes, 0.2, seed=3))
    assert not np.array_equal(draw(codes, 0.2, seed=3), draw(codes, 0.2, seed=4))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.floats(0, 0.99), st.randoms(), st.booleans())
def test_the_choice_hangs_on_ids_and_the_size_is_right(codes, share, random, as_text):
    ids = np.array([f"id{place}" for place in range(len(codes))], dtype=object) if as_text else np.arange(len(codes))
    order = list(range(len(codes)))
    random.shuffle(order)
    chosen = draw(codes, share, ids=ids)
    shuffled = draw([codes[place] for place in order], share, ids=ids[order])
    assert set(ids[chosen]) == set(ids[order][shuffled])
    counts, held = np.bincount(codes), np.bincount(np.array(codes)[chosen], minlength=max(codes) + 1)
    assert np.all(np.abs(held - counts * share)[counts * share <= counts - 3] < 1 + 1e-6)
    assert np.all((counts - held >= 2) | (held == 0))
