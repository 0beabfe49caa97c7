"""Rows on their way from the device to memory, without a step ever waiting for them."""

import numpy as np
import torch
from torch import Tensor


class HostBuffer:
    """An array in memory, filled batch by batch while training goes on.

    On a GPU each batch is copied to pinned memory on a stream of its own, and put in its place when the buffer is
    taken, at the end of an epoch. On a CPU there is nothing to wait for.

    Parameters
    ----------
    rows, width : int
    device : torch.device
    """

    def __init__(self, rows: int, width: int, device: torch.device):
        self.array: np.ndarray = np.zeros((rows, width), dtype=np.float16)
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._waiting: list[tuple[np.ndarray, Tensor]] = []

    def put(self, index: np.ndarray, values: Tensor) -> None:
        """Keep float16 values (b, width) of the rows (b,)."""
        if self.stream is None:
            self.array[index] = values.cpu().numpy()
            return
        self.stream.wait_stream(torch.cuda.current_stream(values.device))
        with torch.cuda.stream(self.stream):
            host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            host.copy_(values, non_blocking=True)
        values.record_stream(self.stream)  # its memory must not be given away before it is read
        self._waiting.append((index, host))

    def take(self) -> np.ndarray:
        """All that was put, (rows, width) float16."""
        if self.stream is not None:
            self.stream.synchronize()
        for index, host in self._waiting:
            self.array[index] = host.numpy()
        self._waiting.clear()
        return self.array
