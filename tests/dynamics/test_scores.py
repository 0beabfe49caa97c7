"""Wrong events, rates, prediction changes and the label wave against plain loops."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mislabel.dynamics.scores import distinct_rates, label_wave_epoch, prediction_changes, rates, wrong_events

tables = st.tuples(st.integers(0, 6), st.integers(1, 12)).flatmap(
    lambda shape: st.tuples(
        arrays.arrays(np.int32, shape, elements=st.integers(-1, 3)),
        arrays.arrays(np.int64, shape[1], elements=st.integers(-1, 3)),
    )
)


@given(tables)
def test_wrong_events_by_a_loop(table):
    prediction, labels = table
    wrong, observed = wrong_events(prediction, labels)
    for row, label in enumerate(labels):
        looks = [int(one) for one in prediction[:, row] if one != -1 and label != -1]
        assert observed[row] == len(looks)
        assert wrong[row] == sum(look != label for look in looks)


def test_rates_are_missing_where_nothing_was_seen():
    np.testing.assert_allclose(rates(np.array([0, 1, 3, 0]), np.array([4, 4, 3, 0])), [0, 0.25, 1, np.nan])


@given(st.lists(st.integers(0, 9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=40))
def test_distinct_rates_by_exact_fractions(pairs):
    wrong, observed = (np.array([pair[k] for pair in pairs], dtype=np.int64) for k in (0, 1))
    values, counts = distinct_rates(wrong, observed)
    wanted = Counter(Fraction(w, n) for w, n in pairs if n)
    np.testing.assert_allclose(values, [float(one) for one in sorted(wanted)], rtol=1e-15)
    np.testing.assert_array_equal(counts, [wanted[one] for one in sorted(wanted)])


@given(tables)
def test_prediction_changes_by_a_loop(table):
    prediction, _ = table
    found = prediction_changes(prediction)
    assert len(found) == max(0, len(prediction) - 1)
    for epoch in range(1, len(prediction)):
        pairs = zip(prediction[epoch - 1].tolist(), prediction[epoch].tolist(), strict=True)
        assert found[epoch - 1] == sum(before != after for before, after in pairs if before != -1 and after != -1)


@pytest.mark.parametrize(
    ("changes", "epoch"),
    [
        ([], 0),  # one epoch: its model
        ([50], 1),  # from n to 50 is a fall
        ([50, 30, 20], 3),  # never rises: the last epoch
        ([50, 30, 40, 10], 2),  # the first local minimum, even if a lower one follows
        ([50, 60, 10], 1),
        ([50, 50, 10], 1),  # no fall ends it too
    ],
)
def test_label_wave_takes_the_epoch_before_the_first_rise(changes, epoch):
    assert label_wave_epoch(np.array(changes, dtype=np.int64)) == epoch


@given(st.lists(st.integers(0, 30), max_size=12))
def test_label_wave_as_the_paper_words_it(changes):
    """Start from PC = n; while PC decreases continue; at the first increase take the previous epoch."""
    before, wanted = 10**9, len(changes)
    for epoch, now in enumerate(changes, start=1):
        if now >= before:
            wanted = epoch - 1
            break
        before = now
    assert label_wave_epoch(np.array(changes, dtype=np.int64)) == wanted


@given(st.lists(st.integers(0, 30), max_size=12), st.integers(1, 4))
def test_label_wave_over_a_window_is_that_of_moving_sums(changes, window):
    sums = [sum(changes[k : k + window]) for k in range(len(changes) - window + 1)]
    wanted = label_wave_epoch(np.array(sums, dtype=np.int64)) + window - 1 if sums else len(changes)
    assert label_wave_epoch(np.array(changes, dtype=np.int64), window) == wanted


@given(st.lists(st.integers(0, 30), max_size=10))
def test_label_wave_is_settled_once_it_has_chosen(changes):
    """Later passes never change the choice, so the weights can be kept as training goes on."""
    chosen = [label_wave_epoch(np.array(changes[:k], dtype=np.int64)) for k in range(len(changes) + 1)]
    for epoch, one in enumerate(chosen):
        if one < epoch:
            assert set(chosen[epoch:]) == {one}
            return
