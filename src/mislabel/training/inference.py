"""Outputs of a trained network, in evaluation mode."""

from contextlib import nullcontext
from typing import Literal

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from mislabel.backbones.inputs import Inputs
from mislabel.training.batches import sorted_batches
from mislabel.training.feeding import fed
from mislabel.training.progress import Quiet


def outputs(
    network: nn.Module,
    inputs: Inputs,
    width: int,
    accelerator: Accelerator,
    *,
    batch_size: int = 128,
    low_precision: bool = False,
    progress: Quiet | None = None,
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

    Returns
    -------
    (m, width) float32, the same on every process
    """
    progress = progress or Quiet()
    device, several = accelerator.device, accelerator.num_processes > 1
    result = torch.zeros(len(inputs), width, device=device)
    mine = sorted_batches(inputs.lengths, batch_size)[accelerator.process_index :: accelerator.num_processes]
    network = network.to(device).eval()
    progress.begin("predict", len(mine))
    with torch.inference_mode(), accelerator.autocast() if low_precision else nullcontext():
        for batch, tensors in fed(inputs, mine, device):
            result[torch.as_tensor(batch, device=device)] = network(tensors).float()
            progress.advance()
    progress.end()
    if several:
        result = accelerator.reduce(result, "sum")
    assert isinstance(result, torch.Tensor)
    return result.cpu().numpy()


class Probabilities(nn.Module):
    """Branches as one network that gives class probabilities: the mean of the branches' softmax outputs."""

    def __init__(self, branches: nn.Module):
        super().__init__()
        self.branches = branches

    def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.branches(inputs)[0].float().softmax(-1).mean(0)


class Flat(nn.Module):
    """Branches as one network that gives their logits, or their embeddings, side by side: (m, branches x width)."""

    def __init__(self, branches: nn.Module, part: Literal["logits", "embeddings"]):
        super().__init__()
        self.branches, self.place = branches, ("logits", "embeddings").index(part)

    def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.branches(inputs)[self.place].transpose(0, 1).flatten(1)
