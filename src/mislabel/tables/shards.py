"""Where several files that are one table lie: a folder, a glob, or what ``save_to_disk`` wrote."""

import glob
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mislabel.errors import InputError, some_ids
from mislabel.tables.arrow_files import class_labels
from mislabel.tables.arrow_shards import FORMATS as ARROW
from mislabel.tables.arrow_shards import ArrowShards
from mislabel.tables.delimited_shards import ENDINGS as DELIMITED
from mislabel.tables.delimited_shards import DelimitedShards
from mislabel.tables.json_shards import ENDINGS as JSON
from mislabel.tables.json_shards import JsonShards
from mislabel.tables.location import Location, locate
from mislabel.tables.shard import PARTS, Shard

Shards = ArrowShards | DelimitedShards | JsonShards
KINDS: dict[str, type[Shards]] = {
    **dict.fromkeys(ARROW, ArrowShards),
    **dict.fromkeys(DELIMITED, DelimitedShards),
    **dict.fromkeys(JSON, JsonShards),
}

_PART = re.compile(rf"({'|'.join(PARTS)})(?![a-z])", re.IGNORECASE)
_ABOUT = (".md", ".txt", ".rst", "")  # endings of files that may lie beside tables of text and tell of them


def find_shards(source: str | Path, part: str | None = None, named: bool = False) -> Shards | None:
    """The files of a folder or glob that are one table; None where the source is something else.

    In a folder these are all of Parquet or Arrow; or all of one kind of text, CSV or JSON, where nothing else lies
    there: beside images they tell of the images.

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
        kind = _kind(locate(files[0]))
        other = [file.name for file in files if not kind or _kind(locate(file)) != kind]
        if other:
            raise InputError(
                f"{source} matches {some_ids(other)}: files that are read together as one table are all Parquet or "
                "Arrow, all CSV or TSV, or all JSON"
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
    kind = _kind(shards[0].file)
    if kind is None or kind is ArrowShards:
        return ArrowShards(str(source), shards, classes, named)
    return kind(str(source), shards)


def is_glob(source: str | Path) -> bool:
    """Whether the source is a pattern of names of files, and no file itself."""
    return glob.has_magic(str(source)) and not Path(source).exists() and not locate(source).path.exists()


def natural(path: Path) -> list[tuple[int, Any]]:
    """Sorts names as people do: data-2 before data-10."""
    pieces = re.split(r"([0-9]+)", str(path))
    return [(0, int(piece)) if piece.isdecimal() else (1, piece) for piece in pieces if piece]


def _kind(file: Location) -> type[Shards] | None:
    """What such files are together; None where they are no table."""
    kind = KINDS.get(file.ending)
    return None if kind is ArrowShards and file.compression else kind


def _in_folder(folder: Path) -> list[Shard]:
    """The files below a folder that are one table; names that begin with a dot or an underscore are no data."""
    files, other = [], False
    for path in folder.rglob("*"):
        if any(name.startswith((".", "_")) for name in path.relative_to(folder).parts) or not path.is_file():
            continue
        if _kind(locate(path)):
            files.append(path)
        other |= not (_kind(locate(path)) or path.suffix.lower() in _ABOUT)
    arrow = [path for path in files if locate(path).ending in ARROW]
    files = arrow or ([] if other else files)
    endings = sorted({locate(path).ending for path in files})
    if len(endings) > 1:
        raise InputError(
            f"{folder} holds {' and '.join(endings)} files: name those that you mean, as '{folder}/*{endings[0]}'"
        )
    return _in_parts(sorted(files, key=natural), folder)


def _in_parts(files: list[Path], folder: Path) -> list[Shard]:
    """Each file with its part: what its name begins with, or the folder between that is called as one."""
    shards = []
    for file in files:
        between = file.relative_to(folder).parts if file.is_relative_to(folder) else (file.name,)
        shards.append(Shard(locate(file), part_of(between)))
    return shards


def part_of(names: Sequence[str]) -> str:
    """The part of the data that the last of some folders and a file is called by, which lie in each other; or ""."""
    parts = [match[1].lower() for name in reversed(names) if (match := _PART.match(name))]
    return parts[0] if parts else ""


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
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}): the folder is damaged") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is no JSON object: the folder is damaged")
    return value
