"""A checkpoint is whole or not there, and brings back exactly what was saved."""

from pathlib import Path

import pytest
import torch
from torch import nn

from mislabel.training.checkpoints import (
    Checkpoint,
    load_checkpoint,
    load_optimizer,
    optimizer_tensors,
    save_checkpoint,
)


def make(stage=0, epoch=1, value=1.0):
    model = {"a": torch.full((2, 3), value), "b": torch.arange(4)}
    return Checkpoint(
        stage=stage,
        epoch=epoch,
        model=model,
        optimizer={"0.step": torch.tensor(3.0), "0.exp_avg": torch.full((2, 3), -value)},
        selected={"a": torch.zeros(2, 3)},
        tables={"targets": torch.full((5, 2), value)},
        state={"log": [{"loss": 0.1}], "seconds": 1.5, "loss": {"all": [0.1, 0.2]}},
    )


def same(one, other):
    assert (one.stage, one.epoch, one.state) == (other.stage, other.epoch, other.state)
    for part in ("model", "optimizer", "selected", "tables"):
        mine, yours = getattr(one, part), getattr(other, part)
        assert mine.keys() == yours.keys()
        for name in mine:
            assert mine[name].dtype == yours[name].dtype
            assert torch.equal(mine[name], yours[name])


def test_round_trip_and_only_the_latest_is_kept(tmp_path):
    assert load_checkpoint(tmp_path) is None
    assert load_checkpoint(tmp_path / "nowhere") is None
    for stage, epoch in ((0, 1), (0, 2), (0, 10), (1, 1)):
        save_checkpoint(tmp_path, make(stage, epoch, value=stage + epoch / 10))
        same(load_checkpoint(tmp_path), make(stage, epoch, value=stage + epoch / 10))
        assert len(list(tmp_path.iterdir())) == 1


def test_tensors_that_share_memory_or_lie_across(tmp_path):
    table = torch.randn(3, 4)
    saved = make()
    saved.model = {"in": table, "out": table, "turned": table.T, "part": table[1:]}
    save_checkpoint(tmp_path, saved)
    found = load_checkpoint(tmp_path).model
    for name, wanted in (("in", table), ("out", table), ("turned", table.T), ("part", table[1:])):
        assert torch.equal(found[name], wanted)


def test_the_optimiser_goes_on_as_if_nothing_had_happened(tmp_path):
    """Six steps of AdamW at once, and three, a checkpoint, three more with a new optimiser: the same weights."""

    def network():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))

    def steps(model, optimizer, numbers):
        for number in numbers:
            torch.manual_seed(number)
            optimizer.zero_grad()
            model(torch.randn(5, 3)).square().sum().backward()
            optimizer.step()

    def adamw(model):
        groups = [{"params": list(model[k].parameters()), "weight_decay": 0.1 * k} for k in (0, 1)]
        return torch.optim.AdamW(groups, lr=0.01)

    whole, first, second = network(), network(), network()
    steps(whole, adamw(whole), range(6))
    optimizer = adamw(first)
    steps(first, optimizer, range(3))
    saved = make()
    saved.model, saved.optimizer = first.state_dict(), optimizer_tensors(optimizer)
    save_checkpoint(tmp_path, saved)
    found = load_checkpoint(tmp_path)
    second.load_state_dict(found.model)
    optimizer = adamw(second)
    load_optimizer(optimizer, found.optimizer)
    steps(second, optimizer, range(3, 6))
    for one, other in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_moments_lie_in_memory_as_their_weights_do(kind, tmp_path):
    """Fused steps of a convolution whose channels come last, as image networks have them: resumed or not, the same."""

    def network():
        torch.manual_seed(0)
        return nn.Conv2d(4, 6, 3).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def fused(model):
        if kind == "sgd":
            return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, fused=True)
        return torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)

    def steps(model, optimizer, numbers):
        for number in numbers:
            torch.manual_seed(number)
            optimizer.zero_grad()
            model(torch.randn(2, 4, 5, 5)).square().sum().backward()
            optimizer.step()

    whole, first, second = network(), network(), network()
    steps(whole, fused(whole), range(4))
    optimizer = fused(first)
    steps(first, optimizer, range(2))
    saved = make()
    saved.model, saved.optimizer = first.state_dict(), optimizer_tensors(optimizer)
    save_checkpoint(tmp_path, saved)
    found = load_checkpoint(tmp_path)
    second.load_state_dict(found.model)
    optimizer = fused(second)
    load_optimizer(optimizer, found.optimizer)
    steps(second, optimizer, range(2, 4))
    assert torch.equal(whole.weight, second.weight)
    assert torch.equal(whole.bias, second.bias)


def test_a_crash_before_the_rename_leaves_the_older_one(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, make(0, 1))

    def crash(self, target):
        raise OSError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crash)
        with pytest.raises(OSError, match="power"):
            save_checkpoint(tmp_path, make(0, 2, value=9.0))
    same(load_checkpoint(tmp_path), make(0, 1))
    save_checkpoint(tmp_path, make(0, 2, value=7.0))  # what was left unfinished does not get in the way
    same(load_checkpoint(tmp_path), make(0, 2, value=7.0))
    assert [path.name for path in tmp_path.iterdir()] == ["00-0002"]


def test_a_crash_before_the_removal_takes_the_newer_one(tmp_path, monkeypatch):
    import shutil

    save_checkpoint(tmp_path, make(0, 9))
    remove = shutil.rmtree

    def crash(path, **options):
        if Path(path).name == "00-0009":
            raise OSError("the power went")
        remove(path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", crash)
        with pytest.raises(OSError, match="power"):
            save_checkpoint(tmp_path, make(0, 10, value=4.0))
    same(load_checkpoint(tmp_path), make(0, 10, value=4.0))


def test_unfinished_folders_are_ignored(tmp_path):
    save_checkpoint(tmp_path, make(0, 1))
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "state.json").write_text("{}")
    (tmp_path / "00-0002").mkdir()  # no state.json: not whole
    same(load_checkpoint(tmp_path), make(0, 1))
