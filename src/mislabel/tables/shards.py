"""Several Parquet or Arrow files that are one table: a folder, a glob, or what ``save_to_disk`` wrote."""

import glob
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from mislabel.errors import InputError, some_ids
from mislabel.tables.arrow import frame_of
from mislabel.tables.arrow_files import ArrowFile, class_labels, named_classes
from mislabel.tables.arrow_stored import StoredArrow, concat
from mislabel.tables.format import Header
from mislabel.tables.location import Location, locate
from mislabel.tables.parquet import Parquet

FORMATS = {ending: format for format in (Parquet(), ArrowFile()) for ending in format.endings}
PARTS = ("train", "training", "validation", "valid", "val", "dev", "test")

_PART = re.compile(rf"({'|'.join(PARTS)})(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Shard:
    """One file, and the part of the data that it belongs to, such as "train"; "" where its name does not say."""

    file: Location
    part: str = ""


@dataclass(eq=False)
class Shards:
    """The files of one table, in the order of its rows.

    Where they belong to several parts, a column says which, called "split" unless the table has one: then "part".

    Attributes
    ----------
    source : str
        What was named, for messages.
    shards : list of Shard
    classes : dict
        The names of classes by column of codes, where the files do not say them.
    named : bool
        Whether such columns show names also in Parquet files.
    """

    source: str
    shards: list[Shard]
    classes: dict[str, list[str]] = field(default_factory=dict)
    named: bool = False

    def __post_init__(self) -> None:
        first = self._common_schema()
        self.several = len({shard.part for shard in self.shards}) > 1
        self.split = ("part" if "split" in first.names else "split") if self.several else None
        self.schema = first if self.split is None else first.append(pa.field(self.split, pa.string()))
        self.notes = []
        if self.several:
            parts = ", ".join(dict.fromkeys(shard.part for shard in self.shards))
            self.notes.append(f"{self.source} has the parts {parts}, which became the column {self.split!r}")

    def header(self) -> Header:
        return Header(self.schema.names)

    def read(self, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
        frame = frame_of(concat(self.parts(None), self.schema))
        if self.notes:
            frame.attrs["notes"] = self.notes
        if self.split:
            frame.attrs["split"] = self.split
        return frame

    def stored(self, strings: Collection[str] = ()) -> StoredArrow:
        return StoredArrow(self.schema, self.parts, self.notes)

    def parts(self, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """The tables of all files one after the other, with the columns that are named or all."""
        wanted = self.schema.names if columns is None else list(columns)
        stored = [name for name in wanted if name != self.split]
        for shard in self.shards:
            for table in FORMATS[shard.file.ending].parts(shard.file, stored if columns is not None else None):
                yield self._as_first(self._with_names(table).select(stored), shard, wanted)

    def _as_first(self, table: pa.Table, shard: Shard, wanted: list[str]) -> pa.Table:
        """A table of a file with the types of the first file, and the name of its part."""
        if self.split in wanted:
            table = table.append_column(self.split, pa.array([shard.part] * len(table), pa.string()))
        schema = pa.schema([self.schema.field(name) for name in wanted], self.schema.metadata)
        if table.schema.types == schema.types:
            return table.select(wanted).replace_schema_metadata(schema.metadata)
        try:
            return table.select(wanted).cast(schema)
        except (pa.ArrowException, ValueError) as error:
            raise InputError(
                f"{shard.file} has other types of columns than {self.shards[0].file} ({error}): write all files with "
                "one schema"
            ) from error

    def _common_schema(self) -> pa.Schema:
        """The schema of the first file, with the type of another where the first has nothing but gaps."""
        first = self._schema_of(self.shards[0])
        for shard in self.shards[1:]:
            schema = self._schema_of(shard)
            missing = [name for name in first.names if name not in schema.names]
            more = [name for name in schema.names if name not in first.names]
            if missing or more:
                what = f"no column {missing[0]!r}" if missing else f"a column {more[0]!r}"
                raise InputError(
                    f"{shard.file} has {what}, unlike {self.shards[0].file}: all must have the same columns"
                )
            gaps = [name for name in first.names if pa.types.is_null(first.field(name).type)]
            for name in gaps:
                first = first.set(first.get_field_index(name), schema.field(name))
        return first

    def _schema_of(self, shard: Shard) -> pa.Schema:
        return self._with_names(FORMATS[shard.file.ending].schema(shard.file).empty_table()).schema

    def _with_names(self, table: pa.Table) -> pa.Table:
        return named_classes(table, self.classes) if self.named or self.classes else table


def find_shards(source: str | Path, part: str | None = None, named: bool = False) -> Shards | None:
    """The files of a folder or glob of Parquet or Arrow files; None where the source is something else.

    Parameters
    ----------
    part : str, optional
        Take the files of this part alone.
    named : bool
        See `Shards`.

    Raises
    ------
    InputError
        If a glob matches nothing, the files are of several kinds, some belong to a part and others to none, or files
        that ``save_to_disk`` wrote are missing.
    """
    path = Path(source)
    classes: dict[str, list[str]] = {}
    if path.is_dir():
        shards, classes = _saved(path)
        shards = shards or _in_folder(path)
    elif is_glob(source):
        files = sorted(map(Path, glob.glob(str(source), recursive=True)), key=natural)
        if not files:
            raise InputError(f"no file is called like {source}")
        other = [file.name for file in files if locate(file).ending not in FORMATS or locate(file).compression]
        if other:
            raise InputError(
                f"{source} matches {some_ids(other)}: only Parquet and Arrow files are read together as one table"
            )
        shards = _in_parts(files, path.parent)
    else:
        return None
    if not shards:
        return None
    if part is not None:
        known = list(dict.fromkeys(shard.part for shard in shards))
        shards = [shard for shard in shards if shard.part == part]
        if not shards:
            raise InputError(f"{source} has no part {part!r}; there are {', '.join(filter(None, known)) or 'none'}")
    _check_parts(str(source), shards)
    return Shards(str(source), shards, classes, named)


def is_glob(source: str | Path) -> bool:
    """Whether the source is a pattern of names of files, and no file itself."""
    return glob.has_magic(str(source)) and not Path(source).exists() and not locate(source).path.exists()


def natural(path: Path) -> list[tuple[int, Any]]:
    """Sorts names as people do: data-2 before data-10."""
    pieces = re.split(r"([0-9]+)", str(path))
    return [(0, int(piece)) if piece.isdecimal() else (1, piece) for piece in pieces if piece]


def _in_folder(folder: Path) -> list[Shard]:
    """The Parquet or Arrow files below a folder; names that begin with a dot or an underscore are no data."""
    files = [
        path for path in folder.rglob("*")
        if path.suffix.lower() in FORMATS and path.is_file()
        and not any(name.startswith((".", "_")) for name in path.relative_to(folder).parts)
    ]  # fmt: skip
    kinds = sorted({path.suffix.lower() for path in files})
    if len(kinds) > 1:
        raise InputError(
            f"{folder} holds {' and '.join(kinds)} files: name those that you mean, as '{folder}/*{kinds[0]}'"
        )
    return _in_parts(sorted(files, key=natural), folder)


def _in_parts(files: list[Path], folder: Path) -> list[Shard]:
    """Each file with its part: what its name begins with, or the folder between that is called as one."""
    shards = []
    for file in files:
        between = file.relative_to(folder).parts if file.is_relative_to(folder) else (file.name,)
        parts_named = [match[1].lower() for name in reversed(between) if (match := _PART.match(name))]
        shards.append(Shard(locate(file), parts_named[0] if parts_named else ""))
    return shards


def _check_parts(source: str, shards: list[Shard]) -> None:
    without = [shard.file.path.name for shard in shards if not shard.part]
    parts = list(dict.fromkeys(shard.part for shard in shards if shard.part))
    if without and parts:
        raise InputError(
            f"{source} has files of the part {parts[0]!r} and files of none, {some_ids(without)}: name those that you "
            "mean by a pattern such as 'FOLDER/train-*.parquet'"
        )


def _saved(folder: Path) -> tuple[list[Shard], dict[str, list[str]]]:
    """The files of a folder that ``save_to_disk`` wrote, of a Dataset or a DatasetDict, and the names of classes."""
    whole = folder / "dataset_dict.json"
    if whole.is_file():
        shards, classes = [], {}
        for part in _load(whole).get("splits", []):
            more, named = _saved(folder / str(part))
            if not more:
                raise InputError(f"{whole} names the part {part!r}, but {folder / str(part)} holds no data set")
            shards += [Shard(shard.file, str(part)) for shard in more]
            classes |= named
        return shards, classes
    if not (folder / "state.json").is_file():
        return [], {}
    state = _load(folder / "state.json")
    if state.get("_indices_data_files"):
        raise InputError(f"{folder} holds a selection of rows, as old versions of datasets saved it: save it again")
    files = [folder / Path(str(file.get("filename"))).name for file in state.get("_data_files", [])]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise InputError(f"{folder} lacks {some_ids(missing)}, which its state.json names: copy the folder whole")
    info = folder / "dataset_info.json"
    named = class_labels(_load(info).get("features")) if info.is_file() else {}
    return [Shard(locate(file), str(state.get("_split") or "")) for file in files], named


def _load(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}): the folder is damaged") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is no JSON object: the folder is damaged")
    return value
