"""DyGen's generative model: its parts and its loss by hand, gradients by differences and by integration."""

import numpy as np
import pytest
import torch
from random_autoencoders import close_to_mean, concentration_by_hand, kl, make_model, softplus
from scipy import stats
from scipy.integrate import quad

from mislabel.posterior.autoencoder import negative_elbo
from mislabel.posterior.dirichlet import sample

DRAWS = 200_000


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
        return negative_elbo(model, w, label, prior, sampler, beta)[0].mean()

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
        value = negative_elbo(model, *rows, "dirichlet")[0].mean()
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
