"""Mixup against sums written by hand, and the two ways to mix against networks that are called directly."""

import numpy as np
import pytest
import torch
from helpers import log_softmax, numerical_gradient

from mislabel.errors import InputError, RunError
from mislabel.methods._losses import MixedCrossEntropy, draw_partners
from mislabel.methods.mixup import Mixup
from mislabel.training.branches import Branches, TappedLinear
from mislabel.training.losses import Batch
from mislabel.training.mixing import mixer

ROWS, CLASSES = 6, 4


def test_loss_and_gradient_by_hand():
    torch.manual_seed(0)
    mixed = torch.randn(1, ROWS, CLASSES, dtype=torch.float64, requires_grad=True)
    labels, asked = torch.tensor([0, 3, 1, 1, 2, 0]), []

    def give(partner, share):
        asked.append((partner[0].numpy(), float(share[0, 0])))
        assert partner.shape == share.shape == (1, ROWS)
        assert bool((share == share[0, 0]).all())
        return mixed

    loss = MixedCrossEntropy(1.0)(Batch(torch.arange(ROWS), labels, torch.zeros(1, 1, ROWS, CLASSES), give))
    ((partner, share),) = asked
    assert sorted(partner) == list(range(ROWS))
    assert 0 < share < 1

    def by_hand(logits):
        log_p = log_softmax(logits[0])
        terms = [share * log_p[k, labels[k]] + (1 - share) * log_p[k, labels[partner[k]]] for k in range(ROWS)]
        return -np.mean(terms)

    point = mixed.detach().numpy()
    assert float(loss.detach()) == pytest.approx(by_hand(point), rel=1e-6)
    gradient = torch.autograd.grad(loss, mixed)[0].numpy()
    np.testing.assert_allclose(gradient, numerical_gradient(by_hand, point), atol=1e-7)


def networks(count):
    torch.manual_seed(1)
    return [torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.Tanh(), torch.nn.Linear(3, CLASSES))
            for _ in range(count)]  # fmt: skip


class Reads(torch.nn.Module):
    """A network behind the name of its input."""

    def __init__(self, name, network, first=None):
        super().__init__()
        self.name, self.first, self.network = name, first, network

    def forward(self, inputs):
        values = inputs[self.name]
        return self.network(values if self.first is None else self.first(values))


@pytest.mark.parametrize("numbers", [True, False])
def test_inputs_that_are_numbers_are_mixed_themselves_and_words_in_their_embedding(numbers):
    own = networks(2)
    words = torch.nn.Embedding(9, 5)
    if numbers:
        inputs, branches = {"x": torch.randn(ROWS, 5)}, Branches([Reads("x", one) for one in own])
    else:
        inputs, branches = {"x": torch.randint(0, 9, (ROWS,))}, Branches([Reads("x", one, words) for one in own])
    _, embeddings = branches(inputs)
    partner, share = draw_partners(torch.zeros(2, ROWS, CLASSES), 1.0)
    found = mixer(branches, branches.classify, inputs, embeddings)(partner, share)
    assert found.shape == (2, ROWS, CLASSES)
    for branch, network in enumerate(own):
        for row in range(ROWS):
            part, other = share[branch, row], int(partner[branch, row])
            if numbers:
                wanted = network(part * inputs["x"][row] + (1 - part) * inputs["x"][other])
            else:
                hidden = [network[:2](words(inputs["x"][place])) for place in (row, other)]
                wanted = network[2](part * hidden[0] + (1 - part) * hidden[1])
            torch.testing.assert_close(found[branch, row], wanted)


def test_a_network_that_judges_tokens_has_no_embedding_to_mix():
    branches = Branches([Reads("x", torch.nn.Linear(5, CLASSES))])
    branches({"x": torch.randn(2, 7, 5)})
    assert isinstance(branches.networks[0].network, TappedLinear)
    with pytest.raises(RunError, match="judges every token by itself: choose an encoder"):
        branches.classify(torch.randn(1, 2, 5))


def test_a_stage_that_does_not_mix_says_so():
    batch = Batch(torch.arange(2), torch.zeros(2, dtype=torch.int64), torch.zeros(1, 1, 2, 3))
    with pytest.raises(ValueError, match="mixes=True"):
        MixedCrossEntropy(1.0)(batch)


def test_options():
    (stage,) = Mixup(epochs=3).stages()
    assert (stage.epochs, stage.mixes, stage.views, stage.branches) == (3, True, 1, 1)
    for bad in ({"epochs": 0}, {"alpha": 0}, {"alpha": -1.0}):
        with pytest.raises(InputError, match=next(iter(bad))):
            Mixup(**bad)
