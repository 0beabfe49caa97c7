"""The rows of an audit as small arrays, for whoever shows or decides them row by row."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mislabel.tables.arrow import compute

if TYPE_CHECKING:
    from mislabel.run.row_votes import RowVotes

BLOCK = 1 << 16
FEW, MOST_FOUND = 1000, 1_000_000  # ids that are scanned for; that are remembered


@dataclass(frozen=True, eq=False)
class Rows:
    """n rows in the order of the audit, worst first; a row is named by its rank in it, 0 to n - 1.

    Attributes
    ----------
    modality : str
        Of the run, such as "text".
    ids : pyarrow Array
        n whole numbers or strings.
    status : pyarrow DictionaryArray
        n times judged, or why not.
    classes : list
        The K classes of the run, the user's own values.
    labels : mapping of (n,) int32
        Codes into `classes`, -1 where there is none: given_label, suggested_label, predicted_label, and
        neighbour_label where the run has it.
    numbers : mapping of (n,) float32
        p_mislabeled, difficulty, confidence, and the run's evidence; NaN where there is none.
    position : (n,) int64 or None
        Of each row in the data, and so in posterior.npy, embeddings.npy and inputs.parquet; None for old runs that do
        not keep it.
    votes : RowVotes or None
        What each source said, where several labelled the rows.
    """

    modality: str
    ids: pa.Array
    status: pa.DictionaryArray
    classes: list[Any]
    labels: Mapping[str, np.ndarray]
    numbers: Mapping[str, np.ndarray]
    position: np.ndarray | None
    votes: "RowVotes | None" = None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def judged(self) -> np.ndarray:
        """Judged, with a probability and a given label, (n,) bool: what report and review are about."""
        return (
            self.with_status("judged") & np.isfinite(self.numbers["p_mislabeled"]) & (self.labels["given_label"] >= 0)
        )

    @cached_property
    def n_judged(self) -> int:
        return int(self.judged.sum())

    def with_status(self, status: str) -> np.ndarray:
        """The rows of this status, (n,) bool."""
        known = self.status.dictionary.to_pylist()
        if status not in known:
            return np.zeros(len(self), dtype=bool)
        same = compute.equal(self.status.indices, known.index(status))
        return same.fill_null(False).to_numpy(zero_copy_only=False)

    def status_counts(self) -> dict[str, int]:
        """How many rows have each status."""
        counts = compute.value_counts(self.status.cast(pa.string()))
        return {str(entry["values"]): entry["counts"] for entry in counts.to_pylist()}

    def id(self, row: int) -> Any:
        value = self.ids[row].as_py()
        if len(self._found) < MOST_FOUND:
            self._found[type(value), value] = row  # whoever decides it will ask for it by its id
        return value

    def label(self, code: int) -> Any:
        """The user's own value of a code, None for -1."""
        return None if code < 0 else self.classes[code]

    def code(self, name: str, row: int) -> int | None:
        """A row's code in one of `labels`, None where there is none."""
        code = int(self.labels[name][row]) if name in self.labels else -1
        return code if code >= 0 else None

    def codes(self, name: str, rows: np.ndarray) -> list[int | None]:
        """As `code`, for each of (m,) int64 rows."""
        codes = self.labels[name][rows].tolist() if name in self.labels else [-1] * len(rows)
        return [code if code >= 0 else None for code in codes]

    def number(self, name: str, row: int) -> float | None:
        """A row's value in one of `numbers`, None where there is none."""
        value = float(self.numbers[name][row]) if name in self.numbers else math.nan
        return value if math.isfinite(value) else None

    def find(self, ids: Sequence[Any]) -> np.ndarray:
        """The row of each id, (m,) int64, -1 for one that is not there."""
        unknown = [id for id in ids if (type(id), id) not in self._found]
        if unknown and (len(unknown) > FEW or "_index" in self.__dict__ or not self._scan(unknown)):
            return np.array([self._find(id) for id in ids], dtype=np.int64)
        return np.array([self._found.get((type(id), id), -1) for id in ids], dtype=np.int64)

    def judged_rank(self, ids: Sequence[Any]) -> np.ndarray:
        """The rank of each id among the judged rows, (m,) int64, -1 for one that is none of them."""
        rank = np.where(self.judged, np.cumsum(self.judged) - 1, -1)
        return np.append(rank, -1)[self.find(ids)]

    @cached_property
    def _found(self) -> dict[tuple[type, Any], int]:
        """Rows by type and value of their ids, of those that somebody asked for."""
        return {}

    def _scan(self, ids: list[Any]) -> bool:
        """Look through all ids for a few, and remember those; False where Arrow cannot hold one of the few.

        Ten million ids take a tenth of a second, and the index of all of them half a minute.
        """
        kind: type = int if pa.types.is_integer(self.ids.type) else str
        try:
            wanted = pa.array([id for id in ids if type(id) is kind], type=self.ids.type)
        except (UnicodeError, OverflowError, pa.ArrowException):
            return False
        there = np.flatnonzero(compute.is_in(self.ids, value_set=wanted).to_numpy(zero_copy_only=False))
        for row, id in zip(there.tolist(), self.ids.take(pa.array(there)).to_pylist(), strict=True):
            self._found.setdefault((kind, id), row)
        return True

    def _find(self, id: Any) -> int:
        hashes, rows = self._index
        position = int(np.searchsorted(hashes, hash(id)))
        while position < len(rows) and hashes[position] == hash(id):
            known = self.ids[int(rows[position])].as_py()
            if type(known) is type(id) and known == id:
                return int(rows[position])
            position += 1
        return -1

    @cached_property
    def _index(self) -> tuple[np.ndarray, np.ndarray]:
        """Sorted hashes of the ids and their rows: a tenth of what a dictionary of a million ids takes."""
        hashes = np.empty(len(self), dtype=np.int64)
        for begin in range(0, len(self), BLOCK):
            hashes[begin : begin + BLOCK] = [hash(id) for id in self.ids.slice(begin, BLOCK).to_pylist()]
        rows = np.argsort(hashes, kind="stable")
        return hashes[rows], rows


def positions_among(ids: pa.Array, known: pa.Array) -> np.ndarray:
    """Where each of the ids (m,) stands among the known ones, (m,) int64, -1 for one that is not there."""
    positions = compute.index_in(ids, value_set=known.cast(ids.type))
    return positions.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
