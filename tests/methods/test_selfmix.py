"""SelfMix against loops over rows, with the mixing done by hand, and on whole runs."""

import numpy as np
import pytest
import torch
from helpers import log_softmax, numerical_gradient, rng, softmax
from scipy.special import rel_entr

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.errors import InputError
from mislabel.methods._division import clean
from mislabel.methods._losses import symmetric_kl
from mislabel.methods.selfmix import SelfMix, SelfMixLoss, divide
from mislabel.training.losses import Batch

ROWS, CLASSES, N = 5, 3, 40
INDEX = torch.tensor([3, 10, 20, 38, 7])  # even rows keep their labels
LABELS = torch.tensor([0, 2, 1, 1, 0])
KEEPS = np.array([False, True, True, True, False])


def losses(seed=0):
    """Every other row is doubtful, but for chance."""
    random = rng(seed)
    doubtful = np.arange(N) % 2 == 1
    return np.where(doubtful, random.normal(2.0, 0.3, (1, N)), random.normal(0.2, 0.05, (1, N))).astype(np.float32)


def store(evaluation):
    found = DynamicsStore([Pass("warm", 0, 0)], evaluation.shape[1])
    found.evaluation = evaluation
    return found


def begun(**options):
    loss = SelfMixLoss(SelfMix(**options))
    loss.begin(store(losses()), np.zeros(N, dtype=np.int64), CLASSES, torch.device("cpu"))
    return loss


def test_worked_symmetric_divergence():
    p, q = (torch.tensor([row], dtype=torch.float64).log() for row in ([0.7, 0.2, 0.1], [0.5, 0.3, 0.2]))
    assert float(symmetric_kl(p, q)[0]) / 2 == pytest.approx(0.0886, abs=5e-5)
    both = rel_entr(p.exp().numpy(), q.exp().numpy()).sum() + rel_entr(q.exp().numpy(), p.exp().numpy()).sum()
    assert float(symmetric_kl(p, q)[0]) == pytest.approx(both, rel=1e-12)


def goals_by_hand(seen):
    """t of all rows, from the logits of both views (2, b, classes)."""
    goals = []
    for row in range(ROWS):
        guess = ((softmax(seen[0, row]) + softmax(seen[1, row])) / 2) ** 2
        goals.append(np.eye(CLASSES)[LABELS[row]] if KEEPS[row] else guess / guess.sum())
    return goals


def by_hand(goals, weak, everything, partner, share):
    """L from t, the weak logits (b, classes), those of mixed weak and whole strong views (2 b, classes), and draws."""
    strong, fit = everything[ROWS:], 0.0
    for row in range(ROWS):
        goal = share[row] * goals[row] + (1 - share[row]) * goals[partner[row]]
        fit -= goal @ log_softmax(everything[row]) / ROWS
    rest = []
    for row in np.flatnonzero(~KEEPS):
        p, q = softmax(weak[row]), softmax(strong[row])
        apart = (rel_entr(p, q).sum() + rel_entr(q, p).sum()) / 2
        rest.append(0.3 * apart - 0.2 * np.log(q.max()))
    return fit + np.mean(rest)


@pytest.mark.parametrize("numeric", [False, True])
def test_loss_and_gradient_by_hand(numeric):
    """Both looks at a text carry gradients; of numbers the second one alone."""
    torch.manual_seed(0)
    seen = torch.randn(1, 2, ROWS, CLASSES, dtype=torch.float64, requires_grad=not numeric)
    everything = torch.randn(1, 2 * ROWS, CLASSES, dtype=torch.float64, requires_grad=True)
    asked = []

    def give(partner, share):
        asked.append((partner[0].numpy(), share[0].numpy()))
        return everything

    found = begun()(Batch(INDEX, LABELS, seen, give))
    ((partner, share),) = asked
    np.testing.assert_array_equal(partner[ROWS:], np.arange(ROWS, 2 * ROWS))  # the strong views stay as they are
    np.testing.assert_array_equal(share[ROWS:], 1)
    assert sorted(partner[:ROWS]) == list(range(ROWS))
    assert (share[:ROWS] >= 0.5).all()
    goals = goals_by_hand(seen.detach().numpy()[0])  # no way for gradients
    weak, point = seen.detach().numpy()[0, 0], everything.detach().numpy()[0]
    assert float(found.detach()) == pytest.approx(by_hand(goals, weak, point, partner, share), rel=1e-6)
    slopes = torch.autograd.grad(found, [everything] if numeric else [everything, seen])
    wanted = numerical_gradient(lambda value: by_hand(goals, weak, value, partner, share), point)
    np.testing.assert_allclose(slopes[0].numpy()[0], wanted, atol=1e-6)
    if not numeric:
        wanted = numerical_gradient(lambda value: by_hand(goals, value, point, partner, share), weak)
        np.testing.assert_allclose(slopes[1].numpy()[0, 0], wanted, atol=1e-6)
        assert (slopes[1][0, 1] == 0).all()


