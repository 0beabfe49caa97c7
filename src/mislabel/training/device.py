"""Which device and precision a run uses, as an accelerate `Accelerator`."""

import gc
import os

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedDataParallelKwargs

from mislabel.errors import InputError, alternatives


def choose_device(name: str) -> str:
    """ "auto" gives cuda, mps or cpu, whichever is there first.

    Raises
    ------
    InputError
        If the device asked for is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, available in there.items() if available)
    if name not in there:
        raise InputError(f"device {name!r} is not known{alternatives(name, ('auto', *there))}")
    if not there[name]:
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
    """An accelerator for one process, or for this process of several under `accelerate launch`."""
    device = choose_device(device)
    precision = choose_precision(precision, device)
    alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
    if alone and _other(device, precision):
        # accelerate remembers the first device and precision of a process; another run may want others.
        AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(
        cpu=device == "cpu",
        mixed_precision="bf16" if precision == "bf16" else "no",
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )


def leave_processes() -> None:
    """Part in order from the other processes of a launch: one that just ends may abort, and take the rest with it."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        gc.collect()  # a wrapped network still holds the group
        torch.distributed.destroy_process_group()


def _other(device: str, precision: str) -> bool:
    """Whether accelerate already remembers another device or precision."""
    known = AcceleratorState._shared_state.get("_mixed_precision")
    there = PartialState._shared_state.get("device")
    wanted = "bf16" if precision == "bf16" else "no"
    return (there is not None and there.type != device) or (known is not None and known != wanted)


def _fast_bf16(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "cpu":
        return bool(torch.cpu.get_capabilities().get("avx512_bf16") or torch.cpu.get_capabilities().get("amx_bf16"))
    return False
