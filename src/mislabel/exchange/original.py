"""The data of a run, read once more from where the run read them, with every value and type as it stands there."""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.errors import InputError, did_you_mean
from mislabel.modalities import modality, modality_names
from mislabel.modalities.loading import open_source, text_columns
from mislabel.run.folder import RunFolder
from mislabel.tables.arrow import frame_of, series_of
from mislabel.tables.delimited import read_cells, typed_column
from mislabel.tables.hub import read_hub
from mislabel.tables.json_lines import json_rows, read_json_lines
from mislabel.tables.reading import DELIMITERS, JSON_ENDINGS, check_file, not_utf8

ROLES = ("label", "gold", "id", "split")


class Table(Protocol):
    """n rows as a file holds them."""

    names: list[str]

    def column(self, name: str) -> pd.Series:
        """One column, typed as the run typed it, under the index 0..n-1."""
        ...

    def frame(self) -> pd.DataFrame:
        """All columns, typed."""
        ...


@dataclass(eq=False)
class Cells:
    """A CSV or TSV file: text, which only `column` and `frame` take for numbers.

    What would be written otherwise as a number stays text (1.10 may be a version), but for the columns in `features`:
    there 1.10 is a number, and a run on an export must not find a category.
    """

    header: list[str]
    cells: list[pa.ChunkedArray]
    strings: list[str]
    features: list[str] = field(default_factory=list)
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = [name or f"Unnamed: {place}" for place, name in enumerate(self.header)]

    def column(self, name: str) -> pd.Series:
        return typed_column(self.text(name), name in self.strings, lossless=name not in self.features)

    def text(self, name: str) -> pa.ChunkedArray:
        return self.cells[self.names.index(name)]

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame({name: self.column(name) for name in self.names}, columns=pd.Index(self.names))


@dataclass(eq=False)
class JsonLines:
    """JSON lines, of which only the columns that are asked for are kept."""

    path: Path
    names: list[str]

    def column(self, name: str) -> pd.Series:
        return pd.Series(read_json_lines(self.path, only=[name])[name])

    def frame(self) -> pd.DataFrame:
        return read_json_lines(self.path)


@dataclass(eq=False)
class Parquet:
    """A Parquet file, of which only the columns that are asked for are read."""

    path: Path
    names: list[str]

    def column(self, name: str) -> pd.Series:
        return series_of(self.arrow(name))

    def arrow(self, name: str) -> pa.ChunkedArray:
        return pq.read_table(self.path, columns=[name]).column(name)

    def frame(self) -> pd.DataFrame:
        return frame_of(pq.read_table(self.path))


@dataclass(eq=False)
class Frame:
    """What is no file of ours: a data set of the hub, or a folder of class folders."""

    table: pd.DataFrame
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = [str(name) for name in self.table.columns]

    def column(self, name: str) -> pd.Series:
        return pd.Series(self.table.iloc[:, self.names.index(name)])

    def frame(self) -> pd.DataFrame:
        return self.table


@dataclass(eq=False)
class Original:
    """The data of a run, and which of its columns is what.

    Attributes
    ----------
    source : str
        Where they are: a path, or ``hf:NAME``.
    table : Table
    roles : dict
        Names of columns by what they are: one for each modality, label, gold, id, split; None where there is none.
    inputs : Path
        Where the run keeps its inputs, if it does.
    """

    source: str
    table: Table
    roles: dict[str, str | None]
    inputs: Path

    @property
    def label(self) -> str:
        return self.roles["label"] or "label"

    @cached_property
    def labels(self) -> list:
        """n labels as Python objects, None where there is none.

        Raises
        ------
        InputError
            If a row holds several.
        """
        values = self.table.column(self.label).astype(object)
        if any(isinstance(value, (list, tuple, dict)) or getattr(value, "ndim", 0) for value in values):
            raise InputError(f"the column {self.label!r} holds vectors; corrected labels need one value per row")
        return values.where(values.notna(), None).tolist()

    @property
    def carries_decisions(self) -> bool:
        """Whether the data are themselves an export: then they say already what labels were, and who decided."""
        return "label_before" in self.table.names and "decided_by" in self.table.names


def open_original(folder: RunFolder, data: str | None = None) -> Original:
    """Find the data of a run and look at their columns.

    Parameters
    ----------
    data : str, optional
        Where they are now, if not where the run read them.

    Raises
    ------
    InputError
        If they cannot be found or read, or have no column for the labels.
    """
    config = folder.read_config()["data"]
    roles = {name: config.get("columns", {}).get(name) for name in (*modality_names(), *ROLES)}
    source = data or config.get("source")
    if source is None:
        raise InputError(f"the run in {folder.path} does not say where its data are: name them with --data")
    source = str(source)
    if data is None and not source.startswith("hf:") and not Path(source).exists():
        raise InputError(f"{source} is not there any more: say with --data where the data of {folder.path} are now")
    own, kind = open_source(source), modality(str(config.get("modality", "text")))
    if own is not None:
        table = Frame(own.frame)
        for role, name in own.roles.items():  # there is but one way to read the inputs
            roles[role] = name if role in modality_names() else roles[role] or name
    else:
        table = open_table(source, text_columns({name: roles[name] for name in modality_names()}))
    twice = sorted({name for name in table.names if table.names.count(name) > 1})
    if twice:
        raise InputError(f"{source} names the column {twice[0]!r} more than once; rename one of them")
    original = Original(source, table, roles, folder.inputs)
    for what, name in (("label", original.label), ("id", roles["id"])):
        if name is not None and name not in table.names:
            raise InputError(
                f'{source} has no {what} column "{name}"{did_you_mean(name, table.names)}; the columns found are: '
                f"{', '.join(table.names)}. The data of the run are needed: --data"
            )
    option = roles[kind.name]
    if isinstance(table, Cells) and option and not kind.one_column:
        with suppress(InputError):  # of --data labels and ids may be all that there is
            table.features = kind.columns(table.names, option, [roles[role] for role in ROLES])
    return original


def open_table(source: str, strings: list[str]) -> Table:
    """A table by the end of its name; columns in `strings` stay text in CSV files."""
    if source.startswith("hf:"):
        return Frame(read_hub(source))
    path = Path(source)
    ending = check_file(path)
    try:
        if ending in DELIMITERS:
            header, cells = read_cells(path, DELIMITERS[ending])
            return Cells(header, cells, strings)
        if ending in JSON_ENDINGS:
            return JsonLines(path, list(dict.fromkeys(key for row in json_rows(path) for key in row)))
        return Parquet(path, pq.read_schema(path).names)
    except UnicodeDecodeError as error:
        raise InputError(not_utf8(path)) from error
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is not a Parquet file that can be read: {error}") from error
