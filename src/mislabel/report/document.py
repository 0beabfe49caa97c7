"""The report for machines: what report.json holds, checked by its schema."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mislabel.files import json_bytes
from mislabel.report.classes import label_pairs
from mislabel.report.findings import Findings
from mislabel.report.summary import banners, data_name, method_name
from mislabel.report.trusted import Depth, TrustedCheck, trusted_check
from mislabel.report.workload import Workload, workload
from mislabel.report.worst import WorstRow
from mislabel.run.headline import certain, in_list

SCHEMA = 1  # grows when a key goes or changes its meaning; keys may come without that
MOST_PAIRS = 100

Label = bool | int | float | str


class _Part(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", ser_json_inf_nan="null", serialize_by_alias=True
    )


class NoiseRateOfRun(_Part):
    """What is known of the share of wrong labels, as in metrics.json, with what a review added."""

    basis: str
    at_least: float | None
    estimate: float | None
    low: float | None
    high: float | None
    checked: int


class ToDo(_Part):
    """What to look at; see `mislabel.report.workload.Workload`."""

    rows: int
    decided: int
    minutes: int
    seconds_each: float
    measured: bool
    expected_wrong: float
    checked: int
    command: str | None


class CheckOfRun(_Part):
    """What trusted rows say of the evidence, each judged without its own answer; see `TrustedCheck`."""

    rows: int
    wrong: int
    drawn_at_random: bool
    no_class: int
    calibration_error: float
    depths: list[Depth]


class MixUp(_Part):
    """Rows that carry one label and look like another."""

    true_label: Label
    given_label: Label
    rows: int


class Row(_Part):
    """One of the worst rows, in the order of the page. `input` is text, cut as there, and null where none is kept."""

    id: int | str
    given_label: Label | None
    suggested_label: Label | None
    p_mislabeled: float
    difficulty: float | None
    decision: str | None
    decided_label: Label | None
    input: str | None


class Document(_Part):
    """report.json."""

    schema_number: Literal[1] = Field(SCHEMA, alias="schema")
    data: str
    method: str
    rows: int
    judged: int
    likely_wrong: int
    headline: list[str]
    noise_rate: NoiseRateOfRun
    to_do: ToDo | None
    trusted_check: CheckOfRun | None = None
    mix_ups: list[MixUp]
    worst: list[Row]


def document(findings: Findings, worst: list[WorstRow]) -> Document:
    """What report.json holds of a run; `worst` are the rows that the page lists."""
    box = workload(findings)
    likely = int(findings.likely_wrong.sum()) if box else 0
    said = [in_list(likely, findings.n_assessed, findings.precision), certain(findings.rate)] if box else []
    return Document(
        schema=SCHEMA,
        data=data_name(findings),
        method=method_name(findings),
        rows=len(findings),
        judged=findings.n_assessed,
        likely_wrong=likely,
        headline=banners(findings) + said,
        noise_rate=NoiseRateOfRun(**findings.rate.plain()),
        to_do=None if box is None else _to_do(box),
        trusted_check=None if (check := trusted_check(findings)) is None else _check(check),
        mix_ups=_mix_ups(findings) if box else [],
        worst=_rows(findings, worst),
    )


def document_bytes(known: Document) -> bytes:
    """report.json itself."""
    return json_bytes(known.model_dump())


def _to_do(box: Workload) -> ToDo:
    return ToDo(
        rows=box.rows, decided=box.decided, minutes=box.minutes, seconds_each=box.seconds, measured=box.measured,
        expected_wrong=box.expected_wrong, checked=box.checked, command=box.command,
    )  # fmt: skip


def _check(found: TrustedCheck) -> CheckOfRun:
    return CheckOfRun(
        rows=found.rows, wrong=found.wrong, drawn_at_random=found.drawn_at_random, no_class=found.no_class,
        calibration_error=found.reliability.error, depths=found.depths,
    )  # fmt: skip


def _mix_ups(findings: Findings) -> list[MixUp]:
    pairs = label_pairs(findings)[:MOST_PAIRS].tolist()
    label = findings.classes
    return [MixUp(true_label=label[true], given_label=label[given], rows=rows) for true, given, rows in pairs]


def _rows(findings: Findings, worst: list[WorstRow]) -> list[Row]:
    positions = findings.varied[: len(worst)]
    ids = findings.run.rows.ids.take(positions).to_pylist()
    rows = []
    for position, id, shown in zip(positions.tolist(), ids, worst, strict=True):
        decision = findings.decisions.get(id)
        row = Row(
            id=id,
            given_label=findings.run.rows.label(int(findings.given[position])),
            suggested_label=findings.run.rows.label(int(findings.suggested[position])),
            p_mislabeled=shown.p_mislabeled,
            difficulty=shown.difficulty,
            decision=None if decision is None else decision.kind,
            decided_label=None if decision is None else decision.label,
            input=shown.text if shown.full_text is None else shown.full_text,
        )
        rows.append(row)
    return rows
