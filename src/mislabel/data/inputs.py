"""What a Dataset holds of its rows beside labels: texts, images or features, all with the same few questions."""

from collections.abc import Iterator
from typing import ClassVar, Literal, Protocol, Self

import numpy as np

Modality = Literal["text", "image", "features"]
MODALITIES: tuple[Modality, ...] = ("text", "image", "features")
CAPTION = 70  # characters


class RawInputs(Protocol):
    """The inputs of n rows as the user gave them."""

    modality: ClassVar[Modality]

    def __len__(self) -> int: ...

    def take(self, index: np.ndarray) -> Self:
        """These rows, in this order."""
        ...

    def contents(self) -> Iterator[bytes]:
        """Bytes that are the same for two rows only where their content is."""
        ...

    def caption(self, place: int) -> str:
        """A row in one line."""
        ...
