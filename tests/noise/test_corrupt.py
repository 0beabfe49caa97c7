"""Planted noise: rates, targets and transition matrices against their definitions, within four standard deviations."""

import numpy as np
import pytest
from helpers import band
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from mislabel.errors import InputError
from mislabel.noise import corrupt
from mislabel.noise.corrupt import KINDS, empirical_transition

N, C = 40_000, 5


def truth(seed=0, size=N, classes=C):
    return np.random.default_rng(seed).integers(0, classes, size)


def features(size=N, seed=7, width=12):
    return np.random.default_rng(seed).standard_normal((size, width))


def spoil(y, kind, rate, seed=1, classes=C, **settings):
    if kind == "idn":
        settings.setdefault("features", features(len(y)))
    return corrupt(y, kind, rate, classes, np.random.default_rng(seed), **settings)


class TestSymmetric:
    @pytest.mark.parametrize("rate", [0.1, 0.4, 0.9])
    def test_transition(self, rate):
        y = truth()
        done = spoil(y, "sym", rate)
        assert abs(done.realised_rate - rate) < band(rate, N)
        wrong = (done.codes - y)[done.flipped] % C  # how far round the circle: each of 1..C-1 as often
        assert chisquare(np.bincount(wrong, minlength=C)[1:]).pvalue > 1e-4
        for own in range(C):
            targets = np.bincount(done.codes[(y == own) & done.flipped], minlength=C)
            assert targets[own] == 0
            assert chisquare(np.delete(targets, own)).pvalue > 1e-4
        ideal = (1 - rate) * np.eye(C) + rate / (C - 1) * (1 - np.eye(C))
        assert np.abs(done.transition - ideal).max() < 4 * 0.5 / np.sqrt(N / C)

    @pytest.mark.parametrize("rate", [0.2, 0.5, 1.0])
    def test_own_class_included(self, rate):
        done = spoil(truth(), "sym", rate, convention="replace_incl_own")
        expected = rate * (C - 1) / C
        assert abs(done.realised_rate - expected) < band(expected, N)
        assert done.convention == "replace_incl_own"

    def test_forty_per_cent_of_cifar10_in_both_conventions(self):
        """The sheet's figures: 40 % and 36 %."""
        y = truth(classes=10)
        assert abs(spoil(y, "sym", 0.4, classes=10).realised_rate - 0.40) < band(0.40, N)
        included = spoil(y, "sym", 0.4, classes=10, convention="replace_incl_own")
        assert abs(included.realised_rate - 0.36) < band(0.36, N)

    def test_two_classes(self):
        y = truth(classes=2)
        done = spoil(y, "sym", 0.3, classes=2)
        assert np.array_equal(done.codes[done.flipped], 1 - y[done.flipped])


class TestAsymmetric:
    def test_only_the_next_class(self):
        y = truth()
        done = spoil(y, "asym", 0.3)
        assert np.array_equal(done.codes[done.flipped], (y[done.flipped] + 1) % C)
        assert abs(done.realised_rate - 0.3) < band(0.3, N)
        shift = np.roll(np.eye(C), 1, axis=1)
        assert np.abs(done.transition - (0.7 * np.eye(C) + 0.3 * shift)).max() < band(0.3, N / C) * 1.2
        assert done.convention == "transition"


