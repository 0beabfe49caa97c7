"""Between epochs: logits and losses in evaluation mode, and which rows are held back from training for it."""

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn import functional

from mislabel.training.branches import Branches
from mislabel.training.inference import Flat, outputs
from mislabel.training.inputs import Inputs
from mislabel.training.progress import Quiet


def branch_logits(
    branches: Branches, inputs: Inputs, n_classes: int, accelerator: Accelerator, progress: Quiet
) -> Tensor:
    """Logits of every row in evaluation mode, (branches, n, n_classes) float32, in the precision of training."""
    width = len(branches) * n_classes
    flat = outputs(Flat(branches, "logits"), inputs, width, accelerator, low_precision=True, progress=progress)
    return torch.from_numpy(flat).view(len(inputs), len(branches), n_classes).transpose(0, 1)


def target_losses(logits: Tensor, target: np.ndarray) -> np.ndarray:
    """Cross-entropy of the targets (n,) int64, (branches, n) float32, of logits (branches, n, classes)."""
    each = torch.from_numpy(target).expand(len(logits), -1)
    return functional.cross_entropy(logits.flatten(0, 1), each.flatten(), reduction="none").view(each.shape).numpy()


def held_back(target: np.ndarray, share: float, seed: list[int], trusted: np.ndarray | None = None) -> np.ndarray:
    """Which rows to hold back: a share of all, and as nearly as whole numbers allow of every label, (n,) bool.

    Rows with a trusted label, `trusted` (n,) bool, always train; the share is then one of the others.
    """
    if trusted is not None and trusted.any():
        held = np.zeros(len(target), dtype=bool)
        held[~trusted] = held_back(target[~trusted], share, seed)
        return held
    random = np.random.default_rng(seed)
    count = round(share * len(target))
    order = np.lexsort((random.random(len(target)), target))
    # Equal steps through the rows sorted by label, from a random start.
    positions = (np.arange(count) + random.random()) * len(target) / max(count, 1)
    held = np.zeros(len(target), dtype=bool)
    held[order[positions.astype(np.int64)]] = True
    return held
