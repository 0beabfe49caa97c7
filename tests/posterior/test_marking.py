"""Marks by a score: recovery of planted shares, a mixture's posterior by Bayes, and what must not change them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import norm

from mislabel.posterior.marking import mark, mark_mirrored, mirrored_component, rising_range, upper_component


def two_heaps(seed: int, share: float, n: int = 2000, gap: float = 7.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    noisy = random.permutation(n) < round(share * n)
    return random.normal(size=n) + gap * noisy, noisy


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8])
def test_a_planted_share_is_recovered(share: float) -> None:
    score, noisy = two_heaps(0, share)
    result = mark(score)
    assert result.identified
    assert result.marked.mean() == pytest.approx(share, abs=0.02)
    assert np.mean(result.marked == noisy) > 0.99


def test_the_posterior_is_that_of_bayes() -> None:
    score, _ = two_heaps(1, 0.3, n=8000, gap=5.0)
    upper, lower = 0.3 * norm.pdf(score, 5), 0.7 * norm.pdf(score)
    np.testing.assert_allclose(mark(score).p_noisy, upper / (upper + lower), atol=0.06)


def scores_with_ties(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    shape = random.integers(0, 4)
    n = int(random.integers(10, 300))
    heaps = random.normal(size=n) * np.where(random.random(n) < 0.5, 1, random.uniform(0.1, 10)) + 3 * random.random()
    return [heaps, np.round(heaps, 1), random.exponential(size=n), random.integers(0, 4, n).astype(float)][shape]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_never_falls_and_equal_scores_are_treated_alike(seed: int) -> None:
    score = scores_with_ties(seed)
    result = mark(score)
    assert result.p_noisy.dtype == np.float64
    assert result.p_noisy.min() >= 0
    assert result.p_noisy.max() <= 1
    order = np.argsort(score)
    steps, apart = np.diff(result.p_noisy[order]), np.diff(score[order])
    assert np.all(steps >= 0)
    assert np.all(steps[apart == 0] == 0)
    np.testing.assert_array_equal(result.marked, result.p_noisy > 0.5)
    assert result.identified or not result.marked.any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(-3, 3), st.floats(-100, 100))
def test_scale_place_and_order_do_not_matter(seed: int, power: float, shift: float) -> None:
    score, _ = two_heaps(seed, 0.3, n=300)
    order = np.random.default_rng(seed).permutation(300)
    plain, moved = mark(score), mark((score * 10**power + shift)[order])
    assert plain.identified
    assert moved.identified
    np.testing.assert_allclose(moved.p_noisy, plain.p_noisy[order], atol=1e-5)


@pytest.mark.parametrize("wide", [0, 1])
def test_unequal_spreads_do_not_turn_the_posterior_back(wide: int) -> None:
    random = np.random.default_rng(2)
    spreads = [6.0, 1.0] if wide == 0 else [1.0, 6.0]
    score = np.concatenate([random.normal(0, spreads[0], 1000), random.normal(8, spreads[1], 1000)])
    result = mark(score)
    assert result.identified
    assert np.all(np.diff(result.p_noisy[np.argsort(score)]) >= 0)
    far = score.argmax() if wide == 0 else score.argmin()  # where the wide component alone would win again
    assert result.marked[far] == (wide == 0)


@pytest.mark.parametrize(("mean", "deviation"), [((0.0, 2.0), (1.0, 3.0)), ((0.0, 2.0), (3.0, 1.0))])
def test_where_the_odds_rise(mean: tuple[float, float], deviation: tuple[float, float]) -> None:
    low, high = rising_range(np.array(mean), np.array(deviation) ** -2.0)
    grid = np.linspace(-20, 20, 40_001)
    odds = norm.logpdf(grid, mean[1], deviation[1]) - norm.logpdf(grid, mean[0], deviation[0])
    rising = grid[:-1][np.diff(odds) > 0]
    assert rising.min() == pytest.approx(max(low, -20), abs=2e-3)
    assert rising.max() == pytest.approx(min(high, 20), abs=2e-3)
    assert rising_range(np.array(mean), np.ones(2)) == (-np.inf, np.inf)


@pytest.mark.parametrize(
    "score",
    [
        np.zeros(0),
        np.array([1.0]),
        np.array([0, 0, 0, 0, 0, 9, 9, 9, 9.0]),  # nine rows are too few
        np.full(50, 0.1),
        np.random.default_rng(3).normal(size=2000),
    ],
)
def test_one_heap_marks_nothing(score: np.ndarray) -> None:
    result = mark(score)
    assert not result.identified
    assert not result.p_noisy.any()
    assert not result.marked.any()
    assert result.p_noisy.shape == result.marked.shape == score.shape
    assert upper_component(score) is None
    declared = mark(score, share=0.4)
    assert declared.marked.sum() == int(0.4 * len(score))
    np.testing.assert_array_equal(declared.p_noisy, declared.marked)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.999))
def test_a_declared_share_marks_the_largest_and_the_earlier_of_equals(seed: int, share: float) -> None:
    score = scores_with_ties(seed)
    result = mark(score, share)
    by_score = sorted(range(len(score)), key=lambda row: (-score[row], row))
    assert set(np.flatnonzero(result.marked).tolist()) == set(by_score[: int(share * len(score))])
    if result.identified:
        np.testing.assert_array_equal(result.p_noisy, mark(score).p_noisy)


def test_two_values_are_two_components() -> None:
    score = np.repeat([0.0, 1.0], [80, 20])
    result = mark(score)
    assert result.identified
    np.testing.assert_array_equal(result.marked, score == 1)


def test_the_same_scores_give_the_same_marks() -> None:
    score, _ = two_heaps(4, 0.2, gap=3.0)
    np.testing.assert_array_equal(mark(score).p_noisy, mark(score.copy()).p_noisy)


def mirrored_heaps(seed: int, share: float, n: int = 4000, gap: float = 2.0) -> np.ndarray:
    """Right labels about -gap, wrong ones about gap, both with spread 1."""
    random = np.random.default_rng(seed)
    return random.normal(size=n) + gap * np.where(random.random(n) < share, 1, -1)


@pytest.mark.parametrize("gap", [1.0, 2.0, 4.0])
def test_mirror_images_against_a_generic_optimiser(gap: float) -> None:
    """The likelihood of both components with equal weights, climbed by scipy from elsewhere."""
    score = mirrored_heaps(0, 0.4, gap=gap)

    def cost(parameters: np.ndarray) -> float:
        mean, spread = np.exp(parameters)
        return -float(np.mean(np.logaddexp(norm.logpdf(score, mean, spread), norm.logpdf(score, -mean, spread))))

    mean, spread = np.exp(minimize(cost, np.log([3.0, 2.0]), method="Nelder-Mead", options={"xatol": 1e-8}).x)
    wanted = 1 / (1 + np.exp(-2 * mean * score / spread**2))
    found = mirrored_component(score)
    assert found is not None
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.6), st.floats(0.01, 100))
def test_the_surer_half_of_the_rows_on_the_other_side_is_marked(seed: int, share: float, scale: float) -> None:
    score = mirrored_heaps(seed, share, n=200)
    result = mark_mirrored(score)
    above = np.flatnonzero(score > 0)
    assert result.marked.sum() == len(above) // 2
    assert set(np.flatnonzero(result.marked)) == set(above[np.argsort(-score[above])[: len(above) // 2]])
    assert np.all(np.diff(result.p_noisy[np.argsort(score)]) >= 0)
    np.testing.assert_array_equal(result.p_noisy > 0.5, score > 0)
    np.testing.assert_allclose(mark_mirrored(scale * score).p_noisy, result.p_noisy, atol=1e-9)
    np.testing.assert_allclose(mark_mirrored(-score).p_noisy, 1 - result.p_noisy, atol=1e-9)


def test_nothing_on_the_other_side_nothing_marked() -> None:
    assert not mark_mirrored(-np.arange(1.0, 50.0)).marked.any()
    alike = mark_mirrored(np.ones(20))
    assert not alike.identified
    assert not alike.marked.any()
    assert mark_mirrored(np.arange(20.0) - 9, share=0.25).marked.sum() == 5
