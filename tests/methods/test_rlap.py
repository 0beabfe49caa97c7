"""RLAP: who is like the others of its class and which inputs follow wrong labels, by loops and by another library."""

import numpy as np
import pytest
import torch
from helpers import StopAfter, log_softmax, numerical_gradient
from scipy.stats import norm
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from small_loop import assert_same_weights, make_loop, weights, with_dropout

from mislabel import FeatureClassifier, InputError
from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.methods.rlap import RLAP, TunedCrossEntropy, covariance, following, likeness, of_class, right_by_likeness
from mislabel.training.losses import Batch

CPU = torch.device("cpu")


class Shown:
    """A look at numbers that are given, three rows at a time."""

    def __init__(self, target, values=None, losses=None, read=None):
        self.target, self.n_classes = target, int(target.max()) + 1
        self.values, self.losses, self.what_is_read = values, losses, read
        self.rows = np.array_split(np.random.default_rng(0).permutation(len(target)), max(1, len(target) // 3))

    def attributions(self):
        for rows in self.rows:
            yield rows, self.values[rows], self.losses[rows]

    def read(self):
        for rows in self.rows:
            yield rows, self.what_is_read[rows]

    def sum(self, values):
        return values


def test_likeness_by_loops():
    random = np.random.default_rng(0)
    target, values, losses = random.integers(0, 3, 20), random.normal(size=(20, 4)), random.random(20)
    target[7] = 3  # alone in its class
    values[2] = 0  # answers to nothing
    alike, shown = likeness(Shown(target, values, losses))
    for i in range(20):
        others = [values[k] for k in range(20) if k != i and target[k] == target[i]]
        mean = sum(others) / len(others) if others else np.zeros(4)
        lengths = np.sqrt(mean @ mean) * np.sqrt(values[i] @ values[i])
        assert alike[i] == pytest.approx(mean @ values[i] / lengths if lengths else 0)
    np.testing.assert_array_equal(shown, losses)


def test_covariance_by_numpy():
    random = np.random.default_rng(1)
    doubt, read = random.random(17), random.normal(3, 2, (17, 5))
    found = covariance(Shown(np.zeros(17, dtype=int), read=read), doubt)
    np.testing.assert_allclose(found, np.cov(np.column_stack([doubt, read]), rowvar=False, ddof=0), atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.25, 1 / 3])
def test_inputs_that_follow_wrong_labels_by_another_library(share):
    """Coefficients of a ridge regression on standardised columns, of which one never changes."""
    random = np.random.default_rng(2)
    read = random.normal(size=(300, 24)) @ random.normal(size=(24, 24))
    read[:, 5] = 7.0
    doubt = (read[:, 3] - 0.5 * read[:, 11] + random.normal(size=300) > 0).astype(float)
    scale = np.where(read.std(0) > 0, read.std(0), 1)
    coefficient = Ridge(alpha=0.1 * 300).fit((read - read.mean(0)) / scale, doubt).coef_
    cut = following(np.cov(np.column_stack([doubt, read]), rowvar=False, ddof=0), share)
    wanted = sorted(range(24), key=lambda j: -coefficient[j])[: int(share * 24)]
    assert sorted(np.flatnonzero(cut)) == sorted(j for j in wanted if coefficient[j] > 0)
    assert cut.sum() == int(share * 24)
    assert not cut[5]


def test_nothing_is_cut_off_where_nothing_is_doubted():
    read = np.random.default_rng(3).normal(size=(50, 30))
    assert not following(np.cov(np.column_stack([np.zeros(50), read]), rowvar=False), 1 / 3).any()
    assert not following(np.zeros((31, 31)), 1 / 3).any()


def clouds(seed=0):
    """70 points around 2 and 30 around -1."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(2, 0.3, 70), random.normal(-1, 0.3, 30)])


def test_two_clouds_by_bayes():
    """Which is the right one is said by the losses, on whichever side it lies."""
    points, high = clouds(), np.repeat([0.2, 3.0], [70, 30])
    wanted = 0.7 * norm.pdf(points, 2, 0.3) / (0.7 * norm.pdf(points, 2, 0.3) + 0.3 * norm.pdf(points, -1, 0.3))
    np.testing.assert_allclose(of_class(points, high), wanted, atol=0.02)
    np.testing.assert_allclose(of_class(-points, high), wanted, atol=0.02)
    other = np.where(high > 1, 0.2, 3.0)
    np.testing.assert_allclose(of_class(points, other), 1 - wanted, atol=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_one_cloud_is_not_split(seed):
    random = np.random.default_rng(seed)
    points, loss = random.normal(1, 0.4, 400), random.exponential(2, 400)
    np.testing.assert_array_equal(of_class(points, loss), 1)


def test_what_nothing_speaks_for_is_right():
    """Equal rows, and classes of few rows."""
    np.testing.assert_array_equal(of_class(np.full(40, 0.3), np.full(40, 5.0)), 1)
    alike, target = np.tanh(np.concatenate([clouds()[65:74], clouds()])), np.repeat([0, 2], [9, 100])
    alike[-1], alike[0] = -1.0, 1.0  # as a direction that is the very same
    right = right_by_likeness(alike, np.concatenate([np.full(9, 5.0), np.repeat([0.2, 3.0], [70, 30])]), target)
    np.testing.assert_array_equal(right[:9], 1)
    assert ((right[9:] > 0.5) == (np.arange(100) < 70)).all()


def seen():
    """A look at two classes of 50 rows: of each 35 answer alike, and 15 the other way; input 1 follows these."""
    random = np.random.default_rng(4)
    target, wrong = np.repeat([0, 1], 50), np.tile(np.arange(50) >= 35, 2)
    own = np.where(target == 0, 1.0, -1.0) * np.where(wrong, -1, 1)
    values = np.column_stack([own, 0.3 * random.normal(size=(100, 2))])
    read = random.normal(size=(100, 20))
    read[:, 1] += 3 * wrong
    return Shown(target, values, np.where(wrong, 2.5, 0.3), read), wrong


def test_what_the_loss_makes_of_a_look():
    shown, wrong = seen()
    loss = TunedCrossEntropy(0.05)
    loss.begin(DynamicsStore([Pass("a", 0, 0)], 100), shown.target, 2, CPU)
    assert np.flatnonzero(loss.prune(shown)).tolist() == [1]
    assert {name: tuple(table.shape) for name, table in loss.tables.items()} == {"right": (100, 1), "weight": (100, 1)}
    np.testing.assert_array_equal(loss.tables["right"][:, 0].numpy() > 0.5, ~wrong)
    np.testing.assert_allclose(loss.tables["weight"][:, 0], np.where(wrong, 0, 100 / 70))
    assert loss.state() == {}


def test_loss_and_gradient_by_hand():
    loss, index, labels = TunedCrossEntropy(0.05), [4, 0, 2], np.array([1, 2, 0])
    loss.tables["weight"] = torch.tensor([[1.5], [9.0], [0.0], [9.0], [1.5]])
    logits = np.random.default_rng(0).normal(0, 2, (1, 1, 3, 3))

    def by_hand(z):
        return -sum(v * log_softmax(z[0, 0, k])[labels[k]] for k, v in enumerate((1.5, 1.5, 0.0))) / 3

    tensor = torch.tensor(logits, requires_grad=True)
    value = loss(Batch(torch.tensor(index), torch.tensor(labels), tensor))
    assert float(value.detach()) == pytest.approx(by_hand(logits))
    (gradient,) = torch.autograd.grad(value, tensor)
    np.testing.assert_allclose(gradient.numpy(), numerical_gradient(by_hand, logits), atol=1e-7)


def test_the_posterior_joins_mixture_and_model():
    stages, store = RLAP().stages(), DynamicsStore([Pass("train", 0, 0)], 2)
    store.write(0, {"prediction": np.zeros(2), "loss": np.ones(2), "margin": np.zeros(2)})
    stages[-1].loss.tables["right"] = torch.tensor([[0.9], [0.2]])
    found = RLAP().posterior(
        stages, store, np.array([1, 0]), np.array([[0.2, 0.6, 0.2], [0.5, 0.5, 0.0]], dtype=np.float32)
    )
    np.testing.assert_allclose(found.probabilities, [[0.23, 0.54, 0.23], [0.1, 0.9, 0.0]], atol=1e-6)


def test_stages_and_options():
    train, tune = RLAP(epochs=3, tune_epochs=4, pruned=0.2).stages()
    assert (train.epochs, train.prunes, train.start) == (3, False, "fresh")
    assert (tune.epochs, tune.prunes, tune.start, tune.loss.pruned) == (4, True, "last", 0.2)
    for bad in ({"epochs": 0}, {"tune_epochs": 0}, {"pruned": 0.5}):
        with pytest.raises(InputError, match=next(iter(bad))):
            RLAP(**bad)


@pytest.mark.parametrize("steps", [7, 13, 22])
def test_stopped_and_continued_is_as_never_stopped(steps, tmp_path):
    """In the first stage, in the first epoch of the second, and later: tables and weights have the same bytes."""
    method = RLAP(epochs=2, tune_epochs=3, pruned=1 / 3)
    plain, again = method.stages(), method.stages()
    whole, _ = make_loop(with_dropout).run(plain)
    with pytest.raises(KeyboardInterrupt):
        make_loop(with_dropout, folder=tmp_path, interrupted=StopAfter(steps)).run(method.stages())
    resumed, _ = make_loop(with_dropout, folder=tmp_path).run(again, resume=True)
    assert_same_weights(weights(whole), weights(resumed))
    assert_same_weights(plain[-1].loss.tables, again[-1].loss.tables)


@pytest.mark.slow
def test_planted_errors_are_found_and_right_labels_are_left_alone():
    random = np.random.default_rng(0)
    true = np.arange(600) % 3
    points = (random.normal(0, 2, (3, 8))[true] + random.normal(size=(600, 8))).astype(np.float32)
    wrong = random.random(600) < 0.3
    given = np.where(wrong, (true + random.integers(1, 3, 600)) % 3, true)
    how = {"method": "rlap", "device": "cpu", "precision": "fp32"}
    noisy, clean = (FeatureClassifier(**how).fit(points, labels) for labels in (given, true))
    table = noisy.audit_.table.set_index("id").loc[np.arange(600)]
    assert roc_auc_score(wrong, table["p_mislabeled"].to_numpy(dtype=float)) > 0.95
    assert np.mean(noisy.predict(points) == true) > 0.97
    assert np.mean(clean.predict(points) == true) > 0.97
