"""Weights divided over the processes of a launch (FSDP2), for networks that one device does not hold.

Each process keeps its part of every weight, of its gradient and of what the optimiser keeps of it. The weights of one
block are put together while the block computes, and of the rest of the network while a pass goes on. A step is that
of processes which all hold the whole. Weights leave as whole ones, on the CPU, so checkpoints and models are those of
any other run.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from accelerate import Accelerator
from torch import Tensor, nn

from mislabel.errors import InputError
from mislabel.training.branches import Branches, last_linear, make_branches
from mislabel.training.stages import Stage


def check_shardable(stages: list[Stage], method: str) -> None:
    """Raise InputError where a stage reads weights, or changes them, beside the passes through its network."""
    for stage in stages:
        beside = {
            "mixes what the last layer reads": stage.mixes,
            "has a teacher, the mean of its weights": bool(stage.teacher),
            "cuts weights": stage.prunes,
            "reshapes features": stage.reshapes,
            "keeps the weights of every epoch": stage.trajectory is not None,
        }
        for what, does in beside.items():
            if does:
                raise InputError(
                    f"--shard divides the weights, and --method {method} {what} (stage {stage.name}): choose another "
                    "method, such as panel, ido or elr, or leave --shard out"
                )


def shard(network: Branches, accelerator: Accelerator) -> None:
    """Divide the weights of a network, in place: block by block, then what is left.

    A block is a member of a list of modules inside an encoder, as transformers keep their layers.
    """
    # Imported when needed: it takes a third of a second.
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    for each in network.networks:
        last = last_linear(each)
        for modules in [module for module in each.modules() if isinstance(module, nn.ModuleList)]:
            for block in modules:
                if last is None or last not in block.modules():
                    fully_shard(block, mesh=mesh)
    fully_shard(network, mesh=mesh)


def is_sharded(network: nn.Module) -> bool:
    """Whether the weights are divided: all processes then have to pass through the network equally often."""
    return any(_is_divided(weight) for weight in network.parameters())


def whole(tensors: Mapping[str, Any], *, kept: bool = True) -> dict[str, Tensor]:
    """Divided tensors put together on the CPU, one after the other; others as they are.

    All processes call it together; those that say that they keep nothing get nothing.
    """
    result = {}
    for name, value in tensors.items():
        found = value.full_tensor().cpu() if _is_divided(value) else value
        if kept:
            result[name] = found
    return result


def load_whole(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load whole weights into a network, divided or not; all processes together, with the same ones."""
    own = network.state_dict()
    network.load_state_dict({name: part_like(value, own[name]) for name, value in weights.items()})


def part_like(value: Tensor, like: Any) -> Tensor:
    """A whole tensor, divided as another one is; as it is beside one that is not divided."""
    if not _is_divided(like) or _is_divided(value):
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)


def unsharded(network: Branches, build: Callable[[], nn.Module]) -> Branches:
    """The network with whole weights, made anew on the CPU where they are divided; all processes together."""
    if not is_sharded(network):
        return network
    fresh = make_branches(build, len(network), shared=bool(network.heads))
    fresh.load_state_dict(whole(network.state_dict()))
    return fresh.train(network.training)


def _is_divided(value: object) -> bool:
    """Whether it is torch's `DTensor`; its module takes over a second to import, so it is not for those without one."""
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(value, module.DTensor)
