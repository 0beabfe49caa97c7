"""The meaning that published codes give to a rate: realised rates as derived, and codes' draws written as loops."""

import random

import numpy as np
import pytest
from helpers import N, band, rng, truth
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from mislabel.errors import InputError
from mislabel.noise import corrupt
from mislabel.noise.maps import flip_map
from mislabel.noise.rules import COMPAT

RULES = [(compat, kind) for compat, kinds in COMPAT.items() for kind in kinds]


def spoil(y, compat, kind, rate, classes, seed=1, **extra):
    if kind == "idn":
        extra["features"] = rng(7).standard_normal((len(y), 6)) * 100
    return corrupt(y, kind, rate, classes, rng(seed), compat=compat, **extra)


@pytest.mark.parametrize(
    ("compat", "kind", "classes", "rate", "expected"),
    [
        # Own class included over int(r N) rows: r (C - 1) / C.
        *[("ido", "sym", 10, rate, share) for rate, share in ((0.2, 0.18), (0.4, 0.36), (0.5, 0.45), (0.8, 0.72))],
        *[("ido", "sym", 100, rate, share) for rate, share in ((0.2, 0.198), (0.4, 0.396), (0.5, 0.495), (0.8, 0.792))],
        ("ido", "sym", 200, 0.4, 0.398),
        ("dividemix", "sym", 10, 0.4, 0.36),
        ("dividemix", "sym", 100, 0.8, 0.792),
        # Own class included with probability r: the same rate.
        ("m-correction", "sym", 10, 0.4, 0.36),
        ("m-correction", "sym", 4, 1.0, 0.75),
        # Own class included with probability r C / (C - 1), at most 1: r, at most (C - 1) / C.
        ("dygen", "sym", 20, 0.4, 0.4),
        ("dygen", "sym", 4, 0.6, 0.6),
        ("dygen", "sym", 4, 0.9, 0.75),
        ("npc", "sym", 10, 0.4, 0.4),
        ("npc", "sym", 10, 1.0, 0.9),
        ("sed", "sym", 10, 0.4, 0.4),
        *[(code, "asym", classes, 0.4, 0.4) for code in ("dygen", "ido", "sed") for classes in (7, 100)],
        *[("dygen", "idn", 10, rate, share) for rate, share in ((0.2, 0.2055), (0.4, 0.4), (0.5, 0.5))],
        ("ido", "idn", 10, 0.2, 0.2055),
    ],
)
def test_realised_rate(compat, kind, classes, rate, expected):
    done = spoil(truth(classes), compat, kind, rate, classes)
    slack = 5e-5 if expected == 0.2055 else 1 / N  # the figure's digits; a count is whole
    assert abs(done.realised_rate - expected) < band(expected, N) + slack
    assert done.convention.endswith(f", as {compat}")


@pytest.mark.parametrize(("compat", "kind"), [rule for rule in RULES if rule[1] == "sym"])
def test_symmetric_wrong_labels_are_uniform(compat, kind):
    y = truth(6)
    done = spoil(y, compat, kind, 0.5, 6)
    for own in range(6):
        targets = np.bincount(done.codes[(y == own) & done.flipped], minlength=6)
        assert len(targets) == 6  # IDO as it was meant: the invalid label C is never drawn
        assert targets[own] == 0
        assert chisquare(np.delete(targets, own)).pvalue > 1e-4


