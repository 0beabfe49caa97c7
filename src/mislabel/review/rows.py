"""The rows of a run as a review sees them: columns of the audit as small arrays, inputs read where they are shown."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mislabel.errors import InputError, RunError
from mislabel.run.folder import RunFolder

NEEDED = ("id", "given_label", "suggested_label", "p_mislabeled", "status")
LABELS = ("given_label", "suggested_label", "predicted_label", "neighbour_label")
GROUPS_KEPT = 4  # row groups of inputs kept decoded


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

    def find(self, ids: Sequence[Any]) -> np.ndarray:
        """The row of each id, (m,) int64, -1 for one that is not there."""
        if not len(ids):
            return np.empty(0, dtype=np.int64)
        try:
            wanted = pa.array(ids, type=self.ids.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # ids of another kind
            return np.array([self._find_one(one) for one in ids], dtype=np.int64)
        found = pc.index_in(wanted, value_set=self.ids)
        return found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)

    def _find_one(self, id: Any) -> int:
        try:
            return int(pc.index(self.ids, pa.scalar(id, type=self.ids.type)).as_py())
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            return -1


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
    try:
        with pq.ParquetFile(folder.audit) as file:
            table = file.read(columns=[name for name in file.schema_arrow.names if name != "gold_label"])
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{folder.audit} cannot be read ({error}); the run has to be made again") from error
    missing = [name for name in NEEDED if name not in table.column_names]
    if missing:
        raise RunError(f"{folder.audit} lacks the columns {', '.join(missing)}; the run has to be made again")
    classes = list(data.get("classes", []))
    labels = {name: _codes(table[name], classes) for name in LABELS if name in table.column_names}
    shown = {"id", "status", "row", *labels}
    numbers = {name: _numbers(table[name]) for name in table.column_names if name not in shown}
    status = table["status"].combine_chunks().dictionary_encode()
    judged = pc.equal(table["status"], "judged").to_numpy() & np.isfinite(numbers["p_mislabeled"])
    place = table["row"].to_numpy().astype(np.int64) if "row" in table.column_names else None
    return Rows(
        name=folder.path.resolve().name,
        modality=str(data.get("modality", "text")),
        ids=table["id"].combine_chunks(),
        classes=classes,
        labels=labels,
        numbers=numbers,
        status=status,
        judged=judged & (labels["given_label"] >= 0),
        place=place,
    )


class Inputs:
    """inputs.parquet, read a group of rows at a time: the pictures of all rows may be gigabytes.

    Parameters
    ----------
    folder : RunFolder
    """

    def __init__(self, folder: RunFolder):
        self.lock = threading.Lock()
        self.file = pq.ParquetFile(folder.inputs) if folder.inputs.is_file() else None
        self.groups: OrderedDict[int, pa.ChunkedArray] = OrderedDict()
        sizes = [self.file.metadata.row_group(k).num_rows for k in range(self.file.num_row_groups)] if self.file else []
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def read(self, place: int) -> str | bytes | None:
        """The input at a place of the data: text, or an encoded image; None where the run keeps none."""
        if self.file is None or not 0 <= place < len(self):
            return None
        number = int(np.searchsorted(self.starts, place, side="right")) - 1
        with self.lock:
            if number not in self.groups:
                self.groups[number] = self.file.read_row_group(number, columns=["input"])["input"]
                if len(self.groups) > GROUPS_KEPT:
                    self.groups.popitem(last=False)
            self.groups.move_to_end(number)
            return self.groups[number][place - int(self.starts[number])].as_py()


def _codes(column: pa.ChunkedArray, classes: list) -> np.ndarray:
    """Codes into `classes`, to which values are added that are not there yet."""
    encoded = column.combine_chunks().dictionary_encode()
    places = {value: code for code, value in enumerate(classes)}
    known = encoded.dictionary.to_pylist()
    for value in known:
        if value is not None and value == value and value not in places:
            places[value] = len(classes)
            classes.append(value)
    table = np.array([places.get(value, -1) for value in known] + [-1], dtype=np.int32)
    return table[encoded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)]


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    try:
        return column.cast(pa.float32()).to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"a column of the audit holds no numbers ({error}): it cannot be reviewed") from error
