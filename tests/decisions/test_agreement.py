"""Agreement of two reviewers: against scikit-learn, by hand, and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from mislabel.decisions.agreement import cohen_kappa, verdicts_of
from mislabel.decisions.events import Decision, Event

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@given(PAIRS)
def test_kappa_is_that_of_scikit_learn(pairs):
    first, second = map(list, zip(*pairs, strict=True))
    found = cohen_kappa(first, second)
    assert (found.rows, found.agreed) == (len(pairs), sum(one == other for one, other in pairs))
    if len({*first, *second}) == 1:
        assert (found.kappa, found.low, found.high) == (None, None, None)
        return
    assert found.kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-9)
    assert found.kappa is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.kappa <= found.high


def test_kappa_by_hand():
    found = cohen_kappa(["a"] * 6 + ["b"] * 4, ["a"] * 5 + ["b"] * 5)  # nine of ten; by chance 0.6 × 0.5 + 0.4 × 0.5
    assert found.kappa == pytest.approx((0.9 - 0.5) / 0.5)
    exact = binomtest(9, 10).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx(((exact.low - 0.5) / 0.5, (exact.high - 0.5) / 0.5))


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Two reviewers who each name one of three equal classes rightly with probability 0.8, else one of the others."""
    random, held, times, n = np.random.default_rng(0), 0, 1000, 50
    truth = (0.8**2 + 2 * 0.1**2 - 1 / 3) / (1 - 1 / 3)
    for _ in range(times):
        true = random.integers(0, 3, n)
        said = [(true + random.choice(3, n, p=[0.8, 0.1, 0.1])) % 3 for _ in range(2)]
        found = cohen_kappa(said[0].tolist(), said[1].tolist())
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    assert held / times > 0.95 - 3 * math.sqrt(0.05 * 0.95 / times)


def events(*what):
    return [
        Event(k, k, "", Decision("a", kind, label, "x"), "page", None, name)
        for k, (name, kind, label) in enumerate(what, 1)
    ]


def verdicts(*what):
    found = verdicts_of(events(*what))
    assert found is not None
    return found


def test_what_two_said_on_their_own_and_who_settles_it():
    ann, bob = ("Ann", "keep", "x"), ("Bob", "label", "y")
    assert verdicts_of(events(ann)) is None
    assert verdicts_of(events(ann, (None, "none", None))) is None
    both = verdicts(ann, bob)
    assert (both.said, both.differ, both.settled) == ({"Ann": ("label", "x"), "Bob": ("label", "y")}, True, False)
    changed = verdicts(("Ann", "none", None), ann, ("Bob", "suggestion", "x"))
    assert (changed.differ, changed.settled) == (False, False)  # the same label, however it was chosen
    for later in (ann, bob, ("Carl", "unsure", None), (None, "keep", "x")):
        after = verdicts(ann, bob, later)
        assert (after.said, after.settled) == (both.said, True)
    named = verdicts(("Ann", "label", "none"), ("Bob", "none", None))
    assert named.differ  # a class may be called none
