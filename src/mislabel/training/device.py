"""Which device and precision a run uses, as an accelerate `Accelerator`."""

import gc
import os
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedDataParallelKwargs, DistributedType, broadcast_object_list
from torch.nn.modules.batchnorm import _BatchNorm

from mislabel.errors import InputError, RunError, alternatives
from mislabel.training.branches import Branches
from mislabel.training.inputs import Inputs
from mislabel.training.sharding import shard

DIVIDES = (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)


def choose_device(name: str) -> str:
    """ "auto" gives cuda, mps or cpu, whichever is there first.

    Raises
    ------
    InputError
        If the device asked for is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, usable in available.items() if usable)
    if name not in available:
        raise InputError(f"device {name!r} is not known{alternatives(name, ('auto', *available))}")
    if not available[name]:
        raise InputError(f"device {name!r} is not available here; use --device cpu, or install a torch build for it")
    return name


def choose_precision(name: str, device: str) -> str:
    """ "auto" gives bf16 where the device multiplies it in hardware, else fp32."""
    if name == "auto":
        return "bf16" if _fast_bf16(device) else "fp32"
    if name not in ("bf16", "fp32"):
        raise InputError(f"precision {name!r} is not known{alternatives(name, ('auto', 'bf16', 'fp32'))}")
    return name


def make_accelerator(device: str = "auto", precision: str = "auto") -> Accelerator:
    """An accelerator for one process, or for this process of several under `accelerate launch`.

    Raises
    ------
    InputError
        If the device is not there, or the launcher's configuration divides the weights itself.
    """
    device = choose_device(device)
    precision = choose_precision(precision, device)
    if not several_processes() and _other(device, precision):
        # accelerate remembers the first device and precision of a process; another run may want others.
        AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision="bf16" if precision == "bf16" else "no")
    if accelerator.distributed_type in DIVIDES:
        raise InputError(
            f"the launcher was told to use {accelerator.distributed_type.value}, which divides weights in its own way: "
            "launch plain processes (torchrun, or `accelerate launch --multi_gpu`), and give --shard where one device "
            "does not hold the weights"
        )
    return accelerator


def several_processes() -> bool:
    """Whether this process is one of several of a launch."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def as_main(value: Any) -> Any:
    """What the main process has in place of this, on all processes of a launch."""
    return broadcast_object_list([value])[0]


def wrap_network(
    network: Branches, inputs: Inputs, accelerator: Accelerator, *, compiled: bool = False, sharded: bool = False
) -> Any:
    """The network as accelerate trains it, over all processes of a launch; compiled or divided where asked for.

    Processes wait for the gradient of every weight, so a network with weights that get none has to say so: it then
    pays for a search through its graph at every step, which others are spared.
    """
    if sharded and accelerator.num_processes > 1:
        _check_divisible(network)
        shard(network, accelerator)
        return accelerator.prepare_model(network, evaluation_mode=True)  # nothing but its precision
    if accelerator.num_processes > 1:
        searched = has_unused_weights(network, inputs) or drops_layers(network)
        handler: Any = DistributedDataParallelKwargs(find_unused_parameters=searched)
        accelerator.ddp_handler = handler
    if compiled:
        for module in network.networks:
            module.compile()  # in place: names of weights stay
    return accelerator.prepare(network)


def _check_divisible(network: Branches) -> None:
    """Raise RunError for a network that processes cannot divide: it would wait for ever, or be another on each."""
    if drops_layers(network):
        raise RunError(
            "--shard needs all processes to compute the same layers, and this model leaves out some by chance "
            "(layerdrop): set layerdrop to 0 in its config.json, or leave --shard out"
        )
    if any(isinstance(module, _BatchNorm) for module in network.modules()):
        raise RunError(
            "--shard divides weights, and each process would keep statistics of its own rows in this model's batch "
            "norms: leave --shard out"
        )


def has_unused_weights(network: Branches, inputs: Inputs) -> bool:
    """Whether some weight that could be trained reaches neither logits nor embeddings, as a pooler that nobody reads.

    Found by a pass over two rows, in evaluation mode, without a trace in weights or random states.
    """
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    if not weights:
        return False
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        logits, embeddings = network.eval()(inputs.batch(np.arange(min(2, len(inputs)))))
        gradients = torch.autograd.grad(logits.sum() + embeddings.sum(), weights, allow_unused=True)
    return any(gradient is None for gradient in gradients)


def drops_layers(network: Branches) -> bool:
    """Whether whole layers are left out of some passes at random (`layerdrop` of transformers)."""
    return any((getattr(module, "layerdrop", 0) or 0) > 0 for module in network.modules())


def leave_processes() -> None:
    """Part in order from the other processes of a launch: one that just ends may abort, and take the rest with it."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        gc.collect()  # a wrapped network still holds the group
        torch.distributed.destroy_process_group()


def _other(device: str, precision: str) -> bool:
    """Whether accelerate already remembers another device or precision."""
    precision_before = AcceleratorState._shared_state.get("_mixed_precision")
    device_before = PartialState._shared_state.get("device")
    wanted = "bf16" if precision == "bf16" else "no"
    return (device_before is not None and device_before.type != device) or (
        precision_before is not None and precision_before != wanted
    )


def _fast_bf16(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "cpu":
        return bool(torch.cpu.get_capabilities().get("avx512_bf16") or torch.cpu.get_capabilities().get("amx_bf16"))
    return False
