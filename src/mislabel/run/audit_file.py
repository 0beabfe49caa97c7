"""audit.parquet, read column by column into small arrays."""

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.errors import InputError, RunError
from mislabel.integrity import REMEDY, open_checked, telling_damage
from mislabel.run.folder import SCHEMA, SCHEMA_KEY
from mislabel.run.opinions import KINDS

NEEDED = ("id", "given_label", "suggested_label", "p_mislabeled", "status")
LABELS = ("given_label", "suggested_label", "predicted_label", "neighbour_label", *(kind.label for kind in KINDS))
GOLD = "gold_label"
NUMBERS_NEEDED = ("p_mislabeled",)


class AuditFile:
    """The audit of a finished run.

    The file stays open: a run that is made again puts another file in its place, and whoever reads this one goes on
    with what it was.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    names : list of str
        Of all columns.
    numbers : list of str
        Of those that hold numbers: probabilities and the evidence of the method.

    Raises
    ------
    InputError
        If a newer version wrote the file.
    RunError
        If the file is missing, broken, or lacks columns.
    """

    def __init__(self, path: Path):
        self.path: Path = path
        self.lock: threading.Lock = threading.Lock()
        with telling_damage(path):
            schema = pq.read_schema(open_checked(path))
            kinds = {field.name: field.type for field in schema}
            words = [name for name in (*LABELS, GOLD, "status") if name in kinds and pa.types.is_string(kinds[name])]
            self.file: Any = pq.ParquetFile(open_checked(path), read_dictionary=words)
        told = (schema.metadata or {}).get(SCHEMA_KEY, str(SCHEMA).encode())  # older runs have none
        if told != str(SCHEMA).encode():
            raise InputError(f"{path} has schema {told.decode(errors='replace')}, this version reads {SCHEMA}")
        self.names: list[Any] = list(kinds)
        known = {"id", "status", "row", GOLD, *LABELS}
        self.numbers: list[Any] = [name for name, kind in kinds.items() if name not in known and _is_number(kind)]
        missing = [name for name in NEEDED if name not in (self.numbers if name in NUMBERS_NEEDED else self.names)]
        if missing:
            raise RunError(f"{path} lacks the columns {', '.join(missing)}; {REMEDY}")

    def column(self, name: str) -> pa.ChunkedArray:
        """One column as it stands in the file."""
        with self.lock, telling_damage(self.path):
            return self.file.read(columns=[name])[name]

    def values(self, name: str, dtype: type[Any] = np.float32) -> np.ndarray:
        """A column of numbers, (n,) of that type, NaN where there is none."""
        kind = pa.float32() if dtype is np.float32 else pa.float64()
        return self.column(name).cast(kind, safe=False).to_numpy(zero_copy_only=False).astype(dtype, copy=False)

    def codes(self, name: str, classes: list[Any]) -> np.ndarray:
        """A column of labels as codes into `classes`, (n,) int32, -1 for none; labels not yet there are added."""
        encoded = self.column(name).combine_chunks().dictionary_encode()  # as it is where it was read as a dictionary
        code_of = {value: code for code, value in enumerate(classes)}
        labels = encoded.dictionary.to_pylist()
        for label in labels:
            if label is not None and label == label and label not in code_of:
                code_of[label] = len(classes)
                classes.append(label)
        codes = np.array([code_of.get(label, -1) for label in labels] + [-1], dtype=np.int32)
        return codes[encoded.indices.fill_null(len(labels)).to_numpy(zero_copy_only=False)]


class Numbers(Mapping[str, np.ndarray]):
    """The columns of numbers by name, each (n,) and read when it is first asked for.

    Parameters
    ----------
    file : AuditFile
    dtype : type
        float32 to keep memory small, or float64, as the file has them.
    """

    def __init__(self, file: AuditFile, dtype: type[Any] = np.float32):
        self.file: AuditFile = file
        self.dtype: type[Any] = dtype
        self.read: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.read:
            if name not in self.file.numbers:
                raise KeyError(name)
            self.read[name] = self.file.values(name, self.dtype)
        return self.read[name]

    def __contains__(self, name: object) -> bool:
        return name in self.file.numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self.file.numbers)

    def __len__(self) -> int:
        return len(self.file.numbers)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)
