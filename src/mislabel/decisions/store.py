"""Decisions on disk: an SQLite file in the run folder to which lines are only ever added.

Every decision and every undo is an *event* with its number and its time; what holds now is what replaying all events
gives. Events that were made at one go, a whole selection say, share an *action*, and are undone together.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from mislabel.errors import InputError, RunError, one_of

SCHEMA = 1
Kind = Literal["keep", "suggestion", "label", "unsure", "none"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NAMED: tuple[Kind, ...] = ("keep", "suggestion", "label")  # the kinds that say what the true label is
HERE = ("page", "import")  # the sources of decisions on this very run

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


@dataclass(frozen=True)
class Decision:
    """What a person says of a row.

    Attributes
    ----------
    id : int or str
    kind : str
        keep: the given label is right; suggestion: the suggested one is; label: another one; unsure: cannot tell;
        none: no class fits.
    label : object
        The true label as the user writes it; None for unsure and none.
    given : object
        The label that the data had at that time, or None.
    probe : bool
        Whether the row was shown because chance chose it.
    """

    id: Any
    kind: Kind
    label: Any = None
    given: Any = None
    probe: bool = False

    @property
    def wrong(self) -> bool | None:
        """Whether the given label was wrong; None where the person could not tell, or there was no label."""
        if self.kind == "unsure" or self.given is None:
            return None
        return self.kind == "none" or self.label != self.given


@dataclass(frozen=True)
class Event:
    """A decision, or the undoing of one: then `undoes` is its number and `decision` is that decision."""

    number: int
    action: int
    time: str
    decision: Decision
    source: str
    undoes: int | None = None


class Store:
    """The decisions of one run. May be used from several threads, and the file from several processes.

    Parameters
    ----------
    path : Path
        Made, with mode 0600, where it is not there.
    read_only : bool
        For a store that is there, in a folder that need not be writable.

    Raises
    ------
    RunError
        If the file is no such store, is damaged, a newer version wrote it, or it cannot be written.
    """

    def __init__(self, path: Path, *, read_only: bool = False):
        self.path, self.lock = path, threading.Lock()
        try:
            self.connection = _open_to_read(path) if read_only else _open_to_write(path)
        except sqlite3.OperationalError as error:
            if read_only:
                raise RunError(f"{path} cannot be read ({error})") from error
            raise RunError(
                f"{path} cannot be written ({error}): decisions need a run folder with room in it"
            ) from error
        except sqlite3.DatabaseError as error:
            raise RunError(f"{path} holds no decisions that can be read ({error}): move it away") from error
        self.file = _file_of(path)
        try:
            self._check_schema()
        except RunError:
            self.connection.close()
            raise

    def close(self) -> None:
        with self.lock:
            self.connection.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def decide(self, decisions: Sequence[Decision], *, key: str | None = None, source: str = "page") -> list[Event]:
        """Add decisions as one action, all of them or none; on disk when this returns.

        Parameters
        ----------
        key : str, optional
            Names the request: given again, as after an answer that got lost, nothing is added.

        Returns
        -------
        list of Event
            What was added, or for a key given before what was added then.
        """
        for one in decisions:
            one_of("kind", one.kind, KINDS)
        rows = [(one, None) for one in decisions]
        return self._add(lambda: rows, key, source)

    def undo(self, action: int | None = None, *, key: str | None = None, source: str = "page") -> list[Event]:
        """Undo an action, the last one that still holds if none is named: what held before it holds again.

        Raises
        ------
        InputError
            If there is nothing to undo, or later decisions stand on the action's rows.
        """

        def rows() -> list[tuple[Decision, int | None]]:
            chosen = self._last_action() if action is None else action
            if chosen is None:
                raise InputError("there is no decision to undo")
            found = [event for event in self._read("action = ? AND kind != 'undo'", chosen)]
            if not found:
                raise InputError(f"there is no action {chosen} to undo")
            for event in found:
                holds = self._holding(event.decision.id)
                if holds is None or holds.number != event.number:
                    undone = bool(self._read("undoes = ?", event.number))
                    what = "is undone already" if undone else "was decided again later: undo the later one first"
                    raise InputError(f"row {event.decision.id!r} of action {chosen} {what}")
            return [(event.decision, event.number) for event in found]

        return self._add(rows, key, source)

    def take_over(self, events: Iterable[Event], source: str) -> None:
        """Add the events of another run's store, with their times; `source` names that run where the event does not."""
        with self.lock, self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            numbers: dict[int, int] = {}
            actions: dict[int, int] = {}
            for event in events:
                name = source if event.source in HERE else event.source
                undone = None if event.undoes is None else numbers[event.undoes]
                number = self._insert(event.decision, actions.get(event.action), event.time, name, undone)
                numbers[event.number] = number
                actions.setdefault(event.action, number)

    def made(self, key: str) -> list[Event]:
        """What a request has added, none where it has not come yet."""
        with self.lock:
            return self._made(key)

    def history(self, after: int = 0) -> list[Event]:
        """Every event with a number above `after`, in the order in which they were made."""
        with self.lock:
            return self._read("number > ?", after)

    def last(self) -> int:
        """The number of the last event; 0 where there is none."""
        with self.lock:
            return int(self._rows("SELECT coalesce(max(number), 0) FROM events")[0][0])

    def current(self) -> dict[Any, Event]:
        """What holds now, by id."""
        return replay(self.history())

    def remember(self, name: str, value: Any) -> Any:
        """Keep a value under a name unless one is kept already, and give what is kept."""
        with self.lock, self.connection:
            self.connection.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (name, json.dumps(value)))
            return json.loads(self._rows("SELECT value FROM about WHERE name = ?", name)[0][0])

    def recall(self, name: str) -> Any:
        """What is kept under a name; None where nothing is."""
        with self.lock:
            found = self._rows("SELECT value FROM about WHERE name = ?", name)
        return json.loads(found[0][0]) if found else None

    def _check_schema(self) -> None:
        found = self._rows("SELECT value FROM about WHERE name = 'schema'")
        if not found or json.loads(found[0][0]) != SCHEMA:
            schema = found[0][0] if found else None
            raise RunError(f"{self.path} has schema {schema}, this version reads {SCHEMA}: use a newer one")

    def _add(self, rows: Any, key: str | None, source: str) -> list[Event]:
        with self.lock, self.connection:
            self.connection.execute("BEGIN IMMEDIATE")  # so that what `rows` reads still holds when it is written
            if _file_of(self.path) != self.file:  # a file without a name takes what is written, and goes with it
                raise sqlite3.OperationalError(
                    f"{self.path} was removed or replaced, as when a run is made again: end this review, start it anew"
                )
            if key is not None and (before := self._made(key)):
                return before
            action, time = None, datetime.now(UTC).isoformat(timespec="milliseconds")
            for decision, undone in rows():
                number = self._insert(decision, action, time, source, undone)
                action = action or number
            if key is not None and action is not None:
                self.connection.execute("INSERT INTO requests VALUES (?, ?)", (key, action))
            return [] if action is None else self._read("action = ?", action)

    def _made(self, key: str) -> list[Event]:
        found = self._rows("SELECT action FROM requests WHERE key = ?", key)
        return self._read("action = ?", found[0][0]) if found else []

    def _insert(self, one: Decision, action: int | None, time: str, source: str, undone: int | None) -> int:
        cursor = self.connection.execute(
            "INSERT INTO events (action, time, id, kind, label, given, probe, source, undoes) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                action or 0, time, _text(one.id), one.kind if undone is None else "undo", _text(one.label),
                _text(one.given), int(one.probe), source, undone,
            ),
        )  # fmt: skip
        number = int(cursor.lastrowid or 0)
        if action is None:
            self.connection.execute("UPDATE events SET action = number WHERE number = ?", (number,))
        return number

    def _read(self, where: str, *values: Any) -> list[Event]:
        found = self._rows(
            "SELECT e.number, e.action, e.time, e.id, coalesce(u.kind, e.kind), e.label, e.given, e.probe, e.source, "
            f"e.undoes FROM (SELECT * FROM events WHERE {where}) e LEFT JOIN events u ON u.number = e.undoes "
            "ORDER BY e.number",
            *values,
        )
        return [
            Event(
                number, action, time, Decision(_value(id), kind, _value(label), _value(given), bool(probe)), source, un
            )
            for number, action, time, id, kind, label, given, probe, source, un in found
        ]

    def _holding(self, id: Any) -> Event | None:
        return replay(self._read("id = ?", _text(id))).get(id)

    def _last_action(self) -> int | None:
        """Of those on this run: what was taken over, the run has been trained with."""
        return self._rows(
            "SELECT max(action) FROM events WHERE kind != 'undo' AND source IN (?, ?) AND number NOT IN "
            "(SELECT undoes FROM events WHERE undoes IS NOT NULL)",
            *HERE,
        )[0][0]

    def _rows(self, question: str, *values: Any) -> list[tuple]:
        try:
            return self.connection.execute(question, values).fetchall()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            raise RunError(
                f"{self.path} is damaged ({error}). What is left of it can be read: sqlite3 decisions.sqlite .recover"
            ) from error


