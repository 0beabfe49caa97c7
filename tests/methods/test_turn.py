"""TURN: who is kept and how classes weigh by hand, the loss, and what it does to labels that a rule wrote."""

import numpy as np
import pytest
import torch
from helpers import log_softmax, numerical_gradient

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.errors import InputError
from mislabel.methods.turn import TURN, CleansedCrossEntropy, kept_weights
from mislabel.posterior.loss_mixture import lower_component_of_class
from mislabel.training.losses import Batch

CPU = torch.device("cpu")


def recorded(losses, *more):
    """A store with a probe of so many passes, and passes of the next stage."""
    passes = [Pass("probe", k, 0) for k in range(len(losses))] + [Pass("tune", k, 0) for k in range(len(more))]
    store, n = DynamicsStore(passes, len(losses[0])), len(losses[0])
    for number, loss in enumerate((*losses, *more)):
        store.write(number, {"prediction": np.zeros(n), "loss": loss, "margin": np.zeros(n)})
    return store


def two_clouds(low, high, few, many, seed=0):
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(low, 0.05, many), random.normal(high, 0.05, few)])


def test_kept_rows_of_all_classes_weigh_the_same():
    """n / (K n_c), with K = 3 classes that have rows."""
    target = np.repeat([0, 1, 3], [60, 30, 20])
    clean = np.where(np.arange(110) % 2 == 0, 0.9, 0.3)
    weight = kept_weights(clean, target, 0.6)
    for label, rows in ((0, 30), (1, 15), (3, 10)):
        np.testing.assert_allclose(weight[(target == label) & (clean > 0.6)], 110 / (3 * rows))
    assert (weight[clean < 0.6] == 0).all()
    assert weight.mean() == pytest.approx(1)


def test_a_tiny_class_neither_vanishes_nor_silences_the_others():
    target = np.repeat([0, 1], [200, 2])
    weight = kept_weights(np.ones(202), target, 0.6)
    assert weight.mean() == pytest.approx(1)
    assert weight[-1] / weight[0] == pytest.approx(20)  # as if there were ten
    assert weight[0] == pytest.approx(202 / (200 + 2 * 20))


def test_a_class_keeps_its_surest_rows():
    target, clean = np.array([0, 0, 0, 1, 1, 1]), np.array([0.7, 0.6, 0.1, 0.2, 0.4, 0.4])
    assert (kept_weights(clean, target, 0.6) > 0).tolist() == [True, False, False, False, True, True]
    assert (kept_weights(clean, target, 1.0) > 0).tolist() == [True, False, False, False, True, True]
    assert (kept_weights(clean, target, 0.0) > 0).all()


def test_what_the_last_pass_of_the_probe_says_counts_and_nothing_after():
    given = np.repeat([0, 1], 100)
    last = np.concatenate([two_clouds(0.1, 3.0, 30, 70, seed) for seed in (1, 2)])
    first, later = np.random.default_rng(3).random((2, 200))
    loss, resumed = CleansedCrossEntropy(0.7, 0.6), CleansedCrossEntropy(0.7, 0.6)
    loss.begin(recorded([first, last]), given, 2, CPU)
    resumed.begin(recorded([first, last], later), given, 2, CPU)
    np.testing.assert_array_equal(resumed.clean, loss.clean)
    np.testing.assert_array_equal(resumed.weight, loss.weight)
    wanted = lower_component_of_class((1 - np.exp(-0.7 * np.float32(last).astype(np.float64))) / 0.7, given)
    np.testing.assert_allclose(loss.clean, wanted, atol=1e-9)
    np.testing.assert_array_equal(loss.weight.numpy() > 0, last < 1)
    assert loss.state() == {}


def test_loss_and_gradient_by_hand():
    random = np.random.default_rng(0)
    loss, index, labels = CleansedCrossEntropy(0.7, 0.6), [4, 0, 2], np.array([1, 2, 0])
    loss.weight = torch.tensor([0.5, 9.0, 0.0, 9.0, 2.5])
    logits = random.normal(0, 2, (1, 1, 3, 3))

    def by_hand(z):
        return -sum(v * log_softmax(z[0, 0, k])[labels[k]] for k, v in enumerate((2.5, 0.5, 0.0))) / 3

    tensor = torch.tensor(logits, requires_grad=True)
    value = loss(Batch(torch.tensor(index), torch.tensor(labels), tensor))
    assert float(value.detach()) == pytest.approx(by_hand(logits))
    (gradient,) = torch.autograd.grad(value, tensor)
    np.testing.assert_allclose(gradient.numpy(), numerical_gradient(by_hand, logits), atol=1e-7)


def test_the_posterior_joins_mixture_and_model():
    stages, given = TURN().stages(), np.array([1, 0])
    stages[-1].loss.clean = np.array([0.9, 0.2])
    store = recorded([np.ones(2)])
    found = TURN().posterior(stages, store, given, np.array([[0.2, 0.6, 0.2], [0.5, 0.5, 0.0]], dtype=np.float32))
    np.testing.assert_allclose(found.probabilities, [[0.23, 0.54, 0.23], [0.1, 0.9, 0.0]], atol=1e-6)


def test_stages_and_options():
    probe, tune = TURN(probe_epochs=3, epochs=2).stages()
    assert (probe.epochs, probe.frozen, probe.balance, probe.start) == (3, True, "classes", "fresh")
    assert (tune.epochs, tune.frozen, tune.balance, tune.start) == (2, False, "none", "last")
    for bad in ({"probe_epochs": 0}, {"epochs": 0}, {"q": 0}, {"threshold": 1.5}):
        with pytest.raises(InputError, match=next(iter(bad))):
            TURN(**bad)
