"""Opening a store: to write, to read, or to check whether it may be deleted."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from mislabel.decisions.events import OF_THIS_RUN
from mislabel.decisions.schema import create_tables, has_tables
from mislabel.errors import InputError, RunError


def open_to_write(path: Path) -> sqlite3.Connection:
    """The store, made with mode 0600 where it is not there.

    Raises
    ------
    RunError
        If the file is no store or cannot be written, or is a symbolic link.
    """
    if path.is_symlink():  # to nothing, it would be filled elsewhere
        raise RunError(f"{path} is a symbolic link: decisions are kept in a file of the run folder, put it there")
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        return _prepared(sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False))
    except (sqlite3.OperationalError, OSError) as error:
        raise RunError(f"{path} cannot be written ({error}): decisions need a run folder with room in it") from error
    except sqlite3.DatabaseError as error:
        raise _no_store(path, error) from error


def open_to_read(path: Path) -> sqlite3.Connection:
    """The store, in a folder that need not be writable; an empty one for a file that was never filled.

    Raises
    ------
    RunError
        If the file is no store or cannot be read.
    """
    # What a killed review left, or one that is open, stands in a file of its own. Where there is none SQLite is told
    # that nobody writes: it would leave such a file behind, which a folder that may only be read cannot take.
    whole = not path.with_name(f"{path.name}-wal").exists()
    address = f"{path.resolve().as_uri()}?mode=ro" + ("&immutable=1" if whole else "")
    try:
        connection = sqlite3.connect(address, uri=True, timeout=30, isolation_level=None, check_same_thread=False)
        return _filled(connection)
    except sqlite3.OperationalError as error:
        raise RunError(f"{path} cannot be read ({error})") from error
    except sqlite3.DatabaseError as error:
        raise _no_store(path, error) from error


def check_deletable(path: Path) -> None:
    """Look into the store of a run that is about to be overwritten.

    Raises
    ------
    InputError
        If it holds decisions, a review has it open, or that cannot be read off the file.
    """
    if not path.is_file():
        return
    standing = (
        "SELECT count(DISTINCT id), count(DISTINCT CASE WHEN source IN (?, ?) THEN id END) FROM events "
        "WHERE kind != 'undo' AND number NOT IN (SELECT undoes FROM events WHERE undoes IS NOT NULL)"
    )
    try:
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            decided, of_this_run = connection.execute(standing, OF_THIS_RUN).fetchone()
            if not decided:
                connection.execute("PRAGMA journal_mode=DELETE")  # fails while anybody else has the file open
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            raise InputError(
                f"{path.parent} is open in a review and is not overwritten: end that review, or choose another --out"
            ) from error
        raise InputError(
            f"{path} cannot be read ({error}) and may hold decisions by a person: nothing is overwritten, move it away "
            "or choose another --out"
        ) from error
    if decided:
        elsewhere = f". All were taken over from an earlier run: if that one still has them, delete {path}"
        raise InputError(
            f"{path.parent} holds {decided} decisions by a person and is not overwritten: mislabel export them, or "
            "choose another --out" + ("" if of_this_run else elsewhere)
        )


def file_identity(path: Path) -> tuple[int, int] | None:
    """Which file has this path now; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The connection, set to lose nothing, with the tables in its file."""
    try:
        # FULL: a commit has reached the disk when it returns, and only then does the page hear "saved".
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            create_tables(connection)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _filled(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The connection, or one to empty tables in memory where a process was killed before it made them."""
    try:
        filled = has_tables(connection)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    if filled:
        return connection
    connection.close()
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    create_tables(connection)
    return connection


def _no_store(path: Path, error: Exception) -> RunError:
    return RunError(f"{path} holds no decisions that can be read ({error}): move it away")
