"""Looks at rows in evaluation mode between epochs: the losses of each branch, and rows held back from training."""

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


def given_losses(logits: Tensor, given: np.ndarray) -> np.ndarray:
    """Cross-entropy of the given labels, (branches, n) float32, of logits (branches, n, classes)."""
    target = torch.from_numpy(given).expand(len(logits), -1)
    return functional.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none").view(target.shape).numpy()


def held_back(given: np.ndarray, share: float, seed: list[int], known: np.ndarray | None = None) -> np.ndarray:
    """Which rows to hold back: a share of all, and as nearly as whole numbers allow of every given label, (n,) bool.

    Rows whose label is `known`, (n,) bool, always train; the share is then one of the others.
    """
    if known is not None and known.any():
        held = np.zeros(len(given), dtype=bool)
        held[~known] = held_back(given[~known], share, seed)
        return held
    random = np.random.default_rng(seed)
    count = round(share * len(given))
    order = np.lexsort((random.random(len(given)), given))
    # Equal steps through the rows sorted by label, from a random place.
    places = (np.arange(count) + random.random()) * len(given) / max(count, 1)
    held = np.zeros(len(given), dtype=bool)
    held[order[places.astype(np.int64)]] = True
    return held