def written_as_a_loop(compat, kind, y, rate, classes, draw):
    """The codes' own procedures, item by item; returns the number of changed labels."""
    chosen = set(draw.sample(range(len(y)), int(rate * len(y))))
    half = set(draw.sample(range(classes), classes // 2))
    changed = 0
    for place, own in enumerate(y):
        if compat in ("dygen", "npc"):
            takes = draw.random() <= rate * classes / (classes - 1)
        elif compat == "m-correction":
            takes = draw.random() < rate
        else:
            takes = place in chosen and (kind != "str" or own in half)
        if takes:
            changed += draw.randrange(classes) != own
    return changed


@pytest.mark.parametrize(("compat", "kind"), [rule for rule in RULES if rule[1] in ("sym", "str") and rule[0] != "sed"])
def test_mean_and_spread_against_loops(compat, kind):
    """Means within four standard errors of one another, and a spread of the same size: 300 runs of each."""
    draw, y, times = random.Random(3), truth(5, 150), 300
    loops = np.array([written_as_a_loop(compat, kind, y.tolist(), 0.37, 5, draw) for _ in range(times)])
    ours = np.array([spoil(y, compat, kind, 0.37, 5, seed=seed).flipped.sum() for seed in range(times)])
    error = np.sqrt((loops.var() + ours.var()) / times)
    assert abs(loops.mean() - ours.mean()) < 4 * error
    assert 0.75 < ours.std() / loops.std() < 1.33  # on a log scale 5 sqrt(1 / 300)


class TestExactCounts:
    def test_published_codes_truncate_and_exact_rounds(self):
        """0.29 * 100 is 28.999... in floating point: 28 for the codes, 29 here; 0.4 * 999 = 399.6."""
        for rate, size, cut, rounded in ((0.29, 100, 28, 29), (0.4, 999, 399, 400)):
            y = truth(7, size)
            assert spoil(y, "ido", "asym", rate, 7).flipped.sum() == cut
            assert corrupt(y, "asym", rate, 7, rng(), exact=True).flipped.sum() == rounded

    @pytest.mark.parametrize("compat", ["ido", "dividemix"])
    def test_own_class_included(self, compat):
        """Among 1000 classes nearly every chosen row is seen to change."""
        flipped = spoil(np.zeros(1000, dtype=int), compat, "sym", 0.3, 1000).flipped.sum()
        assert 296 <= flipped <= 300
        assert spoil(truth(3, 999), compat, "sym", 0.3, 3).flipped.sum() <= 299


class TestIdo:
    def test_blocks_for_cifar100_and_the_next_class_otherwise(self):
        for classes, name in ((10, "next"), (100, "block5"), (200, "next")):
            y = truth(classes, 5000)
            done = spoil(y, "ido", "asym", 1.0, classes)
            assert np.array_equal(done.codes, flip_map(name, classes)[y])
            assert done.convention == f"transition, {name}, exactly int(r N) rows, as ido"

    @pytest.mark.parametrize(("classes", "own_included"), [(10, True), (200, False)])
    def test_structured(self, classes, own_included):
        """Half of the classes have errors; over all rows r / 2, less the own class: r / 2 (C - 1) / C."""
        y, rates = truth(classes, 4000), []
        for seed in range(60):
            done = spoil(y, "ido", "str", 0.4, classes, seed)
            rates.append(done.realised_rate)
            touched = np.unique(y[done.flipped])
            assert len(touched) <= classes // 2
            if not own_included:  # Tiny-ImageNet's loader has the next class
                assert np.array_equal(done.codes[done.flipped], (y[done.flipped] + 1) % classes)
        if own_included:
            assert len(touched) == classes // 2
        expected = 0.2 * (classes - 1) / classes if own_included else 0.2
        assert abs(np.mean(rates) - expected) < 4 * np.std(rates) / np.sqrt(len(rates))

    def test_other_halves_for_other_seeds(self):
        y = truth(10, 4000)
        halves = {tuple(np.unique(y[spoil(y, "ido", "str", 0.8, 10, seed).flipped])) for seed in range(10)}
        assert len(halves) > 5


class TestInstanceDependent:
    @pytest.mark.parametrize("compat", ["dygen", "ido"])
    def test_raw_and_uncentred(self, compat):
        y = truth(5, 500)
        raw = spoil(y, "raw", "idn", 0.2, 5, center=False)
        done = spoil(y, compat, "idn", 0.2, 5)
        assert np.array_equal(done.codes, raw.codes)
        assert done.convention == f"ptd, raw features, uncentred, as {compat}"
        assert (done.recipe.raw, done.recipe.center) == (True, False)

    def test_raw_alone_stays_as_it_was(self):
        y = truth(5, 500)
        assert spoil(y, "raw", "idn", 0.2, 5).convention == "ptd, raw features, centred"


@pytest.mark.parametrize(("compat", "kind"), RULES)
class TestAll:
    def test_ends(self, compat, kind):
        y = truth(5, 500)
        assert np.array_equal(spoil(y, compat, kind, 0.0, 5).codes, y)
        done = spoil(y, compat, kind, 1.0, 5)
        if kind == "asym":
            assert done.flipped.all()
        if compat == "raw":
            assert done.flipped.all()
        assert done.flipped.any()

    def test_seeds(self, compat, kind):
        y = truth(5, 500)
        assert np.array_equal(spoil(y, compat, kind, 0.4, 5, 3).codes, spoil(y, compat, kind, 0.4, 5, 3).codes)
        assert not np.array_equal(spoil(y, compat, kind, 0.4, 5, 3).codes, spoil(y, compat, kind, 0.4, 5, 4).codes)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.integers(-1, 3), max_size=40), st.sampled_from(RULES), st.floats(0, 1), st.integers(0, 2**32)
)  # fmt: skip
def test_range_and_bookkeeping(codes, rule, rate, seed):
    y = np.array(codes, dtype=np.int64)
    done = spoil(y, *rule, rate, 4, seed)
    known = y >= 0
    assert ((done.codes >= 0) == known).all()
    assert (done.codes < 4).all()
    assert np.array_equal(done.flipped, done.codes != y)
    assert np.allclose(done.transition.sum(axis=1), 1)
    if done.recipe.count == "int":
        assert done.flipped.sum() <= int(rate * known.sum())


class TestRefused:
    y = np.array([0, 1, 2])

    def test_kinds_that_a_code_does_not_have(self):
        with pytest.raises(InputError, match=r'compat="dividemix" is for kind sym only, not asym'):
            spoil(self.y, "dividemix", "asym", 0.4, 3)
        with pytest.raises(InputError, match=r'compat="sed" is for kind sym or asym only, not idn'):
            spoil(self.y, "sed", "idn", 0.4, 3)
        with pytest.raises(InputError, match="not matrix"):
            corrupt(self.y, "matrix", None, 3, rng(), transition=np.eye(3), compat="ido")
        with pytest.raises(InputError, match='add compat="ido"'):
            spoil(self.y, None, "str", 0.4, 3)
        with pytest.raises(InputError, match=r'did you mean "dygen"'):
            spoil(self.y, "digen", "sym", 0.4, 3)

    def test_contradictions(self):
        with pytest.raises(InputError, match=r"exact=True contradicts compat=\"dygen\".*leave it out"):
            spoil(self.y, "dygen", "sym", 0.4, 3, exact=True)
        with pytest.raises(InputError, match=r"convention='replace_incl_own' contradicts.*means 'transition'"):
            spoil(self.y, "sed", "sym", 0.4, 3, convention="replace_incl_own")
        with pytest.raises(InputError, match=r"flips='block5' contradicts.*means 'next'"):
            spoil(self.y, "ido", "asym", 0.4, 3, flips="block5")

    def test_settings_that_agree_are_taken(self):
        y = truth(100, 500)
        plain = spoil(y, "ido", "asym", 0.4, 100).codes
        assert np.array_equal(spoil(y, "ido", "asym", 0.4, 100, flips="block5", exact=True).codes, plain)
        spoil(self.y, "npc", "sym", 0.4, 3, convention="replace_incl_own")
