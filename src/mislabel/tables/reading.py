"""Tables in and out: a path, a hub name or an object in memory becomes a frame, and a frame becomes a file."""

import codecs
import csv
import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.errors import InputError, did_you_mean
from mislabel.files import atomic_path
from mislabel.tables.arrow import frame_of
from mislabel.tables.characters import utf8_safe
from mislabel.tables.delimited import read_delimited
from mislabel.tables.hub import hub_frame, read_hub
from mislabel.tables.json_lines import read_json_lines, write_json_lines

__all__ = ["as_frame", "pick_column", "read_table", "write_table"]

DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
_ACCEPTED = ".csv, .tsv, .jsonl (or .ndjson, .json) or .parquet"


def read_table(path: str | Path, *, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
    """Read a table by the end of its name, or ``hf:NAME[:SPLIT]``.

    Parameters
    ----------
    path
        The file. Text formats are UTF-8, with or without a byte order mark, with any kind of newline.
    strings, lossless
        Columns of CSV and TSV files that stay text, or that become floats only if no digit changes.

    Returns
    -------
    DataFrame
        Rows in file order under the index 0..n-1. Whole numbers with gaps are nullable integers, never floats.

    Raises
    ------
    InputError
        If the file is missing, a folder, empty, broken, of another kind, or not UTF-8.
    """
    if isinstance(path, str) and path.startswith("hf:"):
        return read_hub(path)
    path = Path(path)
    suffix = check_file(path)
    try:
        if suffix in DELIMITERS:
            return read_delimited(path, DELIMITERS[suffix], strings, lossless)
        if suffix in JSON_ENDINGS:
            return read_json_lines(path)
    except UnicodeDecodeError as error:
        raise InputError(not_utf8(path)) from error
    try:
        return frame_of(pq.read_table(path))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise InputError(f"{path} is not a Parquet file that can be read: {error}") from error


def write_table(frame: pd.DataFrame, path: str | Path) -> None:
    """Write `frame` (without its index) in the format that the end of `path` names, at once, with mode 0600.

    Raises
    ------
    InputError
        If the end of the name is not known, the folder does not exist, or Parquet cannot hold a column.
    """
    suffix = table_ending(Path(path))
    frame = _encodable(frame)
    with atomic_path(path) as temporary:
        if suffix in DELIMITERS:
            # The csv module leaves a carriage return bare where it does not end its lines; quotes keep it in its cell.
            quoting = csv.QUOTE_NONNUMERIC if _has_carriage_return(frame) else csv.QUOTE_MINIMAL
            delimiter = DELIMITERS[suffix]
            frame.to_csv(temporary, sep=delimiter, index=False, encoding="utf-8", lineterminator="\n", quoting=quoting)
        elif suffix in JSON_ENDINGS:
            write_json_lines(frame, temporary)
        else:
            try:
                frame.to_parquet(temporary, index=False)
            except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
                raise InputError(f"Parquet cannot hold this table ({error}); write {path} as .jsonl") from error


def pick_column(frame: Any, name: str, what: str) -> pd.Series:
    """The column `name` of `frame`; `what` says in the message what it was wanted for ("text", "label").

    Raises
    ------
    InputError
        If there is no such column (the nearest name and all names are given), if two have that name, or if `frame` is
        not one table.
    """
    frame = as_frame(frame)
    found = [place for place, column in enumerate(frame.columns) if column == name]
    found = found or [place for place, column in enumerate(frame.columns) if str(column) == name]
    if not found:
        raise InputError(
            f'there is no {what} column "{name}"{did_you_mean(name, frame.columns)}; '
            f"the columns found are: {', '.join(map(str, frame.columns)) or 'none'}"
        )
    if len(found) > 1:
        raise InputError(f'{len(found)} columns are named "{name}"; the {what} column must be one: rename the others')
    return frame.iloc[:, found[0]]


def as_frame(source: Any, *, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
    """One table in memory out of a path, a frame, an Arrow table or a map-style Hugging Face data set.

    Raises
    ------
    InputError
        If `source` is several tables, has no random access, or is something else.
    """
    if isinstance(source, pd.DataFrame):
        return source
    if isinstance(source, (str, Path)):
        return read_table(source, strings=strings, lossless=lossless)
    if isinstance(source, pa.Table):
        return frame_of(source)
    if isinstance(source, Mapping):
        _refuse_mapping(source)
    if hasattr(source, "to_pandas") and hasattr(source, "__len__"):
        return hub_frame(source)
    iterable = any(parent.__name__ == "IterableDataset" for parent in type(source).__mro__)
    if iterable or (hasattr(source, "__iter__") and not hasattr(source, "__len__")):
        raise InputError(
            f"a {type(source).__name__} was given; learning from noisy labels needs random access by id. Load the "
            "data into a DataFrame, or a datasets.Dataset with streaming=False"
        )
    raise InputError(f"a {type(source).__name__} was given; a path, a DataFrame or a datasets.Dataset is needed")


def _refuse_mapping(source: Mapping) -> None:
    names = list(source)
    if names and all(hasattr(table, "columns") or hasattr(table, "column_names") for table in source.values()):
        first = "train" if "train" in names else names[0]
        raise InputError(
            f"{len(names)} tables were given ({', '.join(map(str, names))}); pick one, for example dataset[{first!r}]"
        )
    raise InputError(f"a {type(source).__name__} was given; a table is needed, for example pandas.DataFrame(data)")


def table_ending(path: Path) -> str:
    """The end of a table's name, in small letters; InputError where it is not that of a table."""
    suffix = path.suffix.lower()
    if suffix not in (*DELIMITERS, *JSON_ENDINGS, ".parquet"):
        given = f'"{path.suffix}"' if path.suffix else "no ending"
        raise InputError(f"{path} has {given}; the name of a table must end in {_ACCEPTED}")
    return suffix


def check_file(path: Path) -> str:
    """The end of the name of a table that is there; InputError where it is none, missing, or empty."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; give one file that ends in {_ACCEPTED}")
    if not path.exists():
        beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, beside, n=1)
        raise InputError(f"{path} does not exist" + (f'; did you mean "{path.parent / close[0]}"?' if close else ""))
    suffix = table_ending(path)
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); a table with at least one row is needed")
    return suffix


def not_utf8(path: Path) -> str:
    """Say where the first byte lies that is not UTF-8, and how to convert the file."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    with open(path, "rb") as handle:
        start = handle.read(2)
        handle.seek(0)
        while True:
            block = handle.read(1 << 20)
            held_back = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                offset += error.start - held_back
                break
            if not block:  # cannot happen: somebody changed the file meanwhile
                break
            offset += len(block)
    likely = "UTF-16" if start in (b"\xff\xfe", b"\xfe\xff") else "WINDOWS-1252"
    return (
        f"{path} is not UTF-8: the byte at offset {offset} cannot be read. Convert it, for example if it is {likely}: "
        f"iconv -f {likely} -t UTF-8 {path.name} > new{path.suffix}"
    )


def _text_columns(frame: pd.DataFrame) -> list[int]:
    kinds = enumerate(frame.dtypes)
    return [place for place, kind in kinds if pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind)]


def _encodable(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with lone surrogates replaced; only columns of Python objects can hold any."""
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    for place in _text_columns(frame):
        if pd.api.types.is_object_dtype(frame.dtypes.iloc[place]):
            values = [utf8_safe(cell) if isinstance(cell, str) else cell for cell in columns[place]]
            columns[place] = pd.Series(values, dtype=object, index=frame.index)
    return pd.DataFrame(dict(enumerate(columns)), index=frame.index).set_axis([str(name) for name in frame], axis=1)


def _has_carriage_return(frame: pd.DataFrame) -> bool:
    cells = (cell for place in _text_columns(frame) for cell in frame.iloc[:, place])
    return any(isinstance(cell, str) and "\r" in cell for cell in cells)
