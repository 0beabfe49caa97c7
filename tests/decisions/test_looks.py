"""Looks with known probabilities, against the circle walked through piece by piece and simulated reviews."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel.decisions.limits import binomial_limits
from mislabel.decisions.looks import (
    GOLDEN,
    HEAVIEST,
    bounded,
    draw_looks,
    followed,
    golden_steps,
    inclusion,
    weighted_share,
)

SIZES = [120, 40, 21, 9, 4, 1, 1, 4]
SHARES = np.array(SIZES) ** 0.75 / np.sum(np.array(SIZES) ** 0.75)  # of the circle
STRATA = np.repeat(np.arange(len(SIZES)), SIZES)


def hit_of_every_start(share: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """For each stretch of u in which the same pieces are hit: its length (b,) and which are hit (b, m) bool."""
    ends = np.cumsum(share)
    steps = golden_steps(draws)
    breaks = np.unique(np.append((ends[:, None] - steps).ravel() % 1, [0.0, 1.0]))
    middle, length = (breaks[1:] + breaks[:-1]) / 2, np.diff(breaks)
    hit = np.zeros((len(middle), len(share)), dtype=bool)
    for step in steps:
        hit[np.arange(len(middle)), np.minimum(np.searchsorted(ends, (middle + step) % 1, "right"), len(ends) - 1)] = 1
    return length, hit


@pytest.mark.parametrize("draws", [1, 2, 5, 13, 40, 200])
def test_the_probability_of_a_look_is_the_length_of_all_starts_that_make_it(draws):
    share = 1 / np.sqrt(np.repeat([20, 6, 2, 1], [20, 6, 2, 1]))
    share /= share.sum()
    length, hit = hit_of_every_start(share, draws)
    assert inclusion(share, draws) == pytest.approx(length @ hit, abs=1e-9)


@pytest.mark.parametrize("draws", [1, 3, 12, 60])
def test_weighted_answers_are_right_on_average_over_every_start(draws):
    share = 1 / np.sqrt(np.repeat([20, 6, 2, 1], [20, 6, 2, 1]))
    share /= share.sum()
    wrong = np.random.default_rng(0).random(len(share)) < 0.4
    length, hit = hit_of_every_start(share, draws)
    estimates = (hit * wrong / inclusion(share, draws)).sum(1)
    assert length @ estimates == pytest.approx(wrong.sum(), abs=1e-8)


def test_every_row_comes_once_and_the_seed_decides():
    looks = draw_looks(STRATA, 3)
    assert sorted(looks.rows.tolist()) == list(range(len(STRATA)))
    again, other = draw_looks(STRATA, 3), draw_looks(STRATA, 4)
    assert looks.rows.tolist() == again.rows.tolist() != other.rows.tolist()
    assert (np.diff(looks.draws) >= 0).all()
    assert looks.share == pytest.approx((SHARES / SIZES)[STRATA[looks.rows]])
    assert looks.draws[:9].tolist() == list(range(1, 10))
    assert len(draw_looks(np.empty(0, dtype=np.int64), 0).rows) == 0


def test_the_first_looks_are_those_of_the_points_on_the_circle():
    looks = draw_looks(STRATA, 11)
    ends = np.cumsum(SHARES)  # of the strata, in the order of their names
    found = STRATA[looks.rows[:30]]
    starts = np.linspace(0, 1, 200_001)[:-1]
    fits = np.ones(len(starts), dtype=bool)
    for draw, stratum in zip(looks.draws[:30], found, strict=True):
        fits &= np.searchsorted(ends, (starts + (draw - 1) * GOLDEN) % 1, side="right") == stratum
    assert fits.any()


@pytest.mark.parametrize("names", [STRATA, np.random.default_rng(0).permutation(STRATA), 7 * STRATA[::-1]])
def test_any_number_of_looks_is_spread_over_the_strata(names):
    share_of = {name: np.sum(names == name) ** 0.75 for name in np.unique(names)}
    total = sum(share_of.values())
    for seed in range(20):
        looks = draw_looks(names, seed)
        for taken in (10, 20, 30):  # before small strata run out
            drawn = looks.draws[taken - 1]
            for name, mass in share_of.items():
                if mass > 3:
                    assert abs(np.sum(names[looks.rows[:taken]] == name) - drawn * mass / total) < 2.5


def test_draws_fall_on_every_row_as_often_as_said():
    counted, reviews, taken = np.zeros(len(STRATA)), 1500, 25
    for seed in range(reviews):
        counted[draw_looks(STRATA, seed).rows[:taken]] += 1
    expected = inclusion((SHARES / SIZES)[STRATA], taken)
    error = np.sqrt(expected * (1 - expected) / reviews)
    assert (np.abs(counted / reviews - expected) < 5 * error + 0.01).all()


@pytest.mark.parametrize("taken", [15, 40, 100])
def test_shares_are_right_on_average_and_their_intervals_as_often_as_they_say(taken):
    """With strata of very different shares of wrong labels: the mean that is not weighted is far off."""
    random = np.random.default_rng(1)
    sizes = np.array([500, 200, 80, 30, 10, 5, 2, 1, 1])
    strata = np.repeat(np.arange(len(sizes)), sizes)
    wrong = random.random(len(strata)) < np.linspace(0.1, 0.9, len(sizes))[strata]
    truth, estimates, plain, exact, held = wrong.mean(), [], [], [], []
    for seed in range(500):
        looks = draw_looks(strata, seed)
        weights, found = looks.weights(taken), wrong[looks.rows[:taken]]
        share = weighted_share(found, weights)
        estimates.append(share.estimate)
        exact.append((weights * found).sum() / len(strata))
        plain.append(found.mean())
        held.append(share.low <= truth <= share.high)
    error = np.std(exact) / np.sqrt(len(exact))
    assert abs(np.mean(exact) - truth) < 3.5 * error
    assert abs(np.mean(estimates) - truth) < 0.02  # a ratio of two unbiased sums
    assert np.mean(plain) - truth > 0.03
    assert np.mean(held) > 0.93


def test_rows_that_no_draw_hits_come_last(monkeypatch):
    monkeypatch.setattr("mislabel.decisions.looks.MOST_DRAWS", 6)
    looks = draw_looks(STRATA, 0)
    assert sorted(looks.rows.tolist()) == list(range(len(STRATA)))
    assert looks.draws[:6].tolist() == [1, 2, 3, 4, 5, 6]
    assert set(looks.draws[6:].tolist()) == {6}


def test_all_rows_looked_at_weigh_one_each():
    looks = draw_looks(np.array([0, 0, 0, 1, 1, 2]), 5)
    assert looks.weights(6).tolist() == [1.0] * 6
    assert looks.weights(0).tolist() == []
    assert looks.weights(2) == pytest.approx(1 / (2 * looks.share[:2]))


@pytest.mark.parametrize(
    ("decided", "reached"),
    [([], 0), ([0, 0], 0), ([1, 1, 0, 0, 0], 2), ([0, 1, 1], 0), ([1] * 9 + [0, 1], 11), ([0] + [1] * 9, 10),
     ([1, 1, 0, 0, 0, 0, 1, 0, 1], 2)],
)  # fmt: skip
def test_looks_were_taken_as_far_as_nearly_all_are_decided(decided, reached):
    assert followed(np.array(decided, dtype=bool)) == reached


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=30))
def test_bounded_weights_have_mean_one_and_their_order(weights):
    weights = np.array(weights)
    held = bounded(weights)
    assert held.mean() == pytest.approx(1)
    assert (np.diff(held[np.argsort(weights)]) >= -1e-12).all()
    if weights.max() <= HEAVIEST * weights.mean():
        assert held == pytest.approx(weights / weights.mean())


def test_equal_weights_are_a_plain_share():
    holds = np.array([True, True, False, True])
    share = weighted_share(holds, np.full(4, 7.0))
    assert (share.estimate, share.low, share.high) == pytest.approx((0.75, *binomial_limits(4, 3)))
    assert share.half_width == pytest.approx((share.high - share.low) / 2)
    for all_alike in (True, False):
        share = weighted_share(np.full(3, all_alike), np.array([0.1, 0.2, 0.7]))
        assert share.estimate == all_alike
        assert (share.high if all_alike else share.low) == all_alike