def test_rows_are_divided_by_the_losses_after_each_epoch():
    loss = begun()
    np.testing.assert_allclose(loss.clean.numpy(), clean(losses())[0], atol=1e-6)
    np.testing.assert_array_equal(loss.clean.numpy()[INDEX] > 0.5, KEEPS)
    other = losses(1)[:, ::-1].copy()
    loss.epoch_end(store(other))
    np.testing.assert_allclose(loss.clean.numpy(), clean(other)[0], atol=1e-6)
    assert loss.state() == {}
    assert not loss.tables


def test_each_class_is_divided_by_itself_unless_it_is_small():
    """Of a hard class, all of whose losses are higher, one mixture over all rows would take every label."""
    random = rng(2)
    labels = np.repeat([0, 1, 3], [100, 60, 10])  # no row is of class 2
    wrong = np.arange(len(labels)) % 5 == 0
    losses = (np.array([0.1, 2.0, 0, 0.1])[labels] + 1.5 * wrong + random.normal(0, 0.05, len(labels)))[None]
    losses = losses.astype(np.float32)
    alone, together = divide(losses, labels, "class"), divide(losses, labels, "global")
    np.testing.assert_array_equal(alone[labels < 2] > 0.5, ~wrong[labels < 2])
    assert (together[labels == 1] < 0.5).all()
    np.testing.assert_array_equal(alone[labels == 3], together[labels == 3])
    np.testing.assert_array_equal(together, clean(losses)[0])


@pytest.mark.parametrize("chosen", [[1, 3, 5], [0, 2, 4]])
def test_a_batch_without_labelled_rows_and_one_without_unlabelled_rows(chosen):
    everything = torch.randn(1, 6, CLASSES, requires_grad=True)
    found = begun()(Batch(torch.tensor(chosen), LABELS[:3], torch.randn(1, 2, 3, CLASSES), lambda *_: everything))
    assert torch.isfinite(found)
    assert torch.isfinite(torch.autograd.grad(found, everything)[0]).all()


def test_the_pseudo_term_sharpens():
    """A step against its gradient makes the largest probability larger."""
    everything = torch.tensor([[[0.0] * 3, [0.5, 0.2, -0.1]]], requires_grad=True)
    seen = torch.zeros(1, 2, 1, CLASSES)

    def value(weight):
        loss = begun(pseudo_weight=weight, agreement_weight=0)
        return loss(Batch(torch.tensor([1]), LABELS[:1], seen, lambda *_: everything))

    (slope,) = torch.autograd.grad(value(1.0) - value(0.0), everything)
    before = everything.detach()[0, 1]
    after = before - 0.1 * slope[0, 1]
    assert float(after.softmax(-1)[0]) > float(before.softmax(-1)[0])


def test_stages_and_options():
    warm, mix = SelfMix(warm_epochs=3, epochs=5).stages()
    assert (warm.epochs, mix.epochs, mix.start, mix.views, mix.branches) == (3, 5, "last", 2, 1)
    assert warm.evaluates
    assert mix.evaluates
    assert mix.mixes
    for bad in ({"warm_epochs": 0}, {"epochs": 0}, {"threshold": 2}, {"temperature": 0}, {"pseudo_weight": -1}):
        with pytest.raises(InputError, match=next(iter(bad))):
            SelfMix(**bad)  # pyright: ignore[reportArgumentType]
