"""Vectors: a small network on features that do not change: a table's columns, or embeddings of a frozen encoder."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mislabel.posterior.moments import mean_and_deviation
from mislabel.training.reshaping import Reshaping

MASKED_SHARE = 0.15
JITTER = 0.1  # standard deviations of each feature
HIDDEN = 256
DROPOUT = 0.1
SMALLEST_SPREAD = 3e-37  # float32 holds little below it
RESHAPED = "layers.0.amount"  # a weight that only a network which reshapes features has
FARTHEST = 1e6  # standard deviations: no training row is so far, of whatever scale a new one may be


class FeatureInputs:
    """Rows of a float matrix.

    Parameters
    ----------
    matrix : (n, d) float32
        Finite numbers.
    mean, scale : (d,) float32, optional
        Of the training rows, as `standardisation` gives them: what a masked feature becomes, and the unit of the
        jitter. 0 and 1 without them.

    Attributes
    ----------
    lengths : (n,) int64
        All one: every row costs the same.
    """

    ahead = 0

    def __init__(self, matrix: np.ndarray, mean: Tensor | None = None, scale: Tensor | None = None):
        self.matrix: Tensor = torch.from_numpy(np.ascontiguousarray(matrix, dtype=np.float32))
        self.rows: Tensor | None = None  # of the matrix, which is kept once however often rows are taken
        self.mean: Tensor = torch.zeros(matrix.shape[1]) if mean is None else mean
        self.scale: Tensor = torch.ones(matrix.shape[1]) if scale is None else scale
        self.lengths: np.ndarray = np.ones(len(matrix), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, index: np.ndarray) -> "FeatureInputs":
        """These rows, in this order."""
        part = copy.copy(self)
        part.rows, part.lengths = self._rows(index), self.lengths[index]
        return part

    def batch(self, index: np.ndarray) -> dict[str, Tensor]:
        return {"features": self.matrix.index_select(0, self._rows(index))}

    def _rows(self, index: np.ndarray) -> Tensor:
        """Of the matrix, (m,) int64."""
        index = np.arange(len(self))[index] if np.asarray(index).dtype == bool else index
        rows = torch.as_tensor(index)
        return rows if self.rows is None else self.rows[rows]

    def weak_view(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch itself: the network's dropout is the weak view."""
        return batch

    def strong_view(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch with 15 % of its features at their mean, at random, and a little Gaussian noise on all."""
        features = batch["features"]
        if self.mean.device != features.device:
            self.mean, self.scale = self.mean.to(features.device), self.scale.to(features.device)
        jittered = torch.addcmul(features, torch.randn_like(features), self.scale, value=JITTER)
        kept = torch.rand_like(features) >= MASKED_SHARE
        return {"features": torch.where(kept, jittered, self.mean)}


class FeatureNetwork(nn.Module):
    """One hidden layer. Inputs are standardised inside, so that the saved network takes raw features.

    Parameters
    ----------
    mean, scale : (d,) float32
        Of the training rows; a constant feature has scale 1.
    n_classes : int
    """

    def __init__(self, mean: Tensor, scale: Tensor, n_classes: int):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.layers = nn.Sequential(
            nn.Dropout(DROPOUT),
            nn.Linear(len(mean), HIDDEN),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN, n_classes),
        )

    mean: Tensor
    scale: Tensor

    def reshape(self) -> None:
        """Put a network that reshapes the features, and one linear layer, in place of the layers."""
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        self.layers = nn.Sequential(Reshaping(len(self.mean)), nn.Linear(len(self.mean), last.out_features))

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.layers(self.standardised(inputs))

    def standardised(self, inputs: dict[str, Tensor]) -> Tensor:
        """What the first layer reads, (b, d) float32."""
        return ((inputs["features"] - self.mean) / self.scale).clamp(-FARTHEST, FARTHEST)

    def layer_outputs(self, inputs: dict[str, Tensor], change: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """What the last layer reads, (b, width), where `change` was made to the standardised features."""
        return [self.layers[:-1](change(self.standardised(inputs)))]

    def changed_logits(self, inputs: dict[str, Tensor], change: Callable[[Tensor], Tensor]) -> Tensor:
        """Logits, where `change` was made to the standardised features, (b, d)."""
        return self.layers(change(self.standardised(inputs)))


def standardisation(matrix: Any) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature, (d,) float32 each; 1 where a feature is constant."""
    mean, deviation = mean_and_deviation(matrix)
    scale = np.where(deviation > SMALLEST_SPREAD, deviation, 1.0)
    return torch.tensor(mean, dtype=torch.float32), torch.tensor(scale, dtype=torch.float32)
