"""Which classes and rows a classifier is asked about where classes are many."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel.posterior.asked_classes import (
    FEW,
    GROUP,
    OF_A_CLASS,
    class_means,
    evenly_of_classes,
    knows_classes,
    most_rows,
    rows_of_near_classes,
)


def test_a_sample_knows_its_classes_where_half_of_its_rows_have_company():
    assert knows_classes(np.repeat(np.arange(10), FEW), 10)
    assert not knows_classes(np.repeat(np.arange(10), FEW - 1), 10)
    some = np.concatenate([np.zeros(50, dtype=int), np.arange(1, 51)])
    assert knows_classes(some, 60)
    assert not knows_classes(np.append(some, [51]), 60)


@given(st.integers(0, 1000), st.integers(2, 40), st.integers(1, 300), st.integers(1, 200))
@settings(max_examples=40, deadline=None)
def test_rows_are_whole_classes_or_an_even_share_of_them(seed, classes, rows, count):
    random = np.random.default_rng(seed)
    codes = random.integers(0, classes, rows)
    found = rows_of_near_classes(random.normal(size=(rows, 3)), codes, classes, count)
    assert (np.diff(found) > 0).all()
    had = np.bincount(codes, minlength=classes)
    taken = np.bincount(codes[found], minlength=classes)
    asked = taken > 0
    np.testing.assert_array_equal(taken[asked], np.minimum(had, OF_A_CLASS)[asked])
    assert (had[asked] >= FEW).all()
    enough = np.minimum(had, OF_A_CLASS)[had >= FEW].sum()
    assert most_rows(codes, classes) == enough
    assert len(found) >= min(count, enough) or not asked.any()
    assert len(found) < count + GROUP * OF_A_CLASS


def test_classes_come_in_groups_of_near_ones():
    """Twenty groups of eight classes on a line: whoever is asked about one of a group is asked about all of it."""
    place = np.repeat(np.arange(20) * 100.0, GROUP) + np.tile(np.arange(GROUP), 20)
    codes = np.tile(np.arange(20 * GROUP), 10)
    found = rows_of_near_classes(place[codes][:, None], codes, 20 * GROUP, 300)
    by_group = np.bincount(np.unique(codes[found]) // GROUP, minlength=20)
    assert set(by_group.tolist()) == {0, GROUP}
    assert len(found) == 320  # four groups of 80 rows


def test_every_row_is_taken_of_a_small_class_and_evenly_spaced_ones_of_a_large_one():
    codes = np.array([0] * 100 + [1] * 6 + [2] * 6)
    found = evenly_of_classes(codes, np.array([0, 1]), np.bincount(codes))
    np.testing.assert_array_equal(found, [*np.linspace(0, 99, OF_A_CLASS).astype(int), *range(100, 106)])


@given(st.integers(0, 1000), st.integers(1, 6))
@settings(max_examples=20)
def test_means_by_class(seed, classes):
    random = np.random.default_rng(seed)
    codes, points = random.integers(0, classes, 30), random.normal(size=(30, 2))
    found = class_means(points, codes, classes + 1)
    for code in range(classes + 1):
        rows = [point for point, at in zip(points, codes, strict=True) if at == code]
        np.testing.assert_allclose(found[code], np.mean(rows, axis=0) if rows else [0, 0], atol=1e-12)
