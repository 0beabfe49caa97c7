"""DyGen's generative model: divergences by formula and by draws, its gradient, brute-force marginals, and fits."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import digamma, gammainc, gammaincinv, gammaln

from mislabel.posterior import dirichlet
from mislabel.posterior.dirichlet import (
    DirichletAutoencoder,
    Fitting,
    agreement,
    divergence,
    fit_generative,
    marginal,
    mode,
    negative_elbo,
    prior_concentration,
    sample,
    standardisation,
)

DRAWS = 200_000
above_one = st.floats(1.05, 30.0)
pairs = st.integers(2, 5).flatmap(
    lambda k: st.tuples(st.lists(above_one, min_size=k, max_size=k), st.lists(above_one, min_size=k, max_size=k))
)


def kl(one, other, sampler):
    a, b = (torch.as_tensor(part, dtype=torch.float64)[None] for part in (one, other))
    return float(divergence(a, b, sampler)[0])


def close_to_mean(values, wanted):
    """Within five standard errors."""
    error = values.std(0, ddof=1) / np.sqrt(len(values))
    np.testing.assert_array_less(np.abs(values.mean(0) - wanted), 5 * error + 1e-12)


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


def test_agreement_by_loops():
    a = np.random.default_rng(0).uniform(1.01, 9, (3, 5, 4))
    wanted = np.zeros(5)
    for row in range(5):
        modes = [(a[m, row] - 1) / sum(a[m, row] - 1) for m in range(3)]
        mean = np.sum(modes, axis=0) / 3
        for one in modes:
            wanted[row] += sum(mean[k] * (np.log(mean[k] + 1e-5) - np.log(one[k] + 1e-5)) for k in range(4)) / 3
    np.testing.assert_allclose(agreement(torch.from_numpy(a)), wanted, rtol=1e-10)
    assert (wanted > 0).all()
    np.testing.assert_allclose(agreement(torch.from_numpy(a[:1].repeat(2, axis=0))), 0, atol=1e-12)


def make_model(dimension=4, classes=3, seed=0):
    """Random weights, mean and scale, in float64."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    mean, scale = torch.from_numpy(random.normal(size=dimension)), torch.from_numpy(random.uniform(1, 3, dimension))
    model = DirichletAutoencoder(mean, scale, classes).double()
    for parameter in model.parameters():
        parameter.data.normal_(0, 1.5)
    return model


def softplus(x):
    return np.logaddexp(0, x)


def concentration_by_hand(model, trajectory, label):
    """From one raw trajectory and a label's code."""
    w = (trajectory - model.mean.numpy()) / model.scale.numpy()
    read = np.concatenate([w, np.eye(model.classes)[label]])
    weight, bias = (part.detach().numpy() for part in (model.encoder.weight, model.encoder.bias))
    return softplus(weight @ read + bias) + 1 + 1 / model.classes


