"""Every format of a table in one file, by the ending of its name."""

from pathlib import Path

from mislabel.errors import InputError
from mislabel.tables.arrow_files import ArrowFile
from mislabel.tables.compression import READ, WRITTEN
from mislabel.tables.delimited import Delimited
from mislabel.tables.excel import Excel
from mislabel.tables.format import Format, WritableFormat
from mislabel.tables.json_format import Json
from mislabel.tables.location import Location, check_exists, locate
from mislabel.tables.parquet import Parquet

FORMATS: tuple[Format, ...] = (Delimited(), Json(), Parquet(), ArrowFile(), Excel())
BY_ENDING: dict[str, Format] = {ending: format for format in FORMATS for ending in format.endings}

READABLE = (
    f".csv, .tsv, .jsonl (or .ndjson, .json), .parquet, .arrow or .xlsx; text may be compressed ({', '.join(READ)})"
)
WRITABLE = ".csv, .tsv, .jsonl (or .ndjson, .json), .parquet or .xlsx"


def register(format: Format) -> Format:
    """Make a format known by its endings, which are in small letters and begin with a dot.

    Raises
    ------
    InputError
        If an ending is taken; then none of them becomes known.
    """
    for ending in format.endings:
        if ending in BY_ENDING:
            raise InputError(
                f"the ending {ending} is taken by the format {type(BY_ENDING[ending]).__name__}: choose another"
            )
    BY_ENDING.update(dict.fromkeys(format.endings, format))
    return format


def open_format(source: str | Path) -> tuple[Format, Location]:
    """The format of a table that is there, and where it is.

    Raises
    ------
    InputError
        If it is missing, a folder, empty, or its name does not end in that of a table.
    """
    file = locate(source)
    if file.path.is_dir():
        raise InputError(
            f"{file} is a folder of other things than tables of one kind; give one file that ends in {READABLE}, or "
            f"name those that you mean, as '{file}/*.csv'"
        )
    check_exists(file)
    format = BY_ENDING.get(file.ending)
    if format is None:
        raise _unknown(file, READABLE)
    if file.compression and not format.compresses:
        raise InputError(f"{file} is compressed, which only files of text can be: unpack it")
    if file.path.stat().st_size == 0:
        raise InputError(f"{file} is empty (0 bytes); a table with at least one row is needed")
    return format, file


def format_to_write(output: str | Path) -> tuple[WritableFormat, Location]:
    """The format in which a name says that a table is to be written.

    Raises
    ------
    InputError
        If there is none.
    """
    file = locate(output)
    format = BY_ENDING.get(file.ending)
    if format is None:
        raise _unknown(file, WRITABLE)
    if not isinstance(format, WritableFormat):
        raise InputError(f"{file}: {file.ending} files are read and not written; the name must end in {WRITABLE}")
    if file.compression and (not format.compresses or file.compression not in WRITTEN):
        raise InputError(f"{file}: such a file is not written compressed in {file.compression}")
    if file.sheet is not None:
        raise InputError(f"{output}: a file has one sheet, which needs no name: leave out #{file.sheet}")
    return format, file


def _unknown(file: Location, accepted: str) -> InputError:
    ending = file.path.suffix if not file.compression else file.ending + file.compression
    given = f'"{ending}"' if ending else "no ending"
    registered = [other for other, format in BY_ENDING.items() if format not in FORMATS]
    return InputError(f"{file} has {given}; the name of a table must end in {', '.join([*registered, accepted])}")
