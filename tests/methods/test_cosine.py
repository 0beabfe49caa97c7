"""COSINE against its worked values and loops over rows and pairs, and what it teaches itself."""

import numpy as np
import pytest
import torch
from helpers import StopAfter, log_softmax, numerical_gradient, softmax
from scipy.special import rel_entr
from scipy.stats import entropy
from small_loop import IDS, Plain, assert_same_weights, data, make_loop, weights, with_dropout

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.errors import InputError
from mislabel.methods.cosine import Cosine, SelfTrainingLoss, certainty, contrast, soft_targets
from mislabel.modalities.vectors import FeatureInputs
from mislabel.training.cost import passes
from mislabel.training.loop import Loop
from mislabel.training.losses import Batch
from mislabel.training.training_settings import TrainingSettings

WORKED = np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.34, 0.33, 0.33]])
N, ROWS, CLASSES, WIDTH = 12, 6, 3, 4
INDEX = torch.tensor([7, 2, 9, 0, 4, 5])
SAID = softmax(np.random.default_rng(3).normal(0, 1.2, (N, CLASSES)))


def store(p):
    found = DynamicsStore([Pass("self", 0, 0)], len(p))
    found.probabilities = p[None].astype(np.float32)
    return found


def begun(p=SAID, **options):
    loss = SelfTrainingLoss(Cosine(**options))
    loss.begin(store(p), np.zeros(len(p), dtype=np.int64), CLASSES, torch.device("cpu"))
    return loss


def test_worked_targets():
    np.testing.assert_allclose(
        soft_targets(WORKED), [[0.855, 0.098, 0.047], [0.298, 0.651, 0.051], [0.205, 0.270, 0.525]], atol=5e-4
    )
    np.testing.assert_allclose(certainty(WORKED), [0.270, 0.141, 0.0001], atol=5e-4)


def test_certainty_is_that_of_the_entropy_and_its_ends_are_exact():
    np.testing.assert_allclose(certainty(SAID), 1 - entropy(SAID, axis=1) / np.log(CLASSES), rtol=1e-12)
    np.testing.assert_array_equal(certainty(np.array([[1.0, 0, 0], [0, 0, 1.0]])), [1, 1])
    np.testing.assert_allclose(certainty(np.full((1, 4), 0.25)), 0, atol=1e-12)


def test_a_class_that_nobody_predicts_is_no_target():
    target = soft_targets(np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]]))
    np.testing.assert_array_equal(target[:, 2], 0)
    np.testing.assert_allclose(target.sum(1), 1)


def by_hand(logits, features, weight, xi, uniform=0.05, mu=1.0, gamma=1.0):
    """L from logits (b, K) and features (b, d), by loops."""
    mass, sure, targets = SAID.sum(0), [], []
    for row in INDEX.tolist():
        target = np.array([SAID[row, k] ** 2 / mass[k] for k in range(CLASSES)])
        targets.append(target / target.sum())
        sure.append(1 - entropy(SAID[row]) / np.log(CLASSES))
    kept = [row for row in range(ROWS) if sure[row] > xi]
    total = 0.0
    for row in kept:
        total += weight[row] * sure[row] * rel_entr(targets[row], softmax(logits[row])).sum() / len(kept)
        total -= uniform * log_softmax(logits[row]).mean() / len(kept)
    costs = []
    for one in kept:
        for other in kept:
            if one != other:
                apart = features[one] / np.linalg.norm(features[one]) - features[other] / np.linalg.norm(
                    features[other]
                )
                same = np.argmax(targets[one]) == np.argmax(targets[other])
                costs.append(apart @ apart if same else max(0.0, gamma - np.sqrt(apart @ apart)) ** 2)
    return total + mu * np.mean(costs)


@pytest.mark.parametrize("weighed", [False, True])
def test_loss_and_gradient_by_hand(weighed):
    random = np.random.default_rng(4)
    xi = float(np.sort(certainty(SAID)[INDEX])[1] + 1e-6)  # two rows are not sure enough
    logits, features = random.normal(size=(ROWS, CLASSES)), random.normal(size=(ROWS, WIDTH))
    features[:, 0] += 2  # rows of two classes are nearer than the margin
    weight = random.uniform(0.2, 3, ROWS) if weighed else np.ones(ROWS)
    points = [torch.tensor(value, requires_grad=True) for value in (logits, features)]
    batch = Batch(
        INDEX, torch.zeros(ROWS, dtype=torch.int64), points[0][None, None], features=points[1][None, None],
        weight=torch.tensor(weight) if weighed else None,
    )  # fmt: skip
    found = begun(threshold=xi)(batch)
    assert float(found.detach()) == pytest.approx(by_hand(logits, features, weight, xi), rel=1e-5)
    slopes = torch.autograd.grad(found, points)
    wanted = numerical_gradient(lambda value: by_hand(value, features, weight, xi), logits)
    np.testing.assert_allclose(slopes[0].numpy(), wanted, atol=1e-6)
    wanted = numerical_gradient(lambda value: by_hand(logits, value, weight, xi), features, step=1e-5)
    np.testing.assert_allclose(slopes[1].numpy(), wanted, atol=1e-4)  # features are compared in float32
    assert np.abs(wanted).max() > 1e-2


