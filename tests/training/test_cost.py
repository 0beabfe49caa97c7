"""Passes counted by hand from the papers' definitions, and against what networks are really asked."""

import pytest
import torch
from small_loop import CLASSES, FEATURES, Plain, data, make_loop

from mislabel.methods import METHODS
from mislabel.methods.ce import CE
from mislabel.modalities.vectors import FeatureInputs
from mislabel.training.cost import cost, passes, passes_once
from mislabel.training.reshaping import Reshaping

# Per epoch of each stage: forward and backward, forward alone, on features.
BY_HAND = {
    "ce": [(1, 0)],
    "ido": [(1, 0), (2, 0)],  # two views
    "dygen": [(2, 2), (1, 0)],  # two networks, embeddings after each epoch; then one network
    "co_teaching": [(2, 0)],
    "jocor": [(2, 0)],
    "co_regularization": [(2, 0)],
    "elr": [(1, 0)],
    "forward": [(1, 0), (1, 0)],
    "mixup": [(1, 1)],  # clean inputs are looked at besides
    "m_correction": [(1, 2), (1, 2)],  # and all losses after each epoch
    "sop": [(2, 0)],  # two views
    "loss_reweighting": [(1, 0)],
    "osa": [(1, 0)],
    "divide_mix": [(2, 2), (4, 6)],  # two networks, two views; labels guessed on both; all losses
    "lccn": [(1, 0)],
    "divide_lccn": [(2, 2), (4, 6)],  # as divide_mix
    "turn": [(1, 0), (1, 0)],  # features have no encoder to freeze
    "selfmix": [(1, 1), (2, 3)],  # all losses; one network, two views, labels guessed on both
    "nmtune": [(2, 0)],  # two views
    "sed": [(1, 1), (2, 2)],  # all rows after each epoch; two views, and a teacher that looks at one
    "disc": [(2, 1), (4, 0)],  # two views; the same once more, mixed
    "rlap": [(1, 0), (1, 0)],  # and before the second one (2, 1): input gradients twice, what the last layer reads once
    "unicon": [(2, 2), (8, 2)],  # as divide_mix, and what is looked at before it is mixed carries gradients
}


@pytest.mark.parametrize("name", BY_HAND)
def test_passes_by_hand(name):
    stages = METHODS[name].make().stages()
    assert [(one.both, one.forward) for one in (passes(stage, numeric=True) for stage in stages)] == BY_HAND[name]


def test_total_by_hand():
    assert cost(CE(epochs=5).stages()) == 5
    held = CE(epochs=5, stop="validation", validation=0.3).stages()
    assert cost(held) == pytest.approx(5 * (0.7 + 0.3 / 3))
    assert cost(METHODS["ido"].make(warm_epochs=4, robust_epochs=3).stages()) == 4 + 3 * 2


def test_a_look_before_a_stage_counts_once():
    assert cost(METHODS["rlap"].make(epochs=4, tune_epochs=3).stages()) == pytest.approx(4 + 3 + 2 + 1 / 3)


def test_total_on_inputs_that_are_mixed_themselves():
    """mixup looks at numbers once more as they are, at texts not."""
    stages = METHODS["mixup"].make(epochs=3).stages()
    assert cost(stages, numeric=True) == pytest.approx(3 * (1 + 1 / 3))
    assert cost(stages) == 3


def test_a_frozen_encoder_is_passed_forward_alone():
    probe, tune = METHODS["turn"].make(probe_epochs=6, epochs=5).stages()
    assert [(one.both, one.forward) for one in (passes(probe), passes(tune))] == [(0, 1), (1, 0)]
    assert cost([probe, tune]) == pytest.approx(6 / 3 + 5)


@pytest.mark.parametrize("name", BY_HAND)
def test_networks_see_as_many_rows_as_counted(name):
    seen = {True: 0, False: 0}

    class Counting(Plain):
        def reshape(self):
            self.layers = torch.nn.Sequential(Reshaping(FEATURES), torch.nn.Linear(FEATURES, CLASSES))

        def changed_logits(self, inputs, change):
            return self({"features": change(inputs["features"])})

        def forward(self, inputs):
            seen[torch.is_grad_enabled()] += len(inputs["features"])
            return super().forward(inputs)

    stages, (_, labels) = METHODS[name].make().stages(), data()
    loop = make_loop(Counting)
    assert isinstance(loop.rows.inputs, FeatureInputs)
    loop.run(stages)
    each = [(stage.epochs, passes(stage, numeric=True)) for stage in stages]
    each += [(1, passes_once(stage)) for stage in stages]
    assert seen[True] == sum(epochs * one.both for epochs, one in each) * len(labels)
    assert seen[False] == sum(epochs * one.forward for epochs, one in each) * len(labels)
