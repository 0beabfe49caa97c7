"""The beta mixture against the published worked example, maximum likelihood, quadrature and brute force."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from mislabel.posterior.beta_mixture import BetaMixture, fit_beta_mixture

# reference/ido.md, section 3: counts of w = 0..5 released with IDO's code, and what its mixture makes of them
WORKED_COUNTS = [9963, 9469, 6097, 4579, 5578, 14314]
WORKED_WEIGHT, WORKED_A, WORKED_B = (0.6102, 0.3898), (0.5313, 1.2025), (1.4302, 0.1298)
WORKED_TABLE = [  # p_clean, p_noise, F_0, F_1, epsilon
    (1.0000, 0.0000, 0.0008, 0.0000, 1.0008),
    (0.9446, 0.0553, 0.5157, 0.0179, 1.4149),
    (0.8806, 0.1194, 0.7195, 0.0468, 1.4729),
    (0.7682, 0.2318, 0.8569, 0.0900, 1.3574),
    (0.5260, 0.4740, 0.9506, 0.1638, 0.9398),
    (0.0000, 1.0000, 1.0000, 0.8276, 0.0000),
]
HALF_A_DIGIT = 0.5e-4 + 1e-6  # and a hair: 0.9446503 was printed as 0.9446
INTERIOR = BetaMixture(np.array([0.65, 0.35]), np.array([2.0, 7.0]), np.array([8.0, 2.5]))


def draw(mixture, size, seed):
    random = np.random.default_rng(seed)
    noisy = random.random(size) < mixture.weight[1]
    shapes = [np.where(noisy, both[1], both[0]) for both in (mixture.a, mixture.b)]
    return random.beta(*shapes)


def log_likelihood(weight, a, b, rates):
    density = sum(w * stats.beta.pdf(rates, x, y) for w, x, y in zip(weight, a, b, strict=True))
    return np.log(density).mean()


def maximum_likelihood(rates):
    """The best of some starts of a generic optimiser over (logit weight, log a, log b), clean component first."""

    def unpack(point):
        noisy = 1 / (1 + np.exp(-point[0]))
        return np.array([1 - noisy, noisy]), np.exp(point[1:3]), np.exp(point[3:5])

    starts = ([0.0, 0.5, 1.5, 1.5, 0.5], [-1.0, 1.0, 2.0, 2.0, 1.0])
    best = min(
        (optimize.minimize(lambda p: -log_likelihood(*unpack(p), rates), s, method="L-BFGS-B") for s in starts),
        key=lambda found: found.fun,
    )
    weight, a, b = unpack(best.x)
    order = np.argsort(a / (a + b))
    return weight[order], a[order], b[order]


def test_worked_example_of_the_paper():
    mixture = fit_beta_mixture(np.arange(6) / 5, np.array(WORKED_COUNTS))
    assert mixture.identified
    np.testing.assert_allclose(mixture.weight, WORKED_WEIGHT, atol=HALF_A_DIGIT, rtol=0)
    np.testing.assert_allclose(mixture.a, WORKED_A, atol=HALF_A_DIGIT, rtol=0)
    np.testing.assert_allclose(mixture.b, WORKED_B, atol=HALF_A_DIGIT, rtol=0)


@pytest.mark.parametrize("wrong", range(6))
def test_worked_table_of_the_paper(wrong):
    mixture = fit_beta_mixture(np.arange(6) / 5, np.array(WORKED_COUNTS))
    rate = np.array([wrong / 5])
    noisy = mixture.noisy(rate)[0]
    found = [1 - noisy, noisy, *(part[0] for part in mixture.cumulative(rate)), mixture.difficulty_weight(rate)[0]]
    np.testing.assert_allclose(found, WORKED_TABLE[wrong], atol=HALF_A_DIGIT, rtol=0)


@pytest.mark.parametrize(
    "truth", [INTERIOR, BetaMixture(np.array([0.8, 0.2]), np.array([3.0, 9]), np.array([12.0, 3]))]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_close_to_maximum_likelihood(truth, seed):
    """Weighted moments are not maximum likelihood, but on an interior mixture they come near."""
    rates = draw(truth, 6000, seed)
    found = fit_beta_mixture(rates, iterations=200)
    weight, a, b = maximum_likelihood(rates)
    np.testing.assert_allclose(found.a / (found.a + found.b), a / (a + b), rtol=0.06)
    np.testing.assert_allclose(found.weight, weight, atol=0.04)
    best = log_likelihood(weight, a, b, rates)
    assert best - 0.02 <= log_likelihood(found.weight, found.a, found.b, rates) <= best + 1e-6
    np.testing.assert_allclose(found.weight, truth.weight, atol=0.05)


@pytest.mark.parametrize(
    ("rates", "counts"),
    [([0.4], None), ([0.4, 0.4, 0.4], None), ([0.0], [9]), ([1.0], [9]), ([0.0, 1.0], [5, 5]), ([0.2, 0.6], [7, 1])],
)
def test_under_three_distinct_rates_nothing_is_told_apart(rates, counts):
    mixture = fit_beta_mixture(np.array(rates), None if counts is None else np.array(counts))
    assert not mixture.identified
    grid = np.linspace(0, 1, 11)
    np.testing.assert_allclose(mixture.noisy(grid), grid, atol=1e-12)
    # what the rate itself says: with the uniform component on both sides epsilon is P(clean)
    np.testing.assert_allclose(mixture.difficulty_weight(grid), 1 - grid, atol=1e-12)
    np.testing.assert_allclose(mixture.weight[1], np.average(rates, weights=counts))


def test_three_values_are_enough():
    mixture = fit_beta_mixture(np.array([0.0, 0.5, 1.0]), np.array([60, 10, 30]))
    assert mixture.identified
    low, middle, high = mixture.noisy(np.array([0.0, 0.5, 1.0]))
    assert low < 0.01 < middle < high
    assert high > 0.99


@pytest.mark.parametrize("bad", [[0.1, np.nan, 0.3], [0.1, np.inf], [-0.01, 0.5, 0.6], [0.2, 1.01], []])
def test_rates_that_are_no_rates_raise(bad):
    with pytest.raises(ValueError, match="between 0 and 1"):
        fit_beta_mixture(np.array(bad))


def test_rates_without_rows_do_not_count():
    """Neither a rate of count 0 nor even a NaN that nobody has changes the fit."""
    some = fit_beta_mixture(np.array([0, 0.25, 0.5, 1]), np.array([50, 20, 10, 20]))
    same = fit_beta_mixture(np.array([0, 0.25, np.nan, 0.5, 0.75, 1]), np.array([50, 20, 0, 10, 0, 20]))
    np.testing.assert_array_equal([some.weight, some.a, some.b], [same.weight, same.a, same.b])


counts_of_rates = st.tuples(
    st.integers(2, 12).flatmap(lambda passes: st.lists(st.integers(0, 400), min_size=passes + 1, max_size=passes + 1))
).map(lambda one: np.array(one[0]))


@given(counts_of_rates)
def test_counts_mean_repeated_rows(counts):
    rates = np.arange(len(counts)) / (len(counts) - 1)
    if not counts.any():
        return
    # few iterations: on data that two components fit equally well either way, rounding grows from step to step
    by_count = fit_beta_mixture(rates, counts, iterations=2)
    by_row = fit_beta_mixture(np.repeat(rates, counts), iterations=2)
    assert by_count.identified == by_row.identified
    for name in ("weight", "a", "b"):
        np.testing.assert_allclose(getattr(by_count, name), getattr(by_row, name), rtol=1e-6, atol=1e-9)


@given(counts_of_rates, st.integers(1, 60))
def test_outputs_are_probabilities_that_rise_with_the_rate(counts, iterations):
    if not counts.any():
        return
    rates = np.arange(len(counts)) / (len(counts) - 1)
    mixture = fit_beta_mixture(rates, counts, iterations=iterations)
    grid = np.union1d(np.linspace(0, 1, 201), rates)
    noisy = mixture.noisy(grid)
    assert np.all(np.isfinite(noisy))
    assert np.all((noisy >= 0) & (noisy <= 1))
    assert np.all(np.diff(noisy) >= -1e-12)
    difficulty = mixture.difficulty_weight(grid)
    assert np.all(np.isfinite(difficulty))
    assert np.all((difficulty >= 0) & (difficulty <= 2))
    assert mixture.a[0] / (mixture.a[0] + mixture.b[0]) <= mixture.a[1] / (mixture.a[1] + mixture.b[1])
    assert mixture.weight.sum() == pytest.approx(1)


def test_components_cannot_change_places():
    """A start with the noisy component first still ends clean first, with the same fit."""
    rates = draw(INTERIOR, 4000, 3)
    turned = BetaMixture(np.array([0.5, 0.5]), np.array([4.0, 2.0]), np.array([2.0, 4.0]))
    found, usual = fit_beta_mixture(rates, start=turned, iterations=300), fit_beta_mixture(rates, iterations=300)
    assert found.a[0] / (found.a[0] + found.b[0]) < found.a[1] / (found.a[1] + found.b[1])
    np.testing.assert_allclose(found.weight, usual.weight, atol=0.02)


def test_components_that_are_the_same_tell_nothing_apart():
    """From two of one shape every step makes two of one shape again, of rates that lie in one heap."""
    same = BetaMixture(np.array([0.3, 0.7]), np.array([2.0, 2.0]), np.array([2.0, 2.0]))
    rates = stats.beta.ppf(np.linspace(0.05, 0.95, 19), 4, 4)
    found = fit_beta_mixture(rates, start=same)
    assert not found.identified
    np.testing.assert_allclose(found.noisy(rates), rates, atol=1e-5)


@pytest.mark.parametrize("rates", [[0.0, 0.2, 0.4, 1.0], [0.4]])
def test_what_json_holds_gives_the_mixture_back(rates):
    mixture = fit_beta_mixture(np.array(rates))
    again = BetaMixture.from_plain(json.loads(json.dumps(mixture.plain() | {"more": 1})))
    assert again.identified == mixture.identified == (len(rates) > 2)
    np.testing.assert_array_equal([again.weight, again.a, again.b], [mixture.weight, mixture.a, mixture.b])


def test_a_warm_start_goes_on_where_the_fit_before_ended():
    rates = draw(INTERIOR, 2000, 4)
    twice = fit_beta_mixture(rates, start=fit_beta_mixture(rates, iterations=7), iterations=5)
    once = fit_beta_mixture(rates, iterations=12)
    np.testing.assert_allclose([twice.weight, twice.a, twice.b], [once.weight, once.a, once.b], rtol=1e-12)


@pytest.mark.parametrize(
    "mixture", [INTERIOR, BetaMixture(np.array([0.6, 0.4]), np.array([0.5, 1.2]), np.array([1.4, 0.2]))]
)
def test_cumulative_is_that_of_scipy(mixture):
    rates = np.linspace(0.01, 0.99, 21)
    for part, a, b in zip(mixture.cumulative(rates), mixture.a, mixture.b, strict=True):
        np.testing.assert_allclose(part, stats.beta.cdf(rates, a, b), atol=3e-5)
    for part, weight, a, b in zip(mixture.density(rates), mixture.weight, mixture.a, mixture.b, strict=True):
        np.testing.assert_allclose(part, weight * stats.beta.pdf(rates, a, b), rtol=1e-3)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.62, 0.9])
def test_difficulty_weight_by_integrated_densities(rate):
    """epsilon = p_0 F_0 + (1 - p_1)(1 - F_1), each F an integral of a density written out with gamma functions."""
    from math import gamma

    def density(t, k):
        a, b = INTERIOR.a[k], INTERIOR.b[k]
        return gamma(a + b) / gamma(a) / gamma(b) * t ** (a - 1) * (1 - t) ** (b - 1)

    joint = [INTERIOR.weight[k] * density(rate, k) for k in (0, 1)]
    p_clean, p_noisy = joint[0] / sum(joint), joint[1] / sum(joint)
    below = [integrate.quad(density, 0, rate, args=(k,))[0] for k in (0, 1)]
    wanted = p_clean * below[0] + (1 - p_noisy) * (1 - below[1])
    assert INTERIOR.difficulty_weight(np.array([rate]))[0] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("a", [(0.6, 1.5), (2.0, 6.0), (3.0, 1.4)])
@pytest.mark.parametrize("b", [(1.3, 0.4), (2.0, 3.5), (5.0, 1.2)])
def test_noisy_is_the_bayes_ratio_up_to_where_it_turns(a, b):
    """Where the ratio of densities has a turning point, the probability is held there instead of falling again."""
    mixture = BetaMixture(np.array([0.6, 0.4]), np.array(a), np.array(b))
    grid = np.linspace(0.002, 0.998, 997)
    joint = [w * stats.beta.pdf(grid, x, y) for w, x, y in zip(mixture.weight, a, b, strict=True)]
    ratio = joint[1] / (joint[0] + joint[1])
    found = mixture.noisy(grid)
    if a[1] > a[0] and b[1] < b[0]:
        np.testing.assert_allclose(found, ratio, atol=1e-5)
    elif a[1] > a[0]:  # rises, then falls: held at the top
        top = int(ratio.argmax())
        np.testing.assert_allclose(found, np.where(np.arange(997) <= top, ratio, ratio[top]), atol=1e-4)
    elif b[1] < b[0]:  # falls, then rises: held at the bottom
        bottom = int(ratio.argmin())
        np.testing.assert_allclose(found, np.where(np.arange(997) >= bottom, ratio, ratio[bottom]), atol=1e-4)
