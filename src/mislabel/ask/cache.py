"""Answers on disk, by model and prompt, so that nothing is asked twice: SQLite, of digests and what was answered."""

import json
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from mislabel.ask.replies import Reply
from mislabel.errors import RunError

SCHEMA = 1
AT_ONCE = 500  # digests in a query
_TABLE = """CREATE TABLE IF NOT EXISTS answers (
    model TEXT NOT NULL,
    prompt TEXT NOT NULL,        -- digest of the whole prompt: classes, what they mean, and the row
    said TEXT NOT NULL,          -- what the model wrote, its beginning
    key TEXT,                    -- of the class that it named; null where it named none
    shares TEXT NOT NULL,        -- JSON: how probable its tokens made each key
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    PRIMARY KEY (model, prompt)
) WITHOUT ROWID"""


class Cache:
    """The answers of any models; several processes may use the file at once.

    Parameters
    ----------
    path : Path
        Made, with mode 0600, where it is not there.

    Raises
    ------
    RunError
        If the file is no such cache, or cannot be written.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        except (sqlite3.DatabaseError, OSError) as error:
            raise _unusable(path, error) from error

    def close(self) -> None:
        self._connection.close()

    def known(self, model: str, prompts: Iterable[str]) -> dict[str, Reply]:
        """The answers of a model to these prompts, by digest, those that are there."""
        try:
            return _known(self._connection, model, prompts)
        except (sqlite3.DatabaseError, ValueError) as error:
            raise _unusable(self.path, error) from error

    def add(self, model: str, prompt: str, reply: Reply) -> None:
        """Keep an answer; there when this returns, whatever becomes of the process."""
        values = (model, prompt, reply.said.encode("utf-8", "replace").decode(), reply.key, json.dumps(reply.shares))
        try:
            self._connection.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*values, reply.tokens_in, reply.tokens_out),
            )
        except sqlite3.DatabaseError as error:
            raise _unusable(self.path, error) from error

    def _prepare(self) -> None:
        [version] = self._connection.execute("PRAGMA user_version").fetchone()
        [tables] = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if version > SCHEMA or (version == 0 and tables):
            raise sqlite3.DatabaseError("it is of another program, or of a newer version")
        # An answer survives the end of the process; a failing machine may cost the last few, which are asked again.
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_TABLE)
        self._connection.execute(f"PRAGMA user_version={SCHEMA}")


def peek(path: Path, model: str, prompts: Iterable[str]) -> dict[str, Reply]:
    """As `Cache.known`, without making or changing the file; nothing where there is none."""
    if not path.is_file():
        return {}
    try:
        # Where nobody writes SQLite is told so: it would make files of its own beside this one.
        whole = not path.with_name(f"{path.name}-wal").exists()
        address = f"{path.resolve().as_uri()}?mode=ro" + ("&immutable=1" if whole else "")
        with closing(sqlite3.connect(address, uri=True, timeout=30)) as connection:
            return _known(connection, model, prompts)
    except (sqlite3.DatabaseError, ValueError) as error:
        raise _unusable(path, error) from error


def _known(connection: sqlite3.Connection, model: str, prompts: Iterable[str]) -> dict[str, Reply]:
    wanted, found = list(prompts), dict[str, Reply]()
    for begin in range(0, len(wanted), AT_ONCE):
        some = wanted[begin : begin + AT_ONCE]
        marks = ",".join("?" * len(some))
        columns = "prompt, said, key, shares, tokens_in, tokens_out"
        query = f"SELECT {columns} FROM answers WHERE model = ? AND prompt IN ({marks})"
        for prompt, said, key, shares, *tokens in connection.execute(query, (model, *some)):
            found[prompt] = Reply(said, key, json.loads(shares), *tokens)
    return found


def _unusable(path: Path, error: Exception) -> RunError:
    return RunError(f"{path}, where answers are kept, cannot be used ({error}): move it away, or name another --cache")
