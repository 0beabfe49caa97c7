"""Flip maps, against maps written out by hand and by name."""

import numpy as np
import pytest
from helpers import N, band, rng, truth
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel.errors import InputError
from mislabel.noise import corrupt
from mislabel.noise.maps import CIFAR100_SUPERCLASS, FLIPS, flip_map

CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
CIFAR100 = [  # the superclasses in alphabetical order
    "beaver dolphin otter seal whale", "aquarium_fish flatfish ray shark trout", "orchid poppy rose sunflower tulip",
    "bottle bowl can cup plate", "apple mushroom orange pear sweet_pepper", "clock keyboard lamp telephone television",
    "bed chair couch table wardrobe", "bee beetle butterfly caterpillar cockroach", "bear leopard lion tiger wolf",
    "bridge castle house road skyscraper", "cloud forest mountain plain sea",
    "camel cattle chimpanzee elephant kangaroo", "fox porcupine possum raccoon skunk",
    "crab lobster snail spider worm", "baby boy girl man woman", "crocodile dinosaur lizard snake turtle",
    "hamster mouse rabbit shrew squirrel", "maple_tree oak_tree palm_tree pine_tree willow_tree",
    "bicycle bus motorcycle pickup_truck train", "lawn_mower rocket streetcar tank tractor",
]  # fmt: skip
FINE = sorted(name for group in CIFAR100 for name in group.split())


class TestMaps:
    def test_superclasses_of_cifar100_by_name(self):
        assert np.bincount(CIFAR100_SUPERCLASS).tolist() == [5] * 20
        for code, group in enumerate(CIFAR100):
            assert [name for name, own in zip(FINE, CIFAR100_SUPERCLASS, strict=True) if own == code] == group.split()

    def test_cifar100_flips_by_name(self):
        for names, goes in zip(FINE, flip_map("superclass", 100), strict=True):
            group = next(group.split() for group in CIFAR100 if names in group.split())
            assert FINE[goes] == group[(group.index(names) + 1) % 5]
        # Blocks of the alphabet mean nothing: the third class of the first one is a baby, and becomes a bear.
        assert [FINE[goes] for goes in flip_map("block5", 100)[:5]] == [
            "aquarium_fish", "baby", "bear", "beaver", "apple",
        ]  # fmt: skip

    def test_cifar10_by_name(self):
        goes = {own: CIFAR10[target] for own, target in zip(CIFAR10, flip_map("cifar10", 10), strict=True)}
        moved = {own: target for own, target in goes.items() if own != target}
        assert moved == {
            "truck": "automobile", "bird": "airplane", "deer": "horse", "cat": "dog", "dog": "cat",
        }  # fmt: skip

    def test_by_hand(self):
        assert flip_map("next", 4).tolist() == [1, 2, 3, 0]
        assert flip_map("block5", 12).tolist() == [1, 2, 3, 4, 0, 6, 7, 8, 9, 5, 11, 10]
        assert flip_map("block5", 6).tolist() == [1, 2, 3, 4, 0, 5]  # a block of one class cannot flip
        assert flip_map("superclass", 6, [7, -3, 7, 2, 7, -3]).tolist() == [2, 5, 4, 3, 0, 1]
        assert flip_map(np.array([2, 1, 0], dtype=np.uint8), 3).tolist() == [2, 1, 0]

    @given(st.lists(st.integers(-2, 4), min_size=1, max_size=30))
    def test_every_superclass_is_one_cycle(self, groups):
        goes = flip_map("superclass", len(groups), groups)
        for own, group in enumerate(groups):
            seen, place = [], own
            while place not in seen:
                seen.append(place)
                place = goes[place]
            assert place == own
            assert sorted(seen) == [other for other, its in enumerate(groups) if its == group]

    def test_refused(self):
        with pytest.raises(InputError, match=r'flips is \'blok5\' \(did you mean "block5"'):
            flip_map("blok5", 10)
        with pytest.raises(InputError, match="for the 10 classes of CIFAR-10 in their order, and 9 were given"):
            flip_map("cifar10", 9)
        with pytest.raises(InputError, match="coarse class of each of the 9 classes"):
            flip_map("superclass", 9)
        with pytest.raises(InputError, match=r"superclass of shape \(2,\).*each of the 3 classes"):
            flip_map("superclass", 3, [0, 1])
        with pytest.raises(InputError, match='add flips="superclass"'):
            flip_map("next", 3, [0, 1, 1])
        with pytest.raises(InputError, match=r"flips of shape \(2,\)"):
            flip_map(np.array([1, 0]), 3)
        with pytest.raises(InputError, match="type float64"):
            flip_map(np.array([1.0, 0.0]), 2)
        for wrong in ([0, 2], [-1, 0]):
            with pytest.raises(InputError, match="its values must be 0 to 1"):
                flip_map(np.array(wrong), 2)