def test_pairs_by_hand():
    features = torch.tensor([[3.0, 0], [0, 0.5], [2, 0], [-1, 0]])
    cost = contrast(features, torch.tensor([0, 1, 1, 0]), 1.5)
    assert float(cost[0, 1]) == pytest.approx((1.5 - np.sqrt(2)) ** 2, rel=1e-4)  # a right angle, two classes
    assert float(cost[0, 2]) == pytest.approx(1.5**2, rel=1e-4)  # one direction, two classes
    assert float(cost[0, 3]) == pytest.approx(4, rel=1e-4)  # opposite, one class
    assert float(contrast(features, torch.tensor([0, 1, 1, 0]), 1.0)[0, 1]) == 0  # beyond the margin


def test_rows_in_one_place_have_finite_gradients():
    features = torch.ones(4, WIDTH, requires_grad=True)
    slope = torch.autograd.grad(contrast(features, torch.tensor([0, 1, 0, 1]), 1.0).sum(), features)[0]
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("kept", [0, 1])
def test_where_the_teacher_is_sure_of_no_row_or_of_one_nothing_breaks(kept):
    p = np.full((N, CLASSES), 1 / CLASSES)
    p[INDEX[:kept]] = [0.9, 0.05, 0.05]
    logits = torch.randn(1, 1, ROWS, CLASSES, requires_grad=True)
    features = torch.randn(1, 1, ROWS, WIDTH, requires_grad=True)
    found = begun(p)(Batch(INDEX, torch.zeros(ROWS, dtype=torch.int64), logits, features=features))
    slope = torch.autograd.grad(found, logits)[0]
    assert torch.isfinite(found)
    np.testing.assert_array_equal((slope[0, 0] != 0).any(-1).numpy(), np.arange(ROWS) < kept)


def test_given_labels_do_not_count_in_self_training():
    logits, features = torch.randn(1, 1, ROWS, CLASSES), torch.randn(1, 1, ROWS, WIDTH)
    loss = begun()
    one, other = (
        loss(Batch(INDEX, torch.full((ROWS,), label), logits, features=features)) for label in (0, CLASSES - 1)
    )
    assert float(one) == float(other)


def test_the_teacher_is_renewed_after_each_epoch():
    loss, other = begun(), softmax(np.random.default_rng(5).normal(size=(N, CLASSES)))
    loss.epoch_end(store(other))
    np.testing.assert_allclose(loss.soft.numpy(), soft_targets(other), rtol=1e-5)
    np.testing.assert_allclose(loss.sure.numpy(), certainty(other), atol=1e-6)
    assert loss.state() == {}
    assert not loss.tables


def test_stages_and_options():
    warm, own = Cosine(warm_epochs=3, epochs=5).stages()
    assert (warm.epochs, own.epochs, own.start, own.views, own.branches) == (3, 5, "selected", 1, 1)
    assert warm.select is not None
    assert own.evaluates == "probabilities"
    assert own.features
    assert [(one.both, one.forward) for one in (passes(stage, numeric=True) for stage in (warm, own))] == [
        (1, 0),
        (1, 1),
    ]
    for bad in ({"warm_epochs": 0}, {"epochs": 0}, {"threshold": 2}, {"uniform_weight": -1}, {"margin": 3}):
        with pytest.raises(InputError, match=next(iter(bad))):
            Cosine(**bad)


@pytest.mark.parametrize("steps", [2, 10, 17])
def test_self_training_that_was_interrupted_goes_on_as_if_not(tmp_path, steps):
    """In stage 1, at the border (5 steps an epoch) and in stage 2."""
    stages = lambda: Cosine(warm_epochs=2, epochs=3, threshold=0.01).stages()
    whole, _ = make_loop(with_dropout).run(stages())
    with pytest.raises(KeyboardInterrupt):
        make_loop(with_dropout, folder=tmp_path, interrupted=StopAfter(steps)).run(stages())
    again, _ = make_loop(with_dropout, folder=tmp_path).run(stages(), resume=True)
    assert_same_weights(weights(whole), weights(again))


def test_self_training_goes_on_where_all_rows_but_few_are_trusted():
    matrix, labels = data()
    settings = TrainingSettings(batch_size=8, learning_rate=0.01, precision="fp32")
    trusted = np.arange(len(IDS)) % 4 > 0
    loop = Loop(Plain, FeatureInputs(matrix), labels, IDS, CLASSES, settings, trusted=trusted)
    network, _ = loop.run(Cosine(warm_epochs=1, epochs=2).stages())
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())
