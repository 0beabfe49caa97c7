"""Forward correction: anchors by hand, the corrected loss by loops over true classes, and Bayes' rule."""

import json

import numpy as np
import pytest
import torch
from helpers import numerical_gradient, softmax
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.errors import InputError
from mislabel.methods.forward import Forward, ForwardCorrection, RememberingCrossEntropy, transition
from mislabel.training.losses import Batch

CPU = torch.device("cpu")
GIVEN = np.array([0, 2, 1, 1, 2, 0])
T = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.3, 0.3, 0.4]])


def corrected(matrix):
    loss = ForwardCorrection(RememberingCrossEntropy(), 97.0)
    loss.begin(DynamicsStore([], 6), GIVEN, 3, CPU)
    loss.load_state({"transition": matrix})
    return loss


def batch_of(logits, index=(0, 1, 2, 3, 4, 5)):
    return Batch(torch.tensor(index), torch.as_tensor(GIVEN[list(index)]), logits)


def by_hand(logits):
    total = 0.0
    for row, label in zip(softmax(logits[0, 0]), GIVEN, strict=True):
        total -= np.log(sum(row[k] * T[k][label] for k in range(3)))
    return total / 6


def test_loss_and_gradient_by_hand():
    logits = np.random.default_rng(0).normal(0, 2, (1, 1, 6, 3))
    tensor = torch.tensor(logits, requires_grad=True)
    loss = corrected(T.tolist())(batch_of(tensor))
    assert float(loss.detach()) == pytest.approx(by_hand(logits), rel=1e-6)
    gradient = torch.autograd.grad(loss, tensor)[0].numpy()
    np.testing.assert_allclose(gradient, numerical_gradient(by_hand, logits), atol=1e-6)


def test_with_an_identity_it_is_cross_entropy():
    logits = torch.randn(1, 1, 6, 3)
    wanted = functional.cross_entropy(logits[0, 0], torch.as_tensor(GIVEN))
    torch.testing.assert_close(corrected(np.eye(3).tolist())(batch_of(logits)), wanted)


def test_a_label_that_no_class_gives_has_a_finite_gradient():
    logits = torch.full((1, 1, 6, 3), -500.0)
    logits[..., 1] = 500.0
    logits.requires_grad_()
    loss = corrected([[0.5, 0.5, 0], [0, 1, 0], [0.5, 0.5, 0]])(batch_of(logits))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_the_warm_stage_keeps_the_latest_probabilities():
    warm, random = RememberingCrossEntropy(), np.random.default_rng(0)
    warm.begin(DynamicsStore([], 6), GIVEN, 3, CPU)
    wanted = np.zeros((6, 3))
    for index in ([0, 3, 5], [3, 1]):
        logits = random.normal(size=(1, 1, len(index), 3))
        wanted[index] = softmax(logits[0, 0])
        value = warm(batch_of(torch.tensor(logits), tuple(index)))
        plain = functional.cross_entropy(torch.tensor(logits[0, 0]), torch.as_tensor(GIVEN[index]))
        torch.testing.assert_close(value, plain)
    np.testing.assert_allclose(warm.tables["probabilities"], wanted, rtol=1e-6)


@pytest.mark.parametrize(("percentile", "depth"), [(100, 0), (99, 2), (97, 6), (90, 20)])
def test_anchors_by_sorting(percentile, depth):
    """200 rows: 97 % leaves 6 above the anchor."""
    p = softmax(np.random.default_rng(0).normal(size=(200, 2)))
    found = transition(p, percentile)
    for label in (0, 1):
        np.testing.assert_allclose(found[label], sorted(p.tolist(), key=lambda row: -row[label])[depth])


def test_anchors_of_a_rare_class_are_in_the_class():
    """A class of 10 in 1000 rows: the 97th percentile of all rows would lie in another class."""
    p = np.repeat([[0.9, 0.1], [0.2, 0.8]], [990, 10], axis=0)
    p[-10:] += np.arange(10)[:, None] * [-0.01, 0.01]
    np.testing.assert_allclose(transition(p, 97), [[0.9, 0.1], [0.16, 0.84]])  # five of ten lie above it
    np.testing.assert_allclose(transition(p[:990], 97), [[0.9, 0.1], [0.9, 0.1]])  # in no row the likeliest


def test_rows_of_a_bad_table_are_still_probabilities():
    p = np.full((30, 3), np.nan)
    p[:, 0], p[:, 2] = 0.0, np.random.default_rng(0).random(30)
    np.testing.assert_allclose(transition(p, 97), np.eye(3))
    scaled = transition(np.tile([2.0, 1.0, 1.0], (30, 1)), 97)
    np.testing.assert_allclose(scaled, np.tile([0.5, 0.25, 0.25], (3, 1)))


def test_the_matrix_comes_from_the_first_stage_and_outlives_it():
    options = Forward(percentile=100)
    warm, second = (stage.loss for stage in options.stages())
    store = DynamicsStore([], 6)
    warm.begin(store, GIVEN, 3, CPU)
    logits = np.random.default_rng(0).normal(size=(1, 1, 6, 3))
    warm(batch_of(torch.tensor(logits)))
    second.begin(store, GIVEN, 3, CPU)
    p = softmax(logits[0, 0])
    np.testing.assert_allclose(second.transition, [p[p[:, k].argmax()] for k in range(3)], rtol=1e-6)
    state = json.loads(json.dumps(second.state()))
    other = options.stages()[1].loss  # as when a run goes on in stage 2: nothing of stage 1 is there
    other.begin(store, GIVEN, 3, CPU)
    other.load_state(state)
    np.testing.assert_array_equal(other.transition, second.transition)
    assert float(other(batch_of(torch.tensor(logits)))) == float(second(batch_of(torch.tensor(logits))))


def test_posterior_by_bayes():
    options = Forward()
    stages = options.stages()
    store = DynamicsStore([Pass("warm", 0, 0)], 6)
    store.write(0, {"prediction": np.array([0, 2, 0, 1, 1, 0]), "loss": np.ones(6), "margin": np.arange(6.0)})
    stages[1].loss.begin(store, GIVEN, 3, CPU)
    stages[1].loss.load_state({"transition": T.tolist()})
    p = softmax(np.random.default_rng(0).normal(size=(6, 3))).astype(np.float32)
    p[4] = [0, 1, 0]  # class 1 never gets the label that this row has
    found = options.posterior(stages, store, GIVEN, p)
    for row, label in enumerate(GIVEN):
        joint = np.array([T[k][label] * p[row][k] for k in range(3)])
        wanted = joint / joint.sum() if joint.sum() else p[row]
        np.testing.assert_allclose(found.probabilities[row], wanted, atol=1e-6)
    np.testing.assert_array_equal(found.evidence["wrong_events"], [0, 0, 1, 0, 1, 0])
    np.testing.assert_array_equal(found.evidence["observations"], np.ones(6))
    np.testing.assert_array_equal(found.evidence["mean_margin"], np.arange(6.0))


def test_options():
    first, second = Forward(warm_epochs=2, epochs=3).stages()
    assert (first.name, first.epochs, second.name, second.epochs, second.start) == ("warm", 2, "forward", 3, "fresh")
    for bad in ({"epochs": 0}, {"warm_epochs": 0}, {"percentile": 101}):
        with pytest.raises(InputError, match=next(iter(bad))):
            Forward(**bad)
