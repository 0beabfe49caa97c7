"""Fits of generative models: what they learn, that they agree, what selection keeps, and few rows."""

import numpy as np
import pytest
import torch

from mislabel.posterior import autoencoder_fitting
from mislabel.posterior.autoencoder import DirichletAutoencoder
from mislabel.posterior.autoencoder_fitting import Fitting, agreement, fit_generative, standardisation
from mislabel.posterior.dirichlet import prior_concentration
from mislabel.posterior.generative import marginal


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
    seen, original = [], autoencoder_fitting.negative_elbo

    def watching(model, w, *rest):
        result = original(model, w, *rest)
        state = {name: value.clone() for name, value in model.state_dict().items()}
        seen.append((torch.is_grad_enabled(), float(result[0].detach().mean()), state, w))
        return result

    monkeypatch.setattr(autoencoder_fitting, "negative_elbo", watching)
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
    monkeypatch.setattr(autoencoder_fitting, "NUMBERS_AT_ONCE", numbers)
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
