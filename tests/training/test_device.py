"""Which device and precision a run uses, and how a network is wrapped for several processes."""

import pytest
import torch
from accelerate.utils import DistributedType
from small_loop import CLASSES, FEATURES, Plain, data, weights, with_dropout
from torch import nn

from mislabel.errors import InputError
from mislabel.modalities.vectors import FeatureInputs
from mislabel.training import device
from mislabel.training.branches import Branches, make_branches
from mislabel.training.device import (
    choose_device,
    choose_precision,
    drops_layers,
    has_unused_weights,
    make_accelerator,
)

INPUTS = FeatureInputs(data()[0])


class WithPooler(Plain):
    """Has a layer whose answer nobody reads, if it is computed at all."""

    def __init__(self, computed=False):
        self.computed = computed
        super().__init__()
        layers = self.layers
        del self.layers  # the last linear layer is to stay the one that gives the logits
        self.pooler, self.layers = nn.Linear(FEATURES, 4), layers

    def forward(self, inputs):
        if self.computed:
            self.pooler(inputs["features"])
        return super().forward(inputs)


class Frozen(WithPooler):
    """The idle layer is not trained."""

    def __init__(self):
        super().__init__()
        self.pooler.requires_grad_(False)


class Normalised(Plain):
    """Keeps running statistics, and drops out."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm1d(FEATURES), nn.Dropout(0.5), nn.Linear(FEATURES, CLASSES))


@pytest.mark.parametrize(
    ("build", "unused"),
    [
        (Plain, False),
        (with_dropout, False),
        (Normalised, False),
        (WithPooler, True),
        (lambda: WithPooler(computed=True), True),
        (Frozen, False),
    ],
)
@pytest.mark.parametrize(("branches", "shared"), [(1, False), (2, False), (3, True)])
def test_weights_that_reach_no_output_are_found(build, unused, branches, shared):
    network = make_branches(build, branches, shared)
    before, state = weights(network), torch.random.get_rng_state()
    assert has_unused_weights(network, INPUTS) == unused
    after = weights(network)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(weight.grad is None for weight in network.parameters())
    assert torch.equal(state, torch.random.get_rng_state())


def test_one_idle_head_is_enough():
    network = make_branches(Plain, 2, shared=True)
    network.heads[0].append(nn.Linear(CLASSES, 7))
    network.heads[0][-1].forward = lambda values: values
    assert has_unused_weights(network, INPUTS)


def test_layers_that_are_dropped_at_random_are_found():
    class Dropping(Plain):
        layerdrop = 0.1

    class Never(Plain):
        layerdrop = 0.0

    assert drops_layers(Branches([Plain(), Dropping()]))
    assert not drops_layers(Branches([Plain(), Never()]))


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_first_device_that_is_there(cuda, mps, chosen, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto") == chosen
    assert choose_device("cpu") == "cpu"
    for name, there in (("cuda", cuda), ("mps", mps)):
        if there:
            assert choose_device(name) == name
        else:
            with pytest.raises(InputError, match=f"device '{name}' is not available here; use --device cpu"):
                choose_device(name)


def test_what_is_no_device_or_precision_is_said():
    with pytest.raises(InputError, match="device 'cude' is not known.*cuda"):
        choose_device("cude")
    with pytest.raises(InputError, match="device 'zz' is not known.*auto.*cuda.*mps.*cpu"):
        choose_device("zz")
    with pytest.raises(InputError, match="precision 'fp33' is not known.*fp32"):
        choose_precision("fp33", "cpu")
    with pytest.raises(InputError, match="precision 'zz' is not known.*auto.*bf16.*fp32"):
        choose_precision("zz", "cpu")


@pytest.mark.parametrize(
    ("able", "chosen"),
    [({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"), ({"avx512_bf16": False, "avx2": True}, "fp32")],
)
def test_half_precision_where_the_processor_multiplies_it(able, chosen, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert choose_precision("auto", "cpu") == chosen
    assert choose_precision("auto", "mps") == "fp32"
    assert [choose_precision(name, "cpu") for name in ("bf16", "fp32")] == ["bf16", "fp32"]


@pytest.mark.parametrize(("in_hardware", "chosen"), [(True, "bf16"), (False, "fp32")])
def test_half_precision_that_a_graphics_card_emulates_is_none(in_hardware, chosen, monkeypatch):
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or in_hardware
    )
    assert choose_precision("auto", "cuda") == chosen


def test_runs_of_one_process_may_differ_in_precision():
    """accelerate keeps what the first one asked for."""
    for precision, wanted in (("bf16", "bf16"), ("fp32", "no"), ("bf16", "bf16"), ("fp32", "no")):
        accelerator = make_accelerator("cpu", precision)
        assert accelerator.mixed_precision == wanted
        assert accelerator.device.type == "cpu"
    assert make_accelerator().device.type == choose_device("auto")


def test_a_launcher_that_divides_weights_itself_is_refused(monkeypatch):
    class Launched:
        distributed_type = DistributedType.FSDP

    monkeypatch.setattr(device, "Accelerator", lambda **settings: Launched())
    with pytest.raises(InputError, match="told to use FSDP.*plain processes.*--shard"):
        make_accelerator("cpu")
