"""JoCoR against loops over rows and classes."""

import json

import numpy as np
import pytest
import torch
from helpers import numerical_gradient, softmax

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.errors import InputError
from mislabel.methods.jocor import JoCoR, JointLoss
from mislabel.training.losses import Batch

CPU = torch.device("cpu")
ROWS, CLASSES = 10, 4
GIVEN = np.random.default_rng(5).integers(0, CLASSES, ROWS)


def begun(options, epoch=0, rate=0.0):
    loss = JointLoss(options)
    loss.begin(DynamicsStore([], ROWS), GIVEN, CLASSES, CPU)
    loss.load_state({"epoch": epoch, "rate": rate})
    return loss


def batch_of(logits):
    return Batch(torch.arange(ROWS), torch.as_tensor(GIVEN), logits)


def rows_by_hand(logits, weight):
    """l of each row."""
    result = []
    for row, label in enumerate(GIVEN):
        p, q = softmax(logits[0, 0, row]), softmax(logits[1, 0, row])
        fit = -np.log(p[label]) - np.log(q[label])
        apart = sum(p[k] * np.log(p[k] / q[k]) for k in range(CLASSES))
        apart += sum(q[k] * np.log(q[k] / p[k]) for k in range(CLASSES))
        result.append((1 - weight) * fit + weight * apart)
    return result


@pytest.mark.parametrize("weight", [0.0, 0.1, 0.9])
@pytest.mark.parametrize(("rate", "kept"), [(0.0, 10), (0.3, 7), (0.99, 1)])
def test_loss_and_gradient_by_hand(weight, rate, kept):
    def by_hand(point):
        return np.mean(sorted(rows_by_hand(point, weight))[:kept])

    logits = np.random.default_rng(0).normal(0, 2, (2, 1, ROWS, CLASSES))
    tensor = torch.tensor(logits, requires_grad=True)
    value = begun(JoCoR(co_weight=weight), epoch=1, rate=rate)(batch_of(tensor))
    assert float(value.detach()) == pytest.approx(by_hand(logits), rel=1e-10)
    gradient = torch.autograd.grad(value, tensor)[0].numpy()
    np.testing.assert_allclose(gradient, numerical_gradient(by_hand, logits), atol=1e-8)
    assert (np.abs(gradient).sum((0, 1, 3)) > 0).sum() == kept  # both networks learn from the same rows


def test_the_networks_may_change_places():
    logits = torch.randn(2, 1, ROWS, CLASSES, dtype=torch.float64)
    loss = begun(JoCoR(), epoch=1, rate=0.4)
    torch.testing.assert_close(loss(batch_of(logits)), loss(batch_of(logits.flip(0))))


def test_the_schedule_is_that_of_co_teaching():
    wrong = (GIVEN + (np.arange(ROWS) < 4)) % CLASSES
    store = DynamicsStore([Pass("train", 0, 0)], ROWS)
    store.write(0, {"prediction": wrong, "loss": np.ones(ROWS), "margin": np.zeros(ROWS)})
    for told, wanted in ((None, 0.6), (0.25, 0.75)):
        loss = JointLoss(JoCoR(noise_rate=told))
        loss.begin(store, GIVEN, CLASSES, CPU)
        assert loss.share == 1
        loss.epoch_end(store)
        assert loss.share == pytest.approx(wanted)
        json.dumps(loss.state())


def test_options():
    (stage,) = JoCoR(epochs=3).stages()
    assert (stage.epochs, stage.views, stage.branches, stage.shared) == (3, 1, 2, False)
    for bad in ({"epochs": 0}, {"noise_rate": -0.1}, {"co_weight": 1}, {"ramp_share": -1}, {"exponent": 0}):
        with pytest.raises(InputError, match=next(iter(bad))):
            JoCoR(**bad)
