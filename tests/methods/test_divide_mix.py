"""DivideMix against loops over networks, views and rows, and its division against draws from known components."""

import numpy as np
import pytest
import torch
from helpers import numerical_gradient, rng
from scipy.special import rel_entr
from scipy.stats import norm

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.errors import InputError
from mislabel.methods._division import clean, guess
from mislabel.methods._losses import PenalisedCrossEntropy
from mislabel.methods.divide_mix import DividedLoss, DivideMix
from mislabel.training.losses import Batch

ROWS, VIEWS, NETWORKS, CLASSES, N = 5, 2, 2, 3, 40
INDEX = torch.tensor([3, 11, 20, 38, 7])
LABELS = torch.tensor([0, 2, 1, 1, 0])


def losses(seed=0):
    """Of two networks that agree which half of the rows is doubtful, but for chance."""
    random = rng(seed)
    doubtful = np.arange(N) % 2 == 1
    return np.where(doubtful, random.normal(2.0, 0.3, (2, N)), random.normal(0.2, 0.05, (2, N))).astype(np.float32)


def store(evaluation):
    found = DynamicsStore([Pass("warm", 0, 0)], evaluation.shape[1])
    found.evaluation = evaluation
    return found


def test_clean_is_the_posterior_of_the_lower_of_two_gaussians():
    random = rng(1)
    high = random.random(4000) < 0.3
    drawn = np.where(high, random.normal(6, 1, 4000), random.normal(2, 1, 4000)).astype(np.float32)
    wanted = 0.7 * norm.pdf(drawn, 2, 1) / (0.7 * norm.pdf(drawn, 2, 1) + 0.3 * norm.pdf(drawn, 6, 1))
    found = clean(np.stack([drawn, -drawn]))
    assert np.abs(found[0] - wanted).mean() < 0.02
    assert np.abs(found[1] - (1 - wanted)).mean() < 0.02  # each network for itself


def test_equal_losses_keep_every_label():
    np.testing.assert_array_equal(clean(np.full((2, 9), 0.4, dtype=np.float32)), np.ones((2, 9)))


def test_targets_by_hand():
    torch.manual_seed(0)
    p = torch.randn(NETWORKS, VIEWS, ROWS, CLASSES, dtype=torch.float64).softmax(-1)
    w = torch.rand(NETWORKS, ROWS, dtype=torch.float64)
    found = guess(p, LABELS, w, 0.5, 0.5)
    for network in range(NETWORKS):
        for row in range(ROWS):
            if w[network, row] > 0.5:
                own = (p[network, 0, row] + p[network, 1, row]) / 2
                target = (1 - w[network, row]) * own
                target[LABELS[row]] += w[network, row]
            else:
                target = (p[0, 0, row] + p[0, 1, row] + p[1, 0, row] + p[1, 1, row]) / 4
            target = target**2 / (target**2).sum()
            torch.testing.assert_close(found[network, row], target)


@pytest.mark.parametrize("epoch", [0, 1])
def test_loss_and_gradient_by_hand(epoch):
    """In epoch 0 the unlabelled rows do not count yet."""
    torch.manual_seed(2)
    loss, given = DividedLoss(DivideMix(unlabelled_weight=25)), np.zeros(N, dtype=np.int64)
    evaluation = losses()
    evaluation[0, 3], evaluation[1, 3] = 0.2, 2.0  # row 3: network 0 trusts its label, network 1 does not
    loss.begin(store(evaluation), given, CLASSES, torch.device("cpu"))
    loss.epoch = epoch
    seen = torch.randn(NETWORKS, VIEWS, ROWS, CLASSES, dtype=torch.float64, requires_grad=True)
    mixed = torch.randn(NETWORKS, VIEWS * ROWS, CLASSES, dtype=torch.float64, requires_grad=True)
    asked = []

    def give(partner, share):
        asked.append((partner.numpy(), share.numpy()))
        return mixed

    found = loss(Batch(INDEX, LABELS, seen, give))
    ((partner, share),) = asked
    assert (share >= 0.5).all()
    w = clean(evaluation)[::-1][:, INDEX.numpy()]  # each by the other
    assert w[0, 0] < 0.5 < w[1, 0]
    target = guess(seen.detach().softmax(-1), LABELS, torch.tensor(w.copy()), 0.5, 0.5).numpy()

    def by_hand(logits):
        total = 0.0
        for network in range(NETWORKS):
            p = np.exp(logits[network]) / np.exp(logits[network]).sum(-1, keepdims=True)
            fits, misses = [], []
            for m in range(VIEWS * ROWS):
                part, other = share[network, m], partner[network, m]
                goal = part * target[network, m % ROWS] + (1 - part) * target[network, other % ROWS]
                if w[network, m % ROWS] > 0.5:
                    fits.append(-np.sum(goal * np.log(p[m])))
                else:
                    misses.append(np.mean((p[m] - goal) ** 2))
            total += np.mean(fits) + rel_entr(np.full(CLASSES, 1 / CLASSES), p.mean(0)).sum()
            total += 25 * epoch * np.mean(misses)
        return total

    point = mixed.detach().numpy()
    assert float(found.detach()) == pytest.approx(by_hand(point), rel=1e-5)
    gradient, none = torch.autograd.grad(found, [mixed, seen], allow_unused=True)
    np.testing.assert_allclose(gradient.numpy(), numerical_gradient(by_hand, point), atol=1e-5)
    assert none is None  # targets are labels, not a way for gradients


def test_a_batch_without_labelled_rows_and_one_without_unlabelled_rows():
    for chosen in (torch.tensor([1, 3, 5]), torch.tensor([0, 2, 4])):
        loss = DividedLoss(DivideMix(unlabelled_weight=25))
        loss.begin(store(losses()), np.zeros(N, dtype=np.int64), CLASSES, torch.device("cpu"))
        loss.epoch = 1
        mixed = torch.randn(NETWORKS, 6, CLASSES, requires_grad=True)
        found = loss(Batch(chosen, LABELS[:3], torch.randn(2, 2, 3, CLASSES), lambda *_: mixed))  # noqa: B023
        assert torch.isfinite(found)
        assert torch.isfinite(torch.autograd.grad(found, mixed)[0]).all()


def test_warm_up_with_a_penalty_by_hand():
    logits = torch.randn(2, 1, 4, CLASSES, dtype=torch.float64)
    p = logits.softmax(-1).numpy()
    entropy = -(p * np.log(p)).sum(-1)
    fit = [-np.log(p[b, 0, k, LABELS[k]]) for b in range(2) for k in range(4)]
    found = PenalisedCrossEntropy()(Batch(torch.arange(4), LABELS[:4], logits))
    assert float(found) == pytest.approx(np.mean(fit) - entropy.mean(), rel=1e-9)


def test_stages_and_options():
    warm, divide = DivideMix(warm_epochs=2, epochs=3).stages()
    assert (warm.epochs, divide.epochs, divide.start, divide.views) == (2, 3, "last", 2)
    assert warm.branches == divide.branches == 2
    assert warm.evaluates
    assert divide.evaluates
    loss = divide.loss
    loss.epoch = 4
    other = DividedLoss(DivideMix())
    other.load_state(loss.state())
    assert other.epoch == 4
    for bad in ({"warm_epochs": 0}, {"epochs": 0}, {"threshold": 2}, {"temperature": 0}, {"unlabelled_weight": -1}):
        with pytest.raises(InputError, match=next(iter(bad))):
            DivideMix(**bad)
