"""Outputs of a trained network, in evaluation mode."""

from contextlib import nullcontext
from typing import Literal

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from mislabel.dynamics.trajectory import HALF_MAX
from mislabel.posterior.likeliest import KEPT, Likeliest
from mislabel.training.batches import sorted_batches
from mislabel.training.inputs import Inputs
from mislabel.training.parts import share
from mislabel.training.prefetch import prefetched
from mislabel.training.progress import Quiet
from mislabel.training.sharding import is_sharded

BATCH_SIZE = 128
CODES = "mislabel_codes"


def outputs(
    network: nn.Module,
    inputs: Inputs,
    width: int,
    accelerator: Accelerator,
    *,
    batch_size: int = BATCH_SIZE,
    low_precision: bool = False,
    order: np.ndarray | None = None,
    progress: Quiet | None = None,
    doing: str = "predict",
) -> np.ndarray:
    """What a network gives for every row.

    Parameters
    ----------
    network : Module
        Gives (b, width) for the inputs of b rows.
    inputs : Inputs
        m rows.
    low_precision : bool
        Whether to compute as training does (bf16 where chosen); by default in float32, so that the saved model gives
        the same numbers anywhere.
    order : (m,) int64, optional
        In which rows of one length are put into batches, whose company changes the last digits of a number.
    doing : str
        What the phase is called.

    Returns
    -------
    (m, width) float32, the same on every process
    """
    parts, progress = [(width, torch.float32)], progress or Quiet()
    own = _own(network, inputs, parts, accelerator, batch_size, low_precision, order, progress, doing)
    (result,) = _everywhere(accelerator, len(inputs), *own)
    return result


def probabilities_and_embeddings(
    branches: nn.Module,
    inputs: Inputs,
    n_classes: int,
    dimension: int,
    accelerator: Accelerator,
    *,
    low_precision: bool = False,
    order: np.ndarray | None = None,
    progress: Quiet,
) -> tuple[np.ndarray, np.ndarray]:
    """Two things from one pass: what `MeanProbabilities` gives, and what the first branch's last layer reads.

    Returns
    -------
    probabilities : (m, n_classes) float32
    embeddings : (m, dimension) float16
        A number that half precision cannot hold becomes its largest.
    """
    parts = [(n_classes, torch.float32), (dimension, torch.float16)]
    own = _own(Final(branches), inputs, parts, accelerator, BATCH_SIZE, low_precision, order, progress)
    probabilities, embeddings = _everywhere(accelerator, len(inputs), *own)
    return probabilities, embeddings


def _everywhere(accelerator: Accelerator, count: int, rows: np.ndarray, own: list[np.ndarray]) -> list[np.ndarray]:
    """What `_own` gives on each process, on all of them: (count, width) of each part, of its type."""
    if accelerator.num_processes == 1:
        return own
    results = [np.empty((count, *each.shape[1:]), each.dtype) for each in own]

    def take(rows: np.ndarray, values: list[np.ndarray]) -> None:
        for result, of_rows in zip(results, values, strict=True):
            result[rows] = of_rows

    share(accelerator, rows, own, take)
    return results


def own_outputs(
    network: nn.Module, inputs: Inputs, width: int, accelerator: Accelerator, batch_size: int, progress: Quiet
) -> tuple[np.ndarray, np.ndarray]:
    """What `outputs` gives, in the precision of training, for the rows that this process goes through.

    Returns
    -------
    rows : (k,) int64
        No other process has one of them, and together they have all.
    values : (k, width) float32
    """
    parts = [(width, torch.float32)]
    rows, (values,) = _own(network, inputs, parts, accelerator, batch_size, True, None, progress)
    return rows, values


