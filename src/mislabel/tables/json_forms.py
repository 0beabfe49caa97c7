"""Tables that are one JSON value: what ``DataFrame.to_json`` writes, lists by column, rows under a key."""

from typing import Any

from mislabel.errors import InputError
from mislabel.tables.shard import PARTS

_SPLIT = {"columns", "index", "data", "index_names", "column_names"}  # of orient="split" and "tight"
_ROWS = ("data", "rows", "records", "examples", "instances", "items", "samples")  # keys under which rows are looked for
_OTHERWISE = "Write one object per row: frame.to_json(path, orient='records', lines=True)"


def table_rows(value: dict[str, Any], source: str) -> list[dict[str, Any]] | None:
    """The rows of a table that is one object, or None where the object is a row itself.

    Read are the forms of ``DataFrame.to_json``: columns (by default), index, split and table; an object of lists of one
    length, one for each column; and rows under a key, such as ``{"version": 1, "data": [...]}``. Names of rows that are
    not 0, 1, 2, ... become the column ``index``.

    Parameters
    ----------
    source : str
        Of the file, for messages.

    Raises
    ------
    InputError
        If it may be several of these, or its columns do not have one length.
    """
    values = list(value.values())
    if not values:
        return None
    if set(value) <= {"columns", "index", "data", "index_names", "column_names"} and _is_list_of(
        value.get("data"), list
    ):
        return _split(value, source)
    lists = [key for key, held in value.items() if _is_list_of(held, dict)]
    if lists:
        return _under_key(value, lists, source)
    if all(isinstance(held, dict) for held in values):
        return _nested(value, source)
    if all(isinstance(held, list) for held in values):
        return _lists(value, source)
    return None


def _split(value: dict[str, Any], source: str) -> list[dict[str, Any]]:
    names, cells = list(map(str, value.get("columns") or [])), value["data"]
    wrong = [number for number, row in enumerate(cells) if len(row) != len(names)]
    if wrong:
        raise InputError(f"{source}: row {wrong[0]} of data has {len(cells[wrong[0]])} cells for {len(names)} columns")
    rows = [dict(zip(names, row, strict=True)) for row in cells]
    index = value.get("index") or []
    return _with_names(rows, list(map(str, index))) if len(index) == len(rows) else rows


def _under_key(value: dict[str, Any], lists: list[str], source: str) -> list[dict[str, Any]] | None:
    known = [key for key in lists if key in _ROWS]
    if len(value) == 1 or len(known) == 1:
        return value[(known or lists)[0]]
    if len(lists) == 1 and len(value) > 1:
        raise InputError(
            f"{source} holds one object with a list of objects, {lists[0]!r}, and other keys: it may be a table of "
            f"these objects, or one row. {_OTHERWISE}"
        )
    what = f"{source} holds several tables ({', '.join(lists[:5])})"
    if all(key.lower() in PARTS for key in lists):
        raise InputError(
            f"{what}, the parts of the data: write each to a file of its own in one folder, as {lists[0]}.json, and "
            f"name the folder; then they become the split. {_OTHERWISE}"
        )
    raise InputError(f"{what}: keep one of them. {_OTHERWISE}")


def _nested(value: dict[str, Any], source: str) -> list[dict[str, Any]] | None:
    """An object of objects: by column the cells of each row, or by row the cells of each column."""
    outer, inner = list(value), list(dict.fromkeys(key for held in value.values() for key in held))
    alike = all(held.keys() == value[outer[0]].keys() for held in value.values())
    if not inner or (not alike and not set.intersection(*(set(held) for held in value.values()))):
        return None
    by_column, by_row = _are_numbers(inner), _are_numbers(outer)
    if not alike and not by_column:
        by_row = True  # cells may be missing from rows; every column has all of its rows
    if by_column == by_row:
        raise InputError(
            f"{source} holds an object of objects with the keys {', '.join(outer[:3])}, ... and in each "
            f"{', '.join(inner[:3])}, ...: either may be the columns. {_OTHERWISE}"
        )
    if by_row:
        return _with_names([dict(held) for held in value.values()], outer)
    return _with_names([{name: held[key] for name, held in value.items() if key in held} for key in inner], inner)


def _lists(value: dict[str, Any], source: str) -> list[dict[str, Any]]:
    lengths = {key: len(held) for key, held in value.items()}
    if len(value) == 1:
        raise InputError(
            f"{source} holds one object with one list, {next(iter(value))!r}: it may be a table of one column, or one "
            f"row. {_OTHERWISE}"
        )
    if len(set(lengths.values())) > 1:
        lengths_shown = ", ".join(f"{key!r}: {length}" for key, length in list(lengths.items())[:5])
        raise InputError(f"{source} holds an object of lists of different lengths ({lengths_shown}). {_OTHERWISE}")
    return [dict(zip(value, cells, strict=True)) for cells in zip(*value.values(), strict=True)]


def _with_names(rows: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    """The rows with their names in a column, unless they only count the rows or there is such a column."""
    if names == list(map(str, range(len(rows)))) or any("index" in row for row in rows):
        return rows
    return [{"index": name, **row} for name, row in zip(names, rows, strict=True)]


def _is_list_of(value: Any, kind: type[Any]) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, kind) for item in value)


def _are_numbers(names: list[str]) -> bool:
    return all(name.lstrip("-").isdecimal() for name in names)