@pytest.mark.parametrize(
    ("flips", "classes", "share"),
    [
        ("next", 7, 1.0), ("block5", 100, 1.0), ("block5", 11, 10 / 11), ("superclass", 100, 1.0), ("cifar10", 10, 0.5),
        (np.array([1, 0, 2, 2]), 4, 0.75),
    ],
)  # fmt: skip
class TestAlongAMap:
    """`share`: of the classes that the map can flip; among balanced classes the overall rate is r times that."""

    @pytest.mark.parametrize("rate", [0.2, 0.4, 0.5])
    def test_rates_and_targets(self, flips, classes, share, rate):
        y = truth(classes)
        done = corrupt(y, "asym", rate, classes, rng(1), flips=flips)
        goes = flip_map(flips, classes)
        assert np.array_equal(done.codes[done.flipped], goes[y[done.flipped]])
        assert abs(done.realised_rate - rate * share) < band(rate * share, N)
        can = goes[y] != y
        assert abs(done.flipped[can].mean() - rate) < band(rate, can.sum())
        assert not done.flipped[~can].any()
        ideal = np.eye(classes) + rate * (np.eye(classes)[goes] - np.eye(classes))
        assert np.abs(done.transition - ideal).max() < band(0.5, np.bincount(y).min()) * 1.3
        assert np.allclose(done.transition.sum(axis=1), 1)
        assert np.array_equal(done.flip_map, goes)

    def test_ends_and_exact_counts(self, flips, classes, share):
        y = truth(classes, 999)
        can = flip_map(flips, classes)[y] != y
        assert np.array_equal(corrupt(y, "asym", 0.0, classes, rng(), flips=flips).codes, y)
        assert np.array_equal(corrupt(y, "asym", 1.0, classes, rng(), flips=flips).flipped, can)
        exact = corrupt(y, "asym", 0.3, classes, rng(), flips=flips, exact=True)
        assert exact.flipped.sum() == round(0.3 * can.sum())

    def test_seeds_and_record(self, flips, classes, share):
        y = truth(classes, 500)
        one, same, other = (corrupt(y, "asym", 0.4, classes, rng(seed), flips=flips) for seed in (3, 3, 4))
        assert np.array_equal(one.codes, same.codes)
        assert not np.array_equal(one.codes, other.codes)
        name = flips if isinstance(flips, str) else "custom"
        assert one.recipe.flips == name
        assert one.convention == ("transition" if name == "next" else f"transition, {name}")


def test_next_is_the_default_with_the_numbers_it_always_had():
    y, draw = truth(5, 1000), rng(2)
    expected = np.where(draw.random(1000) < 0.3, (y + 1) % 5, y)
    for extra in ({}, {"flips": "next"}, {"flips": np.array([1, 2, 3, 4, 0])}):
        assert np.array_equal(corrupt(y, "asym", 0.3, 5, rng(2), **extra).codes, expected)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(-1, 9), max_size=40), st.sampled_from(FLIPS), st.floats(0, 1), st.integers(0, 2**32),
    st.booleans(),
)  # fmt: skip
def test_range_and_bookkeeping(codes, flips, rate, seed, exact):
    y = np.array(codes, dtype=np.int64)
    coarse = np.array([0, 0, 1, 2, 2, 2, 3, 0, 1, 1]) if flips == "superclass" else None
    done = corrupt(y, "asym", rate, 10, rng(seed), flips=flips, superclass=coarse, exact=exact)
    goes = flip_map(flips, 10, coarse)
    can = (y >= 0) & (goes[y] != y)
    assert np.array_equal(done.codes, np.where(done.flipped, goes[y], y))
    assert not done.flipped[~can].any()
    assert np.allclose(done.transition.sum(axis=1), 1)
    if exact:
        assert done.flipped.sum() == round(rate * can.sum())


def test_settings_of_another_kind_are_refused():
    y = np.array([0, 1, 2])
    with pytest.raises(InputError, match="superclass is for kind asym only, not sym"):
        corrupt(y, "sym", 0.4, 3, rng(), superclass=np.array([0, 0, 1]))
    for flips in ("block5", np.array([1, 2, 0])):
        with pytest.raises(InputError, match="flips is for kind asym only, not sym"):
            corrupt(y, "sym", 0.4, 3, rng(), flips=flips)
    with pytest.raises(InputError, match="rate is None; it must be between 0 and 1"):
        corrupt(y, "asym", None, 3, rng())