def _own(
    network: nn.Module,
    inputs: Inputs,
    parts: list[tuple[int, torch.dtype]],
    accelerator: Accelerator,
    batch_size: int,
    low_precision: bool,
    order: np.ndarray | None,
    progress: Quiet,
    doing: str = "predict",
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The rows that this process goes through, (k,) int64, and what a network gives for them, (k, width) each."""
    device, alone, divided = accelerator.device, accelerator.num_processes == 1, is_sharded(network)
    batches = sorted_batches(inputs.lengths, batch_size, order)
    mine = batches[accelerator.process_index :: accelerator.num_processes]
    # With divided weights one process cannot pass without the others: one with a batch less takes any, and forgets it.
    idle = 0 if not divided else -(-len(batches) // accelerator.num_processes) - len(mine)
    # One process has all rows, in their order; of several each has its own, in the order of its batches.
    rows = np.arange(len(inputs)) if alone else np.concatenate([np.empty(0, dtype=np.int64), *mine])
    results, done = [torch.zeros(len(rows), width, dtype=kind, device=device) for width, kind in parts], 0
    network = (network if divided else network.to(device)).eval()
    progress.begin(doing, len(mine))
    with torch.inference_mode(), accelerator.autocast() if low_precision else nullcontext():
        for number, (batch, tensors) in enumerate(prefetched(inputs, [*mine, *batches[:idle]], device)):
            answers = network(tensors)
            if number >= len(mine):
                break
            here = torch.as_tensor(batch, device=device) if alone else slice(done, done + len(batch))
            for result, part in zip(results, [answers] if len(parts) == 1 else answers, strict=True):
                result[here] = part.to(result.dtype)
            done += len(batch)
            progress.advance()
    progress.end()
    return rows, [result.cpu().numpy() for result in results]


class MeanProbabilities(nn.Module):
    """Branches as one network that gives class probabilities: the mean of the branches' softmax outputs."""

    def __init__(self, branches: nn.Module):
        super().__init__()
        self.branches = branches

    def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.branches(inputs)[0].float().softmax(-1).mean(0)


def likeliest_outputs(
    network: nn.Module,
    inputs: Inputs,
    n_classes: int,
    given: np.ndarray,
    dimension: int,
    accelerator: Accelerator,
    *,
    order: np.ndarray | None = None,
    progress: Quiet,
) -> tuple[Likeliest, np.ndarray | None]:
    """What `MeanProbabilities` or `Final` gives for every row, of many classes the likeliest alone.

    Parameters
    ----------
    network : Module
        One of these two.
    given : (m,) int
        Classes that are kept in any case; -1 for none.
    dimension : int
        Of the embeddings that `Final` gives beside; 0 without.

    Returns
    -------
    probabilities : Likeliest
    embeddings : (m, dimension) float16, or None
    """
    parts = [(KEPT, torch.int32), (KEPT, torch.float32), (1, torch.float32)]
    parts += [(dimension, torch.float16)] * bool(dimension)
    labelled = Labelled(inputs, given)
    own = _own(LikeliestClasses(network), labelled, parts, accelerator, BATCH_SIZE, False, order, progress)
    codes, values, rest, *embeddings = _everywhere(accelerator, len(inputs), *own)
    return Likeliest.of(codes, values, rest[:, 0], n_classes), embeddings[0] if embeddings else None


class Labelled:
    """Inputs of which each batch tells a class for each row."""

    def __init__(self, inputs: Inputs, codes: np.ndarray):
        self.inputs: Inputs = inputs
        self.codes: np.ndarray = codes
        self.lengths: np.ndarray = inputs.lengths
        self.ahead: int = inputs.ahead

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, index: np.ndarray) -> "Labelled":
        return Labelled(self.inputs.take(index), self.codes[index])

    def batch(self, index: np.ndarray) -> dict[str, torch.Tensor]:
        return {**self.inputs.batch(index), CODES: torch.as_tensor(self.codes[index])}

    def weak_view(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return self.inputs.weak_view(batch)

    def strong_view(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return self.inputs.strong_view(batch)


class LikeliestClasses(nn.Module):
    """What a network gives as (b, KEPT) classes, that of `Labelled` among them, their values, and a (b, 1) rest."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        given = inputs[CODES]
        answers = self.network({name: value for name, value in inputs.items() if name != CODES})
        probabilities, *others = answers if isinstance(answers, tuple) else (answers,)
        values, codes = probabilities.topk(KEPT)
        lacks = (given >= 0) & (codes != given[:, None]).all(1)
        codes[lacks, -1] = given[lacks]
        values[lacks, -1] = probabilities[lacks].gather(1, given[lacks, None])[:, 0]
        return codes, values, 1 - values.sum(1, keepdim=True), *others


class Final(nn.Module):
    """`MeanProbabilities`, and the first branch's embedding beside them, (b, d)."""

    def __init__(self, branches: nn.Module):
        super().__init__()
        self.branches = branches

    def forward(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        logits, embeddings = self.branches(inputs)
        return logits.float().softmax(-1).mean(0), embeddings[0].float().clamp(-HALF_MAX, HALF_MAX)


class Flat(nn.Module):
    """Branches as one network that gives their logits, or their embeddings, side by side: (m, branches x width)."""

    def __init__(self, branches: nn.Module, part: Literal["logits", "embeddings"]):
        super().__init__()
        self.branches, self.part_index = branches, ("logits", "embeddings").index(part)

    def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.branches(inputs)[self.part_index].transpose(0, 1).flatten(1)
