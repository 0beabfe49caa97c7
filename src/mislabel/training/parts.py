"""What each process knows of rows that it alone has seen, told to the others or to the one that writes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

BLOCK = 1 << 26  # bytes that are on their way at once

Take = Callable[[np.ndarray, list[np.ndarray]], None]


@contextmanager
def leaders_first(accelerator: Accelerator, leads: bool) -> Iterator[None]:
    """The block, run by those who write files before those who map what they find there."""
    if not leads:
        accelerator.wait_for_everyone()
    yield
    if leads:
        accelerator.wait_for_everyone()


def share(
    accelerator: Accelerator, rows: np.ndarray, values: Sequence[np.ndarray], take: Take, *, with_all: bool = True
) -> None:
    """Hand what every process knows of its rows to `take`, block by block and process by process.

    All processes of a launch call it together. With one process it is `take(rows, values)`.

    Parameters
    ----------
    rows : (k,) int64
        Those of this process; no other has one of them.
    values : sequence of (k, ...)
        Of the same types and shapes on every process, but for k.
    take : callable
        From rows (b,) int64 and their values (b, ...).
    with_all : bool
        Whether all processes take what all know; otherwise only the main process does.
    """
    if accelerator.num_processes == 1:
        take(rows, list(values))
        return
    rank, arrays = accelerator.process_index, [np.ascontiguousarray(each) for each in (rows, *values)]
    size = sum(each.itemsize * int(np.prod(each.shape[1:], dtype=np.int64)) for each in arrays)
    step = max(1, BLOCK // size)
    for source, count in enumerate(_counts(accelerator, len(rows))):
        for begin in range(0, count, step):
            number = min(step, count - begin)
            if source == rank:
                block = [each[begin : begin + number] for each in arrays]
            else:
                block = [np.empty((number, *each.shape[1:]), each.dtype) for each in arrays]
            if with_all or rank in (0, source):
                send(accelerator, block, source, with_all=with_all)
            if with_all or rank == 0:
                take(block[0], block[1:])


def share_tables(accelerator: Accelerator, rows: np.ndarray, tables: Sequence[Tensor]) -> None:
    """Each process wrote about its rows alone, (k,) int64: all get what it wrote, as others may take them next.

    `tables` are (..., n, K), the same on every process but for what was written; they are changed in place.
    """
    by_row = [table.movedim(-2, 0) for table in tables]
    if not by_row or accelerator.num_processes == 1:
        return

    def take(rows: np.ndarray, values: list[np.ndarray]) -> None:
        for table, of_rows in zip(by_row, values, strict=True):
            table[torch.as_tensor(rows, device=table.device)] = torch.from_numpy(of_rows).to(table.device)

    own = [table[torch.as_tensor(rows, device=table.device)].cpu().numpy() for table in by_row]
    share(accelerator, rows, own, take)


def _counts(accelerator: Accelerator, count: int) -> list[int]:
    """How many rows each process has."""
    counts = torch.zeros(accelerator.num_processes, dtype=torch.int64, device=accelerator.device)
    counts[accelerator.process_index] = count
    torch.distributed.all_reduce(counts)
    return counts.tolist()


def send(accelerator: Accelerator, block: list[np.ndarray], source: int, *, with_all: bool) -> None:
    """Fill the block, on all processes or on the first, with that of the source; bytes, whatever they mean."""
    rank, device = accelerator.process_index, accelerator.device
    if source == 0 and not with_all:
        return
    for array in block:
        host = torch.from_numpy(array.reshape(-1).view(np.uint8))
        told = host.to(device)
        if with_all:
            torch.distributed.broadcast(told, source)
        elif rank == source:
            torch.distributed.send(told, 0)
        else:
            torch.distributed.recv(told, source)
        if rank != source and told is not host:
            host.copy_(told)
