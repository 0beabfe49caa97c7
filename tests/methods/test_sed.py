"""SED against loops over rows, the worked values of thresholds and weights, and on a whole run."""

import numpy as np
import pytest
import torch
from helpers import log_softmax, numerical_gradient, softmax

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.methods.sed import SED, SelectedLoss, class_thresholds, trust
from mislabel.training.losses import Batch

N, CLASSES, B = 8, 3, 5
GIVEN = np.array([0, 2, 1, 1, 2, 0, 0, 1])
INDEX = [6, 1, 3, 0, 4]


def store(seed=0, rows=N):
    found = DynamicsStore([Pass("warm", 0, 0)], rows)
    found.probabilities = softmax(np.random.default_rng(seed).normal(0, 2, (1, rows, CLASSES))).astype(np.float32)
    return found


def begun(**options):
    loss = SelectedLoss(SED(**options))
    loss.begin(store(), GIVEN, CLASSES, torch.device("cpu"))
    return loss


def batch_of(logits, teacher, index=INDEX, weight=None):
    weight = None if weight is None else torch.as_tensor(weight)
    return Batch(
        torch.tensor(index), torch.as_tensor(GIVEN[index]), torch.as_tensor(logits), weight=weight,
        teacher=torch.as_tensor(teacher)[None],
    )  # fmt: skip


def look_by_hand(before, p, sure, said, keep=0.5):
    """tau, rho, mu and v after one look."""
    tau, rho, mu, v = before
    own = sorted(p[row, GIVEN[row]] for row in range(len(p)))
    place = 0.8 * (len(own) - 1)
    low = int(place)
    quantile = own[low] + (place - low) * (own[min(low + 1, len(own) - 1)] - own[low])
    tau = min(max(keep * tau + (1 - keep) * quantile, 0), 0.95)
    rho = [keep * rho[c] + (1 - keep) * sum(p[:, c]) / len(p) for c in range(CLASSES)]
    mu, v = list(mu), list(v)
    for c in range(CLASSES):
        rows = [s for s, name in zip(sure, said, strict=True) if name == c]
        if len(rows) > 1:
            mean = sum(rows) / len(rows)
            mu[c] = keep * mu[c] + (1 - keep) * mean
            v[c] = keep * v[c] + (1 - keep) * sum((s - mean) ** 2 for s in rows) / (len(rows) - 1)
    return tau, rho, mu, v


def assert_knows(loss, wanted):
    for name, value in zip(("threshold", "share", "mean", "variance"), wanted, strict=True):
        np.testing.assert_allclose(getattr(loss, name), value, rtol=1e-6, err_msg=name)


def test_worked_thresholds_and_weights():
    np.testing.assert_allclose(class_thresholds(0.6, np.array([0.5, 0.3, 0.2])), [0.6, 0.36, 0.24])
    sure = torch.tensor([0.9, 0.6, 0.5, 0.3])
    found = trust(sure, torch.full((4,), 0.7), torch.full((4,), 0.04), 2.0)
    np.testing.assert_allclose(found, [1, 0.607, 0.135, 0.0003], atol=5e-4)


def test_looks_by_hand():
    """The first one at the network as its own teacher, the next at rows that the teacher saw."""
    loss, p = begun(), store().probabilities[0].astype(float)
    third = [1 / 3] * CLASSES
    wanted = look_by_hand((1 / 3, third, third, [1.0] * CLASSES), p, p.max(1), p.argmax(1))
    assert_knows(loss, wanted)
    random = np.random.default_rng(1)
    teacher = random.normal(0, 2, (B, CLASSES))
    loss(batch_of(random.normal(size=(1, 2, B, CLASSES)), teacher))
    loss.epoch_end(store(2))
    heard = softmax(teacher)
    wanted = look_by_hand(wanted, store(2).probabilities[0].astype(float), heard.max(1), heard.argmax(1))
    assert_knows(loss, wanted)
    again = begun()
    again.load_state(loss.state())
    assert_knows(again, wanted)


