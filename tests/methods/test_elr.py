"""Early-learning regularisation: targets by hand over several passes, and the loss that they make."""

import numpy as np
import pytest
import torch
from helpers import numerical_gradient
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore
from mislabel.errors import InputError
from mislabel.methods.elr import ELR, EarlyLearningLoss
from mislabel.training.losses import Batch

ROWS, CLASSES = 6, 3
GIVEN = np.array([0, 2, 1, 1, 2, 0])


def cut(row):
    """Class probabilities of one row, between 1e-4 and 1 - 1e-4."""
    e = np.exp(row - row.max())
    return np.minimum(np.maximum(e / e.sum(), 1e-4), 1 - 1e-4)


def begun(beta=0.7, weight=3.0):
    loss = EarlyLearningLoss(beta, weight)
    loss.begin(DynamicsStore([], ROWS), GIVEN, CLASSES, torch.device("cpu"))
    return loss


def batch_of(logits, index):
    return Batch(torch.tensor(index), torch.as_tensor(GIVEN[index]), logits)


def loss_by_hand(logits, index, targets, weight):
    """Cross-entropy of the uncut probabilities, and the pull of targets that stand still."""
    total = 0.0
    for row, place in zip(logits[0, 0], index, strict=True):
        e = np.exp(row - row.max())
        total -= np.log(e[GIVEN[place]] / e.sum())
        total += weight * np.log(1 - sum(targets[place] * cut(row)))
    return total / len(index)


@pytest.mark.parametrize("spread", [1.0, 8.0])  # the wide one reaches the cut
def test_targets_and_loss_by_hand_over_three_calls(spread):
    loss, random = begun(), np.random.default_rng(1)
    targets = np.zeros((ROWS, CLASSES))
    np.testing.assert_array_equal(loss.tables["targets"], targets)
    for index in ([0, 3, 5], [3, 1], [5, 0, 3, 2]):
        logits = random.normal(0, spread, (1, 1, len(index), CLASSES))
        for row, place in zip(logits[0, 0], index, strict=True):
            targets[place] = 0.7 * targets[place] + 0.3 * cut(row) / cut(row).sum()
        tensor = torch.tensor(logits, requires_grad=True)
        value = loss(batch_of(tensor, index))
        np.testing.assert_allclose(loss.tables["targets"], targets, rtol=1e-5, atol=1e-7)
        assert float(value.detach()) == pytest.approx(loss_by_hand(logits, index, targets, 3.0), rel=1e-5)
        gradient = torch.autograd.grad(value, tensor)[0].numpy()
        wanted = numerical_gradient(lambda z, at=index: loss_by_hand(z, at, targets, 3.0), logits)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-5)
    assert loss.tables["targets"].dtype == torch.float32
    np.testing.assert_array_equal(loss.tables["targets"][4], 0)  # in no batch


def test_without_the_pull_it_is_cross_entropy():
    logits = torch.randn(1, 1, ROWS, CLASSES)
    value = begun(weight=0.0)(batch_of(logits, list(range(ROWS))))
    torch.testing.assert_close(value, functional.cross_entropy(logits[0, 0], torch.as_tensor(GIVEN)))


def test_the_pull_strengthens_what_was_predicted():
    """A row that was always taken for class 1 is drawn to it, though another label is given."""
    loss = begun(weight=10.0)
    sure = torch.tensor([0.0, 3.0, 0.0]).expand(1, 1, 1, 3)
    for _ in range(10):
        logits = sure.clone().requires_grad_()
        value = loss(batch_of(logits, [0]))
    value.backward()
    assert float(logits.grad[0, 0, 0, 1]) < 0 < float(logits.grad[0, 0, 0, 0])


def test_many_classes_and_extreme_logits_stay_finite():
    loss = EarlyLearningLoss(0.0, 3.0)
    given = np.arange(4)
    loss.begin(DynamicsStore([], 4), given, 1000, torch.device("cpu"))
    logits = torch.zeros(1, 1, 4, 1000)
    logits[..., 7] = 200.0
    logits.requires_grad_()
    for _ in range(3):
        value = loss(Batch(torch.arange(4), torch.as_tensor(given), logits))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


def test_a_new_beginning_forgets():
    loss = begun()
    loss(batch_of(torch.randn(1, 1, 2, CLASSES), [0, 1]))
    assert float(loss.tables["targets"].abs().sum()) > 0
    loss.begin(DynamicsStore([], ROWS), GIVEN, CLASSES, torch.device("cpu"))
    assert float(loss.tables["targets"].abs().sum()) == 0
    assert loss.state() == {}


def test_options():
    (stage,) = ELR(epochs=3).stages()
    assert (stage.epochs, stage.views, stage.branches) == (3, 1, 1)
    for bad in ({"epochs": 0}, {"beta": 1.5}, {"weight": -1}):
        with pytest.raises(InputError, match=next(iter(bad))):
            ELR(**bad)