class TestAllKinds:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("size", [1000, 999])
    @pytest.mark.parametrize("rate", [0.0, 0.25, 0.333, 1.0])
    def test_exact(self, kind, size, rate):
        done = spoil(truth(size=size), kind, rate, exact=True)
        assert done.flipped.sum() == round(rate * size)

    def test_exact_with_own_class_chooses_exactly(self):
        """Among 500 classes nearly every chosen row is seen to change."""
        y = np.zeros(1000, dtype=int)
        done = spoil(y, "sym", 0.3, classes=500, convention="replace_incl_own", exact=True)
        assert 290 <= done.flipped.sum() <= 300

    @pytest.mark.parametrize("kind", KINDS)
    def test_rate_zero_is_the_identity(self, kind):
        y = truth(size=500)
        done = spoil(y, kind, 0.0)
        assert np.array_equal(done.codes, y)
        assert not done.flipped.any()
        assert done.realised_rate == 0
        assert np.array_equal(done.transition, np.eye(C))

    @pytest.mark.parametrize("kind", KINDS)
    def test_rate_one_changes_every_label(self, kind):
        done = spoil(truth(size=500), kind, 1.0)
        assert done.flipped.all()
        assert np.array_equal(np.diag(done.transition), np.zeros(C))

    @pytest.mark.parametrize("kind", KINDS)
    def test_rows_without_a_label_keep_having_none(self, kind):
        y = truth(size=1000)
        y[::3] = -1
        done = spoil(y, kind, 0.5)
        assert (done.codes[::3] == -1).all()
        assert not done.flipped[::3].any()
        assert done.realised_rate == done.flipped.sum() / (y >= 0).sum()
        assert np.allclose(done.transition.sum(axis=1), 1)

    @pytest.mark.parametrize("kind", KINDS)
    def test_seeds(self, kind):
        y = truth(size=500)
        assert np.array_equal(spoil(y, kind, 0.4, seed=3).codes, spoil(y, kind, 0.4, seed=3).codes)
        assert not np.array_equal(spoil(y, kind, 0.4, seed=3).codes, spoil(y, kind, 0.4, seed=4).codes)

    @pytest.mark.parametrize("kind", KINDS)
    def test_global_randomness_is_neither_used_nor_touched(self, kind):
        np.random.seed(0)  # noqa: NPY002
        before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
        first = spoil(truth(size=300), kind, 0.4).codes
        assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], before)  # noqa: NPY002
        np.random.seed(1)  # noqa: NPY002
        assert np.array_equal(spoil(truth(size=300), kind, 0.4).codes, first)

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_callers_codes_stay(self, kind):
        y = truth(size=300)
        before = y.copy()
        y.setflags(write=False)
        spoil(y, kind, 0.5)
        assert np.array_equal(y, before)

    def test_absent_class_and_no_rows(self):
        done = spoil(np.zeros(100, dtype=int), "asym", 1.0)
        assert done.transition.tolist() == [
            [0, 1, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1],
        ]  # fmt: skip
        for y in (np.zeros(0, dtype=int), np.array([]), np.array([-1, -1])):
            nothing = spoil(y, "sym", 0.5)
            assert nothing.realised_rate == 0
            assert np.array_equal(nothing.transition, np.eye(C))

    def test_small_integer_types_do_not_wrap(self):
        done = corrupt(np.full(2000, 120, dtype=np.int8), "sym", 1.0, 300, np.random.default_rng(0))
        assert done.codes.max() > 200
        assert done.codes.min() >= 0
        assert 120 not in done.codes

    @settings(deadline=None, max_examples=60)
    @given(
        st.lists(st.integers(-1, 3), max_size=40), st.sampled_from(KINDS), st.floats(0, 1), st.integers(0, 2**32),
        st.booleans(),
    )  # fmt: skip
    def test_range_and_bookkeeping(self, codes, kind, rate, seed, exact):
        y = np.array(codes, dtype=np.int64)
        done = spoil(y, kind, rate, seed=seed, classes=4, exact=exact)
        known = y >= 0
        assert done.codes.shape == y.shape
        assert ((done.codes >= 0) == known).all()
        assert (done.codes < 4).all()
        assert np.array_equal(done.flipped, done.codes != y)
        assert np.allclose(done.transition.sum(axis=1), 1)
        assert (done.transition >= 0).all()
        if exact:
            assert done.flipped.sum() == round(rate * known.sum())


def test_empirical_transition_by_hand():
    """Class 0: two of three stay, one goes to 2. Class 1: absent. Class 2: all go to 0."""
    counted = empirical_transition(np.array([0, 0, 0, 2, 2]), np.array([0, 2, 0, 0, 0]), 3)
    assert counted.tolist() == [[2 / 3, 0, 1 / 3], [0, 1, 0], [1, 0, 0]]


class TestRefused:
    y = np.array([0, 1, 2])

    @pytest.mark.parametrize("rate", [-0.1, 1.1, 40, float("nan"), "0.4", None, True])
    def test_rate(self, rate):
        with pytest.raises(InputError, match=r"rate is .*between 0 and 1"):
            spoil(self.y, "sym", rate)

    def test_names(self):
        with pytest.raises(InputError, match=r'did you mean "sym".*one of sym, asym, idn'):
            spoil(self.y, "symm", 0.4)
        with pytest.raises(InputError, match=r"convention is 'own'.*transition, replace_incl_own"):
            spoil(self.y, "sym", 0.4, convention="own")
        with pytest.raises(InputError, match="for kind sym only"):
            spoil(self.y, "asym", 0.4, convention="replace_incl_own")
        with pytest.raises(InputError, match="needed one of raw"):
            spoil(self.y, "idn", 0.4, compat="paper")
        with pytest.raises(InputError, match="for kind idn only"):
            spoil(self.y, "sym", 0.4, compat="raw")

    def test_codes(self):
        for codes in ([0, 5], [-2, 0]):
            with pytest.raises(InputError, match="must be -1 or 0 to 4"):
                spoil(np.array(codes), "sym", 0.4)
        with pytest.raises(InputError, match="whole numbers are needed"):
            spoil(np.array([0.0, 1.0]), "sym", 0.4)
        with pytest.raises(InputError, match="whole numbers are needed"):
            spoil(np.zeros((2, 2), dtype=int), "sym", 0.4)

    def test_number_of_classes(self):
        with pytest.raises(InputError, match="1 classes were given"):
            spoil(np.zeros(2, dtype=int), "asym", 0.4, classes=1)
        assert spoil(np.zeros(2, dtype=int), "asym", 0.0, classes=1).realised_rate == 0
        with pytest.raises(InputError, match="50000 classes"):
            spoil(self.y, "sym", 0.4, classes=50_000)

    def test_features(self):
        with pytest.raises(InputError, match="needs features"):
            spoil(self.y, "idn", 0.4, features=None)
        with pytest.raises(InputError, match=r"shape \(2, 4\) were given for 3 labels"):
            spoil(self.y, "idn", 0.4, features=np.zeros((2, 4)))
        with pytest.raises(InputError, match="shape"):
            spoil(self.y, "idn", 0.4, features=np.zeros(3))
        with pytest.raises(InputError, match="not finite in 1 rows, the first of which is row 1"):
            spoil(self.y, "idn", 0.4, features=np.array([[0.0], [np.nan], [1.0]]))
        with pytest.raises(InputError, match="temperature is -1"):
            spoil(self.y, "idn", 0.4, temperature=-1)
