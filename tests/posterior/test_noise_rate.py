"""The bound from the labels alone: by hand, and by simulation where evidence is as sure as it should be, or surer."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.posterior.noise_rate import LABELS, RANDOM, NoiseRate, at_least


def two_classes(sure, n):
    """Evidence (n, 2) that holds for class 0 with this probability."""
    return np.tile([sure, 1 - sure], (n, 1))


def quantile(n, p):
    """The 95 % quantile of a binomial, by adding up its probabilities."""
    total = 0.0
    for k in range(n + 1):
        total += math.comb(n, k) * p**k * (1 - p) ** (n - k)
        if total >= 0.95 - 1e-12:
            return k
    return n


@pytest.mark.parametrize(("sure", "n", "other"), [(0.99, 100, 30), (0.9, 100, 30), (0.6, 50, 50), (1.0, 10, 1)])
def test_by_hand(sure, n, other):
    labels = np.repeat([1, 0], [other, n - other])
    wanted = max(0, other - quantile(n, min(1, 2 * (1 - sure)))) / n
    assert at_least(two_classes(sure, n), labels) == pytest.approx(wanted)


def test_labels_that_the_evidence_shares_are_not_wrong():
    assert at_least(two_classes(0.7, 40), np.zeros(40, dtype=int)) == 0


@given(st.integers(0, 2**31))
def test_a_class_that_nobody_has_and_new_names_change_nothing(seed):
    random = np.random.default_rng(seed)
    evidence, labels = random.dirichlet(np.full(3, 0.2), 60), random.integers(0, 3, 60)
    bound = at_least(evidence, labels)
    assert 0 <= bound <= np.mean(evidence.argmax(1) != labels)
    assert at_least(np.column_stack([evidence, np.zeros(60)]), labels) == bound
    assert at_least(evidence[:, [2, 0, 1]], np.array([1, 2, 0])[labels]) == bound


@pytest.mark.parametrize(("noise", "sharpened"), [(0.0, 1.0), (0.0, 1.6), (0.4, 1.0), (0.4, 1.6)])
def test_it_is_false_in_few_worlds(noise, sharpened):
    """True labels follow the evidence's odds, which it states at the root of what they are where it is too sure."""
    false, found = 0, []
    for seed in range(200):
        random = np.random.default_rng([seed, int(10 * noise), int(10 * sharpened)])
        honest = random.dirichlet(np.full(4, 0.15), 300)
        true = (random.random(300)[:, None] > honest.cumsum(1)).sum(1).clip(0, 3)
        labels = np.where(random.random(300) < noise, (true + random.integers(1, 4, 300)) % 4, true)
        stated = honest**sharpened / (honest**sharpened).sum(1, keepdims=True)
        bound = at_least(stated, labels)
        false += bound > np.mean(labels != true)
        found.append(bound)
    assert false <= 0.05 * 200
    assert np.mean(found) < 0.002 if not noise else np.mean(found) > 0.02


def test_what_a_run_says_of_it_is_read_as_it_was_written():
    rate = NoiseRate(RANDOM, 0.1, 0.2, 0.15, 0.25, 50)
    assert NoiseRate.of({"noise_rate": rate.plain()}) == rate
    assert NoiseRate.of({"noise_rate": {**rate.plain(), "true": 0.3}}) == rate


@pytest.mark.parametrize(
    "told", [None, {}, "39 %", {"estimate": 0.4, "low": 0.3, "high": 0.5}, {"basis": "gold", "estimate": 0.4}]
)
def test_an_interval_without_a_basis_is_no_knowledge(told):
    assert NoiseRate.of({"noise_rate": told}) == NoiseRate(LABELS)


@pytest.mark.parametrize("value", [math.nan, math.inf, True, "0.4", [0.4]])
def test_what_is_no_number_is_not_taken_for_one(value):
    assert NoiseRate.of({"noise_rate": {"basis": LABELS, "at_least": value}}).at_least is None


def test_in_words():
    assert NoiseRate().words() == "not assessed"
    assert NoiseRate(LABELS).words() == "not known"
    assert NoiseRate(LABELS, 0.0).words() == "none for sure"
    assert NoiseRate(LABELS, 0.1234).words() == "at least 12.3%"
    assert NoiseRate(RANDOM, 0.1, 0.2, 0.142, 0.27, 50).words() == "20.0% (14.2% to 27.0%)"