def test_concentration_and_logits_by_hand():
    model, random = make_model(), np.random.default_rng(1)
    trajectory, z = random.normal(size=(6, 4)), random.dirichlet(np.ones(3), 6)
    codes = np.array([0, 1, 2, 2, 1, 0])
    with torch.no_grad():
        w = model.standardise(torch.from_numpy(trajectory))
        a = model.concentration(w, torch.from_numpy(np.eye(3)[codes]))
        logits = model.decode(w, torch.from_numpy(z))
    wanted = [concentration_by_hand(model, one, code) for one, code in zip(trajectory, codes, strict=True)]
    np.testing.assert_allclose(a, wanted, rtol=1e-12)
    assert (a > 1).all()
    standard = (trajectory - model.mean.numpy()) / model.scale.numpy()
    weight, bias = (part.detach().numpy() for part in (model.decoder.weight, model.decoder.bias))
    np.testing.assert_allclose(logits, np.column_stack([standard, z]) @ weight.T + bias, rtol=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_per_label_is_the_encoder_asked_with_every_label(classes):
    model = make_model(classes=classes)
    w = torch.from_numpy(np.random.default_rng(1).normal(size=(5, 4)))
    with torch.no_grad():
        found = model.per_label(w)
        for code in range(classes):
            label = torch.eye(classes, dtype=torch.float64)[code].expand(5, classes)
            a = model.concentration(w, label).numpy()
            np.testing.assert_allclose(found[:, code], (a - 1) / (a - 1).sum(1, keepdims=True), rtol=1e-12)


def terms(model, sampler, rows=12, beta=0.7):
    random = np.random.default_rng(2)
    w = torch.from_numpy(random.normal(size=(rows, 4)))
    label = torch.from_numpy(np.eye(3)[random.integers(0, 3, rows)])
    prior = torch.from_numpy(random.uniform(1.3, 6, (rows, 3)))

    def value(seed=5):
        torch.manual_seed(seed)
        return negative_elbo(model, w, label, prior, Fitting(sampler=sampler, beta=beta))[0].mean()

    return value, (w, label, prior)


@pytest.mark.parametrize("sampler", ["dirichlet", "gamma"])
def test_negative_elbo_by_hand(sampler):
    """Given the draw, which the same seed gives again: cross-entropy of the label fed, and beta times the KL."""
    model = make_model()
    value, (w, label, prior) = terms(model, sampler)
    found = float(value().detach())
    torch.manual_seed(5)
    a = model.concentration(w, label).detach()
    z = sample(a, sampler).numpy()
    weight, bias = (part.detach().numpy() for part in (model.decoder.weight, model.decoder.bias))
    logits = np.column_stack([w, z]) @ weight.T + bias
    chosen = (logits * label.numpy()).sum(1)
    fit = np.log(np.exp(logits).sum(1)) - chosen
    divergences = [kl(one, other, sampler) for one, other in zip(a, prior, strict=True)]
    assert found == pytest.approx(np.mean(fit + 0.7 * np.array(divergences)), rel=1e-10)


def test_gradient_with_gamma_draws_by_finite_differences():
    model = make_model()
    value, _ = terms(model, "gamma")
    found = torch.autograd.grad(value(), list(model.parameters()))
    for parameter, gradient in zip(model.parameters(), found, strict=True):
        flat, step = parameter.data.view(-1), 1e-6
        for place in range(len(flat)):
            before = float(flat[place])
            flat[place] = before + step
            up = float(value().detach())
            flat[place] = before - step
            down = float(value().detach())
            flat[place] = before
            assert float(gradient.view(-1)[place]) == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-7)


def test_gradient_with_dirichlet_draws_is_that_of_the_expectation():
    """With two classes the expectation over z is an integral over a Beta distribution; draws must not be biased."""
    model = make_model(dimension=1, classes=2)
    for part in (model.encoder, model.decoder):
        part.weight.data.mul_(0.7)
    w, prior = 0.4, np.array([3.0, 1.5])

    def exact():
        weights = {name: value.detach().numpy() for name, value in model.named_parameters()}
        a = softplus(weights["encoder.weight"] @ [w, 0, 1] + weights["encoder.bias"]) + 1.5

        def fit(z):
            logits = weights["decoder.weight"] @ [w, z, 1 - z] + weights["decoder.bias"]
            return (np.logaddexp(*logits) - logits[1]) * stats.beta.pdf(z, *a)

        return quad(fit, 0, 1, epsabs=1e-12)[0] + kl(a, prior, "dirichlet")

    torch.manual_seed(0)
    many = 4000
    label = torch.tensor([0.0, 1.0], dtype=torch.float64).expand(many, 2)
    rows = torch.full((many, 1), w, dtype=torch.float64), label, torch.tensor(prior).expand(many, 2)
    gradients, values = [], []
    for _ in range(25):
        value = negative_elbo(model, *rows, Fitting(sampler="dirichlet", beta=1.0))[0].mean()
        values.append(float(value.detach()))
        parts = torch.autograd.grad(value, list(model.parameters()))
        gradients.append(np.concatenate([part.numpy().ravel() for part in parts]))
    close_to_mean(np.array(values), exact())
    wanted = []
    for parameter in model.parameters():
        flat, step = parameter.data.view(-1), 1e-5
        for place in range(len(flat)):
            before = float(flat[place])
            flat[place] = before + step
            up = exact()
            flat[place] = before - step
            wanted.append((up - exact()) / (2 * step))
            flat[place] = before
    gradients = np.array(gradients)
    error = gradients.std(0, ddof=1) / np.sqrt(len(gradients))
    assert (error < 0.02 * np.abs(wanted).max()).all()
    np.testing.assert_array_less(np.abs(gradients.mean(0) - wanted), 5 * error + 1e-7)


