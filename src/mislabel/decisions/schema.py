"""The tables of a store, and the values in them."""

import json
import sqlite3
from typing import Any

from mislabel.integrity import digest

SCHEMA = 1

_TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    action INTEGER NOT NULL,     -- the number of the first event made at the same go
    time TEXT NOT NULL,          -- UTC, ISO 8601
    id TEXT NOT NULL,            -- of the row, as JSON
    kind TEXT NOT NULL,          -- a decision's kind, or undo
    label TEXT,                  -- the decided label, as JSON
    given TEXT,                  -- the label that the data had then, as JSON
    probe INTEGER NOT NULL,      -- whether the row was shown because chance chose it
    source TEXT NOT NULL,        -- who decided: page, import, or the run it was taken over from
    undoes INTEGER               -- of an undo: the number of the decision that no longer holds
);
CREATE TABLE requests (key TEXT PRIMARY KEY, action INTEGER NOT NULL);
CREATE INDEX events_by_id ON events (id);
CREATE INDEX events_by_action ON events (action);
CREATE UNIQUE INDEX events_by_undone ON events (undoes) WHERE undoes IS NOT NULL;
"""


def has_tables(connection: sqlite3.Connection, name: str = "about") -> bool:
    return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone())


def event_digest(*values: str | int | None) -> str:
    """Of an event's columns, from number to undoes: a changed byte of a decision would teach a wrong label."""
    return digest(json.dumps(values).encode())


# Later than the others, and so missing from older stores: digests of each event, what each request said, and what is
# told beside an event, with a digest of both: who made it, and a person's note.
_LATER = {
    "digests": "number INTEGER PRIMARY KEY, digest TEXT NOT NULL",
    "bodies": "key TEXT PRIMARY KEY, body TEXT NOT NULL",
    "reviewers": "number INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL",
    "notes": "number INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL",
}


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables that are not there."""
    if not has_tables(connection):
        for statement in _TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute("INSERT INTO about VALUES ('schema', ?)", (to_json(SCHEMA),))
    for name, columns in _LATER.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")


def stand_in(connection: sqlite3.Connection) -> None:
    """Empty tables, of this connection alone, for those that an older store does not have and that is only read."""
    missing = [name for name in _LATER if not has_tables(connection, name)]
    if missing:
        connection.execute("PRAGMA temp_store = MEMORY")
    for name in missing:
        connection.execute(f"CREATE TEMP TABLE {name} ({_LATER[name]})")


def to_json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)  # ASCII: a lone surrogate has no other way to disk


def from_json(text: str | None) -> Any:
    return None if text is None else json.loads(text)
