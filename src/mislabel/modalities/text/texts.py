"""n texts, as a Dataset holds them."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from mislabel.data.inputs import CAPTION, Modality


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
