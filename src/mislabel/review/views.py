"""The answers to the requests of the page."""

from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa

from mislabel.data.class_meanings import sentences_of
from mislabel.data.descriptions import checked_descriptions
from mislabel.decisions.events import Event
from mislabel.decisions.sending import sent_decision
from mislabel.errors import InputError
from mislabel.review.answers import (
    Bar,
    Brief,
    Change,
    CurvePoint,
    Decided,
    Decision,
    Estimate,
    FeatureValue,
    ListPage,
    Mistake,
    Neighbour,
    Neighbours,
    NextLook,
    NoLook,
    Pair,
    Row,
    Run,
    Source,
    State,
    Taught,
    Undone,
    Verdict,
    Vote,
    WordPart,
    Words,
)
from mislabel.review.explanations import reasons
from mislabel.review.filters import Filter, digest, pairs
from mislabel.review.filters import matching as matching_rows
from mislabel.review.progress import advice
from mislabel.review.queue import ORDERS
from mislabel.review.session import Session
from mislabel.review.shared import agreement_words
from mislabel.review.teaching import is_enough, words
from mislabel.run.rows import Rows
from mislabel.run.source_lines import source_lines
from mislabel.tables.json_text import json_text

EXCERPT = 300  # characters
BARS = 9  # as there are digits to press
VOTES = 20  # of a row that are shown
SOURCES = 200  # that are shown
MOST_CHANGES = 1000  # rows that are named one by one; beyond that a page reads everything again
NO_NEIGHBOURS = "This run keeps no embeddings, so neighbours cannot be shown."
NO_INPUT = ("empty_input", "unreadable")  # statuses of rows of which a model says something all the same
PICTURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class Views:
    """The answers about one review."""

    def __init__(self, session: Session):
        self.session: Session = session
        self.rows: Rows = session.rows

    def run(self, may_decide: bool = True) -> Run:
        session, rows = self.session, self.rows
        return Run(
            name=session.run.name,
            path=str(session.folder.path),
            modality=rows.modality,
            method=session.run.method,
            classes=[str(value) for value in rows.classes],
            rows=len(rows),
            judged=rows.n_judged,
            order=session.order,
            order_words=ORDERS[session.order],
            budget=session.budget,
            probe=session.probe,
            looks=len(session.queue.rows),
            statuses=sorted(set(rows.status.dictionary.to_pylist())),
            has_pictures=session.modality.pictures,
            has_inputs=session.contents.there,
            has_neighbours=session.neighbours.there,
            has_map=True,
            marks_words=session.words.of_texts,
            words_note=session.words.lacking,
            meanings=self._meanings(),
            pairs=[Pair(**pair) for pair in pairs(session.rows)],
            sources=self._sources(),
            reviewers=sorted(session.reviewers),
            may_decide=may_decide,
            keys=session.keys,
        )

    def state(self, since: int = 0) -> State:
        session = self.session
        changed = session.changed(since)
        reset = len(changed) > MOST_CHANGES
        return State(
            number=session.seen,
            decided=sum(session.counts.values()),
            judged=self.rows.n_judged,
            left=session.left,
            looks=len(session.queue.rows),
            kinds=dict(session.counts),
            per_minute=session.per_minute(),
            changed=[] if reset else [Change(row=row, decision=self.decision(row)) for row in changed],
            reset=reset,
        )

    def estimate(self) -> Estimate:
        counted = self.session.checked().whole
        assert counted is not None  # a review has judged rows
        return Estimate(
            probes=counted.probes,
            estimate=counted.estimate,
            low=counted.low,
            high=counted.high,
            rows=counted.depth,
            decided=counted.decided,
            wrong=counted.wrong,
            unsure=counted.unsure,
            at_least=self.session.run.noise_rate.at_least,
            curve=[
                CurvePoint(
                    depth=point.depth,
                    precision=point.precision,
                    low=point.precision_interval[0],
                    high=point.precision_interval[1],
                    decided=point.decided,
                )
                for point in self.session.curve()
            ],
            taught=self.taught(),
            agreement=agreement_words(self.session.verdicts()),
            advice=advice(self.session),
        )

    def taught(self) -> Taught | None:
        found, preview = self.session.answers(), self.session.preview
        if found is None or preview is None:
            return None
        gain = preview.ask(found)
        said = words(found, str(self.session.folder.path), gain)
        said += [preview.lacking] if preview.lacking else []
        return Taught(answers=len(found), words=said, enough=is_enough(found, gain))

    def next(self, after: int = 0) -> NextLook | NoLook:
        position = self.session.next(after)
        if position is None:
            return NoLook()
        queue = self.session.queue
        return NextLook(place=position, row=self.row(int(queue.rows[position])), probe=bool(queue.probe[position]))

    def row(self, row: int) -> Row:
        content, note = self._content(row)
        lacking = self._no_original(row) if isinstance(content, bytes) else None
        votes = [] if self.rows.votes is None else self.rows.votes.of(row)
        return Row(
            **self._about(np.array([row]))[0],
            predicted=self.rows.code("predicted_label", row),
            difficulty=self._number("difficulty", row),
            confidence=self._number("confidence", row),
            posterior=self._bars(row),
            why=reasons(self.rows, row),
            votes=[
                Vote(source=source, label=self.code_of.get(str(label)), p_wrong=round(wrong, 6))
                for source, label, wrong in votes[:VOTES]
            ],
            more_votes=max(len(votes) - VOTES, 0),
            verdicts=self._verdicts(row),
            columns=[FeatureValue(**vars(value)) for value in self.session.columns.of(row)],
            text=content if isinstance(content, str) else None,
            image=f"media/{row}" if isinstance(content, bytes) else None,
            original=f"media/{row}/original" if isinstance(content, bytes) and lacking is None else None,
            original_note=lacking,
            note=note,
        )

    def _verdicts(self, row: int) -> list[Verdict]:
        found = self.session.verdict(row)
        if found is None or not found.differ:
            return []
        said = []
        for reviewer, (kind, label) in found.said.items():
            code = None if label is None else self.code_of.get(str(label))
            said.append(Verdict(reviewer=reviewer, kind=kind, label=code))
        return said

    def _sources(self) -> list[Source]:
        table = self.session.run.sources
        shown = [] if table is None else source_lines(table)[:SOURCES]
        return [
            Source(
                name=line.name,
                kind=line.kind,
                rows=line.rows,
                agreement=line.agreement,
                low=line.low,
                high=line.high,
                mistakes=[Mistake(true=each.true, said=each.said, rows=round(each.rows)) for each in line.mistakes],
                repeats=line.repeats,
            )
            for line in shown
        ]

    def _briefs(self, rows: np.ndarray) -> list[dict[str, Any]]:
        # Pictures are not looked at for a list: whether there is one is known when the browser asks for it.
        picture = self.session.modality.pictures and self.session.contents.there
        briefs = self._about(rows)
        for brief in briefs:
            content = None if picture else self._content(brief["row"])[0]
            brief["text"] = content[:EXCERPT] if isinstance(content, str) else None
            brief["image"] = f"media/{brief['row']}" if picture else None
        return briefs

    def _about(self, rows: np.ndarray) -> list[dict[str, Any]]:
        """The fields of every row, for each of (m,) int64 rows: column by column takes half the time of row by row."""
        known, numbers = self.rows, rows.tolist()
        columns = {
            "row": numbers,
            "id": list(map(str, known.ids.take(pa.array(rows)).to_pylist())),
            "given": known.codes("given_label", rows),
            "suggested": known.codes("suggested_label", rows),
            "p_mislabeled": [
                round(value, 6) if isfinite(value) else None for value in known.numbers["p_mislabeled"][rows].tolist()
            ],
            "status": known.status.take(pa.array(rows)).to_pylist(),
            "decision": [self.decision(row) for row in numbers],
        }
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def neighbours(self, row: int) -> Neighbours:
        nearest = self.session.neighbours
        others = nearest.of(row)
        briefs = self._briefs(np.array([other for other, _ in others], dtype=np.int64))
        neighbours = [
            Neighbour(**brief, similarity=round(near, 4)) for brief, (_, near) in zip(briefs, others, strict=True)
        ]
        values = self.session.columns.nearest(row, [other for other, _ in others])
        return Neighbours(neighbours=neighbours, values=values, note=None if nearest.there else NO_NEIGHBOURS)

    def matching(self, wanted: Filter, offset: int, limit: int) -> ListPage:
        matching = matching_rows(self.session, wanted)
        shown = [Brief(**brief) for brief in self._briefs(matching[offset : offset + limit])]
        return ListPage(total=len(matching), digest=digest(matching), offset=offset, rows=shown)

    def media(self, row: int) -> tuple[bytes, str] | None:
        """A row's picture and its kind; None where there is none."""
        content, _ = self._content(row)
        if not isinstance(content, bytes):
            return None
        kind = _kind_of(content)
        return None if kind is None else (content, kind)

    def words(self, row: int) -> Words:
        """The words of its text that speak for its labels."""
        content, note = self._content(row)
        toward, against = self.session.words.labels(row)
        parts = []
        if isinstance(content, str):
            try:
                parts = [WordPart(**vars(part)) for part in self.session.words.of(row, content)]
            except InputError as error:
                note = str(error)
        return Words(parts=parts, toward=toward, against=against, note=note)

    def _meanings(self) -> list[list[str]]:
        """Of each class; what a run from elsewhere says that is none is left out."""
        described, classes = self.session.run.settings.get("describe"), self.rows.classes
        try:
            said = {} if described is None else sentences_of(checked_descriptions(described), classes).sentences
        except InputError:
            said = {}
        return [said.get(code, []) for code in range(len(classes))]

    def original(self, row: int) -> tuple[bytes, str]:
        """A row's picture as large as it was, and its kind; raises as `Originals.read`."""
        content = self.session.originals.read(self._place(row))
        return content, _kind_of(content) or "image/png"

    def _no_original(self, row: int) -> str | None:
        return self.session.originals.lacking(self._place(row))

    def _place(self, row: int) -> int:
        """Where a row stands in the data; -1 where the run does not say."""
        positions = self.rows.position
        return -1 if positions is None else int(positions[row])

    def decided(self, events: list[Event], since: int) -> Decided:
        rows = self.rows.find([event.decision.id for event in events]).tolist()
        first, last = events[0], events[-1]
        return Decided(saved=True, action=first.action, number=last.number, rows=rows, state=self.state(since))

    def undone(self, events: list[Event], since: int) -> Undone:
        rows = self.rows.find([event.decision.id for event in events]).tolist()
        return Undone(undone=rows, number=events[-1].number, state=self.state(since))

    def decision(self, row: int) -> Decision | None:
        event = self.session.decision(row)
        if event is None:
            return None
        decided = event.decision
        return Decision(
            kind=decided.kind,
            label=None if decided.label is None else self.code_of.get(str(decided.label)),
            number=event.number,
            action=event.action,
            time=event.time,
            source=event.source,
            reviewer=event.reviewer,
            note=decided.note,
        )

    def decisions_file(self) -> bytes:
        """The decisions that hold, as far as this reviewer may see them, as `import-decisions` reads them."""
        events = self.session.holding()
        return ("[\n" + ",\n".join(json_text(sent_decision(event)) for event in events) + "\n]\n").encode()

    @cached_property
    def code_of(self) -> dict[str, int]:
        return {str(value): code for code, value in enumerate(self.rows.classes)}

    def _content(self, row: int) -> tuple[str | bytes | None, str | None]:
        """A row's input, or None and a sentence that says why."""
        positions, contents = self.rows.position, self.session.contents
        if positions is None or not contents.there:
            return None, f"This run keeps no inputs (--no-content): look up {self.rows.id(row)} in your data."
        try:
            content = contents.read(int(positions[row]))
        except (OSError, pa.ArrowException):
            return None, f"The run's copy of this row cannot be read: look up {self.rows.id(row)} in your data."
        if content is None:
            return None, f"The run has no input of this row: look up {self.rows.id(row)} in your data."
        return content, None

    def _number(self, name: str, row: int) -> float | None:
        value = self.rows.number(name, row)
        return None if value is None else round(value, 6)

    def _bars(self, row: int) -> list[Bar]:
        """The most probable classes, with the given and the suggested one among them."""
        positions, posterior = self.rows.position, self.session.posterior
        if positions is None or posterior is None or self.rows.status[row].as_py() in NO_INPUT:
            return []
        place = int(positions[row])
        values = np.asarray(posterior[place : place + 1], dtype=np.float64)[0]
        names = ("given_label", "suggested_label")
        named = [code for name in names if (code := self.rows.code(name, row)) is not None]
        first = np.argsort(-values, kind="stable")[:BARS].tolist()
        chosen = list(dict.fromkeys([*first[: BARS - len(set(named) - set(first))], *named]))
        chosen = [code for code in chosen if code < len(values)]
        chosen.sort(key=lambda code: -values[code])
        return [Bar(label=code, p=round(float(values[code]), 6)) for code in chosen]


def _kind_of(picture: bytes) -> str | None:
    return next((kind for start, kind in PICTURES.items() if picture.startswith(start)), None)
