"""What a loss may ask of the loop besides logits: what the last layer read, and what the network says of all rows."""

import numpy as np
import pytest
import torch
from small_loop import CLASSES, ROWS, Plain, assert_same_weights, data, make_loop, weights, with_dropout

from mislabel.methods._losses import CrossEntropy
from mislabel.training.cost import passes
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage
from mislabel.training.trusted import loss_with_trusted


class Looking(Loss):
    """Cross-entropy, and the batches that it saw."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __call__(self, batch):
        self.seen.append(batch)
        if batch.logits.requires_grad:
            return CrossEntropy()(batch)
        rows = torch.arange(batch.logits.shape[1] * len(batch.target)).expand(len(batch.logits), -1)
        return batch.mixed(rows, torch.ones(rows.shape)).square().mean()


@pytest.mark.parametrize(("views", "branches"), [(1, 1), (2, 2)])
def test_features_are_what_the_last_layer_reads(views, branches):
    loss = Looking()
    network, _ = make_loop().run([Stage("a", 1, loss, views=views, branches=branches, features=True)])
    batch = loss.seen[-1]
    assert batch.features.shape == (branches, views, len(batch.target), 8)
    assert batch.features.requires_grad
    last = network.networks[0].layers[-1]
    moved = batch.logits[0] - batch.features[0] @ last.weight.T - last.bias
    assert moved.abs().max() < 0.1  # one step of the optimiser lies between


def test_nobody_pays_for_features_that_are_not_asked():
    plain, asking = Looking(), Looking()
    one, _ = make_loop().run([Stage("a", 2, plain)])
    other, _ = make_loop().run([Stage("a", 2, asking, features=True)])
    assert all(batch.features is None for batch in plain.seen)
    assert_same_weights(weights(one), weights(other))


@pytest.mark.parametrize("features", [False, True])
def test_numbers_that_are_mixed_are_looked_at_with_gradients_only_for_features(features):
    seen = {True: 0, False: 0}

    class Counting(Plain):
        def forward(self, inputs):
            seen[torch.is_grad_enabled()] += len(inputs["features"])
            return super().forward(inputs)

    class Mixing(Loss):
        def __call__(self, batch):
            rows = torch.arange(2 * len(batch.target))[None]
            total = batch.mixed(rows, torch.ones(rows.shape)).square().mean()
            return total + batch.features.square().mean() if features else total

    stage = Stage("a", 2, Mixing(), views=2, mixes=True, features=features)
    make_loop(Counting).run([stage])
    asked = passes(stage, numeric=True)
    assert (seen[True], seen[False]) == (2 * ROWS * asked.both, 2 * ROWS * asked.forward)
    assert (asked.both, asked.forward) == ((4, 0) if features else (2, 2))


def test_trusted_rows_take_their_features_along():
    seen, trusted = [], np.array([True, False, False, True, False])
    features = torch.arange(5.0)[None, None, :, None]
    batch = Batch(torch.arange(5), torch.zeros(5, dtype=torch.int64), torch.randn(1, 1, 5, 3), features=features)
    loss_with_trusted(lambda part: seen.append(part) or part.logits.mean(), batch, trusted, mixes=False)
    assert seen[0].features.flatten().tolist() == [1, 2, 4]


def test_probabilities_are_those_of_the_network_in_evaluation_mode():
    loop = make_loop(with_dropout)
    network, dynamics = loop.run([Stage("a", 2, CrossEntropy(), branches=2, evaluates="probabilities")])
    network.eval()
    with torch.no_grad():
        p = network({"features": torch.from_numpy(data()[0])})[0].softmax(-1).numpy()
    assert dynamics.probabilities.shape == (2, ROWS, CLASSES)
    np.testing.assert_allclose(dynamics.probabilities, p, rtol=1e-4, atol=1e-6)
    _, plain = make_loop(with_dropout).run([Stage("a", 2, CrossEntropy(), branches=2, evaluates=True)])
    assert plain.probabilities is None
    np.testing.assert_array_equal(plain.evaluation, dynamics.evaluation)


def test_a_stage_that_starts_with_selected_weights_has_looked_at_the_rows_with_them():
    class First(Looking):
        def begin(self, dynamics, target, n_classes, device):
            self.began = dynamics.probabilities

    first = First()
    loop = make_loop(learning_rate=0.1)
    kept = {}
    stages = [
        Stage("a", 3, CrossEntropy(), select=lambda _: 0, decay=False),  # the first epoch's, whatever came after
        Stage("b", 1, first, start="selected", evaluates="probabilities"),
    ]
    start = loop._start_weights

    def watched(stage, number, selected, checkpoint):
        start(stage, number, selected, checkpoint)
        if number == 1:
            network = loop.accelerator.unwrap_model(loop._model).eval()
            with torch.no_grad():
                kept["p"] = network({"features": torch.from_numpy(data()[0])})[0].softmax(-1).numpy()

    loop._start_weights = watched
    loop.run(stages)
    np.testing.assert_allclose(first.began, kept["p"], rtol=1e-4, atol=1e-6)
