"""Decisions on disk: an SQLite file in the run folder; events are added and never changed or removed."""

import json
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mislabel.decisions.events import KINDS, OF_THIS_RUN, Decision, Event, replay
from mislabel.decisions.opening import file_identity, open_to_read, open_to_write
from mislabel.decisions.schema import SCHEMA, event_digest, from_json, stand_in, to_json
from mislabel.disk import free_space
from mislabel.errors import InputError, RunError, one_of
from mislabel.integrity import telling_damage

Columns = tuple[Any, ...]  # of a row that SQLite gives


class NotSaved(RunError):
    """Nothing was added to a store: the disk is full, or the file was taken away."""


class KeyTaken(InputError):
    """A request has the key of another one."""


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
        self.path: Path = path
        self.lock: threading.Lock = threading.Lock()
        self.connection: sqlite3.Connection = open_to_read(path) if read_only else open_to_write(path)
        self.identity: tuple[int, int] | None = file_identity(path)
        try:
            self._check_schema()
            stand_in(self.connection)
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

    # What is added.

    def decide(
        self, decisions: Sequence[Decision], *, key: str | None = None, body: str = "", source: str = "page",
        reviewer: str | None = None,
    ) -> list[Event]:  # fmt: skip
        """Add decisions as one action, all of them or none; on disk when this returns.

        Parameters
        ----------
        key : str, optional
            Names the request: given again, as after an answer that got lost, nothing is added.
        body : str
            What the request says, or a digest of it; empty where it is not to be compared.
        reviewer : str, optional
            The name of the person.

        Returns
        -------
        list of Event
            What was added, or for a key given before what was added then.

        Raises
        ------
        KeyTaken
            If the key was given before with another body.
        NotSaved
            If nothing was added.
        """
        for decision in decisions:
            one_of("kind", decision.kind, KINDS)
        return self._add(lambda: [(decision, None, reviewer) for decision in decisions], key, body, source)

    def decide_as(self, said: Sequence[tuple[Decision, str | None]], *, source: str) -> list[Event]:
        """Add decisions of several people as one action, each with a name or None; see `decide`."""
        return self._add(lambda: [(decision, None, name) for decision, name in said], None, "", source)

    def undo(
        self, action: int | None = None, *, key: str | None = None, body: str = "", source: str = "page",
        reviewer: str | None = None,
    ) -> list[Event]:  # fmt: skip
        """Undo an action, the last one that still holds if none is named: what held before it holds again.

        Raises
        ------
        InputError
            If there is nothing to undo, or later decisions stand on the action's rows.
        NotSaved
            If nothing was added.
        """
        return self._add(lambda: [(*undone, reviewer) for undone in self._undoing(action)], key, body, source)

    def take_over(self, events: Iterable[Event], source: str) -> None:
        """Add the events of another run's store, with their times; `source` names that run where the event does not."""
        with self._writing():
            numbers: dict[int, int] = {}
            actions: dict[int, int] = {}
            for event in events:
                name = source if event.source in OF_THIS_RUN else event.source
                undone = None if event.undoes is None else numbers[event.undoes]
                number = self._insert(
                    event.decision, actions.get(event.action), event.time, name, undone, event.reviewer
                )
                numbers[event.number] = number
                actions.setdefault(event.action, number)

    def remember(self, name: str, value: Any) -> Any:
        """Store a value under a name unless one is stored already, and return the stored one."""
        with self._writing():
            self.connection.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (name, json.dumps(value)))
            return json.loads(self._rows("SELECT value FROM about WHERE name = ?", name)[0][0])

    def replace(self, name: str, value: Any) -> None:
        """Store a value under a name, in place of the one before."""
        with self._writing():
            self.connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, json.dumps(value)))

    # What is read.

    def added_by(self, key: str, body: str = "") -> list[Event]:
        """The events that a request has added; none where it has not come yet."""
        with self._reading():
            return self._added_by(key, body)

    def history(self, after: int = 0) -> list[Event]:
        """Every event with a number above `after`, in the order in which they were made."""
        with self._reading():
            events = self._read("number > ?", after)
        for number, event in enumerate(events, after + 1):
            if event.number != number:  # none is ever taken away
                raise self._damaged(f"event {number} is missing")
        return events

    def last(self) -> int:
        """The number of the last event; 0 where there is none."""
        with self._reading():
            return int(self._rows("SELECT coalesce(max(number), 0) FROM events")[0][0])

    def current(self) -> dict[Any, Event]:
        """What holds now, by id."""
        return replay(self.history())

    def recall(self, name: str) -> Any:
        """The value stored under a name; None where there is none."""
        with self._reading():
            rows = self._rows("SELECT value FROM about WHERE name = ?", name)
        return json.loads(rows[0][0]) if rows else None

    def _check_schema(self) -> None:
        schema = self.recall("schema")
        if schema != SCHEMA:
            raise RunError(f"{self.path} has schema {schema}, this version reads {SCHEMA}: use a newer one")

    @contextmanager
    def _reading(self) -> Generator[None]:
        try:
            with self.lock:
                yield
        except sqlite3.OperationalError as error:
            raise RunError(f"{self.path} cannot be read ({error})") from error

    @contextmanager
    def _writing(self) -> Generator[None]:
        """A transaction that is on disk when the block has ended, or has left nothing."""
        try:
            with self.lock, self.connection:
                self.connection.execute("BEGIN IMMEDIATE")  # so that what is read still holds when it is written
                yield
        except sqlite3.OperationalError as error:
            free = f" ({free_space(self.path)})" if "full" in str(error) else ""
            raise NotSaved(f"nothing was saved: {error}{free}") from error

    def _add(
        self, additions: Callable[[], list[tuple[Decision, int | None, str | None]]], key: str | None, body: str,
        source: str,
    ) -> list[Event]:  # fmt: skip
        """Add one action: decisions, each with the number of the event that it undoes or None, and who makes it."""
        with self._writing():
            if file_identity(self.path) != self.identity:  # what is written to a file without a name goes with it
                raise NotSaved(
                    f"nothing was saved: {self.path} was removed or replaced, as when a run is made again: end this "
                    "review, start it anew"
                )
            if key is not None and (before := self._added_by(key, body)):
                return before
            action, time = None, datetime.now(UTC).isoformat(timespec="milliseconds")
            for decision, undone, reviewer in additions():
                number = self._insert(decision, action, time, source, undone, reviewer)
                action = action or number
            if key is not None and action is not None:
                self.connection.execute("INSERT INTO requests VALUES (?, ?)", (key, action))
                self.connection.execute("INSERT INTO bodies VALUES (?, ?)", (key, body))
            return [] if action is None else self._read("action = ?", action)

    def _undoing(self, action: int | None) -> list[tuple[Decision, int]]:
        """The decisions of an action, or of the last one that holds, each with its number."""
        chosen = self._last_action() if action is None else action
        if chosen is None:
            raise InputError("there is no decision to undo")
        events = self._read("action = ? AND kind != 'undo'", chosen)
        if not events:
            raise InputError(f"there is no action {chosen} to undo")
        for event in events:
            standing = self._standing(event.decision.id)
            if standing is None or standing.number != event.number:
                undone = bool(self._read("undoes = ?", event.number))
                reason = "is undone already" if undone else "was decided again later: undo the later one first"
                raise InputError(f"row {event.decision.id!r} of action {chosen} {reason}")
        return [(event.decision, event.number) for event in events]

    def _added_by(self, key: str, body: str) -> list[Event]:
        before = self._rows("SELECT body FROM bodies WHERE key = ?", key)
        if body and before and before[0][0] not in ("", body):
            raise KeyTaken(f"the key {key!r} was used for another request: a new request needs a new key")
        rows = self._rows("SELECT action FROM requests WHERE key = ?", key)
        return self._read("action = ?", rows[0][0]) if rows else []

    def _insert(
        self, decision: Decision, action: int | None, time: str, source: str, undone: int | None, reviewer: str | None
    ) -> int:
        values = (
            time, to_json(decision.id), decision.kind if undone is None else "undo", to_json(decision.label),
            to_json(decision.given), int(decision.probe), source, undone,
        )  # fmt: skip
        cursor = self.connection.execute(
            "INSERT INTO events (action, time, id, kind, label, given, probe, source, undoes) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (action or 0, *values),
        )
        number = int(cursor.lastrowid or 0)
        if action is None:
            self.connection.execute("UPDATE events SET action = number WHERE number = ?", (number,))
        self.connection.execute(
            "INSERT INTO digests VALUES (?, ?)", (number, event_digest(number, action or number, *values))
        )
        told = {"reviewers": reviewer, "notes": decision.note if undone is None else None}
        for table, text in told.items():
            if text is not None:
                digest = event_digest(number, text)
                self.connection.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (number, to_json(text), digest))
        return number

    def _read(self, where: str, *values: Any) -> list[Event]:
        rows = self._rows(
            "SELECT e.number, e.action, e.time, e.id, e.kind, e.label, e.given, e.probe, e.source, e.undoes, "
            "coalesce(u.kind, e.kind), d.digest, r.name, r.digest, n.name, n.digest "
            f"FROM (SELECT * FROM events WHERE {where}) e LEFT JOIN events u ON u.number = e.undoes "
            "LEFT JOIN digests d ON d.number = e.number LEFT JOIN reviewers r ON r.number = e.number "
            "LEFT JOIN notes n ON n.number = coalesce(e.undoes, e.number) ORDER BY e.number",
            *values,
        )
        return [self._event(row[:10], row[10], row[11], row[12:14], row[14:]) for row in rows]

    def _event(self, values: Columns, kind: Any, digest: str | None, reviewer: Columns, note: Columns) -> Event:
        """An event from its columns, the kind of the decision that it makes or undoes, who made it, and a note."""
        if digest is not None and event_digest(*values) != digest:  # those of version 0.1.0 have none
            raise self._damaged(f"event {values[0]} is not what was written")
        number, action, time, id, _, label, given, probe, source, undoes = values
        with telling_damage(self.path):
            name = self._told(number, *reviewer, what="reviewer")
            words = self._told(number if undoes is None else undoes, *note, what="note")
            decision = Decision(from_json(id), kind, from_json(label), from_json(given), bool(probe), words)
        return Event(number, action, time, decision, source, undoes, name)

    def _told(self, number: int, text: str | None, digest: str | None, *, what: str) -> str | None:
        """What is told beside an event."""
        said = from_json(text)
        if said is not None and (not isinstance(said, str) or event_digest(number, said) != digest):
            raise self._damaged(f"the {what} of event {number} is not what was written")
        return said

    def _damaged(self, reason: object) -> RunError:
        return RunError(
            f"{self.path} is damaged ({reason}). What is left of it can be read: sqlite3 decisions.sqlite .recover"
        )

    def _standing(self, id: Any) -> Event | None:
        """What holds for a row."""
        return replay(self._read("id = ?", to_json(id))).get(id)

    def _last_action(self) -> int | None:
        """The last action that holds, of this run's own: those taken over are what the run was trained with."""
        return self._rows(
            "SELECT max(action) FROM events WHERE kind != 'undo' AND source IN (?, ?) AND number NOT IN "
            "(SELECT undoes FROM events WHERE undoes IS NOT NULL)",
            *OF_THIS_RUN,
        )[0][0]

    def _rows(self, question: str, *values: Any) -> list[Columns]:
        try:
            return self.connection.execute(question, values).fetchall()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error


def read_history(path: Path) -> list[Event]:
    """Every event of a store; none where there is no store, and none is made.

    Raises
    ------
    RunError
        If it cannot be read.
    """
    if not path.is_file():
        return []
    with Store(path, read_only=True) as store:
        return store.history()


def read_decisions(path: Path) -> dict[Any, Decision]:
    """What holds now in a store, by id; nothing where there is none, and none is made. Raises as `read_history`."""
    return {id: event.decision for id, event in replay(read_history(path)).items()}


def read_remembered(path: Path, name: str) -> Any:
    """What a store remembers under a name; None where there is none, or no store. Raises as `read_history`."""
    if not path.is_file():
        return None
    with Store(path, read_only=True) as store:
        return store.recall(name)
