"""Co-teaching: which rows each network learns, by brute force, and the share that is kept, by hand."""

import json

import numpy as np
import pytest
import torch
from helpers import softmax

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.errors import InputError
from mislabel.methods import _small_loss
from mislabel.methods.co_teaching import CoTeaching, ExchangeLoss
from mislabel.training.losses import Batch

CPU = torch.device("cpu")
ROWS, CLASSES = 10, 4
GIVEN = np.random.default_rng(5).integers(0, CLASSES, ROWS)


def store_of(predictions):
    store = DynamicsStore([Pass("train", k, 0) for k in range(9)], ROWS)
    for number, one in enumerate(predictions):
        store.write(number, {"prediction": one, "loss": np.ones(ROWS), "margin": np.zeros(ROWS)})
    return store


def begun(options, epoch=0, rate=None):
    loss = ExchangeLoss(options)
    loss.begin(store_of([]), GIVEN, CLASSES, CPU)
    if rate is not None or epoch:
        loss.load_state({"epoch": epoch, "rate": rate})
    return loss


def batch_of(logits):
    return Batch(torch.arange(ROWS), torch.as_tensor(GIVEN), logits)


@pytest.mark.parametrize(("rate", "kept"), [(0.0, 10), (0.3, 7), (0.56, 4), (0.99, 1)])
def test_each_network_learns_what_the_other_finds_easy(rate, kept):
    logits = np.random.default_rng(0).normal(0, 2, (2, 1, ROWS, CLASSES))
    tensor = torch.tensor(logits, requires_grad=True)
    value = begun(CoTeaching(noise_rate=rate), epoch=1, rate=rate)(batch_of(tensor))
    p = softmax(logits[:, 0])
    losses = -np.log(p[:, np.arange(ROWS), GIVEN])
    chosen = [set(sorted(range(ROWS), key=lambda row: losses[1 - m][row])[:kept]) for m in range(2)]
    wanted = sum(np.mean([losses[m][row] for row in chosen[m]]) for m in range(2))
    assert float(value.detach()) == pytest.approx(wanted, rel=1e-12)
    gradient = torch.autograd.grad(value, tensor)[0].numpy()[:, 0]
    for m in range(2):
        for row in range(ROWS):
            exact = (p[m, row] - np.eye(CLASSES)[GIVEN[row]]) / kept if row in chosen[m] else np.zeros(CLASSES)
            np.testing.assert_allclose(gradient[m, row], exact, atol=1e-12)
    assert 0 < kept < ROWS or chosen[0] == chosen[1]
    if kept == 7:
        assert chosen[0] != chosen[1]  # or the test would not tell the networks apart


@pytest.mark.parametrize(
    ("epochs", "ramp_share", "exponent", "wanted"),
    [
        (5, 0.05, 1.0, [1, 0.6, 0.6, 0.6, 0.6]),
        (8, 0.5, 1.0, [1, 0.9, 0.8, 0.7, 0.6, 0.6, 0.6, 0.6]),
        (8, 0.5, 2.0, [1, 0.975, 0.9, 0.775, 0.6, 0.6]),
        (200, 0.05, 1.0, [1 - 0.4 * min(t / 10, 1) for t in range(15)]),  # as in the paper
    ],
)
def test_the_share_kept_by_hand(epochs, ramp_share, exponent, wanted):
    loss = begun(CoTeaching(epochs=epochs, noise_rate=0.4, ramp_share=ramp_share, exponent=exponent))
    found = []
    for _ in wanted:
        found.append(loss.share)
        loss.epoch_end(store_of([GIVEN]))
    np.testing.assert_allclose(found, wanted)


def test_a_rate_that_is_told_is_used_and_else_it_is_estimated(monkeypatch):
    """Three of ten rows are wrong in the only pass; later passes are handed to the mixture."""
    prediction = GIVEN.copy()
    prediction[:3] = (prediction[:3] + 1) % CLASSES
    told, own = begun(CoTeaching(noise_rate=0.1)), begun(CoTeaching())
    assert (told.rate, own.rate) == (0.1, 0.0)
    for loss in (told, own):
        loss.epoch_end(store_of([prediction]))
    assert told.rate == 0.1
    assert own.rate == pytest.approx(0.3, abs=1e-9)
    assert own.share == pytest.approx(0.7, abs=1e-9)
    seen = []

    def estimate(prediction, given):
        seen.append((prediction, given))
        return 0.9

    monkeypatch.setattr(_small_loss, "estimated_rate", estimate)
    own.epoch_end(store_of([prediction, GIVEN]))
    np.testing.assert_array_equal(seen[0][0], [prediction, GIVEN])
    np.testing.assert_array_equal(seen[0][1], GIVEN)
    assert own.rate == 0.5  # what is not kept is not learnt, so a larger estimate would come true by itself


@pytest.mark.parametrize("rate", [None, 0.2])
def test_state_goes_through_json(rate):
    loss = begun(CoTeaching(noise_rate=rate))
    loss.epoch_end(store_of([(GIVEN + (np.arange(ROWS) < 4)) % CLASSES]))
    other = begun(CoTeaching(noise_rate=rate))
    other.load_state(json.loads(json.dumps(loss.state())))
    assert (other.epoch, other.rate, other.share) == (1, loss.rate, loss.share)
    other.begin(store_of([]), GIVEN, CLASSES, CPU)  # another run starts anew
    assert (other.epoch, other.share) == (0, 1)


def test_options():
    (stage,) = CoTeaching(epochs=3).stages()
    assert (stage.epochs, stage.views, stage.branches, stage.shared) == (3, 1, 2, False)
    for bad in ({"epochs": 0}, {"noise_rate": 1.0}, {"noise_rate": "0.2"}, {"ramp_share": 2}, {"exponent": 0}):
        with pytest.raises(InputError, match=next(iter(bad))):
            CoTeaching(**bad)
