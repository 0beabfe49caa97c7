"""What generative models say of true labels, by brute force."""

import numpy as np
import pytest
from random_autoencoders import concentration_by_hand, make_model

from mislabel.dynamics.trajectory import Shape, Trajectory
from mislabel.posterior import generative
from mislabel.posterior.generative import Generative, marginal
from mislabel.posterior.temperature import best_power


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
    monkeypatch.setattr(generative, "NUMBERS_AT_ONCE", numbers)
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
        monkeypatch.setattr(generative, "NUMBERS_AT_ONCE", numbers)
        asked = []

        def features(branch, index, asked=asked):
            asked.append(len(index))
            return trajectories[branch][index]

        np.testing.assert_allclose(marginal(models, features, probabilities), whole, rtol=1e-6)
        assert max(asked) == max(1, numbers // max(36, 4))


def test_of_a_store_the_epochs_that_were_asked_for_and_the_last_predictions():
    """Two of three epochs are read, of one network whose two branches differ in their predictions."""
    random, store = np.random.default_rng(2), Trajectory(Shape(3, 1, 2, 40, 2, 3))
    for epoch in range(3):
        store.write(epoch, random.normal(size=(1, 40, 2)), random.dirichlet(np.ones(3), (2, 40)))
    models = [make_model(seed=k).float() for k in (0, 1)]
    read = np.hstack([store.embedding(epoch, 0) for epoch in (0, 2)]).astype(float)
    plain = marginal_by_hand(models, [read, read], np.stack([store.probability(2, branch) for branch in (0, 1)]))
    plain /= plain.sum(1, keepdims=True)
    sharp = Generative(models, [0, 2], power=2.5)
    found = sharp.probabilities(store)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain**2.5 / (plain**2.5).sum(1, keepdims=True), rtol=1e-3, atol=1e-6)
    given = random.integers(0, 3, 40)
    fitted = sharp.calibrated(store, given)
    assert fitted.power == pytest.approx(best_power(plain, given), rel=1e-3)  # from the plain ones, whatever it was
    assert fitted.models is models