def by_hand(z, teacher, weight, knows):
    tau, rho, mu, v = knows
    fit, count, corrected = 0.0, 0, 0.0
    for row, at in enumerate(INDEX):
        if softmax(z[0, 0, row])[GIVEN[at]] >= tau * rho[GIVEN[at]] / max(rho):
            fit, count = fit - weight[row] * log_softmax(z[0, 0, row])[GIVEN[at]], count + 1
        q = softmax(teacher[row])
        below = min(q.max() - mu[q.argmax()], 0)
        corrected -= np.exp(-(below**2) / (2 * v[q.argmax()] / 4)) * log_softmax(z[0, 1, row])[q.argmax()]
    return fit / max(count, 1) + 0.7 * corrected / B


def test_loss_and_gradient_by_hand():
    loss, random = begun(corrected_weight=0.7), np.random.default_rng(3)
    z, teacher = random.normal(0, 1.5, (1, 2, B, CLASSES)), random.normal(0, 1.0, (B, CLASSES))
    loss.threshold, loss.variance = 0.35, np.array([0.05, 0.1, 0.2])
    loss.mean = np.array([0.8, 0.7, 0.9])
    knows = (loss.threshold, loss.share.copy(), loss.mean, loss.variance)
    weight = np.array([0.5, 2.0, 1.0, 0.25, 3.0])
    clean = [softmax(z[0, 0, row])[GIVEN[at]] > 0.35 for row, at in enumerate(INDEX)]
    assert len(set(clean)) == 2
    tensor = torch.tensor(z, requires_grad=True)
    value = loss(batch_of(tensor, teacher, weight=weight))
    assert float(value.detach()) == pytest.approx(by_hand(z, teacher, weight, knows), rel=1e-6)
    (gradient,) = torch.autograd.grad(value, tensor)
    wanted = numerical_gradient(lambda point: by_hand(point, teacher, weight, knows), z)
    np.testing.assert_allclose(gradient, wanted, atol=1e-6)
    heard = loss.tables["teacher"].numpy()
    np.testing.assert_allclose(heard[INDEX, 0], softmax(teacher).max(1), rtol=1e-6)
    np.testing.assert_array_equal(heard[INDEX, 1], teacher.argmax(1))
    assert (np.delete(heard, INDEX, 0) == 0).all()


def test_a_batch_without_clean_rows():
    loss = begun()
    loss.threshold = 2.0
    z = torch.randn(1, 2, B, CLASSES, requires_grad=True)
    value = loss(batch_of(z, torch.randn(B, CLASSES)))
    (gradient,) = torch.autograd.grad(value, z)
    assert torch.isfinite(value)
    assert (gradient[0, 0] == 0).all()
    assert (gradient[0, 1] != 0).any()


def test_a_rarely_predicted_class_has_a_low_threshold_and_a_lone_row_changes_nothing():
    loss = SelectedLoss(SED(momentum=0))
    found = store(rows=N)
    found.probabilities[0] = np.eye(CLASSES)[[0, 0, 0, 0, 0, 1, 1, 2]] * 0.85 + 0.05
    loss.begin(found, GIVEN, CLASSES, torch.device("cpu"))
    thresholds = class_thresholds(loss.threshold, loss.share)
    assert thresholds[0] > thresholds[1] > thresholds[2] > 0
    assert (loss.mean[2], loss.variance[2]) == (pytest.approx(1 / CLASSES), 1.0)
    np.testing.assert_allclose(loss.mean[:2], 0.9, rtol=1e-6)
    value = trust(torch.tensor([0.5, 0.95]), torch.tensor(0.9), torch.tensor(0.0), 2.0)  # all alike so far
    np.testing.assert_allclose(value, [0, 1], atol=1e-6)


def test_stages():
    warm, select = SED(warm_epochs=3, epochs=4, teacher=0.9).stages()
    assert (warm.epochs, warm.evaluates, warm.teacher) == (3, "probabilities", 0)
    assert (select.epochs, select.views, select.teacher, select.start) == (4, 2, 0.9, "last")
