"""Distributions over the simplex: divergences by formula and by draws, modes by search."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_autoencoders import close_to_mean, kl
from scipy import stats
from scipy.optimize import minimize
from scipy.special import digamma, gammainc, gammaincinv, gammaln

from mislabel.posterior.dirichlet import divergence, mode, prior_concentration, sample

DRAWS = 200_000
above_one = st.floats(1.05, 30.0)
pairs = st.integers(2, 5).flatmap(
    lambda k: st.tuples(st.lists(above_one, min_size=k, max_size=k), st.lists(above_one, min_size=k, max_size=k))
)


@settings(max_examples=50, deadline=None)
@given(pairs)
def test_divergences_by_formula(both):
    a, b = map(np.array, both)
    spread = digamma(a) - digamma(a.sum())
    wanted = gammaln(a.sum()) - gammaln(a).sum() - gammaln(b.sum()) + gammaln(b).sum() + ((a - b) * spread).sum()
    assert kl(a, b, "dirichlet") == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    wanted = sum(gammaln(y) - gammaln(x) + (x - y) * digamma(x) for x, y in zip(a, b, strict=True))
    assert kl(a, b, "gamma") == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    for sampler in ("dirichlet", "gamma"):
        assert kl(a, b, sampler) >= -1e-9
        assert kl(a, a, sampler) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [([1.4, 2.0, 5.5], [6.3, 1.3, 1.3]), ([1.5, 1.5], [3.0, 1.2])])
def test_divergences_by_draws(a, b):
    random = np.random.default_rng(0)
    z = random.dirichlet(a, DRAWS)
    ratio = stats.dirichlet.logpdf(z.T, a) - stats.dirichlet.logpdf(z.T, b)
    close_to_mean(ratio, kl(a, b, "dirichlet"))
    z = random.gamma(a, size=(DRAWS, len(a)))
    ratio = (stats.gamma.logpdf(z, a) - stats.gamma.logpdf(z, b)).sum(1)
    close_to_mean(ratio, kl(a, b, "gamma"))


def test_divergence_of_rows_is_that_of_each_row():
    a, b = (torch.from_numpy(np.random.default_rng(k).uniform(1.1, 9, (6, 4))) for k in (0, 1))
    for sampler in ("dirichlet", "gamma"):
        wanted = [kl(one, other, sampler) for one, other in zip(a, b, strict=True)]
        np.testing.assert_allclose(divergence(a, b, sampler), wanted, rtol=1e-12)


def test_dirichlet_draws_are_dirichlet():
    """Points of the simplex; each coordinate is Beta(a_k, sum of the others)."""
    a = np.array([1.4, 2.0, 5.5])
    torch.manual_seed(0)
    z = sample(torch.tensor(a).expand(20_000, 3), "dirichlet").numpy()
    np.testing.assert_allclose(z.sum(1), 1, atol=1e-12)
    assert (z > 0).all()
    close_to_mean(z, a / a.sum())
    for k in range(3):
        assert stats.kstest(z[:, k], stats.beta(a[k], a.sum() - a[k]).cdf).pvalue > 1e-3


def test_gamma_draws_by_the_closed_form():
    a = torch.from_numpy(np.random.default_rng(0).uniform(1.05, 12, (500, 4)))
    torch.manual_seed(3)
    u = np.maximum(torch.rand_like(a).numpy(), 1e-6)
    torch.manual_seed(3)
    z = sample(a, "gamma").numpy()
    a = a.numpy()
    np.testing.assert_allclose(z, np.exp((np.log(u * a) + gammaln(a)) / a), rtol=1e-9)
    # Only approximately Gamma: u = z^a / (a Gamma(a)) is the first term of its distribution, which is smaller.
    assert (z < gammaincinv(a, u)).all()
    assert stats.kstest(gammainc(a, z).ravel(), "uniform").pvalue < 1e-3
    # Not on the simplex either.
    assert np.abs(z.sum(1) - 1).max() > 1


def test_gamma_draws_near_zero_are_gamma(monkeypatch):
    """Where u is small the approximation is exact."""
    a = np.array([1.1, 2.0, 4.0])
    for u in (1e-4, 1e-6):
        monkeypatch.setattr(torch, "rand_like", lambda like, u=u: torch.full_like(like, u))
        z = sample(torch.tensor(a), "gamma").numpy()
        np.testing.assert_allclose(z, gammaincinv(a, u), rtol=0.15 if u == 1e-4 else 0.05)


def test_mode_by_hand_and_by_search():
    np.testing.assert_allclose(mode(torch.tensor([[2.0, 3.0, 6.0]])), [[1 / 8, 2 / 8, 5 / 8]], rtol=1e-6)
    a = np.array([1.4, 2.0, 5.5])
    softmax = lambda free: np.exp(np.append(free, 0)) / np.exp(np.append(free, 0)).sum()
    found = minimize(lambda free: -stats.dirichlet.logpdf(softmax(free), a), np.zeros(2), method="Nelder-Mead",
                     options={"xatol": 1e-8, "fatol": 1e-12})  # fmt: skip
    np.testing.assert_allclose(mode(torch.tensor(a)), softmax(found.x), atol=1e-5)


def test_prior_concentration_by_hand():
    found = prior_concentration(np.array([[1.0, 0, 0, 0], [0.25, 0.25, 0.5, 0]]), 8.0)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[9.25, 1.25, 1.25, 1.25], [3.25, 3.25, 5.25, 1.25]])
    np.testing.assert_array_equal(prior_concentration(np.ones((2, 3, 2)) / 2, 0.0), np.full((2, 3, 2), 1.5))
