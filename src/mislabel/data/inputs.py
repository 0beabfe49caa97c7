"""What a Dataset holds of its rows beside labels: texts, images or features, all with the same few questions."""

from collections.abc import Iterable, Iterator
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


class Texts(list[str]):
    """n texts."""

    modality: ClassVar[Modality] = "text"

    def __init__(self, texts: Iterable[str] = ()):
        super().__init__(texts)

    def take(self, index: np.ndarray) -> "Texts":
        return Texts(self[place] for place in index)

    def contents(self) -> Iterator[bytes]:
        return (text.encode("utf-8", "surrogatepass") for text in self)

    def caption(self, place: int) -> str:
        text = " ".join(self[place].split())
        return text if len(text) <= CAPTION else text[: CAPTION - 1] + "…"