def _open_to_write(path: Path) -> sqlite3.Connection:
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        # FULL: a commit has reached the disk when it returns, and only then does the page hear "saved".
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            _make_tables(connection)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _open_to_read(path: Path) -> sqlite3.Connection:
    # What a killed review left, or one that is open, stands in a file of its own. Where there is none SQLite is told
    # that nobody writes: it would leave such a file behind, which a folder that may only be read cannot take.
    whole = not path.with_name(f"{path.name}-wal").exists()
    address = f"{path.resolve().as_uri()}?mode=ro" + ("&immutable=1" if whole else "")
    connection = sqlite3.connect(address, uri=True, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        made = _has_tables(connection)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    if not made:  # killed before it was: it holds nothing
        connection.close()
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        _make_tables(connection)
    return connection


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone())


def _make_tables(connection: sqlite3.Connection) -> None:
    if not _has_tables(connection):
        for statement in _TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute("INSERT INTO about VALUES ('schema', ?)", (json.dumps(SCHEMA),))


def _file_of(path: Path) -> tuple[int, int] | None:
    """Which file has the name now; None where none has."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def replay(events: Iterable[Event]) -> dict[Any, Event]:
    """What holds after these events, by id: of each row the last decision that was not undone."""
    standing: dict[Any, list[Event]] = {}
    for event in events:
        pile(standing.setdefault(event.decision.id, []), event)
    return {id: stack[-1] for id, stack in standing.items() if stack}


def pile(stack: list[Event], event: Event) -> None:
    """Put an event on what stands of its row, the last on top: a decision adds itself, an undo takes its own away."""
    if event.undoes is None:
        stack.append(event)
    else:
        stack[:] = [one for one in stack if one.number != event.undoes]


def read_history(path: Path) -> list[Event]:
    """Every event of a store; none where there is no store, and none is made."""
    if not path.is_file():
        return []
    with Store(path, read_only=True) as store:
        return store.history()


def read_decisions(path: Path) -> dict[Any, Decision]:
    """What holds now in a store, by id; nothing where there is none, and none is made."""
    return {id: event.decision for id, event in replay(read_history(path)).items()}


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value)  # ASCII: a lone surrogate has no other way to disk


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
