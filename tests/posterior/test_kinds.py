"""One kind of rows or two: by hand, by trying all rates and powers, and with many classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax

from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.kinds import POWERS, USUAL, best_power_of_one_kind, kinds, sharpened_kinds


def likelihood(s, rate, classes):
    return np.log((1 - rate) * s + rate * (1 - s) / (classes - 1)).sum()


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(0.001, 0.999)), st.integers(2, 5))
@settings(max_examples=30)
def test_the_rate_is_the_likeliest(s, classes):
    found = kinds(s, classes)
    tried = np.linspace(USUAL, 1, 2000)
    best = max(likelihood(s, rate, classes) for rate in tried)
    assert likelihood(s, found.rate, classes) >= best - 1e-6
    assert found.gain == pytest.approx(likelihood(s, found.rate, classes) - likelihood(s, USUAL, classes), abs=1e-9)
    assert found.gain >= -1e-9
    odds = np.exp(found.gain) / np.sqrt(len(s))
    assert found.two == pytest.approx(odds / (1 + odds))


def test_kinds_by_hand():
    """90 rows that the classifier is sure of, and 10 of which it is as sure that they are of another class."""
    found = kinds(np.repeat([0.999, 0.001], [90, 10]), 2)
    assert found.rate == pytest.approx(0.1, abs=0.002)
    assert found.two > 0.999
    assert kinds(np.repeat([0.999, 0.001], [99, 1]), 2).two < 0.5  # one in a hundred is usual
    assert kinds(np.repeat([0.9, 0.1], [90, 10]), 2).two < 0.2  # just as unsure as it is often wrong


def timid(classes, rows, wrong, sureness, seed=0):
    """What a classifier says that is right in most rows and gives the right class too little; labels, some wrong."""
    random = np.random.default_rng(seed)
    true = random.integers(0, classes, rows)
    scores = 0.15 * random.normal(size=(rows, classes))
    scores[np.arange(rows), true] += 1.0
    changed = np.where(random.random(rows) < wrong, random.integers(1, classes, rows), 0)
    return softmax(sureness * scores, axis=1), (true + changed) % classes


@given(st.integers(0, 100), st.integers(3, 30), st.sampled_from([0.0, 0.1, 0.4]), st.sampled_from([1.0, 3.0, 8.0]))
@settings(max_examples=15, deadline=None)
def test_each_model_has_the_power_that_suits_it(seed, classes, wrong, sureness):
    said, labels = timid(classes, 60, wrong, sureness, seed)
    tried = {}
    for power in POWERS:
        of_given = (said**power / (said**power).sum(1, keepdims=True))[np.arange(60), labels]
        of_given = np.clip(of_given, 1e-9, 1 - 1e-9)
        for rate in np.linspace(USUAL, 1, 200, endpoint=False):
            tried[power, rate] = likelihood(of_given, rate, classes)
    one = max(tried[power, USUAL] for power in POWERS)
    found, of_given = sharpened_kinds(said, labels)
    assert one + found.gain >= max(tried.values()) - 1e-6
    assert found.gain == pytest.approx(max(tried.values()) - one, abs=0.05)
    assert likelihood(of_given, found.rate, classes) == pytest.approx(one + found.gain, abs=1e-4)
    assert tried[best_power_of_one_kind(said, labels), USUAL] == pytest.approx(one, abs=1e-4)


@pytest.mark.parametrize("classes", [4, 20, 100, 400])
def test_a_timid_classifier_of_many_classes_still_tells_one_kind_from_two(classes):
    """Without a power a hundred classes looked like one kind however many labels were wrong."""
    for wrong in (0.0, 0.05, 0.3):
        said, labels = timid(classes, 2000, wrong, 3.0)
        found, of_given = sharpened_kinds(said, labels)
        assert (found.two > 0.5) == (wrong > 0)
        assert found.rate == pytest.approx(max(wrong, USUAL), abs=0.02)
        assert found.power > 1
        if wrong and classes >= 100:
            assert kinds(said[np.arange(2000), labels], classes).two < 0.5
            assert np.mean(of_given < 0.5) == pytest.approx(wrong, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0.0, 0.2])
def test_a_frozen_space_of_many_classes(wrong):
    random, true = np.random.default_rng(0), np.arange(2000) % 100
    points = (random.normal(size=(100, 32))[true] + random.normal(size=(2000, 32))).astype(np.float32)
    labels = np.where(random.random(2000) < wrong, random.integers(0, 100, 2000), true)
    found, _ = sharpened_kinds(frozen_space(points, labels, 100).fit.classifier, labels)
    assert (found.two > 0.5) == (wrong > 0)
    assert found.rate == pytest.approx(max(wrong, USUAL), abs=0.05)
