"""DISC against loops over rows, the sorting by hand, thresholds over calls, and its stages."""

import numpy as np
import pytest
import torch
from helpers import log_softmax, numerical_gradient, softmax

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.methods.disc import DISC, SortedLoss, sort
from mislabel.training.losses import Batch

N, CLASSES, B = 8, 3, 6
GIVEN = np.array([0, 2, 1, 1, 2, 0, 0, 1])
INDEX = [6, 1, 3, 0, 4, 2]


def store(seed=0):
    found = DynamicsStore([Pass("warm", 0, 0)], N)
    found.probabilities = softmax(np.random.default_rng(seed).normal(0, 2, (1, N, CLASSES))).astype(np.float32)
    return found


def begun(**options):
    loss = SortedLoss(DISC(**options))
    loss.begin(store(), GIVEN, CLASSES, torch.device("cpu"))
    return loss


def test_rows_are_sorted_by_hand():
    """Clean, hard, purified, and three that are nothing: not sure enough, under the cap, and sure of two classes."""
    weak = [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.05, 0.9, 0.05], [0.1, 0.6, 0.3], [0.01, 0.985, 0.005], [0.1, 0.9, 0]]
    strong = [[0.6, 0.3, 0.1], [0.3, 0.5, 0.2], [0.05, 0.8, 0.15], [0.1, 0.7, 0.2], [0.01, 0.985, 0.005], [0.1, 0, 0.9]]
    threshold = torch.tensor([[0.5, 0.4, 0.2, 0.3, 0.8, 0.2], [0.5, 0.4, 0.4, 0.3, 0.8, 0.2]])
    clean, hard, purified, said = sort(torch.tensor([weak, strong]), torch.zeros(6, dtype=torch.int64), threshold)
    assert clean.tolist() == [True] + 5 * [False]
    assert hard.tolist() == [False, True] + 4 * [False]
    assert purified.tolist() == [False, False, True, False, False, False]  # .85 > .3 + .5; .65 not; .985 not > .99
    assert said[2] == 1
    capped = sort(torch.tensor([[[0.002, 0.998]]] * 2), torch.tensor([0]), torch.tensor([[0.9], [0.9]]))
    assert capped[2].tolist() == [True]


def test_thresholds_by_hand_over_calls():
    loss, random = begun(epochs=4), np.random.default_rng(1)
    wanted = np.array([[0.75 / N + 0.25 * store().probabilities[0, row].max() for row in range(N)]] * 2)
    np.testing.assert_allclose(loss.tables["threshold"][..., 0], wanted, rtol=1e-6)
    for index in (INDEX, [7, 5, 6]):
        z = random.normal(0, 2, (1, 2, len(index), CLASSES))
        batch = Batch(
            torch.tensor(index), torch.as_tensor(GIVEN[index]), torch.tensor(z),
            lambda partner, share: torch.zeros(1, partner.shape[1], CLASSES),
        )  # fmt: skip
        loss(batch)
        for at, row in enumerate(index):
            for view in range(2):
                wanted[view, row] = 0.75 * wanted[view, row] + 0.25 * softmax(z[0, view, at]).max()
        np.testing.assert_allclose(loss.tables["threshold"][..., 0], wanted, rtol=1e-5)
    assert loss.state() == {}
    assert SortedLoss(DISC(epochs=4, momentum=0.99)).momentum == 0.99


Z = np.array([
    [[3, 0, 0], [0, 0, 3], [2, 1, 0], [0, 4, 0], [1, 1, 0], [0, 3, 0]],
    [[2, 0, 0], [0, 1, 3], [0, 2, 0], [0, 3, 1], [1, 2, 0], [0.0, 0, 3]],
])  # fmt: skip
CLEAN, HARD, PURIFIED = [0, 1], [2, 5], [3]  # the row at 4 is nothing
NEW = {3: 1}


def by_hand(z, everything, partner, share, weight):
    """L from the logits (2, b, classes) of both views, those of the mixtures, and how they were drawn."""
    total, mixed = 0.0, 0.0
    labels = [NEW.get(row, GIVEN[at]) for row, at in enumerate(INDEX)]
    counts = [1.0 if row in PURIFIED else weight[row] for row in range(B)]
    for view in range(2):
        for row, at in enumerate(INDEX):
            log_p = log_softmax(z[view, row])[GIVEN[at]]
            if row in CLEAN:
                total -= weight[row] * log_p / B
            if row in HARD:
                total += 0.5 * weight[row] * (1 - np.exp(0.7 * log_p)) / 0.7 / B
        for row in CLEAN + HARD + PURIFIED:
            place = view * B + row
            log_q, other = log_softmax(everything[place]), partner[place] - view * B
            mixed -= share[place] * counts[row] * log_q[labels[row]]
            mixed -= (1 - share[place]) * counts[other] * log_q[labels[other]]
    return total + mixed / 5


def test_loss_and_gradients_by_hand():
    torch.manual_seed(0)
    loss = begun(hard_weight=0.5)
    loss.tables["threshold"][:] = 0.4
    loss.tables["threshold"][:, INDEX[4]] = 0.5
    index, target, logits = torch.tensor(INDEX), torch.as_tensor(GIVEN[INDEX]), torch.tensor(Z)[None]
    kinds = sort(logits[0].softmax(-1), target, loss.tables["threshold"][:, index, 0])
    assert [np.flatnonzero(kind).tolist() for kind in kinds[:3]] == [CLEAN, HARD, PURIFIED]
    logits.requires_grad_()
    everything = torch.randn(1, 2 * B, CLASSES, dtype=torch.float64, requires_grad=True)
    weight, asked = np.array([0.5, 2.0, 1.0, 0.25, 3.0, 1.5]), []

    def give(partner, share):
        asked.append((partner[0].numpy(), share[0].numpy().astype(float)))
        return everything

    value = loss(Batch(index, target, logits, give, weight=torch.as_tensor(weight)))
    ((partner, share),) = asked
    for view in range(2):
        own = partner[view * B : (view + 1) * B] - view * B
        assert own[4] == 4
        assert sorted(own) == list(range(B))
        assert share[view * B + 4] == 1
        assert len(set(np.delete(share[view * B : (view + 1) * B], 4))) == 1
    point = everything.detach().numpy()[0]
    assert float(value.detach()) == pytest.approx(by_hand(Z, point, partner, share, weight), rel=1e-6)
    slopes = torch.autograd.grad(value, [logits, everything])
    wanted = numerical_gradient(lambda z: by_hand(z, point, partner, share, weight), Z)
    np.testing.assert_allclose(slopes[0][0], wanted, atol=1e-6)
    wanted = numerical_gradient(lambda z: by_hand(Z, z, partner, share, weight), point)
    np.testing.assert_allclose(slopes[1][0], wanted, atol=1e-6)


def test_a_batch_of_which_nothing_is_learnt():
    loss = begun()
    loss.tables["threshold"][:] = 2.0
    logits = torch.randn(1, 2, 3, CLASSES, requires_grad=True)
    everything = torch.randn(1, 6, CLASSES, requires_grad=True)
    value = loss(Batch(torch.tensor([0, 1, 2]), torch.tensor([0, 2, 1]), logits, lambda *_: everything))
    assert float(value.detach()) == 0
    for slope in torch.autograd.grad(value, [logits, everything]):
        assert (slope == 0).all()


def test_stages():
    warm, last = DISC(warm_epochs=3, epochs=4).stages()
    assert (warm.epochs, warm.views, warm.evaluates) == (3, 2, "probabilities")
    assert (last.epochs, last.views, last.mixes, last.features, last.start) == (4, 2, True, True, "last")
