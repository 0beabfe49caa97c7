"""M-correction against loops over rows, and its mixture against draws from known components."""

import numpy as np
import pytest
import torch
from helpers import numerical_gradient, rng
from scipy.special import rel_entr

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.errors import InputError
from mislabel.methods.m_correction import CorrectedLoss, MCorrection, high_loss
from mislabel.training.losses import Batch

ROWS, CLASSES = 6, 4
INDEX = torch.tensor([7, 2, 9, 0, 4, 5])


def store(losses):
    found = DynamicsStore([Pass("mix", 0, 0)], losses.shape[1])
    found.evaluation = losses
    return found


def two_heaps(rows=400, seed=0):
    """Losses of which a third is high, and which those are."""
    random = rng(seed)
    high = random.random(rows) < 1 / 3
    return np.where(high, random.gamma(20, 0.2, rows), random.gamma(2, 0.1, rows)).astype(np.float32), high


def test_the_mixture_finds_the_higher_heap_and_never_falls():
    losses, high = two_heaps()
    wrong = high_loss(losses)
    assert np.mean((wrong > 0.5) == high) > 0.95
    assert (np.diff(wrong[np.argsort(losses)]) >= -1e-12).all()
    assert wrong.min() >= 0
    assert wrong.max() <= 1


def test_losses_that_are_all_equal_accuse_nobody_more_than_another():
    assert np.ptp(high_loss(np.full(30, 0.7, dtype=np.float32))) == 0


@pytest.mark.parametrize("uniform_weight", [0.0, 1.0])
def test_loss_and_gradient_by_hand(uniform_weight):
    torch.manual_seed(3)
    losses, _ = two_heaps(10)
    loss = CorrectedLoss(MCorrection(uniform_weight=uniform_weight))
    loss.begin(store(losses[None]), np.zeros(10, dtype=np.int64), CLASSES, torch.device("cpu"))
    clean = torch.randn(1, 1, ROWS, CLASSES, requires_grad=True)
    mixed = torch.randn(1, ROWS, CLASSES, dtype=torch.float64, requires_grad=True)
    labels, asked = torch.tensor([0, 3, 1, 1, 2, 0]), []

    def give(partner, share):
        asked.append((partner[0].numpy(), float(share[0, 0])))
        return mixed

    found = loss(Batch(INDEX, labels, clean, give))
    ((partner, share),) = asked
    w = high_loss(losses)[INDEX.numpy()]
    said = clean.detach().numpy()[0, 0].argmax(-1)

    def by_hand(logits):
        total, p = 0.0, np.exp(logits[0]) / np.exp(logits[0]).sum(-1, keepdims=True)
        for k in range(ROWS):
            for part, row in ((share, k), (1 - share, partner[k])):
                total -= part * ((1 - w[row]) * np.log(p[k, labels[row]]) + w[row] * np.log(p[k, said[row]]))
        return total / ROWS + uniform_weight * rel_entr(np.full(CLASSES, 0.25), p.mean(0)).sum()

    point = mixed.detach().numpy()
    assert float(found.detach()) == pytest.approx(by_hand(point), rel=1e-6)
    gradient, none = torch.autograd.grad(found, [mixed, clean], allow_unused=True)
    np.testing.assert_allclose(gradient.numpy(), numerical_gradient(by_hand, point), atol=1e-6)
    assert none is None  # its own prediction is a label, not a way for gradients


def test_weights_follow_the_last_evaluation():
    loss, (losses, _) = CorrectedLoss(MCorrection()), two_heaps(50)
    loss.begin(store(losses[None]), np.zeros(50, dtype=np.int64), CLASSES, torch.device("cpu"))
    before = loss.wrong.clone()
    loss.epoch_end(store(losses[None, ::-1].copy()))
    np.testing.assert_allclose(loss.wrong.numpy(), before.numpy()[::-1])


def test_stages_and_options():
    mix, correct = MCorrection(warm_epochs=3, epochs=4).stages()
    assert (mix.epochs, correct.epochs, correct.start) == (3, 4, "last")
    assert mix.evaluates
    assert correct.evaluates
    for bad in ({"warm_epochs": 0}, {"epochs": 0}, {"alpha": 0}, {"uniform_weight": -1}):
        with pytest.raises(InputError, match=next(iter(bad))):
            MCorrection(**bad)
