"""Symmetric cross-entropy against sums over classes in numpy."""

import numpy as np
import pytest
import torch
from helpers import numerical_gradient
from torch.nn import functional

from mislabel.errors import InputError
from mislabel.methods.sce import SCE, SymmetricCrossEntropy
from mislabel.training.losses import Batch

GIVEN = torch.tensor([0, 3, 1, 1, 2, 0])


def batch_of(logits):
    return Batch(torch.arange(6), GIVEN, logits)


def by_hand(logits, options):
    """With log 0 written out, class by class: a sum, not a mean."""
    total = 0.0
    for row, label in zip(logits[0, 0], GIVEN.tolist(), strict=True):
        p = np.exp(row) / sum(np.exp(z) for z in row)
        log_label = [0.0 if k == label else options.log_zero for k in range(len(row))]
        total += options.ce_weight * -np.log(p[label])
        total += options.rce_weight * -sum(p[k] * log_label[k] for k in range(len(row)))
    return total / len(GIVEN)


@pytest.mark.parametrize("options", [SCE(), SCE(ce_weight=6, rce_weight=0.1, log_zero=-9.21)])
def test_loss_and_gradient_by_hand(options):
    logits = np.random.default_rng(0).normal(0, 2, (1, 1, 6, 4))
    tensor = torch.tensor(logits, requires_grad=True)
    loss = SymmetricCrossEntropy(options)(batch_of(tensor))
    assert float(loss.detach()) == pytest.approx(by_hand(logits, options), rel=1e-12)
    gradient = torch.autograd.grad(loss, tensor)[0].numpy()
    np.testing.assert_allclose(gradient, numerical_gradient(lambda z: by_hand(z, options), logits), atol=1e-8)


def test_the_parts_alone():
    logits = torch.randn(1, 1, 6, 4)
    plain = SymmetricCrossEntropy(SCE(ce_weight=1, rce_weight=0))(batch_of(logits))
    torch.testing.assert_close(plain, functional.cross_entropy(logits[0, 0], GIVEN))
    for scale in (1, 100, 10_000):
        far = logits * scale
        far.requires_grad_()
        reverse = SymmetricCrossEntropy(SCE(ce_weight=0, log_zero=-4))(batch_of(far))
        reverse.backward()
        assert 0 <= float(reverse.detach()) <= 4
        assert torch.isfinite(far.grad).all()


def test_options():
    (stage,) = SCE(epochs=3).stages()
    assert (stage.epochs, stage.views, stage.branches) == (3, 1, 1)
    for bad in ({"epochs": 0}, {"ce_weight": -1}, {"rce_weight": "1"}, {"log_zero": 0}, {"log_zero": 4}):
        with pytest.raises(InputError, match=next(iter(bad))):
            SCE(**bad)
    with pytest.raises(InputError, match="ce_weight and rce_weight are both 0"):
        SCE(ce_weight=0, rce_weight=0)
