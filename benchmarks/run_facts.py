"""What files of a run hold, as (column or key, value or digest), without what differs from one run to the next.

Left out, because a second run of the same code gives other values: times, rows per second, memory, versions, and the
command line. Tables and arrays are told by column, type and values, and by the digest of the file's bytes.
"""

import csv
import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

Facts = Iterator[tuple[str, str]]

LARGEST = 200  # elements or keys of a JSON value that are told one by one; larger ones by digests
VOLATILE_KEYS = {"seconds", "seconds_by_stage", "rows_per_second", "peak_memory_mb", "versions", "command", "time"}
VOLATILE_LINES = re.compile(
    r"seconds|rows_per_second|peak memory|mislabel (train|audit) "
    r"|(python|mislabel|torch|transformers|accelerate|numpy|scipy|pandas) \d"
)
TIMES = re.compile(r"(\d[\d.,]* ?(s|ms|min|h|MB|GB)\b ?)+|Decided on .*? UTC")
SCRATCH = ("-wal", "-shm")  # what SQLite keeps beside its file
HIDDEN = ("style", "script", "svg")
BLOCKS = ("tr", "p", "li", "div", "h1", "h2", "h3", "section", "title")


def folder_facts(folder: Path, skipped: Iterable[str]) -> Facts:
    """The facts of all files below a folder, as ("file: key", value); the folder's own path is written FOLDER."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_dir() or name.parts[0] in skipped or path.name.startswith(".") or path.name.endswith(SCRATCH):
            continue
        for key, value in file_facts(path):
            yield f"{name}: {key}", value.replace(str(folder), "FOLDER")


def file_facts(path: Path) -> Facts:
    if path.suffix == ".json":
        yield from json_facts(json.loads(path.read_text()))
    elif path.suffix == ".html":
        yield from ((f"line {number:04d}", line) for number, line in enumerate(visible_lines(path.read_text())))
    elif path.suffix == ".sqlite":
        yield from store_facts(path)
    else:
        yield from table_facts(path)
        yield "bytes", hashlib.sha256(path.read_bytes()).hexdigest()


def table_facts(path: Path) -> Facts:
    """The columns of a table, or an array; nothing for other files."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        yield "columns", ", ".join(table.column_names)
        for name, column in zip(table.column_names, table.columns, strict=True):
            yield name, f"{column.type} {digest(column.to_pylist())}"
    elif path.suffix in (".csv", ".tsv"):
        with open(path, newline="") as file:
            header, *rows = csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        yield "columns", ", ".join(header)
        yield from ((name, digest(values)) for name, values in zip(header, zip(*rows, strict=True), strict=True))
    elif path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        yield from ((name, digest(row.get(name) for row in rows)) for name in rows[0])
    elif path.suffix == ".npy":
        array = np.load(path, allow_pickle=False)
        yield "values", f"{array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"


def digest(values: Iterable[Any]) -> str:
    return hashlib.sha256("\n".join(map(repr, values)).encode()).hexdigest()


def json_facts(value: Any, key: str = "") -> Facts:
    if isinstance(value, list) and len(value) > LARGEST and all(isinstance(element, dict) for element in value):
        for name in dict.fromkeys(name for element in value for name in element):
            yield f"{key}[].{name}", digest(element.get(name) for element in value)
    elif isinstance(value, dict | list) and len(value) > LARGEST:
        yield key, f"{len(value)} {digest([value])}"
    elif isinstance(value, dict):
        for name in value.keys() - VOLATILE_KEYS:
            yield from json_facts(value[name], f"{key}.{name}" if key else name)
    elif isinstance(value, list) and any(isinstance(element, dict | list) for element in value):
        for position, element in enumerate(value):
            yield from json_facts(element, f"{key}[{position}]")
    else:
        yield key, json.dumps(value, ensure_ascii=False)


def store_facts(path: Path) -> Facts:
    """The columns of a store of decisions."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
        names = [column[1] for column in connection.execute(f"PRAGMA table_info({table})")]
        for name in names:
            if name not in VOLATILE_KEYS:
                values = connection.execute(f"SELECT {name} FROM {table} ORDER BY rowid").fetchall()
                yield f"{table}.{name}", json.dumps([value for (value,) in values], ensure_ascii=False)
    connection.close()


class VisibleText(HTMLParser):
    """The text of a page, a line for each row of a table and each block; without styles, scripts and charts."""

    def __init__(self) -> None:
        super().__init__()
        self.depth_hidden, self.text = 0, ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.depth_hidden += tag in HIDDEN

    def handle_endtag(self, tag: str) -> None:
        self.depth_hidden -= tag in HIDDEN
        self.text += "\n" if tag in BLOCKS else " "

    def handle_data(self, data: str) -> None:
        self.text += "" if self.depth_hidden else data.replace("\n", " ")


def visible_lines(page: str) -> list[str]:
    parser = VisibleText()
    parser.feed(page)
    lines = (TIMES.sub("TIME", " ".join(line.split())) for line in parser.text.split("\n"))
    return [line for line in lines if line and not VOLATILE_LINES.match(line)]
