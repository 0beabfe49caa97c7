"""Plain cross-entropy against sums written in numpy, and its posterior by hand."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.errors import InputError
from mislabel.methods import METHODS, method_entry
from mislabel.methods.ce import CE, CrossEntropy
from mislabel.training.losses import Batch


@pytest.mark.parametrize("branches", [1, 2])
@pytest.mark.parametrize("views", [1, 2])
def test_loss_is_the_mean_negative_log_probability(branches, views):
    logits = torch.randn(branches, views, 6, 4, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 3, 1, 1, 2, 0])
    loss = CrossEntropy()(Batch(torch.arange(6), labels, logits))
    exact = np.exp(logits.detach().numpy())
    exact /= exact.sum(-1, keepdims=True)
    wanted = [-np.log(exact[b, v, k, labels[k]]) for b in range(branches) for v in range(views) for k in range(6)]
    assert float(loss.detach()) == pytest.approx(np.mean(wanted), rel=1e-12)
    gradient = torch.autograd.grad(loss, logits)[0].numpy()
    one_hot = np.eye(4)[labels.numpy()]
    np.testing.assert_allclose(gradient, (exact - one_hot) / len(wanted), atol=1e-12)  # softmax minus one-hot


def test_loss_of_one_view_is_torchs():
    logits, labels = torch.randn(1, 1, 9, 5), torch.randint(0, 5, (9,))
    loss = CrossEntropy()(Batch(torch.arange(9), labels, logits))
    torch.testing.assert_close(loss, functional.cross_entropy(logits[0, 0], labels))


def test_posterior_by_hand():
    store = DynamicsStore([Pass("train", 0, 0), Pass("train", 1, 0)], 3)
    of_given = np.array([[0.9, 0.2, 0.5], [0.7, 0.4, 1.0]])
    for number, prediction in enumerate([[0, 1, 2], [0, 0, 2]]):
        store.write(
            number,
            {"prediction": prediction, "loss": -np.log(of_given[number]), "margin": [1.0 + number, -1.0, 0.5]},
        )
    model = np.array([[0.6, 0.3, 0.1], [0.5, 0.25, 0.25], [0.2, 0.2, 0.6]])
    found = CE().posterior([], store, np.array([0, 2, 2]), model)
    # the mean of .9 and .7 for the given label, the rest shared as 3 : 1, as 2 : 1, and evenly
    wanted = [[0.8, 0.2 * 3 / 4, 0.2 / 4], [0.7 * 2 / 3, 0.7 / 3, 0.3], [0.125, 0.125, 0.75]]
    np.testing.assert_allclose(found.probabilities, wanted, rtol=1e-6)
    np.testing.assert_array_equal(found.evidence["wrong_events"], [0, 2, 0])
    np.testing.assert_array_equal(found.evidence["observations"], [2, 2, 2])
    np.testing.assert_allclose(found.evidence["mean_margin"], [1.5, -1.0, 0.5])


def test_options_and_the_list_of_methods():
    assert [stage.epochs for stage in CE(epochs=3).stages()] == [3]
    for bad in (0, -1, True, "3", 10_001):
        with pytest.raises(InputError, match="epochs"):
            CE(epochs=bad)
    assert method_entry("ce") is METHODS["ce"]
    with pytest.raises(InputError, match="""'IDO' is not known .did you mean "ido".*; choose one of ce, panel, ido"""):
        method_entry("IDO")
