"""Vectors: a small network on top of features that do not change, such as cached embeddings of a frozen encoder."""

import numpy as np
import torch
from torch import Tensor, nn

MASKED_SHARE = 0.15
HIDDEN = 256
DROPOUT = 0.1


class FeatureInputs:
    """Rows of a float matrix.

    Parameters
    ----------
    matrix : (n, d) float32
        Finite numbers.

    Attributes
    ----------
    lengths : (n,) int64
        All one: every row costs the same.
    """

    def __init__(self, matrix: np.ndarray):
        self.matrix = torch.from_numpy(np.ascontiguousarray(matrix, dtype=np.float32))
        self.lengths = np.ones(len(matrix), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, index: np.ndarray) -> "FeatureInputs":
        """These rows, in this order."""
        return FeatureInputs(self.matrix[torch.as_tensor(index)].numpy())

    def batch(self, index: np.ndarray) -> dict[str, Tensor]:
        return {"features": self.matrix[torch.as_tensor(index)]}

    def strong_view(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch with 15 % of its features set to zero at random, the rest scaled up to keep their sum."""
        return {"features": nn.functional.dropout(batch["features"], MASKED_SHARE)}


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

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.layers((inputs["features"] - self.mean) / self.scale)


def standardisation(matrix: np.ndarray) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature, (d,) float32 each; 1 where a feature is constant."""
    mean, scale = matrix.mean(0, dtype=np.float64), matrix.std(0, dtype=np.float64)
    scale = np.where(scale > 1e-6, scale, 1.0)
    return torch.tensor(mean, dtype=torch.float32), torch.tensor(scale, dtype=torch.float32)
