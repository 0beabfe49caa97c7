"""The state of a running review, shared by all pages: the queue of looks, the decisions, lists of rows."""

import threading
from bisect import bisect_right
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from mislabel.decisions.agreement import Verdicts, verdicts_of
from mislabel.decisions.estimates import Depth
from mislabel.decisions.events import KINDS, NAMED, Decision, Event, Kind, apply_event, checked_name, checked_note
from mislabel.decisions.looks import Looks, even_looks
from mislabel.decisions.reviewed import ReviewedRows, reviewed_rows
from mislabel.decisions.store import Store
from mislabel.errors import InputError, in_range, one_of
from mislabel.modalities import Modality, modality
from mislabel.posterior.likeliest import Likeliest
from mislabel.review.map import Map
from mislabel.review.neighbours import Neighbours
from mislabel.review.originals import Originals
from mislabel.review.preview import Preview
from mislabel.review.queue import ORDERS, Queue, make_queue
from mislabel.review.shared import shared_rows
from mislabel.review.shown_inputs import Contents
from mislabel.review.word_marks import WordMarks
from mislabel.run.checked import Checked, checked_in_review, powered_curve
from mislabel.run.folder import RunFolder
from mislabel.run.opening import Matrix
from mislabel.run.reading import Run
from mislabel.run.rows import Rows
from mislabel.run.trust_looks import Answers, answers_of
from mislabel.run.unusual_columns import Columns
from mislabel.training.progress import Quiet

RECENT = 300  # seconds over which decisions per minute are counted
FEW = 5  # decisions that tell no pace yet
BLOCK = 4096
FIRST_LOOKS = 1000  # whose answers the judge's preview hears
CODE_OF = {kind: code for code, kind in enumerate(KINDS)}


