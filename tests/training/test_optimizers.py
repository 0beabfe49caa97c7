"""The learning rate at every step, and one step of each optimiser, by hand."""

import math

import pytest
import torch
from torch import nn

from mislabel.methods.ce import CrossEntropy
from mislabel.training.optimizers import decayed_groups, learning_rate, make_optimizer
from mislabel.training.stages import Stage
from mislabel.training.training_settings import TrainingSettings

CPU = torch.device("cpu")


def rates(epochs, steps, *, start="fresh", decay=True, **settings):
    """Of all steps of a stage, in order."""
    stage = Stage("one", epochs, CrossEntropy(), start=start, decay=decay)
    chosen = TrainingSettings(**settings)
    return [learning_rate(chosen, stage, epoch, step, steps) for epoch in range(epochs) for step in range(steps)]


def test_a_linear_fall():
    """No warm-up but the first step: ten steps from 1 to what is left for the last, one ninth."""
    wanted = [1.0, 9 / 9, 8 / 9, 7 / 9, 6 / 9, 5 / 9, 4 / 9, 3 / 9, 2 / 9, 1 / 9]
    assert rates(2, 5, learning_rate=1.0, warmup=0.0) == pytest.approx(wanted)
    later = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]  # a later stage does not warm up
    assert rates(2, 5, learning_rate=1.0, warmup=0.06, start="selected") == pytest.approx(later)


def test_a_rise_over_the_first_steps():
    """Of 20 steps 0.25 make five; they rise by a fifth each, then the rest falls by a fifteenth each."""
    wanted = [0.2, 0.4, 0.6, 0.8, 1.0, *(k / 15 for k in range(15, 0, -1))]
    assert rates(4, 5, learning_rate=2.0, warmup=0.25) == pytest.approx([2 * rate for rate in wanted])


def test_a_cosine_to_a_floor():
    """From 0.5 to 0.1: at the start, a quarter, the half and three quarters of the way."""
    found = rates(1, 8, learning_rate=0.5, schedule="cosine", floor=0.1, start="last")
    half = 0.4 * (1 + math.cos(math.pi / 4)) / 2 + 0.1
    assert found[0] == pytest.approx(0.5)
    assert found[2] == pytest.approx(half)
    assert found[4] == pytest.approx(0.3)
    assert found[6] == pytest.approx(0.6 - half)  # the curve is its own mirror image
    assert found == sorted(found, reverse=True)
    assert found[-1] > 0.1


def test_the_cosine_is_that_of_torch():
    """Step by step CosineAnnealingLR, which has neither warm-up nor stages."""
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12, eta_min=0.02)
    wanted = []
    for _ in range(12):
        wanted.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates(3, 4, learning_rate=0.3, schedule="cosine", floor=0.02, start="last") == pytest.approx(wanted)


def test_a_line_to_a_floor():
    found = rates(1, 4, learning_rate=0.9, floor=0.1, start="last")
    assert found == pytest.approx([0.9, 0.7, 0.5, 0.3])


def test_a_constant_rate_knows_no_floor():
    for schedule in ("linear", "cosine"):
        found = rates(2, 10, decay=False, learning_rate=0.7, schedule=schedule, floor=0.1, warmup=0.1)
        assert found == pytest.approx([0.35, *[0.7] * 19])


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_floor_above_the_rate_does_not_raise_it(schedule):
    """A recipe's floor beside a user's lower rate."""
    assert rates(1, 5, learning_rate=1e-5, floor=1e-4, schedule=schedule, start="last") == pytest.approx([1e-5] * 5)


class Small(nn.Module):
    """One weight of each kind, and one that is not trained."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 2, 3)
        self.norm = nn.BatchNorm2d(2)
        self.head = nn.Linear(2, 3)
        self.frozen = nn.Linear(2, 2)
        self.frozen.requires_grad_(False)


def test_decay_is_for_matrices_only():
    model = Small()
    with_decay, without = decayed_groups(model, 0.3)
    assert [with_decay["weight_decay"], without["weight_decay"]] == [0.3, 0.0]
    named = {id(value): name for name, value in model.named_parameters()}
    assert {named[id(value)] for value in with_decay["params"]} == {"convolution.weight", "head.weight"}
    assert {named[id(value)] for value in without["params"]} == {
        "convolution.bias", "norm.weight", "norm.bias", "head.bias"
    }  # fmt: skip


def stepped(steps, **settings):
    """A weight and a bias of 2 after steps with the gradients 0.5, 1, 1.5, ...; as plain numbers."""
    model = nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(2.0)
        model.bias.fill_(2.0)
    optimizer = make_optimizer(model, TrainingSettings(**settings), CPU)
    for step in range(steps):
        for value in (model.weight, model.bias):
            value.grad = torch.full_like(value, 0.5 * (step + 1))
        optimizer.step()
    return model.weight.item(), model.bias.item()


def test_steps_of_sgd():
    """w <- w - lr (m g_before + g + decay w), with momentum m kept from step to step."""
    weight, bias = stepped(1, optimizer="sgd", learning_rate=0.1, weight_decay=0.2, momentum=0.0)
    assert weight == pytest.approx(2 - 0.1 * (0.5 + 0.2 * 2))
    assert bias == pytest.approx(2 - 0.1 * 0.5)
    weight, bias = stepped(2, optimizer="sgd", learning_rate=0.1, weight_decay=0.0, momentum=0.9)
    assert weight == bias == pytest.approx(2 - 0.1 * 0.5 - 0.1 * (0.9 * 0.5 + 1.0))


def test_steps_of_adamw():
    """The decay is apart from the gradient: w (1 - lr decay), then lr times the step of Adam."""
    weight, bias = stepped(1, optimizer="adamw", learning_rate=0.1, weight_decay=0.2)
    assert weight == pytest.approx(2 * (1 - 0.1 * 0.2) - 0.1, abs=1e-5)  # a first step of Adam has size lr
    assert bias == pytest.approx(2 - 0.1, abs=1e-5)
    first = (0.1 * 0.9 * 0.5 + 0.1 * 1.0) / (1 - 0.9**2)
    second = (0.001 * 0.999 * 0.5**2 + 0.001 * 1.0**2) / (1 - 0.999**2)
    assert stepped(2, learning_rate=0.1)[1] == pytest.approx(2 - 0.1 - 0.1 * first / math.sqrt(second), abs=1e-5)
