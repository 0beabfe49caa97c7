"""UNICON: its division by hand and by scipy, its contrast by loops, and the rest against DivideMix's loss."""

import numpy as np
import pytest
import torch
from helpers import numerical_gradient, rng, softmax
from scipy.spatial.distance import jensenshannon
from small_loop import assert_same_weights, make_loop, weights, with_dropout

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.errors import InputError
from mislabel.methods._division import MixMatch
from mislabel.methods.unicon import Unicon, UniformLoss, contrast, divergence, uniform_selection
from mislabel.training.losses import Batch

ROWS, CLASSES, N, WIDTH = 5, 3, 12, 4
INDEX, LABELS = torch.tensor([3, 10, 2, 8, 7]), torch.tensor([0, 2, 1, 1, 0])
CPU = torch.device("cpu")


def store(losses):
    found = DynamicsStore([Pass("warm", 0, 0)], losses.shape[1])
    found.evaluation = losses.astype(np.float32)
    return found


def test_worked_divergence():
    assert divergence(np.array([0.6]))[0] == pytest.approx(0.2365, abs=5e-5)
    assert divergence(np.array([0.6]))[0] * np.log(2) == pytest.approx(0.1639, abs=5e-5)


def test_divergence_is_that_of_the_whole_distribution():
    p = softmax(rng(0).normal(0, 2, (50, CLASSES)))
    label = rng(1).integers(0, CLASSES, 50)
    wanted = jensenshannon(np.eye(CLASSES)[label], p, base=2, axis=1) ** 2
    np.testing.assert_allclose(divergence(p[np.arange(50), label]), wanted, atol=1e-12)
    np.testing.assert_array_equal(divergence(np.array([1.0, 0.0])), [0, 1])


def test_as_many_rows_of_every_class_keep_their_labels():
    """Two classes of six and two rows; the mean is 0.35, and four rows lie below: two of each class."""
    d = np.array([0.1, 0.2, 0.4, 0.6, 0.6, 0.7, 0.05, 0.15])
    labels = np.array([0, 0, 0, 0, 0, 0, 2, 2])  # none is of class 1
    kept = uniform_selection(d, labels)
    np.testing.assert_array_equal(np.flatnonzero(kept), [0, 1, 6, 7])


def test_a_small_class_does_not_keep_what_both_networks_exclude():
    d = np.concatenate([np.full(50, 0.1), np.full(30, 0.9), [0.1, 0.9, 0.9, 0.9]])
    labels = np.repeat([0, 1], [80, 4])
    kept = uniform_selection(d, labels)
    assert kept[:50].sum() == 26  # 51 below the cut, half of them a class
    assert kept[50:80].sum() == 0
    assert kept[80]
    assert kept[80:].sum() == 3  # 51 / 84 of four rows, rounded up


def test_a_high_mean_is_lowered():
    """Mean 0.8: the cut is 0.8 - 0.6 / 5 = 0.68, and the rows of 0.7 are not below it."""
    d = np.array([0.2, 0.6, 0.7, 0.7, 0.9, 0.9, 0.9, 0.9, 1.0, 1.0, 0.9, 0.9])
    assert d.mean() == pytest.approx(0.8)
    np.testing.assert_array_equal(np.flatnonzero(uniform_selection(d, np.zeros(12, dtype=int))), [0, 1])
    lower = d - 0.15  # mean 0.65: it is the cut
    np.testing.assert_array_equal(np.flatnonzero(uniform_selection(lower, np.zeros(12, dtype=int))), [0, 1, 2, 3])


def test_rows_that_nothing_divides_all_keep_their_labels():
    assert uniform_selection(np.full(5, 0.3), np.array([0, 1, 1, 2, 2])).all()


def test_order_of_rows_does_not_matter():
    random = rng(3)
    d, labels, order = random.random(60), random.integers(0, 4, 60), random.permutation(60)
    np.testing.assert_array_equal(uniform_selection(d, labels)[order], uniform_selection(d[order], labels[order]))


def test_both_networks_get_the_division_of_their_mean():
    losses = rng(4).gamma(1.0, 1.0, (2, N)).astype(np.float32)
    target = np.arange(N) % CLASSES
    loss = UniformLoss(Unicon())
    loss.begin(store(losses), target, CLASSES, CPU)
    d = divergence(np.exp(-losses.astype(np.float64)).mean(0))
    wanted = np.where(uniform_selection(d, target), 1 - d, 0)
    np.testing.assert_allclose(loss.clean.numpy(), [wanted, wanted], rtol=1e-5)
    assert 0 < (wanted > 0).sum() < N
    loss.epoch_end(store(losses[:, ::-1]))
    assert loss.epoch == 1
    assert not np.allclose(loss.clean.numpy()[0], wanted)
    other = UniformLoss(Unicon())
    other.load_state(loss.state())
    assert other.epoch == 1