class Session:
    """One review of one run.

    Parameters
    ----------
    folder : RunFolder
    order : str
        A name of `ORDERS`.
    budget : int, optional
        ReviewedRows that are planned.
    probe : float
        Share of the looks that chance chooses.
    reviewer : str, optional
        The name of who decides, stored with each decision.
    shared : float, optional
        Share of the rows, drawn by chance, that every reviewer decides without seeing what others said; what the first
        review of the run was given holds.
    images : Path, optional
        The folder below which the originals of pictures lie, or the Parquet file that holds them.
    progress : Quiet, optional

    Raises
    ------
    InputError
        If the run is not finished, has no judged row, or an order does not fit it.
    RunError
        If a file of the run is broken.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        order: str = "worst",
        budget: int | None = None,
        probe: float = 0.0,
        reviewer: str | None = None,
        shared: float | None = None,
        images: Path | None = None,
        progress: Quiet | None = None,
    ):
        one_of("order", order, tuple(ORDERS))
        in_range("probe", probe, 0, 0.9)
        if budget is not None:
            in_range("budget", budget, 1, 10_000_000)
        self.folder: RunFolder = folder
        self.order: str = order
        self.budget: int | None = budget
        self.probe: float = probe
        self.reviewer: str | None = checked_name(reviewer)
        self.reviewers: set[str] = set() if self.reviewer is None else {self.reviewer}
        self.run: Run = Run.open(folder)
        self.rows: Rows = self.run.rows
        if not self.rows.judged.any():
            raise InputError(f"{folder.path}: no row was judged, so there is nothing to review; its report says why")
        self.store: Store = Store(folder.decisions)
        self.shared: np.ndarray = shared_rows(self.store, self.rows, shared, self.reviewer)
        # Shared rows that another reviewer decided and not this one, unless they are here to be settled.
        self.hidden: np.ndarray = np.zeros(len(self.rows), dtype=bool)
        self.settling: bool = order == "differ"
        self.in_dispute: np.ndarray = np.zeros(len(self.rows), dtype=bool)  # see `Verdicts.in_dispute`
        self.lock: threading.RLock = threading.RLock()
        self.seen: int = 0  # number of the last event that is counted below
        self.stacks: dict[int, list[Event]] = {}
        self.kind: np.ndarray = np.full(len(self.rows), -1, dtype=np.int8)  # of what holds, a code of KINDS
        self.counts: dict[Kind, int] = dict.fromkeys(KINDS, 0)  # of judged rows
        self.log: list[tuple[int, int]] = []  # number and row of every event
        self._reviewed: tuple[int, ReviewedRows] | None = None
        self._events: tuple[int, list[Event]] | None = None
        self._answers: tuple[int, Answers] | None = None
        self.times: dict[int, float] = {}  # seconds at which each action on a page was taken, without those undone
        self.modality: Modality = modality(self.rows.modality)
        self.originals: Originals = Originals(self.run, images, pictures=self.modality.pictures)
        self.neighbours: Neighbours = Neighbours(self.run)
        self.columns: Columns = Columns(self.run)
        self.map: Map = Map(self.run)
        self.words: WordMarks = WordMarks(self.run)
        self.posterior: Matrix | Likeliest | None = self.run.posterior
        self.queue: Queue = make_queue(
            self.run, self.store, order=order, budget=budget, share=probe, progress=progress or Quiet()
        )
        # Last, since it begins to read beside: a process that ends over an error meanwhile may never end.
        self.contents: Contents = Contents(folder, texts=not self.modality.kept_bytes)
        # Looks whose answers speak for all rows: drawn with known probabilities.
        self.drawn: Looks | None = even_looks(self.queue.rows) if order == "random" else self.queue.looks
        self.preview: Preview | None = None if self.drawn is None else Preview(self.run, self.drawn.rows[:FIRST_LOOKS])
        self.queued: np.ndarray = np.zeros(len(self.rows), dtype=bool)
        self.queued[self.queue.rows] = True
        self.left: int = int(self.open(self.queue.rows).sum())  # looks that are not decided
        self.refresh()

    def close(self) -> None:
        self.contents.close()
        self.map.close()
        self.store.close()

    @property
    def keys(self) -> dict[str, str]:
        """The keys that this reviewer has chosen, by what they do; kept with the run, like decisions."""
        known = self.store.recall(self._keys_name)
        known = known if isinstance(known, dict) else {}  # a run from elsewhere may hold anything
        return {name: key for name, key in known.items() if isinstance(key, str) and len(key) == 1}

    @keys.setter
    def keys(self, keys: dict[str, str]) -> None:
        self.store.replace(self._keys_name, keys)

    @property
    def _keys_name(self) -> str:
        return "keys" if self.reviewer is None else f"keys of {self.reviewer}"

    # What pages ask.

    def next(self, after: int) -> int | None:
        """The first position in the queue, from `after` on, whose row is not decided; None where there is none."""
        with self.lock:
            self.refresh()
            for begin in range(max(after, 0), len(self.queue.rows), BLOCK):
                undecided = self.open(self.queue.rows[begin : begin + BLOCK])
                if undecided.any():
                    return begin + int(undecided.argmax())
            return None

    def open(self, rows: np.ndarray) -> np.ndarray:
        """Which of some rows (m,) int64 this reviewer has to decide, or to settle, (m,) bool."""
        return self.in_dispute[rows] if self.settling else self.undecided(rows)

    def undecided(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Which of some rows, or of all, are undecided as far as this reviewer may see it, (m,) bool."""
        return (self.kind[rows] < 0) | self.hidden[rows]

    def decided(self) -> np.ndarray:
        """Which rows are decided, as far as this reviewer may see it, (n,) bool."""
        with self.lock:
            self.refresh()
            return ~self.undecided()

    def decision(self, row: int) -> Event | None:
        """What holds of a row, as far as this reviewer may see it."""
        with self.lock:
            stack = self.stacks.get(row)
            return stack[-1] if stack and not self.hidden[row] else None

    def holding(self) -> list[Event]:
        """What holds of every decided row, as far as this reviewer may see it, in the order of the audit."""
        with self.lock:
            self.refresh()
            events = (self.decision(row) for row in sorted(self.stacks))
            return [event for event in events if event is not None]

    def verdicts(self) -> dict[int, Verdicts]:
        """What two reviewers said of rows, each on their own, by row; without those that this reviewer must not see."""
        with self.lock:
            self.refresh()
            found = {row: self.verdict(row) for row in self.stacks}
        return {row: verdicts for row, verdicts in found.items() if verdicts is not None}

    def verdict(self, row: int) -> Verdicts | None:
        """The same of one row; None also where two have not said anything."""
        with self.lock:
            return None if self.hidden[row] else verdicts_of(self.stacks.get(row, []))

    def changed(self, since: int) -> list[int]:
        """Rows with events after `since`."""
        with self.lock:
            self.refresh()
            first = bisect_right(self.log, (since, len(self.rows)))
            return list(dict.fromkeys(row for _, row in self.log[first:]))

    def kinds(self) -> dict[str, int]:
        """How many rows are decided in each way, those that were not judged among them."""
        with self.lock:
            counts = np.bincount(self.kind[self.kind >= 0], minlength=len(KINDS))
            return dict(zip(KINDS, counts.tolist(), strict=True))

    def per_minute(self) -> float | None:
        """Actions of the last five minutes that were not undone, per minute; None for fewer than five."""
        now = datetime.now(UTC).timestamp()
        with self.lock:
            recent = [at for at in self.times.values() if now - at <= RECENT]
        if len(recent) < FEW:
            return None
        return len(recent) * 60 / max(now - recent[0], 1.0)

    def ahead(self, count: int) -> np.ndarray:
        """The first `count` rows of the queue that are not decided, in its order, at most so many."""
        with self.lock:
            self.refresh()
            return self.queue.rows[np.flatnonzero(self.open(self.queue.rows))[:count]]

    def last_decided(self, count: int) -> list[int]:
        """The judged rows decided last, that chance did not choose unless it chose all; the last one first."""
        with self.lock:
            self.refresh()
            found: dict[int, None] = {}
            for _, row in reversed(self.log):
                decided = self.decision(row) if self.rows.judged[row] else None
                if decided is not None and (self.order == "random" or not decided.decision.probe):
                    found[row] = None
                if len(found) == count:
                    break
            return list(found)

    def events(self) -> list[Event]:
        """Every event of the store, up to the last one that is counted here."""
        with self.lock:
            self.refresh()
            if self._events is None or self._events[0] != self.seen:
                self._events = self.seen, [event for event in self.store.history() if event.number <= self.seen]
            return self._events[1]

    def reviewed(self) -> ReviewedRows:
        """What was decided of the judged rows, in the order of the audit: the estimates need no more."""
        with self.lock:
            self.refresh()
            if self._reviewed is None or self._reviewed[0] != self.seen:
                self._reviewed = self.seen, reviewed_rows(self.events(), self.rows.judged_rank, self.rows.n_judged)
            return self._reviewed[1]

    def checked(self) -> Checked:
        """What the rows that were checked at random tell of all judged rows."""
        return checked_in_review(self.run.noise_rate, self._p, self.reviewed())

    def curve(self) -> list[Depth]:
        """How precise the list is down to each depth."""
        return powered_curve(self._p, self.reviewed())

    @property
    def _p(self) -> np.ndarray:
        """p_mislabeled of the judged rows, worst first."""
        return self.rows.numbers["p_mislabeled"][self.rows.judged]

    def answers(self) -> Answers | None:
        """What the answers in the order trust say of all judged rows; None in another order."""
        return None if self.queue.looks is None else self.drawn_answers()

    def drawn_answers(self) -> Answers | None:
        """The same at random, too; None in an order that chance did not give."""
        looks = self.drawn
        if looks is None:
            return None
        with self.lock:
            self.refresh()
            if self._answers is None or self._answers[0] != self.seen:
                decided = self.kind >= 0
                events = [self.stacks[row][-1] for row in np.flatnonzero(decided).tolist()]
                self._answers = self.seen, answers_of(self.rows, looks, decided, [one.decision for one in events])
            return self._answers[1]

    # What pages say.

    def decide(
        self,
        rows: np.ndarray,
        kind: Kind,
        code: int | None,
        *,
        key: str | None,
        body: str = "",
        queue_position: int | None = None,
        note: str | None = None,
    ) -> list[Event]:
        """Decide some rows in one way, as one action; on disk when this returns.

        Raises
        ------
        InputError
            If a row or a label is not there, a row lacks the suggestion or given label, or the note is too long.
        """
        one_of("kind", kind, KINDS)
        rows = np.unique(rows)
        if not len(rows) or rows[0] < 0 or rows[-1] >= len(self.rows):
            raise InputError(f"rows must be 0 to {len(self.rows) - 1}, and at least one")
        if kind == "label" and (code is None or not 0 <= code < len(self.rows.classes)):
            raise InputError(f"label is {code!r}, needed a class from 0 to {len(self.rows.classes) - 1}")
        probe = queue_position is not None and len(rows) == 1 and self._is_probe(queue_position, int(rows[0]))
        note = checked_note(note)
        decisions = [replace(self._decision(int(row), kind, code, probe), note=note) for row in rows]
        with self.lock:
            events = self.store.decide(decisions, key=key, body=body, reviewer=self.reviewer)
            self.refresh()
        return events

    def undo(self, action: int | None, *, key: str | None, body: str = "") -> list[Event]:
        """Undo an action; see `Store.undo`."""
        with self.lock:
            events = self.store.undo(action, key=key, body=body, reviewer=self.reviewer)
            self.refresh()
        return events

    def refresh(self) -> None:
        """Read the events since the last call, of this process or another."""
        with self.lock:
            if self.store.last() == self.seen:
                return
            events = self.store.history(self.seen)
            rows_of_events = self.rows.find([event.decision.id for event in events])
            for event, row in zip(events, rows_of_events.tolist(), strict=True):
                self.seen = event.number
                if event.reviewer is not None:
                    self.reviewers.add(event.reviewer)
                if row < 0:
                    continue
                stack = self.stacks.setdefault(row, [])
                for undone in (event_of_row for event_of_row in stack if event_of_row.number == event.undoes):
                    self.times.pop(undone.action, None)
                apply_event(stack, event)
                if event.undoes is None and event.source == "page":
                    self.times[event.action] = datetime.fromisoformat(event.time).timestamp()
                self._holds(row, stack[-1].decision.kind if stack else None)
                self.log.append((event.number, row))
            now = datetime.now(UTC).timestamp()
            self.times = {action: at for action, at in self.times.items() if now - at <= RECENT}

    def _holds(self, row: int, kind: Kind | None) -> None:
        """Record the kind of the decision that holds for a row, and update the counts."""
        one, stack = np.array([row]), self.stacks[row]
        before, was_open = int(self.kind[row]), bool(self.open(one)[0])
        self.kind[row] = -1 if kind is None else CODE_OF[kind]
        verdicts = verdicts_of(stack)
        self.in_dispute[row] = verdicts is not None and verdicts.in_dispute
        decided = kind is not None and any(event.reviewer == self.reviewer for event in stack)
        shown = decided or (self.settling and self.in_dispute[row])
        self.hidden[row] = self.shared[row] and kind is not None and not shown
        if self.rows.judged[row]:
            if before >= 0:
                self.counts[KINDS[before]] -= 1
            if kind is not None:
                self.counts[kind] += 1
        if self.queued[row]:
            self.left += int(self.open(one)[0]) - int(was_open)

    def _decision(self, row: int, kind: Kind, code: int | None, probe: bool) -> Decision:
        given, suggested = (int(self.rows.labels[name][row]) for name in ("given_label", "suggested_label"))
        chosen = {"keep": given, "suggestion": suggested, "label": code}[kind] if kind in NAMED else None
        if kind in NAMED and (chosen is None or chosen < 0):
            word = "given label to keep" if kind == "keep" else "suggested label to take"
            raise InputError(f"row {self.rows.id(row)!r} has no {word}: choose a class")
        if kind == "label":  # a digit or the chooser may name the given or the suggested class
            kind = "keep" if chosen == given else "suggestion" if chosen == suggested else "label"
        label = None if chosen is None else self.rows.label(chosen)
        return Decision(self.rows.id(row), kind, label, self.rows.label(given), probe)

    def _is_probe(self, queue_position: int, row: int) -> bool:
        queue = self.queue
        inside = 0 <= queue_position < len(queue.rows)
        return inside and bool(queue.rows[queue_position] == row and queue.probe[queue_position])
