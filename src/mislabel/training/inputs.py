"""What the training loop needs of inputs, whatever the modality."""

from typing import Protocol, Self

import numpy as np
from torch import Tensor

PAD_TO = 8  # batches are padded to a multiple of this, so lengths within it cost the same


class Inputs(Protocol):
    """The inputs of some rows, whatever the modality."""

    lengths: np.ndarray  # (n,) int, cost of a row; rows of like length share a batch
    ahead: int  # how many batches to fetch while one is trained on: 0 where fetching costs nothing

    def __len__(self) -> int: ...

    def take(self, index: np.ndarray) -> Self:
        """These rows, in this order."""
        ...

    def batch(self, index: np.ndarray) -> dict[str, Tensor]:
        """The tensors of these rows, on the CPU, ready for the backbone."""
        ...

    def weak_view(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """A lightly augmented version of a batch, on the batch's device; where dropout is enough, the batch itself."""
        ...

    def strong_view(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """A strongly augmented version of a batch, on the batch's device."""
        ...
