"""The rows that a person should look at first."""

from dataclasses import dataclass
from typing import Any

from mislabel.decisions.events import Decision
from mislabel.report.findings import Findings
from mislabel.report.formatting import clean, is_number, label_text, short
from mislabel.report.pictures import Picture, picture
from mislabel.run.opinions import agreement, opinion_sentences
from mislabel.run.unusual_columns import Value, in_one_line

EXCERPT, LONGEST = 300, 4000  # characters shown at once, and at most: one row may hold megabytes


@dataclass(frozen=True)
class WorstRow:
    """One row of the list.

    Attributes
    ----------
    text : str or None
        The beginning of a text, or of features in words; None where there is none to show.
    full_text : str or None
        All of it, where the beginning is not all.
    left_out : int
        Characters that are not even in `full_text`.
    columns : list of Value
        All columns of a row of a table, the most unusual first, which `text` has in this order; empty for other rows.
    picture : Picture or None
        The image; None where inputs are something else, or there is none to show.
    changes : bool
        Whether another label than the given one is suggested.
    neighbours : str or None
        The label of most of the nearest neighbours; None where the method did not ask them.
    neighbours_agree : bool
        Whether that is the suggested one.
    opinions : list of str
        What each kind of evidence says, in sentences; empty where the run has none.
    agree : int
        How many of them hold the suggested label for the likeliest.
    decided : str or None
        What a person decided of it; None where nobody did.
    gold : str or None
    right : bool or None
        Whether the suggestion is the gold label; None where that is not known.
    """

    id: str
    text: str | None
    full_text: str | None
    left_out: int
    columns: list[Value]
    picture: Picture | None
    given: str
    suggested: str
    changes: bool
    neighbours: str | None
    neighbours_agree: bool
    opinions: list[str]
    agree: int
    p_mislabeled: float
    score: float | None
    difficulty: float | None
    decided: str | None
    gold: str | None
    right: bool | None


def worst_rows(findings: Findings, limit: int) -> list[WorstRow]:
    """The `limit` assessed rows to show: the worst first, but pairs of given and suggested label take turns."""
    positions = findings.varied[:limit]
    ids = findings.run.rows.ids.take(positions).to_pylist()
    inputs = findings.run.inputs_by_id(ids)
    return [
        _row(findings, int(position), name, inputs.get(name)) for position, name in zip(positions, ids, strict=True)
    ]


def _row(findings: Findings, position: int, name: Any, content: Any) -> WorstRow:
    given, suggested = int(findings.given[position]), int(findings.suggested[position])
    gold = -1 if findings.gold is None else int(findings.gold[position])
    neighbour = -1 if findings.neighbour is None else int(findings.neighbour[position])
    # By what the run says, not by what is stored: bytes of a text run are no picture.
    is_image = findings.modality.pictures
    columns = findings.columns.of(position) if findings.columns is not None and not is_image else []
    text, full_text, left_out = _text(None if is_image else in_one_line(columns) or content)
    difficulty = float(findings.difficulty[position])
    return WorstRow(
        id=str(name),
        text=text,
        full_text=full_text,
        left_out=left_out,
        columns=columns,
        picture=picture(content) if is_image else None,
        given=_name(findings, given),
        suggested=_name(findings, suggested),
        changes=given != suggested,
        neighbours=_name(findings, neighbour) if neighbour >= 0 else None,
        neighbours_agree=neighbour == suggested,
        opinions=opinion_sentences(findings.run.rows, position),
        agree=agreement(findings.run.rows, position, suggested)[0],
        p_mislabeled=float(findings.p_mislabeled[position]),
        score=None if findings.score is None else float(findings.score[position]),
        difficulty=difficulty if is_number(difficulty) else None,
        decided=_decision(findings.decisions.get(name)),
        gold=_name(findings, gold) if gold >= 0 else None,
        right=suggested == gold if gold >= 0 else None,
    )


def _decision(decision: Decision | None) -> str | None:
    """In words, with the note that the person wrote."""
    if decision is None:
        return None
    label = "label is right" if decision.wrong is False else f"is {short(label_text(decision.label), 80)}"
    said = {"unsure": "could not tell", "none": "no class fits"}.get(decision.kind, label)
    return said if decision.note is None else f"{said} (“{short(clean(decision.note), EXCERPT)}”)"


def _name(findings: Findings, code: int) -> str:
    return short(label_text(findings.classes[code]), 80) if code >= 0 else "–"


def _text(content: Any) -> tuple[str | None, str | None, int]:
    if not isinstance(content, str):
        return None, None, 0
    if len(content) <= EXCERPT:
        return content, None, 0
    kept = clean(content[:LONGEST])
    return short(clean(content[: EXCERPT + 1]), EXCERPT), kept, max(0, len(content) - LONGEST)
