"""The mean of the weights that teaches: by hand over steps, out of the way of all else, and the same after a stop."""

import numpy as np
import pytest
import torch
from small_loop import CLASSES, ROWS, WithEncoder, assert_same_weights, data, make_loop, weights, with_dropout
from torch import nn

from mislabel.disk import DiskFull
from mislabel.methods._losses import CrossEntropy
from mislabel.training.checkpoints import load_checkpoint
from mislabel.training.cost import passes
from mislabel.training.losses import Batch, Loss
from mislabel.training.room import training_needs
from mislabel.training.stages import Stage
from mislabel.training.trusted import loss_with_trusted


class Linear(nn.Module):
    """Logits from one layer, so that the teacher's weights can be read off what it says."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(data()[0].shape[1], CLASSES)

    def forward(self, inputs):
        return self.layer(inputs["features"])


class Taught(Loss):
    """Cross-entropy, and an agreement with the teacher; keeps what it saw."""

    def __init__(self, agreement=0.0):
        super().__init__()
        self.agreement, self.seen = agreement, []

    def __call__(self, batch):
        self.seen.append(batch)
        value = CrossEntropy()(batch)
        if self.agreement and batch.teacher is not None:
            value = value + self.agreement * (batch.logits[:, 0] - batch.teacher).square().mean()
        return value


class Stopped:
    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left < 0


def test_the_mean_by_hand():
    """The weights before each step are noted; the teacher's logits are those of their mean."""
    loss, states = Taught(), []

    class Noting(Linear):
        def forward(self, inputs):
            if torch.is_grad_enabled():
                states.append((self.layer.weight.detach().clone(), self.layer.bias.detach().clone()))
            return super().forward(inputs)

    make_loop(Noting).run([Stage("a", 2, loss, teacher=0.8)])
    matrix = torch.as_tensor(data()[0])
    weight, bias = states[0]
    for batch, (now, shift) in zip(loss.seen, states, strict=True):
        weight, bias = 0.8 * weight + 0.2 * now, 0.8 * bias + 0.2 * shift
        torch.testing.assert_close(batch.teacher[0], matrix[batch.index] @ weight.T + bias, rtol=1e-4, atol=1e-5)
        assert not batch.teacher.requires_grad


def test_a_teacher_that_nobody_heeds_changes_nothing():
    """Neither dropout nor the counts of a batch norm; and whose encoder is frozen has one too."""
    for build, frozen in ((with_dropout, False), (WithEncoder, False), (WithEncoder, True)):
        without, record = make_loop(build).run([Stage("a", 2, CrossEntropy(), views=2, frozen=frozen)])
        beside, again = make_loop(build).run([Stage("a", 2, CrossEntropy(), views=2, frozen=frozen, teacher=0.9)])
        assert_same_weights(weights(without), weights(beside))
        np.testing.assert_array_equal(record.loss, again.loss)
        assert len(beside) == 1


def test_no_teacher_where_none_is_asked_for():
    loss = Taught()
    make_loop().run([Stage("a", 1, loss)])
    assert all(batch.teacher is None for batch in loss.seen)


@pytest.mark.parametrize("steps_before", [3, 5, 7, 12])
def test_interrupted_and_continued_is_as_never_interrupted(tmp_path, steps_before):
    def stages():
        return [
            Stage("a", 1, CrossEntropy()),
            Stage("b", 2, Taught(1.0), branches=2, teacher=0.9, start="fresh"),
        ]

    whole, record = make_loop(with_dropout).run(stages())
    with pytest.raises(KeyboardInterrupt):
        make_loop(with_dropout, folder=tmp_path, interrupted=Stopped(steps_before)).run(stages())
    continued, again = make_loop(with_dropout, folder=tmp_path).run(stages(), resume=True)
    assert_same_weights(weights(whole), weights(continued))
    np.testing.assert_array_equal(record.loss, again.loss)


def test_the_checkpoint_holds_the_mean_and_one_without_is_read(tmp_path):
    make_loop(Linear, folder=tmp_path).run([Stage("a", 1, CrossEntropy(), teacher=0.9)])
    saved = load_checkpoint(tmp_path / "checkpoints")
    assert set(saved.mean) == {"networks.0.layer.weight", "networks.0.layer.bias"}
    assert not torch.equal(saved.mean["networks.0.layer.weight"], saved.model["networks.0.layer.weight"])
    (path,) = (tmp_path / "checkpoints").glob("*/mean.safetensors")
    path.unlink()
    assert load_checkpoint(tmp_path / "checkpoints").mean == {}


def test_what_it_costs_and_the_room_that_it_takes(tmp_path, monkeypatch):
    plain, taught = Stage("a", 2, CrossEntropy(), views=2), Stage("a", 2, CrossEntropy(), views=2, teacher=0.9)
    assert (passes(taught).both, passes(taught).forward) == (2, 1)
    network, _ = make_loop().run([plain])
    needs = [training_needs([stage], network, 4, ROWS, CLASSES, keeps_weights=False) for stage in (plain, taught)]
    size = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    assert needs[1]["checkpoints"] - needs[0]["checkpoints"] == 2 * size
    monkeypatch.setattr("mislabel.training.room.free_bytes", lambda folder: sum(needs[1].values()) - 1)
    make_loop(folder=tmp_path / "one").run([plain])
    with pytest.raises(DiskFull):
        make_loop(folder=tmp_path / "two").run([taught])


def test_rows_with_a_trusted_label_have_no_teacher():
    heard = Taught()
    logits, teacher = torch.randn(2, 1, 4, CLASSES), torch.randn(2, 4, CLASSES)
    batch = Batch(torch.arange(4), torch.zeros(4, dtype=torch.int64), logits, teacher=teacher)
    loss_with_trusted(heard, batch, np.array([True, False, True, False]), mixes=False)
    assert torch.equal(heard.seen[0].teacher, teacher[:, [1, 3]])
