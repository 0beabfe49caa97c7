"""The interval from checked rows: against Clopper and Pearson, by exact counts of coverage, and by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mislabel.posterior.prediction_powered import melded_limits, powered_share


def clopper_pearson(wrong, drawn):
    found = stats.binomtest(wrong, drawn).proportion_ci(0.95, method="exact")
    return found.low, found.high


@pytest.mark.parametrize(("wrong", "drawn"), [(0, 50), (1, 50), (7, 50), (50, 50), (0, 1), (1, 1)])
def test_one_stratum_has_the_exact_limits(wrong, drawn):
    found = melded_limits(np.ones(1), np.array([drawn]), np.array([wrong]))
    assert found == pytest.approx(clopper_pearson(wrong, drawn), abs=1e-9)


@pytest.mark.parametrize("wrong", [0, 1])
def test_few_checks_of_many_rows_are_taken_as_one_sample(wrong):
    """The shrinking for rows that are known is of no account in a million."""
    likely, rows = np.zeros(1_000_000, dtype=bool), np.arange(50)
    found = powered_share(likely, rows, rows < wrong)
    assert (found.low, found.high) == pytest.approx(clopper_pearson(wrong, 50), abs=1e-5)
    assert found.estimate == wrong / 50


def test_strata_weigh_by_their_share_of_all_rows():
    """A fifth of the rows is likely wrong, and chance drew 15 of 50 there: 10 of these are wrong, and 7 of the rest."""
    likely = np.arange(100_000) < 20_000
    rows = np.concatenate([np.arange(15), 20_000 + np.arange(35)])
    wrong = np.concatenate([np.arange(15) < 10, np.arange(35) < 7])
    found = powered_share(likely, rows, wrong)
    assert found.estimate == pytest.approx(0.2 * 10 / 15 + 0.8 * 7 / 35)
    random = np.random.default_rng(0)  # the melded distributions, drawn
    low = 0.2 * random.beta(10, 5 + 0.5, 200_000) + 0.8 * random.beta(7, 28 + 0.5, 200_000)
    high = 0.2 * random.beta(10 + 0.5, 5, 200_000) + 0.8 * random.beta(7 + 0.5, 28, 200_000)
    assert found.low == pytest.approx(np.quantile(low, 0.025), abs=2e-3)
    assert found.high == pytest.approx(np.quantile(high, 0.975), abs=2e-3)


def test_when_all_rows_are_checked_all_is_known():
    wrong = np.arange(30) < 4
    found = powered_share(np.arange(30) < 12, np.arange(30), wrong)
    assert (found.estimate, found.low, found.high) == pytest.approx((4 / 30,) * 3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 80), st.floats(0, 1), st.floats(0, 1))
def test_limits_lie_around_the_estimate_and_within_what_is_certain(seed, checked, likely_share, rate):
    random = np.random.default_rng(seed)
    likely, wrong = random.random(80) < likely_share, random.random(80) < rate
    rows = random.permutation(80)[:checked]
    found = powered_share(likely, rows, wrong[rows])
    certain = wrong[rows].sum() / 80, (wrong[rows].sum() + 80 - checked) / 80
    assert certain[0] - 1e-9 <= found.low <= found.estimate + 1e-9
    assert found.estimate - 1e-9 <= found.high <= certain[1] + 1e-9


@pytest.mark.parametrize("likely_share", [0.2, 0.5])
def test_it_holds_the_truth_whatever_the_rates_of_the_strata(likely_share):
    """Of 40 checks, every outcome by its probability: at least 94 % in the worst world, 96.5 % on average."""
    drawn = np.array([round(40 * (1 - likely_share)), round(40 * likely_share)])
    share, held = np.array([1 - likely_share, likely_share]), []
    outcomes = [(a, b) for a in range(drawn[0] + 1) for b in range(drawn[1] + 1)]
    limits = np.array([melded_limits(share, drawn, np.array(outcome)) for outcome in outcomes])
    for others in (0.001, 0.01, 0.03, 0.1, 0.3):
        for rate in (0.05, 0.3, 0.6, 0.8, 0.95, 0.99):
            truth = float(share @ [others, rate])
            inside = (limits[:, 0] <= truth) & (truth <= limits[:, 1])
            chances = [stats.binom.pmf(np.arange(n + 1), n, p) for n, p in zip(drawn, (others, rate), strict=True)]
            held.append(float(np.outer(*chances).ravel()[inside].sum()))
    assert min(held) > 0.94
    assert np.mean(held) > 0.965


def test_good_predictions_make_it_narrow_and_bad_ones_hardly_wider():
    random = np.random.default_rng(3)
    wrong = random.random(4000) < 0.3
    good, useless = np.where(random.random(4000) < 0.95, wrong, ~wrong), random.random(4000) < 0.3
    widths = {}
    for name, likely in {"good": good, "useless": useless, "none": np.zeros(4000, dtype=bool)}.items():
        draws = [random.permutation(4000)[:100] for _ in range(40)]
        found = [powered_share(likely, rows, wrong[rows]) for rows in draws]
        widths[name] = np.mean([each.high - each.low for each in found])
    assert widths["good"] < 0.67 * widths["none"]
    assert widths["useless"] < 1.05 * widths["none"]