def marginal_by_hand(models, trajectories, probabilities):
    """Loops over rows, branches, labels that the classifier may give, and true labels."""
    branches, n, classes = probabilities.shape
    result = np.zeros((n, classes))
    for row in range(n):
        for m in range(branches):
            for fed in range(classes):
                a = concentration_by_hand(models[m], trajectories[m][row], fed)
                for true in range(classes):
                    result[row, true] += probabilities[m, row, fed] * (a[true] - 1) / (a.sum() - classes) / branches
    return result


@pytest.mark.parametrize("numbers", [1, 30, 4096])
def test_marginal_by_brute_force(monkeypatch, numbers):
    monkeypatch.setattr(dirichlet, "NUMBERS_AT_ONCE", numbers)
    models, random = [make_model(seed=k) for k in (0, 1)], np.random.default_rng(1)
    trajectories = random.normal(size=(2, 7, 4))
    probabilities = random.dirichlet(np.ones(3), (2, 7))
    wanted = marginal_by_hand(models, trajectories, probabilities)
    np.testing.assert_allclose(wanted.sum(1), 1, rtol=1e-12)
    found = marginal(models, lambda branch, index: trajectories[branch][index], probabilities)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


def test_marginal_with_more_classes_than_fit_at_once(monkeypatch):
    """Blocks shrink with the square of the number of classes, down to a row; the answer stays."""
    random = np.random.default_rng(1)
    models, trajectories = [make_model(classes=6)], random.normal(size=(1, 5, 4))
    probabilities = random.dirichlet(np.ones(6), (1, 5))
    whole = marginal(models, lambda branch, index: trajectories[branch][index], probabilities)
    for numbers in (10, 80):
        monkeypatch.setattr(dirichlet, "NUMBERS_AT_ONCE", numbers)
        asked = []

        def features(branch, index, asked=asked):
            asked.append(len(index))
            return trajectories[branch][index]

        np.testing.assert_allclose(marginal(models, features, probabilities), whole, rtol=1e-6)
        assert max(asked) == max(1, numbers // max(36, 4))


def planted(n=600, seed=0, right=0.7, wrong=0.4):
    """Trajectories that show the true class along a line; priors of which some are right; fed labels, some wrong."""
    random = np.random.default_rng(seed)
    true = random.integers(0, 3, n)
    centres = 2.5 * np.array([[1, 0, 0, 1, 0, 0], [0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 1]])
    trajectories = (centres[true] + random.normal(size=(2, n, 6))).astype(np.float32)
    believed = np.where(random.random(n) < right, true, (true + random.integers(1, 3, n)) % 3)
    fed = np.where(random.random(n) < wrong, (true + random.integers(1, 3, n)) % 3, true)
    return trajectories, np.stack([fed, fed]), np.stack([prior_concentration(np.eye(3)[believed], 5.0)] * 2), true


def fit(trajectories, labels, priors, **options):
    chosen = {"passes": 3, "fewest_steps": 0, "learning_rate": 1e-2, "batch_size": 50}
    return fit_generative(lambda k, index: trajectories[k][index], labels, priors, Fitting(**(chosen | options)))


def bytes_of(models):
    return [value.numpy().tobytes() for model in models for value in model.state_dict().values()]


@pytest.mark.parametrize(("sampler", "least"), [("dirichlet", 0.9), ("gamma", 0.8)])
def test_the_true_label_is_learnt_from_prior_and_trajectory(sampler, least):
    trajectories, labels, priors, true = planted()
    models = fit(trajectories, labels, priors, passes=20, sampler=sampler, co_regularisation=1.0)
    classifier = 0.9 * np.eye(3, dtype=np.float32)[labels] + 0.1 / 3
    found = marginal(models, lambda branch, index: trajectories[branch][index], classifier)
    assert np.mean(labels[0] == true) < 0.65
    assert np.mean(priors[0].argmax(1) == true) < 0.75
    assert np.mean(found.argmax(1) == true) > least
    new, fed, _, new_true = planted(seed=1)  # rows that it was not fitted to
    classifier = 0.9 * np.eye(3, dtype=np.float32)[fed] + 0.1 / 3
    found = marginal(models, lambda branch, index: new[branch][index], classifier)
    assert np.mean(found.argmax(1) == new_true) > least


@pytest.mark.parametrize("select", [False, True])
def test_the_seed_decides_everything_and_is_the_only_one(select):
    """The same bytes whatever torch's global state is, and that state stays as it was."""
    trajectories, labels, priors, _ = planted(120)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = bytes_of(fit(trajectories, labels, priors, seed=4, select=select))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002
    assert bytes_of(fit(trajectories, labels, priors, seed=4, select=select)) == one
    other = bytes_of(fit(trajectories, labels, priors, seed=5, select=select))
    assert all(a != b for a, b in zip(one[2:6], other[2:6], strict=True))


def test_branches_are_fitted_apart_unless_they_are_to_agree():
    """Without co-regularisation a branch does not feel what the other one is fed; with it, it does."""
    trajectories, labels, priors, _ = planted(120)
    changed = labels.copy()
    changed[1] = (changed[1] + 1) % 3
    for weight, same in ((0.0, True), (1.0, False)):
        options = {"co_regularisation": weight, "warmup": 0.0, "sampler": "gamma"}  # as many random numbers each time
        one, other = (bytes_of(fit(trajectories, fed, priors, **options)[:1]) for fed in (labels, changed))
        assert (one == other) is same


def test_branches_come_to_agree():
    """The stronger lambda_2, the nearer the modes of both branches."""
    trajectories, labels, priors, _ = planted(300)
    priors[1] = priors[1][:, [1, 2, 0]]  # they believe different things
    apart = []
    for weight in (0.0, 5.0, 30.0):
        models = fit(trajectories, labels, priors, passes=15, co_regularisation=weight, warmup=0.0)
        with torch.no_grad():
            a = [
                one.concentration(one.standardise(torch.from_numpy(w)), torch.eye(3)[labels[0]])
                for one, w in zip(models, trajectories, strict=True)
            ]
        apart.append(float(agreement(torch.stack(a)).mean()))
    assert apart[0] > 1.5 * apart[1] > 3 * apart[2]


def test_agreement_waits_for_the_warm_up():
    """With a warm-up of half the passes, lambda_2 changes nothing until then."""
    trajectories, labels, priors, _ = planted(120)
    fits = {
        (weight, passes): bytes_of(fit(trajectories, labels, priors, co_regularisation=weight, passes=passes, warmup=w))
        for passes, w in ((2, 1.0), (4, 0.5))
        for weight in (0.0, 5.0)
    }
    assert fits[0.0, 2] == fits[5.0, 2]
    assert fits[0.0, 4] != fits[5.0, 4]


@pytest.fixture
def watched(monkeypatch):
    """Every call of negative_elbo as (whether it trains, mean, the model's weights then, trajectories)."""
    seen, original = [], dirichlet.negative_elbo

    def watching(model, w, *rest):
        result = original(model, w, *rest)
        state = {name: value.clone() for name, value in model.state_dict().items()}
        seen.append((torch.is_grad_enabled(), float(result[0].detach().mean()), state, w))
        return result

    monkeypatch.setattr(dirichlet, "negative_elbo", watching)
    return seen


def test_selection_keeps_the_weights_of_the_largest_held_out_elbo(watched):
    """A tenth of the rows never trains, and judges each pass; a coarse step makes an early pass the best."""
    trajectories, labels, priors, _ = planted(200)
    passes = 8
    model = fit(trajectories[:1], labels[:1], priors[:1], select=True, learning_rate=0.3, passes=passes)[0]
    scores, states, groups = [], [], []
    for trains, score, state, _ in watched:
        if trains:
            groups.append("train")
            continue
        if not groups or groups[-1] == "train":  # a new pass is over; it may be judged by several draws
            scores.append([])
            states.append(state)
        groups.append("judge")
        scores[-1].append(score)
    assert len(scores) == passes
    best = int(np.argmin([np.mean(one) for one in scores]))
    assert best < passes - 1
    for name, value in model.state_dict().items():
        assert torch.equal(value, states[best][name])
    assert not torch.equal(model.encoder.weight, states[-1]["encoder.weight"])

    def rows_of(trains):
        return {w.numpy().tobytes() for one in watched if one[0] == trains for w in one[3]}

    assert len(rows_of(False)) == 20
    assert len(rows_of(True)) == 180
    assert not rows_of(False) & rows_of(True)


def test_without_selection_the_last_pass_stays_and_all_rows_train(watched):
    trajectories, labels, priors, _ = planted(200)
    fit(trajectories[:1], labels[:1], priors[:1], select=False)
    assert all(one[0] for one in watched)
    assert len({w.numpy().tobytes() for one in watched for w in one[3]}) == 200


@pytest.mark.parametrize("select", [False, True])
@pytest.mark.parametrize(("n", "batch_size"), [(1, 1), (1, 64), (5, 1), (13, 4), (9, 8)])
def test_few_rows_and_batches_of_one(n, batch_size, select):
    """D17: officially a squeeze changes the ranks."""
    trajectories, labels, priors, _ = planted(n)
    models = fit(trajectories, labels, priors, batch_size=batch_size, select=select, passes=4)
    found = marginal(models, lambda k, index: trajectories[k][index], np.full((2, n, 3), 1 / 3, dtype=np.float32))
    assert found.shape == (n, 3)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    assert any(a != b for a, b in zip(bytes_of(models), bytes_of(fit(trajectories, labels, priors, passes=1)),
                                      strict=True))  # fmt: skip


def test_one_branch():
    """Its fit is that of the first of two that do not feel each other, but for the random numbers."""
    trajectories, labels, priors, true = planted()
    models = fit(trajectories[:1], labels[:1], priors[:1], passes=40, co_regularisation=5.0)
    assert len(models) == 1
    assert bytes_of(models) == bytes_of(
        fit(trajectories[:1], labels[:1], priors[:1], passes=40, co_regularisation=0.0)
    )  # there is nobody to agree with
    classifier = np.eye(3, dtype=np.float32)[labels[:1]]
    found = marginal(models, lambda branch, index: trajectories[branch][index], classifier)
    assert np.mean(found.argmax(1) == true) > 0.9


@pytest.mark.parametrize("numbers", [2**20, 21, 1])
def test_standardisation_is_numpys(monkeypatch, numbers):
    monkeypatch.setattr(dirichlet, "NUMBERS_AT_ONCE", numbers)
    matrix = np.random.default_rng(0).normal([0, 50, -300], [1, 3, 0.1], (100, 3)).astype(np.float32)
    mean, scale = standardisation(lambda branch, index: matrix[index] + branch, 2, 100)
    np.testing.assert_allclose(mean, (matrix + 2).mean(0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(scale, matrix.std(0, dtype=np.float64) * np.sqrt(3), rtol=1e-4)
    model = DirichletAutoencoder(mean, scale, 4)
    lengths = (model.standardise(torch.from_numpy(matrix + 2)) ** 2).sum(1).numpy()
    assert lengths.mean() == pytest.approx(1, abs=1e-4)  # whatever the number of features


@pytest.mark.parametrize("value", [0.0, 0.1, -7.33, 1000.5, 65504.0])
def test_a_feature_that_is_constant(value):
    """It is only moved to zero, and does not spoil the fit; values are those that float16 holds."""
    trajectories, labels, priors, true = planted(300)
    constant = np.full((2, 300, 1), np.float16(value), dtype=np.float32)
    wide = np.concatenate([trajectories, constant], axis=2)
    mean, scale = standardisation(lambda branch, index: wide[branch][index], 0, 300)
    assert float(mean[6]) == np.float16(value)
    assert float(scale[6]) == pytest.approx(np.sqrt(7))
    found = marginal(
        fit(wide, labels, priors, passes=30),
        lambda branch, index: wide[branch][index],
        np.eye(3, dtype=np.float32)[labels],
    )
    assert np.mean(found.argmax(1) == true) > 0.85
