"""One of several files that are one table, and what is said of all of them together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mislabel.errors import InputError
from mislabel.tables.location import Location

PARTS = ("train", "training", "validation", "valid", "val", "dev", "test")  # of data, as files and keys are called


@dataclass(frozen=True)
class Shard:
    """One file, and the part of the data that it belongs to, such as "train"; "" where its name does not say."""

    file: Location
    part: str = ""


def parts_of(shards: Sequence[Shard]) -> list[str]:
    """The parts that some files belong to, each once."""
    return list(dict.fromkeys(shard.part for shard in shards))


def split_column(parts: Collection[str], names: Collection[str]) -> str | None:
    """The column that says to which part a row belongs: "split", or "part" beside one of that name.

    None where there is no more than one part.
    """
    if len(parts) < 2:
        return None
    return "part" if "split" in names else "split"


def split_notes(source: str, parts: Collection[str], split: str | None) -> list[str]:
    """What to tell of such a column."""
    if split is None:
        return []
    return [f"{source} has the parts {', '.join(parts)}, which became the column {split!r}"]


def check_same_columns(file: object, names: Collection[str], first: object, expected: Collection[str]) -> None:
    """Raise InputError unless a file has the columns of the first one, in whatever order."""
    missing = [name for name in expected if name not in names]
    more = [name for name in names if name not in expected]
    if missing or more:
        what = f"no column {missing[0]!r}" if missing else f"a column {more[0]!r}"
        raise InputError(f"{file} has {what}, unlike {first}: all must have the same columns")
