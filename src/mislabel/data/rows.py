"""The Dataset, and what follows from it alone."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from mislabel.data.inputs import RawInputs
from mislabel.data.label_sources import Sources
from mislabel.data.labels import Labels, decode
from mislabel.data.order import row_order
from mislabel.errors import one_of

STATUSES = (
    "judged", "unlabeled", "empty_input", "unreadable", "class_too_small", "held_out", "decided", "none_of_these",
)  # fmt: skip
FITS_NONE, UNDECIDED = -1, -2  # in place of a code, where no label is known


@dataclass(frozen=True, eq=False)
class Dataset:
    """n rows with K classes.

    Attributes
    ----------
    ids : (n,) int64 or object
        The name of each row: a whole number or a string.
    inputs : RawInputs
        n texts, images or rows of features.
    labels : Labels
        The given labels. A class may be there because of a trusted label, none because of a gold one.
    gold : (n,) int64 or None
        Codes of the true labels where a file knows them, -1 where not. They refer to `gold_classes`: a code of K or
        more is a true class that no given label shows. Gold only scores; it never reaches training.
    split : (n,) str
        "train", "valid" or "test".
    status : (n,) str
        "unreadable" for an image that cannot be read; of the others "held_out" for every row that is not trained on; of
        the rest, in this order, "empty_input", "decided" (its label is trusted, or was decided in a review, and the row
        trains), "none_of_these" (a person says that no class fits, and it does not), "unlabeled", "class_too_small"
        (the only training row of its class), or "judged".
    notes : list of str
        Every warning and decision, as sentences.
    fingerprint : str
        SHA-256, in hex, of ids, inputs, given label codes, classes, split, and trusted labels and votes where there
        are any.
    name : str
        The file, hub name, or "data".
    gold_classes : list
        The classes of `labels`, then those that only gold has.
    decided : (n,) int64 or None
        Codes of the labels that are known, since they are trusted or a review decided them, `FITS_NONE` (-1) where no
        class fits, `UNDECIDED` (-2) elsewhere; see `mislabel.data.decided_labels`. `labels` stay what the data say.
    decided_weight : (n,) float64 or None
        How much a known label counts, the inverse of how probable it was that its row was picked, with mean 1; NaN
        where nobody knows.
    source : str, optional
        From where all of it can be read again: an absolute path, or a hub name; None for what came in memory.
    named : bool
        Whether ids were given; else rows are named by their position.
    sources : Sources or None
        Who labelled the rows, and what each said; `labels` are what they come to, or were given beside.
    """

    ids: np.ndarray
    inputs: RawInputs
    labels: Labels
    gold: np.ndarray | None
    split: np.ndarray
    status: np.ndarray
    notes: list[str]
    fingerprint: str
    name: str
    gold_classes: list[Any] = field(default_factory=list[Any])
    decided: np.ndarray | None = None
    decided_weight: np.ndarray | None = None
    source: str | None = None
    named: bool = True
    sources: Sources | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def training_codes(self) -> np.ndarray:
        """What training learns, (n,) int64: the decided label where there is one, else the given one; -1 for none."""
        codes = self.labels.codes
        return codes if self.decided is None else np.where(self.decided >= 0, self.decided, codes)

    @cached_property
    def order(self) -> np.ndarray:
        """Positions of all rows in the order in which a run takes them, (n,) int64; see `row_order`."""
        return row_order(self.ids if self.named else None, self.inputs, self.labels.codes)

    def in_order(self, which: np.ndarray) -> np.ndarray:
        """Positions (m,) int64, in that order, of the rows (n,) bool that are meant."""
        return self.order[which[self.order]]

    def rows(self, split: str) -> np.ndarray:
        """Positions (m,) int64 of the rows of one split that can be read."""
        one_of("split", split, ("train", "valid", "test"))
        return np.flatnonzero((self.split == split) & (self.status != "unreadable"))

    def decode_gold(self) -> np.ndarray | None:
        """The gold labels (n,) as the user's own values, None where there is none."""
        return None if self.gold is None else decode(self.gold, self.gold_classes or self.labels.classes)


