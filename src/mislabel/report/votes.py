"""The section on sources: who labelled the rows, how far the rest agrees with each, and whom to ask next."""

from typing import Any

from mislabel.report.findings import Findings
from mislabel.report.formatting import count, is_number, label_text, percent, rows, short
from mislabel.report.summary import assessed
from mislabel.run.reading import section
from mislabel.run.source_lines import SourceLine, source_lines

AT_ONCE, LONGEST = 20, 60
KINDS = {"rule": ("rule", "rules"), "person": ("person", "people"), "model": ("model", "models")}


def source_section(findings: Findings) -> dict[str, Any]:
    """The content of the section; empty where one label a row was given, or no row was judged."""
    table, about = findings.run.sources, section(findings.metrics, "sources")
    if table is None or not about or not assessed(findings):
        return {}
    lines = [_shown(line) for line in source_lines(table)]
    return {
        "sentences": [*_who(about), *_consensus(about), *_agreement(about)],
        "lines": lines[:AT_ONCE],
        "more": lines[AT_ONCE:],
        "checked": any(line["checked"] for line in lines),
        "drawn": section(findings.metrics, "trusted").get("drawn") == "random",
        "copies": [" and ".join(map(_name, pair)) for pair in about.get("copies") or [] if isinstance(pair, list)],
        "asked": [(_name(each.get("id")), _name(each.get("source"))) for each in about.get("ask_next") or []],
    }


def _shown(line: SourceLine) -> dict[str, Any]:
    mistakes = [
        f"says “{_name(each.said)}” of about {rows(round(each.rows))} that are “{_name(each.true)}”"
        for each in line.mistakes
    ]
    if line.repeats is not None:
        mistakes = [f"says what {_name(line.repeats)} says"]
    return {
        "name": _name(line.name),
        "kind": KINDS.get(line.kind, (line.kind,))[0],
        "rows": line.rows,
        "coverage": line.coverage,
        "agreement": line.agreement,
        "range": _range(line.low, line.high),
        "checked": line.checked,
        "checked_right": line.checked_right,
        "checked_range": _range(line.checked_low, line.checked_high),
        "worst": mistakes[0] if mistakes else "",
        "others": mistakes[1:],
    }


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None else f"{percent(low, 0)} to {percent(high, 0)}"


def _name(value: Any) -> str:
    return short(label_text(value), LONGEST)


def _who(about: dict[str, Any]) -> list[str]:
    kinds = section(about, "kinds")
    parts = [f"{count(number)} {KINDS[kind][number > 1]}" for kind, number in kinds.items() if kind in KINDS and number]
    each = about.get("labels_a_row")
    mean = f", {each:.1f} labels a row" if is_number(each) else ""
    return [f"The rows were labelled by {' and '.join(parts)}{mean}."] if parts else []


def _consensus(about: dict[str, Any]) -> list[str]:
    how = section(about, "consensus")
    if not how:
        return ["The given label is that of its own column."]
    parts = []
    if how.get("majority"):
        ties = f", {count(how['ties'])} of them tied" if how.get("ties") else ""
        parts.append(f"what most people say ({rows(how['majority'])}{ties})")
    if how.get("least_covering"):
        parts.append(f"what the source says that covers the fewest rows ({rows(how['least_covering'])})")
    silent = f" Nobody labelled {rows(how['none'])}." if how.get("none") else ""
    return [f"The given label is {' or '.join(parts)}.{silent}"] if parts else []


def _agreement(about: dict[str, Any]) -> list[str]:
    alpha = about.get("alpha")
    if not is_number(alpha):
        return []
    return [f"Where several speak, Krippendorff’s alpha is {alpha:.2f}: 1 is full agreement, 0 as much as by chance."]
