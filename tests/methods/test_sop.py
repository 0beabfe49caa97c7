"""Sparse errors by over-parameterisation: worked values, u and v by hand over several calls, and what they find."""

from functools import partial

import numpy as np
import pytest
import torch
from helpers import numerical_gradient

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.errors import InputError
from mislabel.methods.sop import SOP, SparseErrorLoss, errors, explained, unexplained
from mislabel.training.losses import Batch
from mislabel.training.stages import Stage

ROWS, CLASSES = 6, 3
GIVEN = np.array([0, 2, 1, 1, 2, 0])
Z = (1, 2, 4, CLASSES)
INDEX = [0, 3, 5, 2]


def begun(**options):
    loss = SparseErrorLoss(SOP(warm_epochs=0, **options))
    loss.begin(DynamicsStore([], ROWS), GIVEN, CLASSES, torch.device("cpu"))
    return loss


def batch_of(logits, index=INDEX, weight=None):
    weight = None if weight is None else torch.as_tensor(weight)
    return Batch(torch.tensor(index), torch.as_tensor(GIVEN[index]), torch.as_tensor(logits), weight=weight)


def probabilities(row):
    e = np.exp(row - row.max())
    return e / e.sum()


def row_by_hand(p, u, v, y):
    """CE(q, y) with V held, and the square, of one row."""
    up = np.array([min(u * u, 1) if k == y else 0.0 for k in range(CLASSES)])
    down = np.array([min(v[k] ** 2, 1) if k != y else 0.0 for k in range(CLASSES)])
    q = np.maximum(p + up - down, 1e-4)
    q = np.clip(q / q.sum(), 1e-4, 1)
    said = np.eye(CLASSES)[p.argmax()]
    return -np.log(q[y]), ((said + up - down - np.eye(CLASSES)[y]) ** 2).sum()


def sum_of_both(p, v, y, u):
    return sum(row_by_hand(p, u[0], v, y))


def square_alone(p, u, y, v):
    return row_by_hand(p, u, v, y)[1]


def test_worked_values():
    p = torch.tensor([[0.0, 2.0, 0.0]]).softmax(-1)
    u, v, y = torch.tensor([[0.6]]), torch.tensor([[0.3, 0.5, 0.2]]), torch.tensor([0])
    added, taken = errors(u, v, y)
    np.testing.assert_allclose(added, [[0.36, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(taken, [[0, 0.25, 0.04]], atol=1e-6)
    assert float(explained(p, u, v, y)) == pytest.approx(0.830, abs=5e-4)
    assert float(unexplained(p, u, v, y)) == pytest.approx(0.974, abs=5e-4)


def test_u_and_v_by_hand_over_three_calls():
    """Numerical gradients of the row's own sum, with V held in the first term."""
    loss, random = begun(rate=0.3), np.random.default_rng(0)
    u, v = np.full(ROWS, 0.1), np.full((ROWS, CLASSES), 0.1)
    for index in ([0, 3, 5, 2], [3, 1, 0, 4], [5, 0, 3, 2]):
        z = random.normal(0, 1.5, Z)
        loss(batch_of(z, index))
        for at, row in zip(index, z[0, 0], strict=True):
            p, y, before = probabilities(row), GIVEN[at], (u[at], v[at].copy())
            both = partial(sum_of_both, p, before[1], y)
            square = partial(square_alone, p, before[0], y)
            u[at] -= 0.3 * numerical_gradient(both, np.array([before[0]]))[0]
            v[at] -= 0.3 * numerical_gradient(square, before[1])
        np.testing.assert_allclose(loss.tables["u"][:, 0], u, atol=1e-5)
        np.testing.assert_allclose(loss.tables["v"], v, atol=1e-5)


@pytest.mark.parametrize("options", [{"consistency": 0.0, "evenness": 0.0}, {}])
def test_loss_and_gradient_by_hand(options):
    """Of the logits: the first term by the rows' weights, then the agreement with p held, and the even shares."""
    random = np.random.default_rng(1)
    loss, z, weight = begun(**options), random.normal(0, 1.5, Z), np.array([0.5, 2.0, 1.0, 0.25])
    loss.tables["u"] = torch.rand(ROWS, 1, dtype=torch.float64)
    loss.tables["v"] = torch.rand(ROWS, CLASSES, dtype=torch.float64)
    u, v = (loss.tables[name].clone().numpy() for name in ("u", "v"))
    held = np.array([probabilities(row) for row in z[0, 0]])

    def wanted(point):
        p, strong = ([probabilities(row) for row in view] for view in point[0])
        total = np.mean(
            [w * row_by_hand(each, u[at, 0], v[at], GIVEN[at])[0] for w, each, at in zip(weight, p, INDEX, strict=True)]
        )
        if not options:
            total += 0.9 * np.mean([(h * np.log(h / s)).sum() for h, s in zip(held, strong, strict=True)])
            mean = np.mean(p, axis=0)
            total += 0.1 * -(np.log(mean).mean() + np.log(CLASSES))
        return total

    tensor = torch.tensor(z, requires_grad=True)
    value = loss(batch_of(tensor, weight=weight))
    assert float(value.detach()) == pytest.approx(wanted(z), rel=1e-6)
    (gradient,) = torch.autograd.grad(value, tensor)
    np.testing.assert_allclose(gradient, numerical_gradient(wanted, z), atol=1e-6)


def test_only_rows_of_the_batch_move_and_none_while_warming():
    loss = SparseErrorLoss(SOP(warm_epochs=1))
    loss.begin(DynamicsStore([], ROWS), GIVEN, CLASSES, torch.device("cpu"))
    z = np.random.default_rng(2).normal(size=Z)
    loss(batch_of(z))
    assert (loss.tables["u"] == SOP().start).all()
    loss.epoch_end(DynamicsStore([], ROWS))
    again = SparseErrorLoss(SOP(warm_epochs=1))
    again.begin(DynamicsStore([], ROWS), GIVEN, CLASSES, torch.device("cpu"))
    again.load_state(loss.state())
    for each in (loss, again):
        each(batch_of(z))
        assert set(np.flatnonzero((each.tables["u"][:, 0] != SOP().start).numpy())) == set(INDEX)
    torch.testing.assert_close(loss.tables, again.tables, rtol=0, atol=0)


def test_a_label_that_is_always_contradicted_is_explained_away():
    loss = begun()
    sure = torch.tensor([[0.0, 4.0, 0.0], [4.0, 0.0, 0.0]]).expand(1, 2, 2, 3)
    for _ in range(12):
        loss(batch_of(sure, [0, 5]))  # both are given class 0
    wrong = loss.tables["u"][:, 0].square()
    assert wrong[0] > 0.9
    assert wrong[5] < 0.02
    stage = Stage("train", 1, loss)
    dynamics = DynamicsStore([Pass("train", 0, 0)], ROWS)
    dynamics.write(0, {"prediction": GIVEN, "loss": np.ones(ROWS), "margin": np.zeros(ROWS)})
    found = SOP().posterior([stage], dynamics, GIVEN, np.full((ROWS, CLASSES), 1 / 3)).probabilities
    np.testing.assert_allclose(found[np.arange(ROWS), GIVEN], 1 - wrong.clamp(max=1), atol=1e-6)


def test_one_view_without_agreement():
    assert [stage.views for stage in SOP(consistency=0).stages()] == [1]
    assert [stage.views for stage in SOP().stages()] == [2]
    with pytest.raises(InputError, match="start"):
        SOP(start=0)
