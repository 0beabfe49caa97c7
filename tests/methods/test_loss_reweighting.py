"""Loss-based reweighting: the worked values, gradients by hand, and what balance and ties do."""

import numpy as np
import pytest
import torch
from helpers import log_softmax, numerical_gradient

from mislabel.dynamics.store import DynamicsStore
from mislabel.errors import InputError
from mislabel.methods.loss_reweighting import LossReweighting, ReweightedLoss, loss_weights
from mislabel.training.losses import Batch

LOSSES = torch.tensor([0.1, 0.5, 1.0, 3.0])
GIVEN = np.array([0, 2, 1, 1, 2])


@pytest.mark.parametrize(
    ("strategy", "weights", "loss"),
    [
        ("upper", (0.145, 0.191, 0.270, 0.394), 1.562),
        ("quadratic", (0.168, 0.270, 0.395, 0.168), 1.050),
        ("extremes", (0.303, 0.230, 0.163, 0.303), 1.219),
    ],
)
def test_worked_values(strategy, weights, loss):
    found = loss_weights(LOSSES, strategy, 1.0)
    np.testing.assert_allclose(found, weights, atol=6e-4)
    assert float((found * LOSSES).sum()) == pytest.approx(loss, abs=6e-4)


def weights_by_hand(losses, strategy, r):
    spread = max(losses.max() - losses.min(), 1e-6)
    t = [(2 * loss - losses.max() - losses.min()) / spread for loss in losses]
    g = {
        "upper": [min(each + 1, 1) for each in t],
        "quadratic": [1 - each**2 for each in t],
        "extremes": [abs(each) for each in t],
    }[strategy]
    e = [np.exp(each / r) for each in g]
    return np.array(e) / sum(e)


@pytest.mark.parametrize("strategy", ["upper", "quadratic", "extremes"])
@pytest.mark.parametrize("balanced", [False, True])
def test_loss_and_gradient_by_hand_with_weights_held(strategy, balanced):
    random = np.random.default_rng(0)
    z, own = random.normal(0, 2, (1, 1, 5, 3)), random.random(5) + 0.5 if balanced else None
    rows = np.arange(5)

    def losses(point):
        return -log_softmax(point[0, 0])[rows, GIVEN]

    held = weights_by_hand(losses(z), strategy, 0.4)

    def wanted(point):
        return (held * (1 if own is None else own) * losses(point)).sum()

    tensor = torch.tensor(z, requires_grad=True)
    weight = None if own is None else torch.tensor(own)
    loss = ReweightedLoss(0, strategy, 0.4)
    value = loss(Batch(torch.arange(5), torch.as_tensor(GIVEN), tensor, weight=weight))
    assert float(value.detach()) == pytest.approx(wanted(z), rel=1e-9)
    np.testing.assert_allclose(torch.autograd.grad(value, tensor)[0], numerical_gradient(wanted, z), atol=1e-8)


@pytest.mark.parametrize("strategy", ["upper", "quadratic", "extremes"])
def test_equal_losses_count_the_same_and_no_weight_passes_its_bound(strategy):
    np.testing.assert_allclose(loss_weights(torch.full((4,), 0.7), strategy, 0.4), 0.25)
    np.testing.assert_allclose(loss_weights(torch.tensor([2.0]), strategy, 0.4), 1.0)
    found = loss_weights(torch.rand(50), strategy, 0.4)
    assert float(found.max() / found.min()) <= np.exp(1 / 0.4) * 1.0001
    assert float(found.sum()) == pytest.approx(1)


def test_all_rows_count_the_same_at_first_and_a_resumed_loss_knows_when():
    loss, dynamics = LossReweighting(warm_epochs=1).stages()[0].loss, DynamicsStore([], 5)
    batch = Batch(torch.arange(5), torch.as_tensor(GIVEN), torch.randn(1, 1, 5, 3))
    first = loss(batch)
    torch.testing.assert_close(first, torch.nn.functional.cross_entropy(batch.logits[0, 0], batch.target))
    loss.epoch_end(dynamics)
    again = LossReweighting(warm_epochs=1).stages()[0].loss
    again.load_state(loss.state())
    assert float(again(batch)) == float(loss(batch)) != float(first)


def test_options():
    assert LossReweighting(warm_epochs=2, epochs=3).stages()[0].epochs == 5
    with pytest.raises(InputError, match="strategy"):
        LossReweighting(strategy="linear")