def conflicts(dataset: Dataset) -> list[np.ndarray]:
    """Positions (m,) int64, one array per input that training rows give more than one label, in order of appearance."""
    usable = (dataset.split == "train") & (dataset.labels.codes >= 0)
    rows = np.flatnonzero(usable & ~np.isin(dataset.status, ("empty_input", "unreadable")))
    digests = dataset.inputs.content_digests[rows]
    ordered = np.sort(digests)
    rows = rows[np.isin(digests, np.unique(ordered[1:][ordered[1:] == ordered[:-1]]))]  # of the others, none is twice
    del digests, ordered
    contents = list(dataset.inputs.take(rows).contents())
    group_of = {content: number for number, content in enumerate(dict.fromkeys(contents))}
    if len(group_of) == len(rows):
        return []
    group = np.fromiter(map(group_of.__getitem__, contents), dtype=np.int64, count=len(rows))
    codes = dataset.labels.codes[rows]
    lowest = np.full(len(group_of), dataset.labels.n_classes, dtype=np.int64)
    highest = np.full(len(group_of), -1, dtype=np.int64)
    np.minimum.at(lowest, group, codes)
    np.maximum.at(highest, group, codes)
    inside = np.flatnonzero((lowest < highest)[group])
    inside = inside[np.argsort(group[inside], kind="stable")]
    borders = np.flatnonzero(np.diff(group[inside])) + 1
    return np.split(rows[inside], borders) if len(inside) else []


def row_status(labels: Labels, split: np.ndarray, empty: np.ndarray, unreadable: np.ndarray) -> np.ndarray:
    """The status (n,) str of each row out of its code, its split and whether (n,) its input is empty or broken."""
    status = np.full(len(split), "judged", dtype="U15")
    status[labels.codes < 0] = "unlabeled"
    status[empty] = "empty_input"
    status[split != "train"] = "held_out"
    status[unreadable] = "unreadable"
    return with_small_classes(status, labels.codes, labels.n_classes)


def with_small_classes(status: np.ndarray, codes: np.ndarray, n_classes: int) -> np.ndarray:
    """The status (n,) str of each row once more, after others than before train: which class has a single row left.

    Parameters
    ----------
    codes : (n,) int64
        What training learns, -1 for none.
    """
    status = status.copy()
    undecided = np.isin(status, ("judged", "class_too_small"))
    sizes = np.bincount(codes[undecided | (status == "decided")], minlength=n_classes)
    status[undecided] = np.where(sizes[codes[undecided]] < 2, "class_too_small", "judged")
    return status


def fingerprint(
    ids: np.ndarray,
    inputs: RawInputs,
    labels: Labels,
    split: np.ndarray,
    trusted: np.ndarray | None = None,
    sources: Sources | None = None,
) -> str:
    """SHA-256 in hex over everything that training sees; gold is not part of it.

    Parameters
    ----------
    trusted : (n,) int64, optional
        Codes of trusted labels, negative where there is none; without any it is as if not given.
    sources : Sources, optional
        Their names, kinds and votes.
    """
    digest = hashlib.sha256()

    def add_texts(texts: np.ndarray | Sequence[str]) -> None:
        encoded = lambda: (text.encode("utf-8", "surrogatepass") for text in texts)
        add(np.fromiter(map(len, encoded()), dtype=np.int64, count=len(texts)), encoded())

    def add(sizes: np.ndarray, pieces: Iterable[bytes]) -> None:
        # Sizes first, so that no two lists of texts give the same bytes.
        digest.update(np.array([len(sizes)], dtype="<i8").tobytes())
        digest.update(sizes.astype("<i8").tobytes())
        for piece in pieces:
            digest.update(piece)

    if ids.dtype == object:
        digest.update(b"text ids")
        add_texts(ids)
    else:
        digest.update(b"number ids" + ids.astype("<i8").tobytes())
    digest.update(inputs.modality.encode())
    add(inputs.content_sizes(), inputs.contents())
    digest.update(labels.codes.astype("<i8").tobytes())
    add_texts([json.dumps([type(value).__name__, str(value)]) for value in labels.classes])
    add_texts(split)
    if trusted is not None and (trusted >= 0).any():
        digest.update(b"trusted" + trusted.astype("<i8").tobytes())
    if sources is not None:
        digest.update(b"sources")
        add_texts([*sources.names, *sources.kinds])
        digest.update(sources.votes.astype("<i4").tobytes())
        for shares in sources.shares.values():
            digest.update(shares.astype("<f4").tobytes())
    return digest.hexdigest()
