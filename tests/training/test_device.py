"""How a network is wrapped for several processes: gradients are searched for only where some weight gets none."""

import pytest
import torch
from small_loop import CLASSES, FEATURES, Plain, data, weights, with_dropout
from torch import nn

from mislabel.modalities.vectors import FeatureInputs
from mislabel.training.branches import Branches, make_branches
from mislabel.training.device import drops_layers, has_unused_weights

INPUTS = FeatureInputs(data()[0])


class WithPooler(Plain):
    """Has a layer whose answer nobody reads, if it is computed at all."""

    def __init__(self, computed=False):
        self.computed = computed
        super().__init__()
        layers = self.layers
        del self.layers  # the last linear layer is to stay the one that gives the logits
        self.pooler, self.layers = nn.Linear(FEATURES, 4), layers

    def forward(self, inputs):
        if self.computed:
            self.pooler(inputs["features"])
        return super().forward(inputs)


class Frozen(WithPooler):
    """The idle layer is not trained."""

    def __init__(self):
        super().__init__()
        self.pooler.requires_grad_(False)


class Normalised(Plain):
    """Keeps running statistics, and drops out."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm1d(FEATURES), nn.Dropout(0.5), nn.Linear(FEATURES, CLASSES))


@pytest.mark.parametrize(
    ("build", "unused"),
    [
        (Plain, False),
        (with_dropout, False),
        (Normalised, False),
        (WithPooler, True),
        (lambda: WithPooler(computed=True), True),
        (Frozen, False),
    ],
)
@pytest.mark.parametrize(("branches", "shared"), [(1, False), (2, False), (3, True)])
def test_weights_that_reach_no_output_are_found(build, unused, branches, shared):
    network = make_branches(build, branches, shared)
    before, state = weights(network), torch.random.get_rng_state()
    assert has_unused_weights(network, INPUTS) == unused
    after = weights(network)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(weight.grad is None for weight in network.parameters())
    assert torch.equal(state, torch.random.get_rng_state())


def test_one_idle_head_is_enough():
    network = make_branches(Plain, 2, shared=True)
    network.heads[0].append(nn.Linear(CLASSES, 7))
    network.heads[0][-1].forward = lambda values: values
    assert has_unused_weights(network, INPUTS)


def test_layers_that_are_dropped_at_random_are_found():
    class Dropping(Plain):
        layerdrop = 0.1

    class Never(Plain):
        layerdrop = 0.0

    assert drops_layers(Branches([Plain(), Dropping()]))
    assert not drops_layers(Branches([Plain(), Never()]))
