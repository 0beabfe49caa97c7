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
        """Whether the given label was wrong; None where the person could not tell."""
        return None if self.kind == "unsure" else self.kind == "none" or self.label != self.given


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

    Raises
    ------
    RunError
        If the file is no such store, a newer version wrote it, or it cannot be written.
    """

    def __init__(self, path: Path):
        self.path, self.lock = path, threading.Lock()
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self.connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            # FULL: a commit has reached the disk when it returns, and only then does the page hear "saved".
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.execute("PRAGMA synchronous=FULL")
            self._make()
        except sqlite3.OperationalError as error:
            self.connection.close()
            raise RunError(
                f"{path} cannot be written ({error}): decisions need a run folder with room in it"
            ) from error
        except sqlite3.DatabaseError as error:
            self.connection.close()
            raise RunError(f"{path} holds no decisions that can be read ({error}): move it away") from error

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
                    what = "is undone already" if self._read("undoes = ?", event.number) else "was decided again later"
                    raise InputError(f"row {event.decision.id!r} of action {chosen} {what}: undo the later one first")
            return [(event.decision, event.number) for event in found]

        return self._add(rows, key, source)

    def take_over(self, events: Iterable[Event], source: str) -> None:
        """Add the events of another run's store, with their times; `source` names that run where the event does not."""
        with self.lock, self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            numbers: dict[int, int] = {}
            actions: dict[int, int] = {}
            for event in events:
                name = source if event.source in ("page", "import") else event.source
                undone = None if event.undoes is None else numbers[event.undoes]
                number = self._insert(event.decision, actions.get(event.action), event.time, name, undone)
                numbers[event.number] = number
                actions.setdefault(event.action, number)

    def history(self, after: int = 0) -> list[Event]:
        """Every event with a number above `after`, in the order in which they were made."""
        with self.lock:
            return self._read("number > ?", after)

    def last(self) -> int:
        """The number of the last event; 0 where there is none."""
        with self.lock:
            return int(self.connection.execute("SELECT coalesce(max(number), 0) FROM events").fetchone()[0])

    def current(self) -> dict[Any, Event]:
        """What holds now, by id."""
        return replay(self.history())

    def remember(self, name: str, value: Any) -> Any:
        """Keep a value under a name unless one is kept already, and give what is kept."""
        with self.lock, self.connection:
            self.connection.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (name, json.dumps(value)))
            return json.loads(self.connection.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()[0])

    def recall(self, name: str) -> Any:
        """What is kept under a name; None where nothing is."""
        with self.lock:
            found = self.connection.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return None if found is None else json.loads(found[0])

    def _make(self) -> None:
        with self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            if not self.connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone():
                for statement in _TABLES.split(";\n"):
                    self.connection.execute(statement)
                self.connection.execute("INSERT INTO about VALUES ('schema', ?)", (json.dumps(SCHEMA),))
            found = self.connection.execute("SELECT value FROM about WHERE name = 'schema'").fetchone()
        if found is None or json.loads(found[0]) != SCHEMA:
            self.connection.close()
            raise RunError(f"{self.path} has schema {found and found[0]}, this version reads {SCHEMA}: use a newer one")

    def _add(self, rows: Any, key: str | None, source: str) -> list[Event]:
        with self.lock, self.connection:
            self.connection.execute("BEGIN IMMEDIATE")  # so that what `rows` reads still holds when it is written
            if key is not None:
                before = self.connection.execute("SELECT action FROM requests WHERE key = ?", (key,)).fetchone()
                if before is not None:
                    return self._read("action = ?", before[0])
            action, time = None, datetime.now(UTC).isoformat(timespec="milliseconds")
            for decision, undone in rows():
                number = self._insert(decision, action, time, source, undone)
                action = action or number
            if key is not None and action is not None:
                self.connection.execute("INSERT INTO requests VALUES (?, ?)", (key, action))
            return [] if action is None else self._read("action = ?", action)

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
        found = self.connection.execute(
            "SELECT e.number, e.action, e.time, e.id, coalesce(u.kind, e.kind), e.label, e.given, e.probe, e.source, "
            f"e.undoes FROM (SELECT * FROM events WHERE {where}) e LEFT JOIN events u ON u.number = e.undoes "
            "ORDER BY e.number",
            values,
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
        found = self.connection.execute(
            "SELECT max(action) FROM events WHERE kind != 'undo' AND number NOT IN "
            "(SELECT undoes FROM events WHERE undoes IS NOT NULL)"
        ).fetchone()
        return found[0]


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
    with Store(path) as store:
        return store.history()


def read_decisions(path: Path) -> dict[Any, Decision]:
    """What holds now in a store, by id; nothing where there is none, and none is made."""
    return {id: event.decision for id, event in replay(read_history(path)).items()}


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value)  # ASCII: a lone surrogate has no other way to disk


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
