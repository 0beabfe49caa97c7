"""The rows of a run as a review sees them: columns of the audit as small arrays."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.errors import RunError
from mislabel.run.folder import RunFolder
from mislabel.tables.arrow import compute

NEEDED = ("id", "given_label", "suggested_label", "p_mislabeled", "status")
BLOCK = 1 << 16
LABELS = ("given_label", "suggested_label", "predicted_label", "neighbour_label")
KNOWN = {"id", "status", "row", *LABELS}


@dataclass(frozen=True, eq=False)
class Rows:
    """n rows in the order of the audit, worst first; a row is named by its place in it, 0 to n - 1.

    Attributes
    ----------
    name : str
        Of the run folder.
    modality : "text", "image" or "features"
    ids : pyarrow Array
        n whole numbers or strings.
    classes : list
        The K classes of the run, the user's own values.
    labels : dict of (n,) int32
        Codes into `classes`, -1 where there is none: given_label, suggested_label, predicted_label, and
        neighbour_label where the run has it.
    numbers : dict of (n,) float32
        p_mislabeled, difficulty, confidence, and the run's evidence; NaN where there is none.
    status : pyarrow DictionaryArray
        n times judged, or why not.
    judged : (n,) bool
        Judged, with a probability and a given label: what a review is about.
    place : (n,) int64 or None
        Where each row stands in the input, and so in posterior.npy, embeddings.npy and inputs.parquet; None for runs
        that do not tell.
    """

    name: str
    modality: str
    ids: pa.Array
    classes: list
    labels: dict[str, np.ndarray]
    numbers: dict[str, np.ndarray]
    status: pa.DictionaryArray
    judged: np.ndarray
    place: np.ndarray | None

    def __len__(self) -> int:
        return len(self.judged)

    def id(self, row: int) -> Any:
        return self.ids[row].as_py()

    def label(self, code: int) -> Any:
        """The user's own value of a code, None for -1."""
        return None if code < 0 else self.classes[code]

    def code(self, name: str, row: int) -> int | None:
        """A row's code in one of `labels`, None where there is none."""
        code = int(self.labels[name][row]) if name in self.labels else -1
        return code if code >= 0 else None

    def number(self, name: str, row: int) -> float | None:
        """A row's value in one of `numbers`, None where there is none."""
        value = float(self.numbers[name][row]) if name in self.numbers else math.nan
        return value if math.isfinite(value) else None

    @cached_property
    def n_judged(self) -> int:
        return int(self.judged.sum())

    def find(self, ids: Sequence[Any]) -> np.ndarray:
        """The row of each id, (m,) int64, -1 for one that is not there."""
        return np.array([self._find(id) for id in ids], dtype=np.int64)

    def _find(self, id: Any) -> int:
        hashes, rows = self._index
        place = int(np.searchsorted(hashes, hash(id)))
        while place < len(rows) and hashes[place] == hash(id):
            found = self.ids[int(rows[place])].as_py()
            if type(found) is type(id) and found == id:
                return int(rows[place])
            place += 1
        return -1

    @cached_property
    def _index(self) -> tuple[np.ndarray, np.ndarray]:
        """Sorted hashes of the ids and their rows: a tenth of what a dictionary of a million ids takes."""
        hashes = np.empty(len(self), dtype=np.int64)
        for begin in range(0, len(self), BLOCK):
            hashes[begin : begin + BLOCK] = [hash(id) for id in self.ids.slice(begin, BLOCK).to_pylist()]
        rows = np.argsort(hashes, kind="stable")
        return hashes[rows], rows


def read_rows(folder: RunFolder) -> Rows:
    """Read audit.parquet and config.json of a finished run.

    Raises
    ------
    InputError
        If the folder is no run, or the run is not finished.
    RunError
        If audit.parquet is missing, broken, or lacks columns.
    """
    config = folder.read_config()
    folder.read_metrics()
    data = config.get("data", {})
    classes = list(data.get("classes", []))
    if len({type(value) for value in classes}) > 1:  # a column of a file has one type
        classes = [str(value) for value in classes]
    try:
        kinds = {one.name: one.type for one in pq.read_schema(folder.audit)}
        repeated = [name for name in (*LABELS, "status") if name in kinds and pa.types.is_string(kinds[name])]
        with pq.ParquetFile(folder.audit, read_dictionary=repeated) as file:
            # Gold only scores; what is no number and not named here, some method's evidence in words, is not shown.
            names = [name for name, kind in kinds.items() if name in KNOWN or _is_number(name, kind)]
            missing = [name for name in NEEDED if name not in names]
            if missing:
                raise RunError(f"{folder.audit} lacks the columns {', '.join(missing)}; the run has to be made again")
            # One after the other, each brought into its array: all at once take several times the memory.
            columns = {name: _column(file.read(columns=[name])[name], name, classes) for name in names}
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{folder.audit} cannot be read ({error}); the run has to be made again") from error
    labels = {name: columns.pop(name) for name in LABELS if name in columns}
    ids, status, place = columns.pop("id"), columns.pop("status"), columns.pop("row", None)
    judged = compute.equal(status.cast(pa.string()), "judged").to_numpy(zero_copy_only=False)
    return Rows(
        name=folder.path.resolve().name,
        modality=str(data.get("modality", "text")),
        ids=ids,
        classes=classes,
        labels=labels,
        numbers=columns,
        status=status,
        judged=judged & np.isfinite(columns["p_mislabeled"]) & (labels["given_label"] >= 0),
        place=_places(folder, ids) if place is None else place,
    )


def _column(column: pa.ChunkedArray, name: str, classes: list) -> Any:
    if name in LABELS:
        return _codes(column, classes)
    if name in ("id", "status"):
        whole = column.combine_chunks()
        return whole if name == "id" else whole.dictionary_encode()
    return column.to_numpy().astype(np.int64) if name == "row" else _numbers(column)


def _places(folder: RunFolder, ids: pa.Array) -> np.ndarray | None:
    """The place of each id in inputs.parquet, for runs whose audit does not tell it."""
    if not folder.inputs.is_file():
        return None
    found = compute.index_in(ids, value_set=pq.read_table(folder.inputs, columns=["id"])["id"].combine_chunks())
    return None if found.null_count else found.to_numpy().astype(np.int64)


def _codes(column: pa.ChunkedArray, classes: list) -> np.ndarray:
    """Codes into `classes`, to which values are added that are not there yet."""
    encoded = column.combine_chunks().dictionary_encode()  # as it is where it was read as a dictionary
    places = {value: code for code, value in enumerate(classes)}
    known = encoded.dictionary.to_pylist()
    for value in known:
        if value is not None and value == value and value not in places:
            places[value] = len(classes)
            classes.append(value)
    table = np.array([places.get(value, -1) for value in known] + [-1], dtype=np.int32)
    return table[encoded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)]


def _is_number(name: str, kind: pa.DataType) -> bool:
    return name != "gold_label" and (pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
