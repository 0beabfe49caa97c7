"""Brings batches to the device: fetched while the one before is trained on, copied without waiting."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from mislabel.training.inputs import Inputs


def prefetched(
    inputs: Inputs, parts: list[np.ndarray], device: torch.device
) -> Iterator[tuple[np.ndarray, dict[str, Tensor]]]:
    """Each part with its tensors on the device, in order; `inputs.ahead` of them are fetched before they are needed."""
    if not inputs.ahead:
        for part in parts:
            yield part, on_device(inputs.batch(part), device)
        return
    left, waiting = iter(parts), deque[tuple[np.ndarray, Future[dict[str, Tensor]]]]()
    with ThreadPoolExecutor(1) as fetcher:
        try:
            while True:
                while len(waiting) <= inputs.ahead and (part := next(left, None)) is not None:
                    waiting.append((part, fetcher.submit(inputs.batch, part)))
                if not waiting:
                    return
                part, tensors = waiting.popleft()
                yield part, on_device(tensors.result(), device)
        finally:  # whoever stops in between need not wait for what nobody will read
            for _, tensors in waiting:
                tensors.cancel()


def on_device(batch: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Tensors on the device; from pinned memory to a GPU, so that the copy runs beside the step before."""
    if device.type == "cuda":
        batch = {name: value.pin_memory() for name, value in batch.items()}
    return {name: value.to(device, non_blocking=True) for name, value in batch.items()}
