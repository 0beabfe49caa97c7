"""The inputs of a Dataset, behind one interface whatever the modality."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

CAPTION = 70  # characters


class RawInputs(ABC):
    """The inputs of n rows as the user gave them.

    Attributes
    ----------
    modality : str
        The name of the modality, such as "text".
    repeated : str
        What rows of the same content are called at the beginning of a sentence, such as "Texts".
    """

    modality: ClassVar[str]
    repeated: ClassVar[str] = "Rows of equal content"

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def take(self, index: np.ndarray) -> Self:
        """These rows, in this order."""

    @abstractmethod
    def contents(self) -> Iterator[bytes]:
        """Bytes that are the same for two rows only where their content is."""

    def content_sizes(self) -> np.ndarray:
        """How many bytes `contents` gives of each row, (n,) int64."""
        return np.fromiter(map(len, self.contents()), dtype=np.int64, count=len(self))

    @cached_property
    def content_digests(self) -> np.ndarray:
        """A number for the content of each row, (n,) uint64: looked into once, all inputs may be gigabytes."""
        digests = (hashlib.blake2b(content, digest_size=8).digest() for content in self.contents())
        return np.fromiter((int.from_bytes(each, "little") for each in digests), dtype=np.uint64, count=len(self))

    @abstractmethod
    def caption(self, position: int) -> str:
        """A row in one line of at most `CAPTION` characters."""

    def in_words(self, position: int) -> str | None:
        """The whole row as text, for whoever reads nothing else; None where words cannot tell it."""
        return None

    def kept(self, positions: range) -> Iterator[str | bytes | None]:
        """What a run folder keeps of these rows, for its report and a review: the caption, unless a class knows more.

        None stands for a row of which there is nothing to keep.
        """
        return (self.caption(position) for position in positions)

    def digests(self) -> Iterator[bytes] | None:
        """16 bytes a row, kept by a run folder where `kept` is not the whole input; None where it is."""
        return None

    def files(self) -> Iterator[tuple[str | None, bytes] | None] | None:
        """Where each input lies, as it was written, and the SHA-256 of that file; None for a row that is no file.

        Of a file that lay in a cell of the table there is the SHA-256 alone. A run folder keeps both, so that a review
        can show the original. None where no input is ever a file.
        """
        return None

    def matcher(self, column: str) -> Callable[[int, Any], bool]:
        """A function that says whether the row at a position is the one of which a run kept a value.

        Parameters
        ----------
        column : str
            What the run kept: "input" (see `kept`) or "digest" (see `digests`).
        """
        whole = range(len(self))
        kept_now = list(self.kept(whole) if column == "input" else self.digests() or self.kept(whole))
        return lambda position, before: kept_now[position] == before


@dataclass(frozen=True, eq=False)
class CheckedInputs:
    """Inputs that were checked, row by row.

    Attributes
    ----------
    values : RawInputs
        Of n rows.
    empty : (n,) bool
        Rows with nothing to read.
    unreadable : (n,) bool
        Rows whose content cannot be read.
    notes : list of str
        What the user should know.
    name : str
        What the inputs are called, for messages.
    """

    values: RawInputs
    empty: np.ndarray
    unreadable: np.ndarray
    notes: list[str] = field(default_factory=list)
    name: str = "inputs"

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index: np.ndarray) -> "CheckedInputs":
        """These rows, in this order."""
        return CheckedInputs(self.values.take(index), self.empty[index], self.unreadable[index], self.notes, self.name)