def test_a_label_that_is_kept_though_it_is_excluded_still_counts_as_kept():
    """Class 1 has one row, which no network believes: a class keeps at least one."""
    losses = np.array([[0.1, 0.1, 0.2, 80.0]] * 2)
    loss = UniformLoss(Unicon())
    loss.begin(store(losses), np.array([0, 0, 0, 1]), CLASSES, CPU)
    assert (loss.clean[:, 3] > 0).all()


def by_hand(views, rows, tau=0.5):
    """L_c by loops over views and rows."""
    unit = views / np.linalg.norm(views, axis=-1, keepdims=True)
    points = [(view, row) for view in range(2) for row in range(len(rows)) if rows[row]]
    total = 0.0
    for view, row in points:
        with_all = [np.exp(unit[view, row] @ unit[one] / tau) for one in points if one != (view, row)]
        total -= np.log(np.exp(unit[view, row] @ unit[1 - view, row] / tau) / np.sum(with_all))
    return total / len(points)


def test_contrast_and_its_gradient_by_hand():
    views, rows = rng(5).normal(size=(2, ROWS, WIDTH)), np.array([True, False, True, True, False])
    point = torch.tensor(views, requires_grad=True)
    found = contrast(point, torch.tensor(rows))
    assert float(found.detach()) == pytest.approx(by_hand(views, rows), rel=1e-9)
    wanted = numerical_gradient(lambda value: by_hand(value, rows), views)
    slope = torch.autograd.grad(found, point)[0].numpy()
    np.testing.assert_allclose(slope, wanted, atol=1e-7)
    assert (slope[:, ~rows] == 0).all()


@pytest.mark.parametrize("count", [0, 1])
def test_contrast_of_no_row_and_of_one_is_nothing(count):
    point = torch.randn(2, ROWS, WIDTH, requires_grad=True)
    found = contrast(point, torch.arange(ROWS) < count)
    assert float(found.detach()) == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(torch.autograd.grad(found, point)[0]).all()


def test_the_loss_is_divide_mix_with_this_division_and_the_contrast_of_each_network():
    losses = rng(6).gamma(1.0, 1.0, (2, N))
    loss = UniformLoss(Unicon(unlabelled_weight=30, contrast_weight=0.5))
    loss.begin(store(losses), np.arange(N) % CLASSES, CLASSES, CPU)
    loss.epoch = 1
    plain = MixMatch(0.0, 0.5, 4.0, 30, 6)
    plain.clean, plain.epoch = loss.clean, 1
    seen, mixed = torch.randn(2, 2, ROWS, CLASSES), torch.randn(2, 2 * ROWS, CLASSES)
    features = torch.randn(2, 2, ROWS, WIDTH)
    values = []
    for one, given in ((loss, features), (loss, None), (plain, None)):
        torch.manual_seed(0)
        values.append(float(one(Batch(INDEX, LABELS, seen, lambda *_: mixed, features=given))))
    doubtful = loss.clean[0, INDEX].numpy() == 0
    assert 0 < doubtful.sum() < ROWS
    apart = sum(by_hand(features[network].numpy().astype(np.float64), doubtful) for network in (0, 1))
    assert values[1] == values[2]
    assert values[0] == pytest.approx(values[1] + 0.5 * apart, rel=1e-5)


def test_stages_and_options():
    warm, divide = Unicon(warm_epochs=2, epochs=3).stages()
    assert (warm.epochs, divide.epochs, divide.start, divide.views) == (2, 3, "last", 2)
    assert warm.branches == divide.branches == 2
    assert divide.features
    assert not Unicon(contrast_weight=0).stages()[1].features
    for bad in ({"warm_epochs": 0}, {"epochs": 0}, {"temperature": 0}, {"contrast_weight": -1}):
        with pytest.raises(InputError, match=next(iter(bad))):
            Unicon(**bad)


def test_the_contrast_moves_the_network():
    """Of numbers, too, whose mixtures alone carry gradients otherwise."""
    found = [
        weights(make_loop(with_dropout).run(Unicon(warm_epochs=1, epochs=2, contrast_weight=weight).stages())[0])
        for weight in (0.0, 1e-9, 0.5)
    ]
    assert_same_weights(found[0], found[1], rtol=0, atol=1e-5)
    with pytest.raises(AssertionError):
        assert_same_weights(found[0], found[2], rtol=0, atol=1e-4)
