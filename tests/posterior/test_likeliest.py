"""Probabilities of many classes, of which the likeliest are kept, beside the same operations on whole arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel.audit import without_unseen
from mislabel.posterior.likeliest import KEPT, LINE, MANY, MANY_CLASSES, Likeliest, are_many
from mislabel.posterior.posterior import halfway, mean_of_equals, replace_given
from mislabel.posterior.summary import p_mislabeled, suggested, transition_matrix

K = KEPT + 9
SEEDS = st.integers(0, 10_000)


def kept_of(dense, labels):
    """The same as it keeps them: the likeliest classes of each row and the given one, by sorting."""
    codes = np.argsort(-dense, axis=1, kind="stable")[:, :KEPT]
    lacks = (codes != labels[:, None]).all(1)
    codes[lacks, -1] = labels[lacks]
    values = np.take_along_axis(dense, codes, axis=1)
    return Likeliest.of(codes, values, 1 - values.sum(1), dense.shape[1])


def drawn(seed, rows=12):
    """Probabilities that are even over the classes beyond the kept ones, so that nothing is lost; and labels."""
    random = np.random.default_rng(seed)
    dense = random.dirichlet(np.full(K, 0.1), rows)
    labels = random.integers(0, K, rows)
    order = np.argsort(-dense, axis=1, kind="stable")
    small = np.take_along_axis(dense, order[:, KEPT - 1 :], axis=1).mean(1, keepdims=True)
    np.put_along_axis(dense, order[:, KEPT - 1 :], np.broadcast_to(small, (rows, K - KEPT + 1)), axis=1)
    return dense.astype(np.float32), labels


@given(SEEDS)
@settings(max_examples=30)
def test_it_reads_like_an_array(seed):
    dense, labels = drawn(seed)
    kept, rows = kept_of(dense, labels), np.arange(12)
    np.testing.assert_allclose(np.asarray(kept), dense, atol=1e-6)
    assert (kept.shape, len(kept), kept.ndim) == (dense.shape, 12, 2)
    np.testing.assert_allclose(kept[rows, labels], dense[rows, labels], atol=1e-6)
    other = np.random.default_rng(seed).integers(0, K, 12)
    np.testing.assert_allclose(kept[rows, other], dense[rows, other], atol=1e-6)
    np.testing.assert_array_equal(kept.argmax(1), dense.argmax(1))
    np.testing.assert_array_equal(kept.max(1), dense.max(1))
    for part in (slice(2, 7), np.array([3, 3, 0]), labels > K // 2):
        np.testing.assert_allclose(np.asarray(kept[part]), dense[part], atol=1e-6)
    order = np.random.default_rng(seed).permutation(K)
    np.testing.assert_allclose(np.asarray(kept[:, order]), dense[:, order], atol=1e-6)
    np.testing.assert_allclose(p_mislabeled(kept, labels), p_mislabeled(dense, labels), atol=1e-6)
    np.testing.assert_array_equal(suggested(kept), suggested(dense))


@given(SEEDS, st.floats(0, 1))
@settings(max_examples=30)
def test_the_given_probability_is_replaced_as_in_an_array(seed, of_given):
    dense, labels = drawn(seed)
    kept, now = kept_of(dense, labels), np.full(12, of_given)
    before = kept.kept.copy()
    replaced, wanted = replace_given(kept, labels, now), replace_given(dense, labels, now)
    np.testing.assert_allclose(np.asarray(replaced), wanted, atol=1e-5)
    np.testing.assert_allclose(np.asarray(halfway(replaced, kept)), (wanted + dense) / 2, atol=1e-5)
    np.testing.assert_array_equal(kept.kept, before)


def test_where_nothing_is_left_the_others_are_even():
    sure = Likeliest.sure(np.array([3, K - 1]), K)
    np.testing.assert_array_equal(np.asarray(sure), np.eye(K)[[3, K - 1]])
    found = replace_given(sure, np.array([3, K - 1]), np.array([0.2, 1.0]))
    wanted = replace_given(np.eye(K)[[3, K - 1]], np.array([3, K - 1]), np.array([0.2, 1.0]))
    np.testing.assert_allclose(np.asarray(found), wanted, atol=1e-6)


def test_a_label_that_is_not_kept_cannot_be_replaced():
    with pytest.raises(ValueError, match="not among the kept classes"):
        replace_given(Likeliest.sure(np.array([0]), K), np.array([K - 1]), np.array([0.5]))
    with pytest.raises(ValueError, match="not the same classes"):
        halfway(Likeliest.sure(np.array([0]), K), Likeliest.sure(np.array([1]), K))


@given(SEEDS, st.lists(st.integers(0, 3), min_size=12, max_size=12))
@settings(max_examples=30)
def test_equal_rows_have_their_mean(seed, group):
    """Rows of a group see the same, so that they keep the same classes."""
    group = np.array(group)
    dense, labels = drawn(seed)
    dense, labels = dense[group], labels[group]
    some = replace_given(kept_of(dense, labels), labels, np.linspace(0.1, 0.9, 12))
    found = mean_of_equals(some, group)
    np.testing.assert_allclose(np.asarray(found), mean_of_equals(np.asarray(some, dtype=float), group), atol=1e-5)
    order = np.random.default_rng(seed).permutation(12)
    again = mean_of_equals(some[order], group[order])
    np.testing.assert_allclose(np.asarray(again), np.asarray(found)[order], atol=1e-6)


@given(SEEDS)
@settings(max_examples=20)
def test_the_matrix_is_that_of_what_is_kept(seed):
    dense, labels = drawn(seed)
    kept = kept_of(dense, labels)
    only = np.zeros(dense.shape)
    np.put_along_axis(only, kept.kept["codes"].astype(int), kept.kept["values"], axis=1)
    rows = np.array([0, 2, 5, 7])
    found = transition_matrix(kept, labels, rows)
    np.testing.assert_allclose(found.toarray(), transition_matrix(only, labels, rows), atol=1e-6)


def test_classes_that_nobody_has_seen_count_nothing():
    dense, labels = drawn(0)
    seen = np.ones(K, dtype=bool)
    seen[dense[0].argmax()] = False
    found = kept_of(dense, labels).among(seen)
    np.testing.assert_allclose(np.asarray(found)[:, seen], without_unseen(dense, seen)[:, seen], atol=0.02)
    np.testing.assert_allclose(np.asarray(found).sum(1), 1, atol=1e-5)
    assert np.asarray(found)[0, dense[0].argmax()] == 0


def test_what_is_many():
    assert not are_many(MANY, MANY_CLASSES)
    assert are_many(MANY // (2 * MANY_CLASSES) + 1, 2 * MANY_CLASSES)
    assert not are_many(MANY // (2 * MANY_CLASSES) - 1, 2 * MANY_CLASSES)
    assert LINE.itemsize == 8 * KEPT + 4
