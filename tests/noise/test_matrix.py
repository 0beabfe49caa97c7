"""Kind "matrix": labels drawn from the rows of a transition matrix."""

import numpy as np
import pytest
from helpers import N, band, rng, truth
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel.errors import InputError
from mislabel.noise import corrupt

T = np.array([[0.5, 0.3, 0.0, 0.2], [0.0, 1.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25], [1.0, 0.0, 0.0, 0.0]])


def test_rows_are_drawn_from_the_matrix():
    y = truth(4)
    done = corrupt(y, "matrix", None, 4, rng(1), transition=T)
    assert np.abs(done.transition - T).max() < band(0.5, np.bincount(y).min()) * 1.1
    assert (done.transition[T == 0] == 0).all()
    expected = 1 - np.diag(T).mean()
    assert abs(done.realised_rate - expected) < band(expected, N)
    assert (done.kind, done.rate, done.convention, done.flip_map) == ("matrix", None, "matrix", None)


def test_against_a_loop():
    y = np.concatenate([truth(4, 300), [-1, -1]])
    done = corrupt(y, "matrix", None, 4, rng(5), transition=T)
    draws = rng(5).random(300)
    expected = [int(np.flatnonzero(draw < np.cumsum(T[own]))[0]) for own, draw in zip(y, draws, strict=False)]
    assert done.codes.tolist() == [*expected, -1, -1]


def test_the_forms_of_symmetric_and_pair_noise():
    """(1 - r) I + r / (C - 1) (11' - I) and (1 - r) I + r shift have the rates of the kinds they describe."""
    y, eye = truth(4), np.eye(4)
    for form in (0.6 * eye + 0.4 / 3 * (1 - eye), 0.6 * eye + 0.4 * np.roll(eye, 1, axis=1)):
        assert abs(corrupt(y, "matrix", None, 4, rng(), transition=form).realised_rate - 0.4) < band(0.4, N)


def test_ends_and_seeds():
    y = truth(4, 300)
    assert np.array_equal(corrupt(y, "matrix", None, 4, rng(), transition=np.eye(4)).codes, y)
    turned = np.roll(np.eye(4), 1, axis=1)
    assert np.array_equal(corrupt(y, "matrix", None, 4, rng(), transition=turned).codes, (y + 1) % 4)
    one, same, other = (corrupt(y, "matrix", None, 4, rng(seed), transition=T).codes for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 6), st.integers(0, 2**32))
def test_impossible_classes_are_never_drawn(classes, seed):
    draw = rng(seed)
    weights = draw.random((classes, classes)) * (draw.random((classes, classes)) < 0.5) + 1e-300 * np.eye(classes)
    matrix = weights / weights.sum(axis=1, keepdims=True)
    y = draw.integers(0, classes, 50)
    done = corrupt(y, "matrix", None, classes, draw, transition=matrix)
    assert (matrix[y, done.codes] > 0).all()


def test_refused():
    def spoil(matrix, rate=None, kind="matrix", **extra):
        corrupt(np.array([0, 1]), kind, rate, 2, rng(), transition=matrix, **extra)

    with pytest.raises(InputError, match="kind matrix needs transition"):
        spoil(None)
    with pytest.raises(InputError, match=r"shape \(3, 3\); for 2 classes"):
        spoil(np.eye(3))
    with pytest.raises(InputError, match="row 1 of transition sums to 0.99;"):
        spoil([[1, 0], [0.5, 0.49]])
    spoil([[1, 0], [0.5, 0.5 - 1e-7]])
    for value in (-0.5, np.nan, np.inf):
        with pytest.raises(InputError, match=f"row 0 of transition holds {value:g};"):
            spoil([[value, 1.5], [0, 1]])
    with pytest.raises(InputError, match="something that is not a number"):
        spoil([["a", "b"], ["c", "d"]])
    with pytest.raises(InputError, match="rate is 0.4; kind matrix takes its rate from transition"):
        spoil(np.eye(2), rate=0.4)
    with pytest.raises(InputError, match="transition is for kind matrix only, not sym"):
        spoil(np.eye(2), rate=0.4, kind="sym")
    with pytest.raises(InputError, match="exact needs a rate"):
        spoil(np.eye(2), exact=True)
    with pytest.raises(InputError, match="for kind sym only"):
        spoil(np.eye(2), convention="replace_incl_own")
