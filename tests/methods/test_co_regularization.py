"""Co-regularisation: the warm-up in steps; the loss itself is tested with DyGen."""

import json

import numpy as np
import pytest
import torch

from mislabel.dynamics.store import DynamicsStore
from mislabel.errors import InputError
from mislabel.methods.co_regularization import CoRegularization
from mislabel.methods.dygen import DyGen
from mislabel.training.losses import Batch

CPU = torch.device("cpu")
ROWS, CLASSES = 40, 3
GIVEN = np.arange(ROWS) % CLASSES
LOGITS = torch.from_numpy(np.random.default_rng(0).normal(0, 2, (2, 1, ROWS, CLASSES)))


def values(loss, epochs, step=10):
    """The loss of the very same rows at every step."""
    store, found = DynamicsStore([], ROWS), []
    for _ in range(epochs):
        for _ in range(0, ROWS, step):
            found.append(float(loss(Batch(torch.arange(step), torch.as_tensor(GIVEN[:step]), LOGITS[:, :, :step]))))
        loss.epoch_end(store)
    return found


def by_hand(weight):
    p = LOGITS[:, 0, :10].softmax(-1).numpy()
    fit = -np.log(p[:, np.arange(10), GIVEN[:10]]).mean()
    mean = p.mean(0)
    return fit + weight * np.mean([(mean * (np.log(mean + 1e-5) - np.log(one + 1e-5))).sum(-1) for one in p])


def begun(options):
    loss = options.stages()[0].loss
    loss.begin(DynamicsStore([], ROWS), GIVEN, CLASSES, CPU)
    return loss


@pytest.mark.parametrize(
    ("epochs", "warmup", "silent"), [(5, 0.1, 2), (5, 0.0, 0), (5, 0.2, 4), (3, 0.5, 6), (10, 0.1, 4), (2, 1.0, 8)]
)
def test_the_networks_are_apart_for_a_share_of_the_steps(epochs, warmup, silent):
    """Four steps an epoch."""
    found = values(begun(CoRegularization(epochs=epochs, warmup=warmup, weight=5.0)), epochs)
    apart, together = by_hand(0), by_hand(5)
    np.testing.assert_allclose(found, [apart] * silent + [together] * (4 * epochs - silent), rtol=1e-9)
    assert together - apart > 0.1


def test_continued_as_never_interrupted():
    options = CoRegularization(epochs=5, warmup=0.3)
    whole, first = begun(options), begun(options)
    wanted = values(whole, 5)
    assert values(first, 1) == wanted[:4]
    second = begun(options)
    second.load_state(json.loads(json.dumps(first.state())))
    assert values(second, 4) == wanted[4:]


@pytest.mark.parametrize(("epochs", "silent"), [(9, 0), (10, 1), (20, 2)])
def test_dygen_still_counts_whole_epochs(epochs, silent):
    found = values(begun(DyGen(epochs=epochs)), epochs)
    np.testing.assert_allclose(found, [by_hand(0)] * 4 * silent + [by_hand(5)] * 4 * (epochs - silent), rtol=1e-9)


def test_options():
    (stage,) = CoRegularization(epochs=3, count=4).stages()
    assert (stage.epochs, stage.views, stage.branches, stage.shared, stage.trajectory) == (3, 1, 4, False, None)
    for bad in ({"epochs": 0}, {"weight": -1}, {"count": 1}, {"warmup": 1.5}):
        with pytest.raises(InputError, match=next(iter(bad))):
            CoRegularization(**bad)
