"""Generalised cross-entropy against powers in numpy, its limits, and rows that the network does not believe at all."""

import numpy as np
import pytest
import torch
from helpers import numerical_gradient
from torch.nn import functional

from mislabel.errors import InputError
from mislabel.methods.gce import GCE, GeneralisedCrossEntropy
from mislabel.training.losses import Batch

GIVEN = torch.tensor([0, 3, 1, 1, 2, 0])


def batch_of(logits):
    return Batch(torch.arange(6), GIVEN, logits)


def by_hand(logits, q):
    total = 0.0
    for row, label in zip(logits[0, 0], GIVEN.tolist(), strict=True):
        p = np.exp(row[label]) / sum(np.exp(z) for z in row)
        total += (1 - p**q) / q
    return total / len(GIVEN)


@pytest.mark.parametrize("q", [0.1, 0.7, 1.0])
def test_loss_and_gradient_by_hand(q):
    logits = np.random.default_rng(0).normal(0, 2, (1, 1, 6, 4))
    tensor = torch.tensor(logits, requires_grad=True)
    loss = GeneralisedCrossEntropy(q)(batch_of(tensor))
    assert float(loss.detach()) == pytest.approx(by_hand(logits, q), rel=1e-12)
    gradient = torch.autograd.grad(loss, tensor)[0].numpy()
    np.testing.assert_allclose(gradient, numerical_gradient(lambda z: by_hand(z, q), logits), atol=1e-8)


def test_towards_zero_it_is_cross_entropy_and_at_one_the_absolute_error():
    logits = torch.randn(1, 1, 6, 4)
    plain = functional.cross_entropy(logits[0, 0], GIVEN)
    torch.testing.assert_close(GeneralisedCrossEntropy(1e-6)(batch_of(logits)), plain, rtol=1e-4, atol=1e-5)
    error = (logits[0, 0].softmax(-1) - functional.one_hot(GIVEN, 4)).abs().sum(-1).mean() / 2
    torch.testing.assert_close(GeneralisedCrossEntropy(1.0)(batch_of(logits)), error)


@pytest.mark.parametrize("q", [1e-6, 0.7, 1.0])
def test_a_row_that_is_not_believed_has_a_finite_gradient(q):
    logits = torch.zeros(1, 1, 6, 4)
    logits[0, 0, torch.arange(6), GIVEN] = -1000.0
    logits.requires_grad_()
    loss = GeneralisedCrossEntropy(q)(batch_of(logits))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    if q >= 0.7:
        assert float(logits.grad.abs().max()) == 0
        assert float(loss.detach()) == pytest.approx(1 / q)


def test_options():
    (stage,) = GCE(epochs=3, q=0.5).stages()
    assert (stage.epochs, stage.views, stage.branches, stage.loss.q) == (3, 1, 1, 0.5)
    for bad in ({"epochs": 0}, {"q": 0}, {"q": 1.1}, {"q": True}):
        with pytest.raises(InputError, match=next(iter(bad))):
            GCE(**bad)
