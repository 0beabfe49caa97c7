"""The recorder against a softmax written in float64 numpy, and any way to cut an epoch into batches."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel.dynamics.recorder import PassRecorder

CPU = torch.device("cpu")


def expected(logits, labels):
    """Prediction, loss and margin from logits (branches, views, n, classes), in float64."""
    exact = logits.astype(np.float64)
    exact = np.exp(exact - exact.max(-1, keepdims=True))
    p = (exact / exact.sum(-1, keepdims=True)).mean(0)  # branches: the mean probability
    rows = np.arange(len(labels))
    views = []
    for one in p:
        of_given = one[rows, labels]
        rest = one.copy()
        rest[rows, labels] = 0
        margin = np.log(of_given) - np.log(rest.max(1))
        views.append({"prediction": one.argmax(1), "loss": -np.log(of_given), "margin": margin})
    return views


def draw(random, branches, views, rows, classes, spread=3.0):
    logits = random.normal(0, spread, (branches, views, rows, classes)).astype(np.float32)
    return logits, random.integers(0, classes, rows)


def record(recorder, logits, labels, batches):
    for batch in batches:
        index = torch.as_tensor(np.asarray(batch, dtype=np.int64))
        recorder.record(index, torch.as_tensor(labels[batch]), torch.as_tensor(logits[:, :, batch]))


@pytest.mark.parametrize("branches", [1, 2, 3])
@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("classes", [2, 3, 17])
def test_values_against_float64(branches, views, classes):
    logits, labels = draw(np.random.default_rng([branches, views, classes]), branches, views, 50, classes)
    recorder = PassRecorder(views, 50, CPU)
    record(recorder, logits, labels, [np.arange(50)])
    found = recorder.finish()
    assert len(found) == views
    for one, wanted in zip(found, expected(logits, labels), strict=True):
        np.testing.assert_array_equal(one["prediction"], wanted["prediction"])
        np.testing.assert_allclose(one["loss"], wanted["loss"], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one["margin"], wanted["margin"], rtol=1e-4, atol=1e-4)


def test_the_margin_of_one_branch_is_a_difference_of_logits():
    logits, labels = draw(np.random.default_rng(1), 1, 1, 30, 5)
    recorder = PassRecorder(1, 30, CPU)
    record(recorder, logits, labels, [np.arange(30)])
    margin = recorder.finish()[0]["margin"]
    for row, label in enumerate(labels):
        others = np.delete(logits[0, 0, row], label)
        assert margin[row] == pytest.approx(logits[0, 0, row, label] - others.max(), abs=1e-4)


def test_huge_logits_stay_finite():
    logits = np.array([[[[1e4, -1e4, 0.0], [-3e4, 3e4, 3e4]]]], dtype=np.float32)
    recorder = PassRecorder(1, 2, CPU)
    record(recorder, logits, np.array([1, 0]), [[0, 1]])
    found = recorder.finish()[0]
    np.testing.assert_allclose(found["loss"], [2e4, 6e4 + np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(found["margin"], [-2e4, -6e4], rtol=1e-6)


@given(st.integers(0, 2**31), st.permutations(range(11)), st.sets(st.integers(1, 10)))
@settings(max_examples=50)
def test_any_order_and_cut_into_batches_gives_the_same(seed, order, cuts):
    logits, labels = draw(np.random.default_rng(seed), 1, 2, 11, 4)
    whole, parts = PassRecorder(2, 11, CPU), PassRecorder(2, 11, CPU)
    record(whole, logits, labels, [np.arange(11)])
    record(parts, logits, labels, np.split(np.array(order), sorted(cuts)))
    for one, other in zip(whole.finish(), parts.finish(), strict=True):
        for name in ("prediction", "loss", "margin"):
            np.testing.assert_array_equal(one[name], other[name])


def test_rows_that_were_not_seen_and_the_next_epoch():
    logits, labels = draw(np.random.default_rng(2), 1, 2, 6, 3)
    recorder = PassRecorder(2, 6, CPU)
    record(recorder, logits, labels, [[4, 1]])
    first = recorder.finish()
    record(recorder, logits, labels, [[0]])
    second = recorder.finish()
    for views, seen in ((first, [1, 4]), (second, [0])):
        unseen = np.setdiff1d(np.arange(6), seen)
        for one, wanted in zip(views, expected(logits, labels), strict=True):
            np.testing.assert_array_equal(one["prediction"][unseen], -1)
            assert np.isnan(one["loss"][unseen]).all()
            assert np.isnan(one["margin"][unseen]).all()
            np.testing.assert_allclose(one["loss"][seen], wanted["loss"][seen], rtol=1e-4, atol=1e-5)


def test_sums_over_processes_put_the_parts_together():
    """Two recorders that saw different rows, joined by sums, give what one alone gives; nobody saw row 5."""
    logits, labels = draw(np.random.default_rng(3), 1, 2, 6, 3)
    whole, left, right = PassRecorder(2, 6, CPU), PassRecorder(2, 6, CPU), PassRecorder(2, 6, CPU)
    record(whole, logits, labels, [np.arange(5)])
    record(left, logits, labels, [[0, 3]])
    record(right, logits, labels, [[4, 1], [2]])
    seen_by_right = iter(
        [(right.prediction >= 0).int(), right.prediction + 1, right.scalars.nan_to_num(nan=0.0)]
    )  # what `finish` hands to the sum, in its order
    joined = left.finish(lambda tensor: tensor + next(seen_by_right))
    for one, other in zip(whole.finish(), joined, strict=True):
        for name in ("prediction", "loss", "margin"):
            np.testing.assert_array_equal(one[name], other[name])


def test_recording_keeps_the_gradient_as_it_is():
    logits = torch.randn(1, 1, 4, 3, requires_grad=True)
    PassRecorder(1, 4, CPU).record(torch.arange(4), torch.tensor([0, 1, 2, 0]), logits)
    logits.sum().backward()
    torch.testing.assert_close(logits.grad, torch.ones_like(logits))
